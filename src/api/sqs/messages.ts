/** Messages in SQS's shapes. */
import { md5OfAttributes } from '../../events/queues/digests.ts'
import { QueueError } from '../../events/queues/errors.ts'
import type { SentMessage } from '../../events/queues/service.ts'
import type { MessageAttribute, OutgoingMessage, ReceivedMessage } from '../../events/queues.ts'
import type { MessageRequest, ReceiveMessageRequest } from './requests.ts'

type AttributeValues = NonNullable<MessageRequest['MessageAttributes']>

/** What a client sends is the start of a chain: it cannot say otherwise. */
export function outgoingMessage(request: MessageRequest): OutgoingMessage {
  return {
    body: request.MessageBody,
    attributes: attributesOf(request.MessageAttributes ?? {}),
    delaySeconds: request.DelaySeconds,
    groupId: request.MessageGroupId,
    deduplicationId: request.MessageDeduplicationId,
    traceHeader: traceHeaderOf(request.MessageSystemAttributes ?? {}),
    hops: 0,
  }
}

function attributesOf(values: AttributeValues): Record<string, MessageAttribute> {
  return Object.fromEntries(
    Object.entries(values).map(([name, { lists, ...attribute }]) => {
      if (lists)
        throw new QueueError('UnsupportedOperation', 'Message attribute list values in SendMessage are not supported.')
      return [name, attribute]
    }),
  )
}

function traceHeaderOf(values: AttributeValues): string | undefined {
  for (const [name, { dataType, stringValue }] of Object.entries(values)) {
    if (name === 'AWSTraceHeader' && dataType === 'String' && stringValue !== undefined) return stringValue
    const named = `Message system attribute name '${name}'`
    throw new QueueError('InvalidParameterValue', `${named} is invalid or its value is no string.`)
  }
  return undefined
}

export const presentSent = (sent: SentMessage): object => ({
  MessageId: sent.messageId,
  MD5OfMessageBody: sent.md5OfBody,
  MD5OfMessageAttributes: sent.md5OfAttributes,
  SequenceNumber: sent.sequenceNumber,
})

type Wanted = Pick<ReceiveMessageRequest, 'AttributeNames' | 'MessageSystemAttributeNames' | 'MessageAttributeNames'>

/** Undefined members are not there in JSON. */
export function presentMessage(message: ReceivedMessage, wanted: Wanted): object {
  const system = systemAttributes(message, [
    ...(wanted.AttributeNames ?? []),
    ...(wanted.MessageSystemAttributeNames ?? []),
  ])
  const attributes = selectAttributes(message.attributes, wanted.MessageAttributeNames ?? [])
  const shown = Object.entries(attributes).map(([name, { dataType, stringValue, binaryValue }]) => [
    name,
    { DataType: dataType, StringValue: stringValue, BinaryValue: binaryValue },
  ])
  return {
    MessageId: message.messageId,
    ReceiptHandle: message.receiptHandle,
    MD5OfBody: message.md5OfBody,
    Body: message.body,
    Attributes: Object.keys(system).length === 0 ? undefined : system,
    MD5OfMessageAttributes: md5OfAttributes(attributes),
    MessageAttributes: shown.length === 0 ? undefined : Object.fromEntries(shown),
  }
}

/** By name, by prefix (`name.*`, which need not end at a dot), or all of them (`All`, `.*`). */
function selectAttributes(
  attributes: Readonly<Record<string, MessageAttribute>>,
  names: readonly string[],
): Record<string, MessageAttribute> {
  const selected = (name: string): boolean =>
    names.some((wanted) =>
      wanted === 'All' || wanted === name ? true : wanted.endsWith('.*') && name.startsWith(wanted.slice(0, -2)),
    )
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => selected(name)))
}

function systemAttributes(message: ReceivedMessage, names: readonly string[]): Record<string, string> {
  const all: Record<string, string | undefined> = {
    SenderId: message.senderId,
    SentTimestamp: String(message.sentAt),
    ApproximateReceiveCount: String(message.receiveCount),
    ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
    MessageGroupId: message.groupId,
    MessageDeduplicationId: message.deduplicationId,
    SequenceNumber: message.sequenceNumber,
    AWSTraceHeader: message.traceHeader,
    DeadLetterQueueSourceArn: message.deadLetterQueueSourceArn,
  }
  const shown: Record<string, string> = {}
  for (const [name, value] of Object.entries(all))
    if (value !== undefined && (names.includes('All') || names.includes(name))) shown[name] = value
  return shown
}
