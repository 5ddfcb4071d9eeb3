/**
 * Waiting during init. There the engine runs microtasks alone, and nobody calls `turn`: what is waited for may depend on
 * timers, so they are run from here.
 */
import { invocation, monotonicMs, nativeThen } from './invocation.js'
import { nextTimerMs, runDueTimer } from './timers.js'

/** Microtasks go before timers, but nothing says when the last has run: after so many turns they are taken for done. */
const turnsBeforeTimers = 1_000
/** After so many with no timer left to run the engine goes on alone: it knows exactly when nothing can come any more. */
const maxIdleTurns = 50_000

/** What `value` comes to. Runs the timers that are armed, each when it is due. */
export async function settled(value) {
  const waiting = { done: false }
  let uncaught
  const finish = () => {
    waiting.done = true
  }
  const { uncaught: outside } = invocation
  invocation.uncaught = (error) => {
    uncaught ??= { error }
  }
  try {
    const promise = Promise.resolve(value)
    nativeThen.call(promise, finish, finish)
    for (let idle = 1; !waiting.done && idle < maxIdleTurns; idle++) {
      await undefined
      if (uncaught !== undefined) throw uncaught.error
      if (idle % turnsBeforeTimers !== 0) continue
      const waitMs = nextTimerMs()
      if (waitMs === null) continue
      idle = 0
      for (const due = monotonicMs() + waitMs; monotonicMs() < due;);
      runDueTimer()
    }
    return await promise
  } finally {
    invocation.uncaught = outside
  }
}

/**
 * Rejects, with the runtime's own error, if a promise was rejected that nobody has asked for. No async function: where those
 * are lowered, each of its awaits would make promises for it to look at.
 */
export function assertHandled(unhandledRejection) {
  const { rejections } = invocation
  rejections?.watch()
  // What has come of them is known after their own microtasks, which are before this one.
  return nativeThen.call(Promise.resolve(), () => {
    const found = rejections?.unhandled()
    if (found !== undefined) throw unhandledRejection(found.reason)
  })
}
