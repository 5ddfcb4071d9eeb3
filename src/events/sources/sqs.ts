/** Thaw's own queues as the source of a mapping, in the shape of Lambda's SQS events. */
import { ThawError } from '../../errors.ts'
import type { MessageAttribute, Queues, QueueSummary, ReceivedMessage } from '../queues.ts'
import type { EventSource, SourceDriver, SourceRecord, SourceSettings } from './source.ts'

export interface SqsDriverOptions {
  queues: Pick<Queues, 'find' | 'receive' | 'delete' | 'changeVisibility'>
  region: string
}

export function createSqsDriver({ queues, region }: SqsDriverOptions): SourceDriver {
  /** Of the mapping's own account; another's looks as if it were not there. */
  const find = async ({ eventSourceArn, accountId }: SourceSettings): Promise<QueueSummary> => {
    const found = await queues.find(eventSourceArn)
    if (found !== undefined && found.accountId === accountId) return found
    // AWS's words (recorded: test_esm_with_not_existing_sqs_queue).
    throw new ThawError(
      'InvalidParameterValue',
      'Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not exist.',
    )
  }

  return {
    kind: 'queue',
    matches: (arn) => /^arn:aws[a-z-]*:sqs:/.test(arn),

    async check(settings) {
      const { visibilityTimeoutSeconds } = await find(settings)
      const timeoutSeconds = Math.ceil(settings.functionTimeoutMs / 1_000)
      if (visibilityTimeoutSeconds >= timeoutSeconds) return
      throw new ThawError(
        'InvalidParameterValue',
        `Queue visibility timeout: ${visibilityTimeoutSeconds} seconds is less than Function timeout: ${timeoutSeconds} seconds`,
      )
    },

    async open(settings): Promise<EventSource> {
      const { arn, fifo } = await find(settings)
      /** The handle that settles a record is that of its last delivery. */
      const handles = (records: readonly SourceRecord[]): string[] =>
        records.flatMap((record) => receipts.get(record) ?? [])
      const receipts = new WeakMap<SourceRecord, string>()
      const change = (records: readonly SourceRecord[], seconds: number): Promise<void> =>
        queues.changeVisibility(arn, handles(records), seconds)
      return {
        async receive({ max, waitMs, signal }) {
          const messages = await queues.receive(arn, { max, waitMs, signal, visibilityTimeoutSeconds: undefined })
          return messages.map((message) => {
            const record = sqsRecord(message, arn, region, fifo)
            receipts.set(record, message.receiptHandle)
            return record
          })
        },
        acknowledge: (records) => queues.delete(arn, handles(records)),
        async release(records, delayMs) {
          // AWS: a message that failed is seen again after the visibility timeout that it was received with.
          if (delayMs !== undefined) await change(records, Math.ceil(delayMs / 1_000))
        },
        async extend(records) {
          const { visibilityTimeoutSeconds } = await find(settings)
          await change(records, visibilityTimeoutSeconds)
        },
        event: (records) => ({ Records: records.map(({ json }) => json) }),
        async [Symbol.asyncDispose]() {},
      }
    },
  }
}

/** Members and their order: events/sqs-receive-message.json and the recorded TestSQSEventSourceMapping. */
export function sqsRecord(message: ReceivedMessage, arn: string, region: string, fifo: boolean): SourceRecord {
  const { messageId, receiptHandle, body, md5OfBody, groupId, deduplicationId, sequenceNumber } = message
  const { traceHeader, deadLetterQueueSourceArn } = message
  const json = {
    messageId,
    receiptHandle,
    body,
    attributes: {
      ApproximateReceiveCount: String(message.receiveCount),
      ...(traceHeader === undefined ? {} : { AWSTraceHeader: traceHeader }),
      SentTimestamp: String(message.sentAt),
      ...(sequenceNumber === undefined ? {} : { SequenceNumber: sequenceNumber }),
      ...(groupId === undefined ? {} : { MessageGroupId: groupId }),
      SenderId: message.senderId,
      ...(deduplicationId === undefined ? {} : { MessageDeduplicationId: deduplicationId }),
      ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
      ...(deadLetterQueueSourceArn === undefined ? {} : { DeadLetterQueueSourceArn: deadLetterQueueSourceArn }),
    },
    messageAttributes: Object.fromEntries(
      Object.entries(message.attributes).map(([name, attribute]) => [name, attributeJson(attribute)]),
    ),
    md5OfMessageAttributes: message.md5OfAttributes ?? null,
    md5OfBody,
    eventSource: 'aws:sqs',
    eventSourceARN: arn,
    awsRegion: region,
  }
  return {
    id: messageId,
    orderKey: fifo ? groupId : undefined,
    json,
    // Asked for only if the mapping has filters.
    get filterable() {
      return { ...json, body: parsedBody(body) }
    },
    sizeBytes: Buffer.byteLength(JSON.stringify(json)),
    createdAt: message.sentAt,
    attempt: message.receiveCount,
    hops: message.hops,
  }
}

const attributeJson = ({ dataType, stringValue, binaryValue }: MessageAttribute) => ({
  ...(stringValue === undefined ? {} : { stringValue }),
  ...(binaryValue === undefined ? {} : { binaryValue }),
  stringListValues: [],
  binaryListValues: [],
  dataType,
})

function parsedBody(body: string): unknown {
  try {
    const parsed: unknown = JSON.parse(body)
    return parsed
  } catch {
    return body
  }
}
