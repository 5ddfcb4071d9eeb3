/** What a message must be to be sent (SQS API reference, SendMessage). Texts as AWS words them. */
import type { QueueAttributes } from '../../store/queues.ts'
import type { MessageAttribute, OutgoingMessage } from '../queues.ts'
import { valueOf } from './digests.ts'
import { invalidParameter, QueueError } from './errors.ts'

const maxAttributes = 10
/** The API reference's character set for bodies: XML 1.0's. */
// oxlint-disable-next-line no-control-regex
const forbidden = /[^\u0009\u000A\u000D\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u
const identifier = /^[A-Za-z0-9!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]{1,128}$/
const attributeName = /^(?!(?:aws|amazon)\.)(?!\.)(?!.*\.\.)[A-Za-z0-9_.-]{1,256}(?<!\.)$/i

/** Body and attributes, as SQS counts them. */
export function sizeOf({ body, attributes }: Pick<OutgoingMessage, 'body' | 'attributes'>): number {
  let size = Buffer.byteLength(body)
  for (const [name, attribute] of Object.entries(attributes))
    size += Buffer.byteLength(name) + Buffer.byteLength(attribute.dataType) + valueOf(attribute).length
  return size
}

/** Ours: what Thaw puts around an event that it hands on may go beyond the limit, as the event itself may be as long. */
const envelopeBytes = 4_096

/** Throws `QueueError`. */
export function assertSendable(message: OutgoingMessage, queue: QueueAttributes): void {
  const { body, attributes, delaySeconds, groupId, deduplicationId } = message
  if (body === '') throw new QueueError('MissingParameter', 'The request must contain the parameter MessageBody.')
  if (forbidden.test(body))
    throw new QueueError(
      'InvalidMessageContents',
      'Invalid characters found. Valid unicode characters are ' +
        '#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF',
    )
  assertAttributes(attributes)
  const allowed = queue.maximumMessageBytes + (message.hops > 0 ? envelopeBytes : 0)
  if (sizeOf(message) > allowed)
    throw new QueueError(
      'InvalidParameterValue',
      `One or more parameters are invalid. Reason: Message must be shorter than ${queue.maximumMessageBytes} bytes.`,
    )
  if (delaySeconds !== undefined && (delaySeconds < 0 || delaySeconds > 900))
    throw invalidParameter(delaySeconds, 'DelaySeconds', 'DelaySeconds must be >= 0 and <= 900.')
  assertIdentifier('MessageGroupId', groupId)
  assertIdentifier('MessageDeduplicationId', deduplicationId)
  if (queue.fifo) assertOrdered(message, queue)
  else if (deduplicationId !== undefined) throw wrongQueueType(deduplicationId, 'MessageDeduplicationId')
}

const missingGroup = 'The request must contain the parameter MessageGroupId.'
const missingDeduplication =
  'The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly'

function assertOrdered({ groupId, deduplicationId, delaySeconds }: OutgoingMessage, queue: QueueAttributes): void {
  if (groupId === undefined) throw new QueueError('MissingParameter', missingGroup)
  if (delaySeconds !== undefined && delaySeconds !== 0) throw wrongQueueType(delaySeconds, 'DelaySeconds')
  if (deduplicationId === undefined && !queue.contentBasedDeduplication) throw invalid(missingDeduplication)
}

/** What SQS refuses a whole batch for, under one code. Throws `QueueError`. */
export function assertBatchSendable(messages: readonly OutgoingMessage[], queue: QueueAttributes): void {
  if (!queue.fifo) return
  for (const { groupId, deduplicationId } of messages) {
    if (groupId === undefined) throw invalid(missingGroup)
    if (deduplicationId === undefined && !queue.contentBasedDeduplication) throw invalid(missingDeduplication)
  }
}

const wrongQueueType = (value: unknown, name: string): QueueError =>
  invalidParameter(value, name, 'The request include parameter that is not valid for this queue type.')

function assertIdentifier(name: string, value: string | undefined): void {
  if (value === undefined || identifier.test(value)) return
  const reason = `${name} can only include alphanumeric and punctuation characters. 1 to 128 in length.`
  throw invalidParameter(value, name, reason)
}

function assertAttributes(attributes: Readonly<Record<string, MessageAttribute>>): void {
  const entries = Object.entries(attributes)
  if (entries.length > maxAttributes)
    throw invalid(`Number of message attributes [${entries.length}] exceeds the allowed maximum [${maxAttributes}].`)
  for (const [name, attribute] of entries) assertAttribute(name, attribute)
}

const invalid = (message: string): QueueError => new QueueError('InvalidParameterValue', message)

function assertAttribute(name: string, { dataType, stringValue, binaryValue }: MessageAttribute): void {
  const named = `message (user) attribute '${name}'`
  if (!attributeName.test(name)) throw invalid(`The name of ${named} is invalid.`)
  if (dataType === '') throw invalid(`The ${named} must contain a non-empty message attribute type.`)
  const [type] = dataType.split('.', 1)
  if ((type !== 'String' && type !== 'Number' && type !== 'Binary') || dataType.length > 256)
    throw invalid(
      `The type of ${named} is invalid. You must use only the following supported type prefixes: Binary, Number, String.`,
    )
  const value = type === 'Binary' ? binaryValue : stringValue
  if (value === undefined || value === '')
    throw invalid(`Message (user) attribute '${name}' must contain a non-empty value of type '${type}'.`)
  if ((type === 'Binary' ? stringValue : binaryValue) !== undefined)
    throw invalid(`The ${named} must contain a value of its type only.`)
  if (stringValue !== undefined && forbidden.test(stringValue))
    throw new QueueError('InvalidMessageContents', `Invalid characters found in ${named}.`)
  if (type === 'Number' && !/^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/.test(value))
    throw invalid(`Can't cast the value of ${named} to a number.`)
}
