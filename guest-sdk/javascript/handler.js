/**
 * Between the component's exports and a Lambda handler.
 *
 * `handle` answers at once if the function's promise settles by microtasks alone. Otherwise the host calls `turn` as
 * long as it is told to: each runs one timer and asks to be called again (0), or finds nothing due and says when. A
 * guest can complete one task a call only, so an outcome reached during a turn is handed over by the next one, which
 * completes `handle` and itself never returns a value.
 */
import { decodeUtf8, encodeUtf8 } from './bytes.js'
import { contextOf } from './context.js'
import { failureOf, unhandledRejection } from './failure.js'
import { findHandler } from './find-handler.js'
import { invocation, nativeThen } from './invocation.js'
import { anyTimerMs, nextTimerMs, resumeTimers, runDueTimer } from './timers.js'

let userHandler

/** What init has loaded. */
export function serve(module, moduleName, exportName) {
  userHandler = findHandler(module, moduleName, exportName)
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
  const context = contextOf(received, callback)
  current = { resolve, reject, context, outcome: undefined, byCallback: false, turning: false, judging: false }
  const { hooks, rejections } = invocation
  const restored = hooks === undefined ? undefined : hooks.afterRestore()
  if (restored === undefined) call(event, context)
  else nativeThen.call(restored, () => call(event, context), fail)
  return rejections === undefined ? promise : rejections.exempt(promise)
}

function call(event, context) {
  try {
    const input = event.length === 0 ? {} : JSON.parse(decodeUtf8(event))
    const result = userHandler(input, context, callback)
    if (typeof result?.then === 'function') {
      const { rejections } = invocation
      if (rejections === undefined) result.then(succeed, fail)
      else rejections.ask(result, succeed, fail)
    } else if (result !== undefined) succeed(result)
    else current.byCallback = true
    // A callback that came at once may have had to wait for what the handler returned.
    if (current.byCallback && current.outcome !== undefined) deliver()
  } catch (thrown) {
    fail(thrown)
  }
}

/** One turn of the event loop; answers the milliseconds until the next, null if nothing is left to run. */
export function turn() {
  const next = nextTurn()
  // The engine calls its `then`.
  return invocation.rejections?.exempt(next) ?? next
}

function nextTurn() {
  current.turning = true
  if (judge()) return Promise.resolve(0)
  if (current.outcome !== undefined && deliverable()) {
    complete()
    return new Promise(() => {})
  }
  try {
    if (runDueTimer() || invocation.outgoing?.run()) return Promise.resolve(0)
  } catch (thrown) {
    fail(thrown)
    return Promise.resolve(0)
  }
  const waitMs = nextMs()
  if (waitMs === null && current.byCallback) {
    // Lambda: a handler that takes a callback and never calls it answers null once nothing is left to run.
    if (current.outcome === undefined) succeed(null)
    return Promise.resolve(0)
  }
  if (waitMs === null && current.outcome === undefined && invocation.idle !== undefined) {
    const { idle } = invocation
    invocation.idle = undefined
    idle()
    return Promise.resolve(0)
  }
  return Promise.resolve(waitMs)
}

/** guest-sdk/wit: waits for outgoing requests alone. */
const onlyRequests = 4_294_967_295

/** Milliseconds until there is something to do; null if nothing keeps the function waiting. */
function nextMs() {
  if (invocation.outgoing?.pending() !== true) return nextTimerMs()
  return Math.min(anyTimerMs() ?? onlyRequests, onlyRequests)
}

/**
 * The turn before is over: a promise that was rejected in it and that nobody has asked for since fails the invocation,
 * whatever the handler has come to. True if a further turn is needed to tell.
 */
function judge() {
  const { rejections } = invocation
  if (rejections === undefined) return false
  if (rejections.watch()) return true
  const found = rejections.unhandled()
  if (found !== undefined && current.outcome?.failure === undefined) {
    current.outcome = { failure: failureOf(unhandledRejection(found.reason)) }
    current.byCallback = false
  }
  return false
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
const deliverable = () => !current.byCallback || !current.context.callbackWaitsForEmptyEventLoop || nextMs() === null

function deliver() {
  if (current.turning || !deliverable()) return
  const { rejections } = invocation
  // A success may still be undone by what the function has left behind.
  if (rejections === undefined || rejections.quiet() || current.outcome.failure !== undefined) return complete()
  if (current.judging) return
  current.judging = true
  rejections.watch()
  // Most of it is fulfilled, which shows at once; otherwise it is for the next turn to say.
  nativeThen.call(Promise.resolve(), deliver)
}

function complete() {
  const { outcome, resolve, reject } = current
  if (outcome.payload !== undefined) resolve(outcome.payload)
  else reject(outcome.failure)
}
