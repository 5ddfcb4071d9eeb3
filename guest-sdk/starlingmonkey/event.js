/** Between the component's export and a Lambda handler. The engine runs its event loop until the promise settles. */
import { decodeUtf8, encodeUtf8 } from './bytes.js'
import { contextOf } from '../javascript/context.js'
import { failureOf } from '../javascript/failure.js'
import { findHandler } from '../javascript/find-handler.js'
import { invocation } from '../javascript/invocation.js'

let userHandler

/** Called once, while the function is built. */
export function init(module, moduleName, exportName) {
  userHandler = findHandler(module, moduleName, exportName)
}

/** Errors: a `function-error` of guest-sdk/wit. */
export async function handle(event, received) {
  invocation.live = true
  invocation.requestId = received.awsRequestId
  invocation.deadlineMs = Number(received.deadlineMs)
  invocation.traceId = received.traceId
  try {
    const result = await call(event.length === 0 ? {} : JSON.parse(decodeUtf8(event)), received)
    return encodeUtf8(textOf(result))
  } catch (thrown) {
    // Bindings take what is in `payload` for the error of the interface.
    throw { payload: failureOf(thrown) }
  }
}

function call(event, received) {
  const { promise, resolve, reject } = Promise.withResolvers()
  const callback = (error, result) => (error === undefined || error === null ? resolve(result) : reject(error))
  const result = userHandler(event, contextOf({ ...received, deadlineMs: invocation.deadlineMs }, callback), callback)
  // With neither a promise nor a value it is the callback that answers.
  if (result !== undefined) resolve(result)
  return promise
}

function textOf(result) {
  try {
    return JSON.stringify(result === undefined ? null : result) ?? 'null'
  } catch {
    throw new Error('Unable to stringify response body')
  }
}
