/** The engine's clock. */

// The native clock, in ms. Its own zero point is the builder's and is in the snapshot: add it back.
const native = globalThis.performance
const nativeOriginMs = native.timeOrigin
const readNative = native.now.bind(native)

/** The monotonic clock in ms, with fractions. Only differences within one invocation mean anything. */
export const monotonicMs = () => readNative() + nativeOriginMs
