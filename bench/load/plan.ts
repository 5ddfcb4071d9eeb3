/** What a load generator is told, and what it tells. Plain data: it goes from process to process. */
import type { Canary } from '../canary.ts'

export interface LoadTarget {
  host: string
  /** More than one: connections are spread over them evenly. */
  ports: number[]
  path: string
  headers?: Record<string, string>
  canary: Canary
}

/** So many connections, each sending its next request when it has the answer to the last: for throughput. */
export interface ClosedLoad {
  kind: 'closed'
  target: LoadTarget
  connections: number
  warmupMs: number
  durationMs: number
  /** Makes this load's ids its own. */
  run: number
}

/**
 * Requests at fixed times, whether or not the earlier ones are answered, each timed from when it was due: a server that
 * stalls pays for all who would have come meanwhile (no coordinated omission).
 */
export interface OpenLoad {
  kind: 'open'
  target: LoadTarget
  connections: number
  ratePerSecond: number
  /** Sent, but not counted. */
  warmupMs: number
  durationMs: number
  run: number
}

export type Load = ClosedLoad | OpenLoad

export interface LoadResult {
  /** Right answers within the time measured. */
  answers: number
  seconds: number
  /** Of each of them. Closed: from sending; open: from when it was due. */
  latenciesMs: Float64Array
  /** Open only, beside `latenciesMs`: when each was due, in ms since the Unix epoch. */
  dueAtMs: Float64Array
  /** By `start;desc=` of Server-Timing; empty if the server does not say. */
  starts: Record<string, number>
  /** By message; they are not among the answers. */
  errors: Record<string, number>
  /** The first answer that failed the canary, and how many did. */
  breach: string | undefined
  breaches: number
}

export type FromGenerator = { type: 'result'; result: LoadResult } | { type: 'failed'; message: string }
