/**
 * One mapping's consumer. RabbitMQ takes every message back that was not acknowledged when a connection ends, and delivers
 * it again marked as redelivered: what is still in work here is then recognised by its content.
 */
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib'
import { once } from 'node:events'
import type { Logger } from 'pino'
import { createBackoff } from './backoff.ts'
import { createInbox } from './inbox.ts'
import { isMissing, reasonOf, type RabbitTarget } from './rabbitmq-target.ts'
import { contentKey, rabbitEvent, rabbitRecord } from './rabbitmq-event.ts'
import { gone } from './record.ts'
import type { EventSource, SourceRecord, SourceSettings } from './source.ts'

export interface RabbitSourceOptions {
  connect(): Promise<ChannelModel>
  vhost: string
  settings: SourceSettings
  target: RabbitTarget
  logger: Logger
}

/** One connection and what was delivered on it. Delivery tags are worth nothing on another. */
interface Session {
  channel: Channel
  consumerTag: string | undefined
  /** At most this many messages are with us at a time. */
  prefetch: number
  /** Ids of records in work that came by earlier connections, by content. */
  stale: Map<string, string[]>
}

interface Delivery {
  session: Session
  message: ConsumeMessage
  /** Of its content. */
  key: string
}

/** Ours: the first size; it doubles as the mapping asks for more. RabbitMQ's is 16 bits wide. */
const firstPrefetch = 64
const largestPrefetch = 65_535
/** Ours: a message whose function failed goes back after 1 s, then 2 s, up to a minute. */
const firstRetryMs = 1_000
const longestRetryMs = 60_000
/** Ours: beyond so many failing messages their pauses stay short. */
const rememberedReleases = 10_000

export async function createRabbitSource(options: RabbitSourceOptions): Promise<EventSource> {
  const { settings, target, vhost } = options
  const { queue } = target
  const logger = options.logger.child({ uuid: settings.uuid, broker: target.broker })
  const inbox = createInbox<Delivery>()
  const closing = new AbortController()
  const backoff = createBackoff(closing.signal)
  /** Released ones that are kept until their time to go back has come. */
  const kept = new Set<NodeJS.Timeout>()
  /** By id: how often a message went back, which a classic queue does not count. */
  const released = new Map<string, number>()
  let session: Session | undefined
  let connection: ChannelModel | undefined
  let prefetch = 0
  /** Tells apart messages that are alike. */
  let serial = 0
  let failure: Error | undefined

  const deliver = (to: Session, message: ConsumeMessage): void => {
    const { redelivered } = message.fields
    // Redelivered ones come before the others: whatever was not among them will not come again.
    if (!redelivered) inbox.forgetFinished()
    const key = contentKey(message)
    const id = idFor(key, to, redelivered)
    const record = rabbitRecord(message, id)
    const attempt = Math.max(record.attempt, (released.get(id) ?? 0) + 1)
    const before = inbox.arrive({ ...record, attempt }, { session: to, message, key })
    if (before === 'done') {
      to.channel.ack(message)
      inbox.settle({ id })
    }
  }

  /** The id of a record that this delivery repeats, or a new one. Messages that are alike stand for each other. */
  const idFor = (key: string, to: Session, redelivered: boolean): string => {
    const repeated = redelivered ? to.stale.get(key)?.shift() : undefined
    if (repeated !== undefined) return repeated
    return inbox.knows(key) ? `${key}#${++serial}` : key
  }

  /** What was delivered on earlier connections and will come again, by content. */
  const stale = (): Map<string, string[]> => {
    const byKey = Map.groupBy(inbox.known(), ([, { key }]) => key)
    return new Map([...byKey].map(([key, members]) => [key, members.map(([id]) => id)]))
  }

  const consume = async (on: Session): Promise<void> => {
    if (on.prefetch === prefetch) return
    on.prefetch = prefetch
    const before = on.consumerTag
    await on.channel.prefetch(prefetch)
    const { consumerTag } = await on.channel.consume(queue, (message) => {
      // Cancelled by the broker: the queue was deleted, or its node is gone.
      if (message === null) void on.channel.close().catch(() => {})
      else deliver(on, message)
    })
    on.consumerTag = consumerTag
    // A limit holds for consumers made after it; the older one's messages stay with the channel.
    if (before !== undefined) await on.channel.cancel(before)
  }

  /** Resolves or rejects when the connection is over. */
  const serve = async (on: ChannelModel): Promise<void> => {
    connection = on
    try {
      const channel = await on.createChannel()
      // Rejects with the channel's error, if that is what ends it.
      const ended = Promise.race([once(channel, 'close'), once(on, 'close')])
      ended.catch(() => {})
      channel.on('error', () => {})
      await channel.checkQueue(queue)
      if (closing.signal.aborted) return
      const current: Session = { channel, consumerTag: undefined, prefetch: 0, stale: stale() }
      session = current
      await consume(current)
      failure = undefined
      backoff.reset()
      await ended
    } finally {
      session = undefined
      await on.close().catch(() => {})
    }
  }

  const run = async (first: ChannelModel): Promise<void> => {
    for (let next: ChannelModel | undefined = first; !closing.signal.aborted; next = undefined) {
      try {
        await serve(next ?? (await options.connect()))
      } catch (error) {
        if (isMissing(error)) failure = gone(`The queue "${queue}" of the broker "${target.broker}"`)
        logger.warn({ reason: reasonOf(error) }, 'RabbitMQ consumer interrupted')
      }
      if (!closing.signal.aborted) await backoff.wait()
    }
  }

  /** Acknowledgements have no answer: when a later request about the queue is answered, they have been seen to. */
  const confirmed = async ({ channel }: Session): Promise<boolean> => {
    try {
      await channel.checkQueue(queue)
      return true
    } catch {
      return false
    }
  }

  /** Nothing to do for one whose connection is gone: RabbitMQ has it back already. */
  const giveBack = (record: SourceRecord): void => {
    const delivery = inbox.handle(record)
    if (delivery !== undefined && delivery.session === session) session.channel.nack(delivery.message, false, true)
    inbox.settle(record)
  }

  const running = run(await options.connect())

  return {
    async receive(request) {
      if (failure !== undefined) throw failure
      const wanted = Math.min(inbox.size + request.max, largestPrefetch)
      if (wanted > prefetch) {
        prefetch = Math.min(Math.max(firstPrefetch, prefetch * 2, wanted), largestPrefetch)
        // A failure ends the session, and the next one begins with the new limit.
        if (session !== undefined) await consume(session).catch(() => {})
      }
      return inbox.receive(request)
    },

    async acknowledge(records) {
      for (const { id } of records) released.delete(id)
      const current = session
      const sent: SourceRecord[] = []
      for (const record of records) {
        const delivery = inbox.handle(record)
        if (delivery === undefined) continue
        if (delivery.session === current) {
          current.channel.ack(delivery.message)
          sent.push(record)
        } else inbox.finish(record)
      }
      if (current === undefined || sent.length === 0) return
      const certain = await confirmed(current)
      for (const record of sent) {
        // Uncertain: it may be gone, and then one like it that comes is another message, unless they are told apart.
        const named = inbox.handle(record)?.message.properties.messageId !== undefined
        if (certain || !named) inbox.settle(record)
        else inbox.finish(record)
      }
    },

    async release(records, delayMs) {
      for (const record of records) {
        const failures = (released.get(record.id) ?? 0) + 1
        if (released.size < rememberedReleases) released.set(record.id, failures)
        // RabbitMQ would deliver it again at once, over and over.
        const ms = delayMs ?? Math.min(firstRetryMs * 2 ** (failures - 1), longestRetryMs)
        if (ms <= 0) {
          giveBack(record)
          continue
        }
        const timer = setTimeout(() => {
          kept.delete(timer)
          giveBack(record)
        }, ms)
        kept.add(timer)
      }
    },

    // A message is ours for as long as the connection lasts (up to the broker's `consumer_timeout`, 30 minutes).
    extend: async () => {},
    event: (records) => rabbitEvent({ eventSourceArn: settings.eventSourceArn, queue, vhost }, records),

    async [Symbol.asyncDispose]() {
      closing.abort()
      for (const timer of kept) clearTimeout(timer)
      inbox[Symbol.dispose]()
      await connection?.close().catch(() => {})
      await running
    },
  }
}
