/**
 * Thaw's own queues, with SQS's semantics (SQS developer guide). What is sent is durable when the call resolves; a
 * message is deleted, expires, or moves to the dead-letter queue, and is otherwise received again.
 */
import type { Logger } from 'pino'
import type { Limits } from '../../config.ts'
import { ThawError } from '../../errors.ts'
import type { Deduplication, QueueRecord, QueueStore } from '../../store/queues.ts'
import type { OutgoingMessage, ReceivedMessage, ReceiveRequest } from '../queues.ts'
import { formatSequence, outgoing, received } from './conversions.ts'
import { md5OfAttributes, md5OfBody } from './digests.ts'
import { missingQueue, QueueError } from './errors.ts'
import { createLongPolls, type Attempt } from './long-polls.ts'
import { createManagement } from './management.ts'
import { assertBatchSendable, assertSendable, sizeOf } from './messages.ts'
import type { QueueService, SentMessage } from './service.ts'
import { createSettling } from './settling.ts'
import { startSweeper } from './sweeper.ts'

export interface QueuesOptions {
  store: QueueStore
  config: { region: string; limits: Pick<Limits, 'queueMessageBytes' | 'queueInFlight'> }
  clock: { now(): Date }
  logger: Logger
}

/** AWS: the deduplication interval is 5 minutes. */
const deduplicationMs = 300_000

export function createQueues({ store, config, clock, logger }: QueuesOptions): QueueService {
  const { region, limits } = config
  const now = (): number => clock.now().getTime()
  const polls = createLongPolls<ReceivedMessage>({ now })
  /** By queue: how many more may be taken before those in flight must be counted again. */
  const headroom = new Map<number, number>()
  const emptied = (queueId: number): void => {
    headroom.delete(queueId)
    polls.arrived(queueId, Infinity)
  }
  const management = createManagement({ store, region, limits, now, emptied })
  const settling = createSettling({ store, get: management.get, polls, now })
  const sweeper = startSweeper(store, now, (err) => logger.error({ err }, 'sweeping queues failed'))
  const { get, arnOf } = management

  const enqueue = async (queue: QueueRecord, messages: readonly OutgoingMessage[]): Promise<SentMessage[]> => {
    const { queueId, attributes } = queue
    const sentAt = now()
    const drafts = messages.map((message) => outgoing(message, attributes, sentAt))
    const deduplication: Deduplication | undefined = attributes.fifo
      ? { scope: attributes.deduplicationScope, expiresAt: sentAt + deduplicationMs }
      : undefined
    const sent = await held(store.send(queueId, drafts, deduplication))
    const atOnce = drafts.filter(({ visibleAt }) => visibleAt <= sentAt).length
    if (atOnce > 0) polls.arrived(queueId, atOnce)
    for (const { visibleAt } of drafts) if (visibleAt > sentAt) polls.due(queueId, visibleAt)
    return messages.map((message, index) => {
      const { messageId, sequence } = sent[index] ?? lost()
      return {
        messageId,
        md5OfBody: md5OfBody(message.body),
        md5OfAttributes: md5OfAttributes(message.attributes),
        sequenceNumber: attributes.fifo ? formatSequence(sequence) : undefined,
      }
    })
  }

  /** Throws `OverLimit` only where nothing waits, as SQS does. */
  const attempt = async (
    arn: string,
    expectedId: number,
    request: ReceiveRequest,
  ): Promise<Attempt<ReceivedMessage>> => {
    const queue = await get(arn)
    const { queueId, attributes } = queue
    // Deleted and made anew meanwhile: another queue.
    if (queueId !== expectedId) throw missingQueue()
    const redrive = await redriveOf(queue)
    const at = now()
    const room = headroom.get(queueId)
    const { messages, moved, nextDueAt, inFlight } = await held(
      store.receive({
        queueId,
        now: at,
        max: request.max,
        hiddenUntil: at + (request.visibilityTimeoutSeconds ?? attributes.visibilityTimeoutSeconds) * 1_000,
        ordered: attributes.fifo,
        expiredAt: at - attributes.retentionSeconds * 1_000,
        redrive,
        cancelled: () => request.signal?.aborted === true,
        inFlightLimit: room === undefined || room < request.max ? limits.queueInFlight : undefined,
      }),
    )
    const before = inFlight === undefined ? headroom.get(queueId) : limits.queueInFlight - inFlight
    if (before !== undefined) headroom.set(queueId, before - messages.length)
    if (redrive !== undefined && moved > 0) polls.arrived(redrive.targetQueueId, moved)
    if (inFlight !== undefined && inFlight >= limits.queueInFlight && request.waitMs === 0 && !attributes.fifo)
      throw new QueueError('OverLimit', `${inFlight} messages of the queue are in flight, which is the limit.`)
    return { taken: messages.map((message) => received(queue, message)), nextDueAt }
  }

  const redriveOf = async ({ accountId, queueName, attributes }: QueueRecord) => {
    if (attributes.redrive === undefined) return undefined
    const { deadLetterTargetArn, maxReceiveCount } = attributes.redrive
    const target = await get(deadLetterTargetArn).catch(unlessMissing)
    if (target === undefined) return undefined
    return { targetQueueId: target.queueId, sourceArn: arnOf({ accountId, queueName }), maxReceiveCount }
  }

  return {
    ...management,
    ...settling,

    async find(arn) {
      const queue = await get(arn).catch(unlessMissing)
      if (queue === undefined) return undefined
      const { accountId, queueName, attributes } = queue
      const { fifo, visibilityTimeoutSeconds } = attributes
      return { accountId, queueName, arn, fifo, visibilityTimeoutSeconds }
    },

    async send(arn, message) {
      const queue = await get(arn)
      assertSendable(message, queue.attributes)
      const [sent = lost()] = await enqueue(queue, [message])
      return sent
    },

    async sendBatch(arn, messages) {
      const queue = await get(arn)
      const bytes = messages.reduce((sum, message) => sum + sizeOf(message), 0)
      if (bytes > limits.queueMessageBytes)
        throw new QueueError(
          'BatchRequestTooLong',
          `Batch requests cannot be longer than ${limits.queueMessageBytes} bytes. You have sent ${bytes} bytes.`,
        )
      assertBatchSendable(messages, queue.attributes)
      const errors = messages.map((message) => errorOf(() => assertSendable(message, queue.attributes)))
      const sendable = messages.filter((_, index) => errors[index] === undefined)
      const sent = sendable.length === 0 ? [] : await enqueue(queue, sendable)
      return errors.map((error) => error ?? sent.shift() ?? lost())
    },

    async receive(arn, request) {
      const { queueId } = await get(arn)
      const { waitMs, signal } = request
      if (waitMs > 0)
        return polls.wait(queueId, {
          attempt: () => attempt(arn, queueId, request),
          giveBack: (taken) => settling.changeVisibility(arn, taken.map(handleOf), 0),
          waitMs,
          signal,
        })
      return (await attempt(arn, queueId, request)).taken
    },

    async [Symbol.asyncDispose]() {
      polls[Symbol.dispose]()
      await sweeper[Symbol.asyncDispose]()
    },
  }
}

const handleOf = ({ receiptHandle }: ReceivedMessage): string => receiptHandle

/** The store's error for a queue that went away between two calls is the one that clients know. */
async function held<T>(result: Promise<T>): Promise<T> {
  try {
    return await result
  } catch (error) {
    throw error instanceof ThawError && error.code === 'ResourceNotFound' ? missingQueue() : error
  }
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof QueueError && error.queueCode === 'QueueDoesNotExist') return undefined
  throw error
}

function errorOf(check: () => void): QueueError | undefined {
  try {
    check()
    return undefined
  } catch (error) {
    if (error instanceof QueueError) return error
    throw error
  }
}

function lost(): never {
  throw new ThawError('Service', 'The store answered for fewer messages than it was given.')
}
