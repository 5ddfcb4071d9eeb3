/**
 * What an event source mapping reads from: one interface for Thaw's queues, NATS JetStream, RabbitMQ, Redis Streams and
 * MQTT. Contract: test/events/sources/contract.ts, run against the real thing.
 */
import type { Lineage } from '../invoking.ts'

/** One record, taken from the source and not yet settled. */
export interface SourceRecord extends Lineage {
  /** Unique within the source, and the same when it is delivered again; what `batchItemFailures` names. */
  id: string
  /** Records of one key are handed to the function in order, never two batches of a key at once. Undefined: no order. */
  orderKey: string | undefined
  /** The record as the function sees it in the event. JSON. */
  json: unknown
  /** What filter patterns are matched against: `{ body }` for queues, with `body` parsed if it is JSON. */
  filterable: unknown
  /** Of the JSON. */
  sizeBytes: number
  /** ms since the epoch: when it came into the source. */
  createdAt: number
  /** 1 at first. As good as the source can tell. */
  attempt: number
}

/** A source as one mapping reads it. Not `receive`d concurrently; settling may go on beside it. */
export interface EventSource extends AsyncDisposable {
  /** At most `max` records; waits up to `waitMs` for a first one. `[]` if there is none or `signal` is aborted. */
  receive(request: { max: number; waitMs: number; signal: AbortSignal }): Promise<SourceRecord[]>
  /** Done with: never delivered again once this resolves (as far as the source can promise it). */
  acknowledge(records: readonly SourceRecord[]): Promise<void>
  /**
   * Not done with: to be delivered again, at the earliest after `delayMs`; undefined leaves the time to the source
   * (a queue's visibility timeout).
   */
  release(records: readonly SourceRecord[], delayMs: number | undefined): Promise<void>
  /** The function still works on these: keeps the source from delivering them to anybody meanwhile. */
  extend(records: readonly SourceRecord[]): Promise<void>
  /** The event of these records: `{ Records: [...] }` for queues, Lambda's MQ shape for brokers. */
  event(records: readonly SourceRecord[]): unknown
}

/** What of a mapping a driver needs. */
export interface SourceSettings {
  uuid: string
  accountId: string
  /** ARN of the function, as in the mapping. */
  functionArn: string
  eventSourceArn: string
  /** RabbitMQ: `Queues`; others: none. */
  queues: readonly string[]
  /** How long a function may work on a batch: what sources hide records for. */
  functionTimeoutMs: number
  startingPosition: 'TRIM_HORIZON' | 'LATEST' | 'AT_TIMESTAMP' | undefined
  /** ms since the epoch. */
  startingPositionTimestamp: number | undefined
}

export interface SourceDriver {
  /**
   * `queue`: a record that failed is given back and may overtake others. `stream`: a failed batch is retried in place,
   * in order, with the age and attempt limits of streams.
   */
  readonly kind: 'queue' | 'stream'
  matches(eventSourceArn: string): boolean
  /** When a mapping is made or changed. Errors: `InvalidParameterValue`, `ResourceNotFound`; their text is the client's. */
  check(settings: SourceSettings): Promise<void>
  /** Errors: any; the mapping then shows a problem, and opening is tried again with a back-off. */
  open(settings: SourceSettings): Promise<EventSource>
  /**
   * When a mapping is deleted, after its source is closed: takes away what the driver keeps for it at the broker (a
   * durable consumer, a consumer group, a session). Never rejects: what cannot be reached is logged and left.
   */
  remove?(settings: SourceSettings): Promise<void>
}
