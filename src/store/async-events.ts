/**
 * Events accepted for asynchronous invocation, until what became of them is handed on. Drivers:
 * sqlite-async-events.ts; contract: test/store/async-events.ts.
 *
 * An event is *ready* (for its next step, at once) or *waiting* (for a time). One process works on them; who works on
 * which is not stored, so that after a crash every event that was in work is simply ready again.
 */
import { z } from 'zod'

export interface NewAsyncEvent {
  accountId: string
  functionName: string
  /** `$LATEST`, a version's number, or an alias. */
  qualifier: string
  requestId: string
  /** JSON. */
  payload: Uint8Array
  /** JSON text. */
  clientContext: string | undefined
  /** Invocations of Thaw before this one (events/invoking.ts, Lineage). */
  hops: number
  /** ms since the epoch. */
  acceptedAt: number
}

/** What a function answered last. */
export interface AsyncResponse {
  payload: Uint8Array
  executedVersion: string
}

/** How an event ended, while it is not yet handed on to all who are to know. */
export const asyncOutcomeSchema = z.object({
  condition: z.enum(['Success', 'RetriesExhausted', 'EventAgeExceeded', 'ZeroReservedConcurrency']),
  /** Of a failure: what dead-letter attributes show. */
  error: z.object({ code: z.number(), message: z.string() }).optional(),
  /** ms since the epoch. */
  endedAt: z.number(),
  /** Who is still to be told. */
  targets: z.array(z.object({ kind: z.enum(['destination', 'dead-letter']), arn: z.string() })),
})
export type AsyncOutcome = z.infer<typeof asyncOutcomeSchema>

export interface AsyncEvent extends NewAsyncEvent {
  /** Rising with acceptance, never used twice. */
  seq: number
  /** Attempts that ended, with the function's error or its success. */
  attempts: number
  /** Throttles, platform errors or refused deliveries, one after the other, since something got through. */
  backoffs: number
  response: AsyncResponse | undefined
  outcome: AsyncOutcome | undefined
}

export type AsyncProgress = Pick<AsyncEvent, 'attempts' | 'backoffs' | 'response' | 'outcome'>

export interface Lane {
  accountId: string
  functionName: string
}

export interface AsyncEvents {
  /** Durable when it resolves, with the event's `seq`. It is ready. */
  accept(event: NewAsyncEvent): Promise<number>
  /** The oldest ready event of a function after `afterSeq`. */
  next(lane: Lane, afterSeq: number): Promise<AsyncEvent | undefined>
  /** Undefined if it is gone, or waits. */
  get(seq: number): Promise<AsyncEvent | undefined>
  /** Keeps what became of it so far; it waits until `dueAt` (ms since the epoch). */
  postpone(seq: number, progress: AsyncProgress, dueAt: number): Promise<void>
  /** Not undone by a crash of the process. A power cut may undo it, and the event is run again. */
  remove(seq: number): Promise<void>
  /** Makes those ready that are due, at most `limit`, the longest due first; returns them. */
  promote(now: number, limit: number): Promise<(Lane & { seq: number })[]>
  /** When the first of the waiting is due. */
  nextDueAt(): Promise<number | undefined>
  /** How many there are, by function. For the start: it looks at all of them. */
  census(): Promise<(Lane & { ready: number; waiting: number })[]>
}
