/**
 * The event loop of a function that answers HTTP. The host resolves a future when a timer is due or a request is ready,
 * after everything else has run: then a turn is had, which runs one timer, or what goes on with requests. All else that
 * such a function waits for, the bodies, the engine itself resumes.
 */
import host from 'thaw:function/http-loop@0.1.0'
import { monotonicMs } from './clock.js'
import { failureOf, unhandledRejection } from './failure.js'
import { invocation, nativeThen } from './invocation.js'
import { anyTimerMs, resumeTimers, runDueTimer } from './timers.js'

/** The longest that the host is asked to wait: 49 days, which no invocation lasts. */
const longestMs = 4_294_967_295

/** The wait under way, if it is not over. */
let waiting
let isOver = false
/** What comes once it is known that nothing was left rejected. */
let afterQuiet

/** At the start of the invocation, before any of the function's code. */
export function start() {
  const lazily = (name, read) =>
    Object.defineProperty(invocation, name, { get: () => read((context ??= host.current())), configurable: true })
  let context
  lazily('requestId', ({ awsRequestId }) => awsRequestId)
  lazily('deadlineMs', ({ deadlineMs }) => deadlineMs)
  lazily('traceId', ({ traceId }) => traceId ?? undefined)
  invocation.live = true
  invocation.uncaught = fail
  invocation.wake = wake
  resumeTimers()
  const firstMs = anyTimerMs()
  if (firstMs !== null) wait(firstMs)
}

/**
 * The engine is about to run the function's code, for the first time or because something of the host's has come: what that
 * leaves rejected shows when it has run out of work.
 */
export function watchTurn() {
  if (invocation.rejections !== undefined) wake(-Infinity)
}

/** There is something to do then, by the monotonic clock; without: when a request is ready. */
function wake(dueMs = Infinity) {
  if (isOver) return
  const now = monotonicMs()
  const ms = Math.max(0, dueMs - now)
  if (waiting === undefined || waiting.dueMs > now + ms) wait(ms)
}

function wait(ms) {
  const mine = { dueMs: monotonicMs() + ms }
  waiting = mine
  const future = host.wait(Math.min(Math.ceil(ms), longestMs))
  nativeThen.call(future.read(), () => {
    future.drop()
    if (waiting !== mine || isOver) return
    waiting = undefined
    turn()
  })
}

function turn() {
  if (judge()) return wait(0)
  if (isOver) return
  const then = afterQuiet
  afterQuiet = undefined
  then?.()
  if (isOver) return
  try {
    if (!runDueTimer()) invocation.outgoing?.run()
  } catch (thrown) {
    fail(thrown)
  }
  const nextMs = anyTimerMs()
  if (nextMs !== null) wake(monotonicMs() + nextMs)
  else if (invocation.outgoing?.pending() === true) wake()
}

/** A promise that was rejected in a turn before, and that nobody has asked for since, ends it. True: a further turn tells. */
function judge() {
  const { rejections } = invocation
  if (rejections === undefined) return false
  if (rejections.watch()) return true
  const found = rejections.unhandled()
  if (found !== undefined) fail(unhandledRejection(found.reason))
  return false
}

/** Calls `then` unless the function has left something rejected. */
export function whenQuiet(then) {
  const { rejections } = invocation
  if (rejections === undefined || rejections.quiet()) return then()
  rejections.watch()
  // Most of it is fulfilled, which shows at once; otherwise it is for the next turn to say.
  nativeThen.call(Promise.resolve(), () => {
    if (isOver) return
    if (rejections.quiet()) return then()
    afterQuiet = then
    wake(-Infinity)
  })
}

/** The invocation has failed, whatever comes now. */
export function fail(thrown) {
  if (isOver) return
  isOver = true
  host.end(failureOf(thrown))
}

/** All is done. What still waits, timers or requests, counts for nothing. */
export function end() {
  if (isOver) return
  isOver = true
  host.end(null)
}

export const over = () => isOver
