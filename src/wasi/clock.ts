/** The clocks guests read. */

// The guest's monotonic clock counts from the Unix epoch, as the process saw it when it started, not from the
// machine's boot: an instant taken at capture, in another process, is then in the past after every restore (short of
// the system's clock being set back), and guests do not learn the host's uptime.
const ORIGIN_NS = BigInt(Math.floor(performance.timeOrigin)) * 1_000_000n

/** Nanoseconds; never decreases within a process. */
export function monotonicNowNs(): bigint {
  return ORIGIN_NS + BigInt(Math.floor(performance.now() * 1e6))
}
