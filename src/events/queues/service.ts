/** Queues as the SQS API needs them: what `Queues` has, and the management of queues. */
import type { QueueCounts, QueueRecord } from '../../store/queues.ts'
import type { OutgoingMessage, Queues } from '../queues.ts'
import type { QueueName } from './arn.ts'
import type { AttributeMap } from './attributes.ts'
import type { QueueError } from './errors.ts'

export interface SentMessage {
  messageId: string
  md5OfBody: string
  md5OfAttributes: string | undefined
  /** FIFO queues. */
  sequenceNumber: string | undefined
}

export interface QueuePage {
  queues: QueueRecord[]
  /** The name after which the next page begins. */
  next: string | undefined
}

/** Errors are `QueueError`s: `QueueDoesNotExist` for a queue that is not there, and as named. */
export interface QueueService extends Queues, AsyncDisposable {
  arnOf(queue: QueueName): string
  get(arn: string): Promise<QueueRecord>
  /** The queue that is there, if all given attributes are the same. Errors: `QueueNameExists`, those of attributes. */
  create(name: QueueName, attributes: AttributeMap, tags: Readonly<Record<string, string>>): Promise<QueueRecord>
  list(query: { accountId: string; prefix: string; after: string | undefined; limit: number }): Promise<QueuePage>
  /** Queues whose dead-letter queue it is. */
  listSources(arn: string, query: { after: string | undefined; limit: number }): Promise<QueuePage>
  /** All attributes, by name. */
  attributes(arn: string): Promise<Record<string, string>>
  setAttributes(arn: string, attributes: AttributeMap): Promise<void>
  setTags(arn: string, change: (tags: Readonly<Record<string, string>>) => Record<string, string>): Promise<void>
  /** Errors: `PurgeQueueInProgress` within 60 s of the last. */
  purge(arn: string): Promise<void>
  remove(arn: string): Promise<void>

  /** Errors: see `assertSendable`. */
  send(arn: string, message: OutgoingMessage): Promise<SentMessage>
  /** An outcome for each; those that can be are sent all or none. Errors: `BatchRequestTooLong`. */
  sendBatch(arn: string, messages: readonly OutgoingMessage[]): Promise<(SentMessage | QueueError)[]>
  /** An outcome for each: `undefined` is success. A handle that is not the latest of a standard queue is passed over. */
  deleteBatch(arn: string, receiptHandles: readonly string[]): Promise<(QueueError | undefined)[]>
  /** An outcome for each: `undefined` is success. */
  changeVisibilityBatch(
    arn: string,
    changes: readonly { receiptHandle: string; timeoutSeconds: number }[],
  ): Promise<(QueueError | undefined)[]>
  counts(arn: string): Promise<QueueCounts>
}
