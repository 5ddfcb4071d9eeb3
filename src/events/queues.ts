/** Thaw's own queues, as the rest of the server uses them. The SQS API stands on the same operations. */
import type { Lineage } from './invoking.ts'

export interface MessageAttribute {
  dataType: string
  stringValue: string | undefined
  /** Base64. */
  binaryValue: string | undefined
}

export interface OutgoingMessage extends Lineage {
  body: string
  attributes: Readonly<Record<string, MessageAttribute>>
  /** Undefined: the queue's own. */
  delaySeconds: number | undefined
  /** Needed in FIFO queues; others keep it with the message. */
  groupId: string | undefined
  deduplicationId: string | undefined
  /** `AWSTraceHeader`. */
  traceHeader?: string | undefined
}

/** A message that was received and is now hidden from others. */
export interface ReceivedMessage extends Lineage {
  messageId: string
  receiptHandle: string
  body: string
  md5OfBody: string
  attributes: Readonly<Record<string, MessageAttribute>>
  md5OfAttributes: string | undefined
  /** The account that sent it. */
  senderId: string
  /** ms since the epoch. */
  sentAt: number
  firstReceivedAt: number
  receiveCount: number
  groupId: string | undefined
  deduplicationId: string | undefined
  /** FIFO queues: 20 digits, rising. */
  sequenceNumber: string | undefined
  traceHeader?: string | undefined
  /** The queue it was moved from, as its dead-letter queue's. */
  deadLetterQueueSourceArn?: string | undefined
}

export interface ReceiveRequest {
  /** 1 and more; the API allows 10, mappings ask for more. */
  max: number
  /** Undefined: the queue's own. */
  visibilityTimeoutSeconds: number | undefined
  /** How long to wait for a first message; 0 does not wait. */
  waitMs: number
  signal: AbortSignal | undefined
}

export interface QueueSummary {
  accountId: string
  queueName: string
  arn: string
  fifo: boolean
  visibilityTimeoutSeconds: number
}

/** Queues are named by ARN: `arn:aws:sqs:<region>:<account>:<name>`. Errors: `ResourceNotFound` for one that is not there. */
export interface Queues {
  find(arn: string): Promise<QueueSummary | undefined>
  /** Durable when it resolves. */
  send(arn: string, message: OutgoingMessage): Promise<{ messageId: string }>
  receive(arn: string, request: ReceiveRequest): Promise<ReceivedMessage[]>
  /** Handles that are stale or unknown are passed over, as SQS does. */
  delete(arn: string, receiptHandles: readonly string[]): Promise<void>
  /** Stale ones are passed over. 0 gives the message back at once. */
  changeVisibility(arn: string, receiptHandles: readonly string[], timeoutSeconds: number): Promise<void>
}
