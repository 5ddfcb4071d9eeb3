/** In place of javascript/clock.js. The engine has no performance.now() while a function is built: it ends itself. */
import { invocation } from '../javascript/invocation.js'

/** The monotonic clock in ms, with fractions. Only differences within one invocation mean anything. */
export const monotonicMs = () => (invocation.live ? performance.now() : Date.now())
