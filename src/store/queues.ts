/**
 * The storage of queues: what is durable and what happens as a whole. Rules of SQS that need no storage are in
 * events/queues. Drivers: `sqlite-queues.ts`. Contract: test/store/queues.ts.
 *
 * Times are ms since the epoch and come from the caller: a driver has no clock.
 */
import { z } from 'zod'

const optionalText = z.string().optional()

export const queueAttributesSchema = z.object({
  fifo: z.boolean(),
  delaySeconds: z.number(),
  visibilityTimeoutSeconds: z.number(),
  retentionSeconds: z.number(),
  maximumMessageBytes: z.number(),
  receiveWaitSeconds: z.number(),
  contentBasedDeduplication: z.boolean(),
  deduplicationScope: z.enum(['queue', 'messageGroup']),
  fifoThroughputLimit: z.enum(['perQueue', 'perMessageGroupId']),
  redrive: z.object({ deadLetterTargetArn: z.string(), maxReceiveCount: z.number() }).optional(),
  /** JSON as it was set. */
  redriveAllowPolicy: optionalText,
  policy: optionalText,
  sqsManagedSse: z.boolean(),
})
export type QueueAttributes = z.infer<typeof queueAttributesSchema>

export const messageAttributesSchema = z.record(
  z.string(),
  z
    .object({ dataType: z.string(), stringValue: optionalText, binaryValue: optionalText })
    .transform(({ dataType, stringValue, binaryValue }) => ({ dataType, stringValue, binaryValue })),
)
export type MessageAttributes = z.infer<typeof messageAttributesSchema>

export interface QueueRecord {
  /** One incarnation of a name. Never used twice. */
  queueId: number
  accountId: string
  queueName: string
  /** Rises with each change of what is in this record. */
  revision: number
  attributes: QueueAttributes
  tags: Readonly<Record<string, string>>
  createdAt: number
  modifiedAt: number
  purgedAt: number | undefined
}

export type NewQueue = Pick<QueueRecord, 'accountId' | 'queueName' | 'attributes' | 'tags' | 'createdAt'>

export interface NewMessage {
  messageId: string
  body: string
  attributes: MessageAttributes
  groupId: string | undefined
  deduplicationId: string | undefined
  traceHeader: string | undefined
  hops: number
  sentAt: number
  visibleAt: number
}

/** Of FIFO queues: one with the same id in the same scope that was sent before `expiresAt` is taken for the first one. */
export interface Deduplication {
  scope: 'queue' | 'messageGroup'
  /** When the memory of a message sent now ends. */
  expiresAt: number
}

export interface SentRecord {
  messageId: string
  sequence: number
  /** It had been sent before: nothing was stored. */
  duplicate: boolean
}

export interface MessageRecord extends Omit<NewMessage, 'visibleAt'> {
  sequence: number
  /** Of this queue, this time included: with `sequence` it names one receipt. */
  receiveCount: number
  receivedElsewhere: number
  firstReceivedAt: number
  /** The ARN of the queue it was moved from. */
  deadLetterSource: string | undefined
}

export interface ReceiveQuery {
  queueId: number
  now: number
  max: number
  /** Until when those that are taken are hidden. */
  hiddenUntil: number
  /** FIFO: in order, no group of which a message is in flight. */
  ordered: boolean
  /** What was sent at this time or before has expired. */
  expiredAt: number
  /** Those received `maxReceiveCount` times are moved instead of taken. If the target is gone they are taken. */
  redrive: { targetQueueId: number; sourceArn: string; maxReceiveCount: number } | undefined
  /** Asked at the moment of taking: `true` takes nothing. */
  cancelled: () => boolean
  /** Takes nothing once so many are in flight. Undefined does not count them. */
  inFlightLimit: number | undefined
}

export interface ReceiveResult {
  messages: MessageRecord[]
  /** How many went to the dead-letter queue. */
  moved: number
  /** When the next message comes out of its delay or its visibility timeout. */
  nextDueAt: number | undefined
  /** If they were counted: how many are in flight now. */
  inFlight: number | undefined
}

/** One receive of one message. */
export interface Receipt {
  sequence: number
  receiveCount: number
}

/**
 * `current`: the latest receive, and still hidden. `visible`: the latest, but its time has run out.
 * `stale`: it has been received again. `gone`: deleted, expired or moved.
 */
export type ReceiptState = 'current' | 'visible' | 'stale' | 'gone'

export interface QueueCounts {
  visible: number
  inFlight: number
  delayed: number
}

/** `queueId`s that are gone: `ResourceNotFound`. What is returned is durable. */
export interface QueueStore {
  /** Throws `ResourceConflict` if there is one of that name. */
  createQueue(draft: NewQueue): Promise<QueueRecord>
  getQueue(accountId: string, queueName: string): Promise<QueueRecord | undefined>
  /** Throws `PreconditionFailed` if the revision is another. */
  updateQueue(
    queueId: number,
    expectedRevision: number,
    change: Partial<Pick<QueueRecord, 'attributes' | 'tags' | 'modifiedAt'>>,
  ): Promise<QueueRecord>
  /** With all that is in it. */
  deleteQueue(queueId: number): Promise<void>
  /** In the order of the names, by code unit. */
  listQueues(query: {
    accountId: string
    prefix: string
    after: string | undefined
    limit: number
    /** Only those with this dead-letter queue. */
    deadLetterTargetArn?: string | undefined
  }): Promise<QueueRecord[]>
  /** Discards all messages. Deduplication remembers them. */
  purge(queueId: number, now: number): Promise<void>

  /** All or none. In this order. */
  send(
    queueId: number,
    messages: readonly NewMessage[],
    deduplication: Deduplication | undefined,
  ): Promise<SentRecord[]>
  receive(query: ReceiveQuery): Promise<ReceiveResult>
  /** Deletes those whose state is among `deletable`; returns the state each was in. */
  delete(
    queueId: number,
    receipts: readonly Receipt[],
    now: number,
    deletable: readonly ReceiptState[],
  ): Promise<ReceiptState[]>
  /**
   * Changes those that are `current`; returns the state each was in. `beyond`: it was `current` but would be hidden
   * for longer than `limitMs` since it was received.
   */
  changeVisibility(
    queueId: number,
    changes: readonly (Receipt & { visibleAt: number })[],
    now: number,
    limitMs: number,
  ): Promise<(ReceiptState | 'beyond')[]>
  counts(queueId: number, now: number, expiredAt: number): Promise<QueueCounts>
  /**
   * Removes up to `limit` of what has expired or been discarded; returns how many. 0: there is no more for now.
   */
  sweep(now: number, limit: number): Promise<number>
}
