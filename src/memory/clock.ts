import { performance } from 'node:perf_hooks'

/**
 * An epoch is a quarter of a millisecond: what a guest's slice can be cut to while others wait. Longer, and neighbours of
 * a busy guest wait noticeably; shorter, and the ticker's wake-ups cost more than they give.
 */
export const EPOCHS_PER_MS = 4

/**
 * CLOCK_MONOTONIC in epochs as a wrapping i32, the same in every process of a machine. `performance.now()` runs on that
 * clock from an origin of its own, and unlike `hrtime` it allocates nothing; so the origin is found once. Given a
 * `performance.now()` time, it tells that time's epoch.
 */
export function createEpochClock(): (timeMs?: number) => number {
  const originMs = Number(process.hrtime.bigint()) / 1e6 - performance.now()
  return (timeMs = performance.now()) => Math.floor((originMs + timeMs) * EPOCHS_PER_MS) | 0
}

/** How far `a` is past `b`, ms; right as long as they are within six days of each other, wrapped or not. */
export function epochDifferenceMs(a: number, b: number): number {
  return ((a - b) | 0) / EPOCHS_PER_MS
}
