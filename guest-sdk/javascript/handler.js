/**
 * Between the component's exports and a Lambda handler.
 *
 * `handle` answers at once if the function's promise settles by microtasks alone. Otherwise the host calls `turn` as
 * long as it is told to: each runs one timer and asks to be called again (0), or finds nothing due and says when. A
 * guest can complete one task a call only, so an outcome reached during a turn is handed over by the next one, which
 * completes `handle` and itself never returns a value.
 */
import { decodeUtf8, encodeUtf8 } from './bytes.js'
import { failureOf, runtimeError } from './failure.js'
import { clearRoom } from './heap.js'
import { invocation, monotonicMs } from './invocation.js'
import { forgetOrigin } from './performance.js'
import { forgetSeed } from './random.js'
import { takeSourceMap } from './source-map.js'
import { nextTimerMs, resumeTimers, runDueTimer, suspendTimers } from './timers.js'

/** What the builder looks for in the message of an init that failed, and in the image of one that did not. */
const markInit = (kind, detail) => `thaw-init-${kind}:${JSON.stringify(detail)};`

let userHandler
/** Keeps the mark in memory, where the builder finds it. */
export let initMark

/**
 * Evaluate the function's module and find its handler. Called once, at build time. `fetchHandler`, if the bundle has it,
 * makes a handler of `export default { fetch }`.
 */
export async function init(load, moduleName, exportName, fetchHandler) {
  const startMs = monotonicMs()
  takeSourceMap()
  try {
    userHandler = find(await load(), moduleName, exportName, fetchHandler)
  } catch (thrown) {
    throw new Error(markInit('error', failureOf(thrown)), { cause: thrown })
  }
  initMark = encodeUtf8(
    markInit('done', { us: Math.round((monotonicMs() - startMs) * 1000), random: invocation.randomDuringInit }),
  )
  // What init leaves behind is every invocation's start: no seed, no clock, no garbage.
  forgetSeed()
  forgetOrigin()
  suspendTimers()
  globalThis.__cqjs.runGc()
  clearRoom()
}

function find(module, moduleName, exportName, fetchHandler) {
  let value = module
  for (const name of exportName.split('.')) value = value?.[name]
  // CommonJS: `module.exports.handler` is there by name; a whole `module.exports = {...}` is the default export.
  if (value === undefined) {
    value = module.default
    for (const name of exportName.split('.')) value = value?.[name]
  }
  if (value === undefined && fetchHandler !== undefined) {
    // The second: CommonJS that was made of an ES module.
    const app = [module.default, module.default?.default].find((object) => typeof object?.fetch === 'function')
    if (app !== undefined) return fetchHandler(app)
  }
  if (value === undefined || value === null) {
    throw runtimeError('Runtime.HandlerNotFound', `${moduleName}.${exportName} is undefined or not exported`)
  }
  if (typeof value !== 'function') {
    throw runtimeError('Runtime.HandlerNotFound', `${moduleName}.${exportName} is not a function`)
  }
  return value
}

/** The invocation under way: how to complete `handle`, and how far it has come. */
let current

export function handle(event, received) {
  invocation.live = true
  invocation.requestId = received.awsRequestId
  invocation.deadlineMs = received.deadlineMs
  invocation.traceId = received.traceId
  invocation.uncaught = fail
  resumeTimers()
  const { promise, resolve, reject } = Promise.withResolvers()
  const context = contextOf(received)
  current = { resolve, reject, context, outcome: undefined, byCallback: false, turning: false }
  try {
    const input = event.length === 0 ? {} : JSON.parse(decodeUtf8(event))
    const result = userHandler(input, context, callback)
    if (typeof result?.then === 'function') result.then(succeed, fail)
    else if (result !== undefined) succeed(result)
    else current.byCallback = true
    // A callback that came at once may have had to wait for what the handler returned.
    if (current.byCallback && current.outcome !== undefined) deliver()
  } catch (thrown) {
    fail(thrown)
  }
  return promise
}

export function turn() {
  current.turning = true
  if (current.outcome !== undefined && deliverable()) {
    complete()
    return new Promise(() => {})
  }
  try {
    if (runDueTimer()) return Promise.resolve(0)
  } catch (thrown) {
    fail(thrown)
    return Promise.resolve(0)
  }
  const waitMs = nextTimerMs()
  if (waitMs === null && current.byCallback) {
    // Lambda: a handler that takes a callback and never calls it answers null once nothing is left to run.
    if (current.outcome === undefined) succeed(null)
    return Promise.resolve(0)
  }
  return Promise.resolve(waitMs)
}

function succeed(value) {
  if (current.outcome !== undefined) return
  let payload
  try {
    payload = encodeUtf8(JSON.stringify(value === undefined ? null : value) ?? 'null')
  } catch {
    return fail(new Error('Unable to stringify response body'))
  }
  current.outcome = { payload }
  deliver()
}

function fail(thrown) {
  if (current.outcome !== undefined) return
  current.outcome = { failure: failureOf(thrown) }
  current.byCallback = false
  deliver()
}

function callback(error, result) {
  current.byCallback = true
  if (error === undefined || error === null) succeed(result)
  else fail(error)
}

/** Lambda: what a callback brings waits until nothing is left to run, unless the function says otherwise. */
const deliverable = () =>
  !current.byCallback || !current.context.callbackWaitsForEmptyEventLoop || nextTimerMs() === null

function deliver() {
  if (!current.turning && deliverable()) complete()
}

function complete() {
  const { outcome, resolve, reject } = current
  if (outcome.payload !== undefined) resolve(outcome.payload)
  else reject(outcome.failure)
}

function contextOf(received) {
  const { deadlineMs } = received
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: received.functionVersion,
    functionName: received.functionName,
    memoryLimitInMB: String(received.memoryLimitInMb),
    logGroupName: received.logGroupName,
    logStreamName: received.logStreamName,
    clientContext: received.clientContext ? JSON.parse(received.clientContext) : undefined,
    identity: undefined,
    invokedFunctionArn: received.invokedFunctionArn,
    awsRequestId: received.awsRequestId,
    tenantId: received.tenantId ?? undefined,
    getRemainingTimeInMillis: () => deadlineMs - Date.now(),
    done: callback,
    succeed: (result) => callback(null, result),
    fail: (error) => callback(error ?? 'handled'),
  }
}
