import { performance } from 'node:perf_hooks'

/**
 * CLOCK_MONOTONIC in ms as a wrapping i32, the same in every process of a machine. `performance.now()` runs on that clock
 * from an origin of its own, and unlike `hrtime` it allocates nothing; so the origin is found once.
 */
export function createEpochClock(): () => number {
  const originMs = Number(process.hrtime.bigint()) / 1e6 - performance.now()
  return () => (originMs + performance.now()) | 0
}

/** How far `a` is past `b`, ms; right as long as they are within 24 days of each other, wrapped or not. */
export function epochDifference(a: number, b: number): number {
  return (a - b) | 0
}
