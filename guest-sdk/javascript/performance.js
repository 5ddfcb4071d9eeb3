/** performance: the clock as the web has it. */
import { noteRead } from './init-reads.js'
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
  now() {
    noteRead('performance.now()')
    // In this order: at its first use it is 0, not below.
    const fromMs = started()
    return monotonicMs() - fromMs
  },
  get timeOrigin() {
    noteRead('performance.timeOrigin')
    started()
    return originEpochMs
  },
  toJSON: () => ({ timeOrigin: performance.timeOrigin }),
}
