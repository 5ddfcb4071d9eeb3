/** Queue attributes, from SQS's map of strings and back. Limits and texts: API reference, SetQueueAttributes. */
import { z } from 'zod'
import type { QueueAttributes } from '../../store/queues.ts'
import { invalidParameter, QueueError } from './errors.ts'
import { parseRedriveAllowPolicy, parseRedrivePolicy } from './redrive.ts'

export type AttributeMap = Readonly<Record<string, string>>

export const defaultAttributes = (fifo: boolean, maximumMessageBytes: number): QueueAttributes => ({
  fifo,
  delaySeconds: 0,
  visibilityTimeoutSeconds: 30,
  retentionSeconds: 345_600,
  maximumMessageBytes,
  receiveWaitSeconds: 0,
  contentBasedDeduplication: false,
  deduplicationScope: 'queue',
  fifoThroughputLimit: 'perQueue',
  sqsManagedSse: true,
})

interface AttributeContext {
  fifo: boolean
  /** The server's own limit. */
  maximumMessageBytes: number
}

type Parse = (text: string, name: string, context: AttributeContext) => Partial<QueueAttributes>

const seconds = (text: string, name: string, min: number, max: number): number => {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw invalidValue(name)
}

const flag = (text: string, name: string): boolean => {
  if (/^true$/i.test(text)) return true
  if (/^false$/i.test(text)) return false
  throw invalidValue(name)
}

const word = <const T extends string>(text: string, name: string, words: readonly T[]): T => {
  const found = words.find((candidate) => candidate === text)
  if (found === undefined) throw invalidValue(name)
  return found
}

const invalidValue = (name: string): QueueError =>
  new QueueError('InvalidAttributeValue', `Invalid value for the parameter ${name}.`)
const unknownAttribute = (name: string): QueueError =>
  new QueueError('InvalidAttributeName', `Unknown Attribute ${name}.`)

/** Only of FIFO queues. */
const fifoOnly =
  (parse: Parse): Parse =>
  (text, name, context) => {
    if (!context.fifo) throw unknownAttribute(name)
    return parse(text, name, context)
  }

const settable: Readonly<Record<string, Parse>> = {
  DelaySeconds: (text, name) => ({ delaySeconds: seconds(text, name, 0, 900) }),
  VisibilityTimeout: (text, name) => ({ visibilityTimeoutSeconds: seconds(text, name, 0, 43_200) }),
  MessageRetentionPeriod: (text, name) => ({ retentionSeconds: seconds(text, name, 60, 1_209_600) }),
  MaximumMessageSize: (text, name, { maximumMessageBytes }) => ({
    maximumMessageBytes: seconds(text, name, Math.min(1_024, maximumMessageBytes), maximumMessageBytes),
  }),
  ReceiveMessageWaitTimeSeconds: (text, name) => ({ receiveWaitSeconds: seconds(text, name, 0, 20) }),
  FifoQueue: fifoOnly((text, name) => {
    if (flag(text, name)) return {}
    const reason = 'Modifying queue type is not supported.'
    throw new QueueError('InvalidAttributeValue', `Invalid value for the parameter FifoQueue. Reason: ${reason}`)
  }),
  ContentBasedDeduplication: fifoOnly((text, name) => ({ contentBasedDeduplication: flag(text, name) })),
  DeduplicationScope: fifoOnly((text, name) => ({ deduplicationScope: word(text, name, ['queue', 'messageGroup']) })),
  FifoThroughputLimit: fifoOnly((text, name) => ({
    fifoThroughputLimit: word(text, name, ['perQueue', 'perMessageGroupId']),
  })),
  RedrivePolicy: (text) => ({ redrive: parseRedrivePolicy(text) }),
  RedriveAllowPolicy: (text) => ({ redriveAllowPolicy: parseRedriveAllowPolicy(text) }),
  Policy: (text) => ({ policy: parsePolicy(text) }),
  SqsManagedSseEnabled: (text, name) => ({ sqsManagedSse: flag(text, name) }),
  // Empty means none, which is what there is.
  KmsMasterKeyId: (text, name) => {
    if (text === '') return {}
    throw new QueueError('UnsupportedOperation', `${name} is not supported: Thaw has no key management service.`)
  },
  KmsDataKeyReusePeriodSeconds: (text, name) => {
    seconds(text, name, 60, 86_400)
    return {}
  },
}

/** What the map says of `current`'s attributes, which are the defaults for a new queue. Throws `QueueError`. */
export function applyAttributes(
  map: AttributeMap,
  current: QueueAttributes,
  maximumMessageBytes: number,
): QueueAttributes {
  const changed = { ...current }
  for (const [name, text] of Object.entries(map)) {
    const parse = Object.hasOwn(settable, name) ? settable[name] : undefined
    if (parse === undefined) throw unknownAttribute(name)
    Object.assign(changed, parse(text, name, { fifo: current.fifo, maximumMessageBytes }))
  }
  if (changed.fifoThroughputLimit === 'perMessageGroupId' && changed.deduplicationScope !== 'messageGroup')
    throw invalidParameter(
      'perMessageGroupId',
      'FifoThroughputLimit',
      'DeduplicationScope must be messageGroup where FifoThroughputLimit is perMessageGroupId.',
    )
  return changed
}

/** As `GetQueueAttributes` shows them. What is not set is left out. */
export function formatAttributes(attributes: QueueAttributes): Record<string, string> {
  const { fifo, redrive, redriveAllowPolicy, policy } = attributes
  return {
    VisibilityTimeout: String(attributes.visibilityTimeoutSeconds),
    MaximumMessageSize: String(attributes.maximumMessageBytes),
    MessageRetentionPeriod: String(attributes.retentionSeconds),
    DelaySeconds: String(attributes.delaySeconds),
    ReceiveMessageWaitTimeSeconds: String(attributes.receiveWaitSeconds),
    SqsManagedSseEnabled: String(attributes.sqsManagedSse),
    ...(redrive !== undefined && { RedrivePolicy: JSON.stringify(redrive) }),
    ...(redriveAllowPolicy !== undefined && { RedriveAllowPolicy: redriveAllowPolicy }),
    ...(policy !== undefined && { Policy: policy }),
    ...(fifo && {
      FifoQueue: 'true',
      ContentBasedDeduplication: String(attributes.contentBasedDeduplication),
      DeduplicationScope: attributes.deduplicationScope,
      FifoThroughputLimit: attributes.fifoThroughputLimit,
    }),
  }
}

/**
 * A queue's policy is kept but grants nothing: only its own account reaches a queue. One that denies would promise a
 * protection that is not there, so it is refused.
 */
function parsePolicy(text: string): string | undefined {
  if (text === '') return undefined
  const statement = z.object({ Effect: z.string() })
  const schema = z.object({ Statement: z.union([statement, z.array(statement)]) })
  let policy: z.infer<typeof schema>
  try {
    policy = schema.parse(JSON.parse(text))
  } catch (cause) {
    throw new QueueError('InvalidAttributeValue', 'Invalid value for the parameter Policy.', { cause })
  }
  if ([policy.Statement].flat().some(({ Effect }) => Effect !== 'Allow'))
    throw new QueueError('UnsupportedOperation', 'Policies that deny are not supported: queue policies have no effect.')
  return text
}
