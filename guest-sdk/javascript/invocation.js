/**
 * What the globals must know of the invocation under way. Its state is part of the snapshot, so every invocation
 * finds it as init left it: `live` false, everything lazy still to be read.
 */
export const invocation = {
  /** False during init, when the environment is empty and clocks and randomness are the builder's. */
  live: false,
  requestId: '',
  /** Milliseconds since the Unix epoch. */
  deadlineMs: 0,
  /** Set when init has drawn randomness: the builder warns of it, since each invocation starts from that state. */
  randomDuringInit: false,
  /** X-Ray's header, if the caller sent one; `process.env._X_AMZN_TRACE_ID` as in Lambda. */
  traceId: undefined,
  /** Where an exception goes that no promise of the function's carries; replaced by the handler's own. */
  uncaught(error) {
    throw error
  },
}

// The native clock, in ms. Its own zero point is the builder's and is in the snapshot: add it back.
const native = globalThis.performance
const nativeOriginMs = native.timeOrigin
const readNative = native.now.bind(native)

/** The monotonic clock in ms, with fractions. Only differences within one invocation mean anything. */
export const monotonicMs = () => readNative() + nativeOriginMs
