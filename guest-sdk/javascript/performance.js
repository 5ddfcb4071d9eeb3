/** performance: the clock as the web has it. */
import { invocation, monotonicMs } from './invocation.js'

/** Counts from the first use in an invocation; the native one counts from the builder's start. */
let originMs
let originEpochMs
function started() {
  if (originMs === undefined || !invocation.live) {
    originMs = monotonicMs()
    originEpochMs = Date.now()
  }
  return originMs
}
export const forgetOrigin = () => {
  originMs = undefined
}
export const performance = {
  now: () => monotonicMs() - started(),
  get timeOrigin() {
    started()
    return originEpochMs
  },
  toJSON: () => ({ timeOrigin: performance.timeOrigin }),
}
