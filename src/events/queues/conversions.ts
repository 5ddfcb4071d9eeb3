/** Messages between the shapes of clients and those of the store. */
import { createHash, randomUUID } from 'node:crypto'
import type { MessageRecord, NewMessage, QueueAttributes, QueueRecord } from '../../store/queues.ts'
import type { OutgoingMessage, ReceivedMessage } from '../queues.ts'
import { md5OfAttributes, md5OfBody } from './digests.ts'
import { formatReceipt } from './receipts.ts'

export function outgoing(message: OutgoingMessage, queue: QueueAttributes, sentAt: number): NewMessage {
  const { body, attributes, groupId, deduplicationId, traceHeader, hops } = message
  // FIFO queues have a delay of their own only, so that order is kept.
  const delaySeconds = queue.fifo ? queue.delaySeconds : (message.delaySeconds ?? queue.delaySeconds)
  return {
    messageId: randomUUID(),
    body,
    attributes: { ...attributes },
    groupId,
    deduplicationId: queue.fifo ? (deduplicationId ?? sha256(body)) : undefined,
    traceHeader,
    hops,
    sentAt,
    visibleAt: sentAt + delaySeconds * 1_000,
  }
}

export function received(queue: QueueRecord, message: MessageRecord): ReceivedMessage {
  const { body, attributes, receiveCount, receivedElsewhere } = message
  return {
    messageId: message.messageId,
    receiptHandle: formatReceipt(queue.queueId, message),
    body,
    md5OfBody: md5OfBody(body),
    attributes,
    md5OfAttributes: md5OfAttributes(attributes),
    // Only a queue's own account sends to it.
    senderId: queue.accountId,
    sentAt: message.sentAt,
    firstReceivedAt: message.firstReceivedAt,
    // API reference, ReceiveMessage: "the number of times a message has been received across all queues".
    receiveCount: receiveCount + receivedElsewhere,
    groupId: message.groupId,
    deduplicationId: message.deduplicationId,
    sequenceNumber: queue.attributes.fifo ? formatSequence(message.sequence) : undefined,
    traceHeader: message.traceHeader,
    deadLetterQueueSourceArn: message.deadLetterSource,
    hops: message.hops,
  }
}

/** 20 digits, so that they sort as text too. */
export const formatSequence = (sequence: number): string => String(sequence).padStart(20, '0')

/** Content-based deduplication: of the body, without the attributes. */
const sha256 = (body: string): string => createHash('sha256').update(body).digest('hex')
