/** One mapping's durable consumer. */
import type { Consumer, ConsumerConfig, ConsumerMessages, JetStreamManager, JsMsg } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Logger } from 'pino'
import { createBackoff } from './backoff.ts'
import { createInbox } from './inbox.ts'
import type { NatsTarget } from './nats-target.ts'
import { natsRecord } from './nats-record.ts'
import { closedEarly, gone, messageOf } from './record.ts'
import type { EventSource, SourceRecord, SourceSettings } from './source.ts'

/** Ours: the server redelivers what it has not heard of for this long; what we hold it hears of three times as often. */
const ackWaitMs = 30_000
/** Ours: how long a pull stays with the server. NATS takes no less than 1 s. */
const pullMs = 5_000
const nanosPerMs = 1_000_000

export interface NatsSourceOptions {
  /** Reconnects by itself. Ownership passes to the source. */
  connection: NatsConnection
  settings: SourceSettings
  target: NatsTarget
  logger: Logger
}

export async function createNatsSource(options: NatsSourceOptions): Promise<EventSource> {
  const { connection, settings, target } = options
  const { AckPolicy, JetStreamApiError, jetstream, jetstreamManager } = await import('@nats-io/jetstream')
  const durable = settings.uuid
  const logger = options.logger.child({ uuid: durable, broker: target.broker })
  const manager = await jetstreamManager(connection)
  const consumers = jetstream(connection).consumers
  /** What settles a message is its reply subject: good on any connection. */
  const inbox = createInbox<string>()
  const closing = new AbortController()
  const backoff = createBackoff(closing.signal)
  let pull: ConsumerMessages | undefined
  let interrupted = false
  let failure: Error | undefined

  /** JetStream's codes: 10014 no such consumer, 10059 no such stream. */
  const isGone = (error: unknown): boolean =>
    error instanceof JetStreamApiError && (error.code === 10_014 || error.code === 10_059)

  await manager.consumers.info(target.stream, durable).catch(async (error: unknown) => {
    if (!isGone(error)) throw error
    await manager.consumers.add(target.stream, {
      durable_name: durable,
      description: `Event source mapping to ${settings.functionArn}`,
      filter_subject: target.filterSubject,
      ack_policy: AckPolicy.Explicit,
      ...steady,
      ...(await startOf(settings)),
    })
  })

  const arrive = (message: JsMsg): void => {
    // The published type hides `reply`; acknowledging by it can be repeated, `ackAck()` cannot.
    if (!('reply' in message) || typeof message.reply !== 'string') throw new Error('a message without reply subject')
    inbox.arrive(natsRecord(message, settings.eventSourceArn), message.reply)
  }

  const fetch = async (consumer: Consumer, max: number, expires: number, each: (message: JsMsg) => boolean | void) => {
    pull = await consumer.fetch({ max_messages: max, expires })
    try {
      for await (const message of pull) if (each(message) === false) break
    } finally {
      pull.stop()
      pull = undefined
    }
  }

  /** What was delivered to a connection that is lost is pulled again before anything new, in order. */
  const recover = async (): Promise<Consumer> => {
    const consumer = await consumers.get(target.stream, durable)
    let { num_ack_pending: pending, config } = await consumer.info()
    const seen = new Set<string>()
    if (pending > 0) await configure(manager, target.stream, durable, { ...expiring, max_ack_pending: pending })
    while (pending > 0 && !closing.signal.aborted) {
      const again = new Map<number, JsMsg>()
      await fetch(consumer, pending, 1_000, (message) => again.set(message.seq, message).size < pending)
      for (const message of [...again.values()].sort((a, b) => a.seq - b.seq)) {
        arrive(message)
        seen.add(String(message.seq))
      }
      // Acknowledgements that were under way make it fewer.
      pending = (await consumer.info()).num_ack_pending
      if ([...seen].filter((id) => inbox.handle({ id }) !== undefined).length >= pending) break
    }
    if (pending > 0 || !isSteady(config)) await configure(manager, target.stream, durable, steady)
    return consumer
  }

  const pump = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      try {
        interrupted = false
        const consumer = await recover()
        backoff.reset()
        for (;;) {
          const max = await inbox.demand()
          if (max === undefined) return
          if (interrupted) break
          await fetch(consumer, max, pullMs, arrive)
        }
      } catch (error) {
        if (closing.signal.aborted) return
        if (isGone(error)) failure = gone(`The stream "${target.stream}" of the broker "${target.broker}"`)
        logger.warn({ reason: messageOf(error) }, 'NATS consumer interrupted')
        await backoff.wait()
      }
    }
  }

  const watch = async (): Promise<void> => {
    for await (const { type } of connection.status())
      if (type === 'disconnect' || type === 'reconnect') {
        logger.info({ type }, 'NATS connection')
        interrupted = true
        pull?.stop()
      }
  }

  const tellWorking = (records: readonly SourceRecord[]): void => {
    if (connection.isClosed() || interrupted) return
    for (const record of records) {
      const reply = inbox.handle(record)
      if (reply !== undefined) connection.publish(reply, '+WPI')
    }
  }

  const acknowledge = async (record: SourceRecord): Promise<void> => {
    const pauses = createBackoff(closing.signal)
    for (;;) {
      const reply = inbox.handle(record)
      if (reply === undefined || failure !== undefined) return inbox.settle(record)
      try {
        await connection.request(reply, '+ACK', { timeout: 2_000 })
        return inbox.settle(record)
      } catch (error) {
        if (closing.signal.aborted) throw closedEarly()
        logger.debug({ reason: messageOf(error) }, 'NATS acknowledgement is tried again')
        await pauses.wait()
      }
    }
  }

  const keeping = setInterval(() => tellWorking(inbox.held()), ackWaitMs / 3)
  const running = Promise.all([pump(), watch()])

  return {
    async receive(request) {
      if (failure !== undefined) throw failure
      return inbox.receive(request)
    },
    async acknowledge(records) {
      await Promise.all(records.map(acknowledge))
    },
    async release(records, delayMs) {
      for (const record of records) inbox.defer(record, delayMs ?? 0)
    },
    extend: async (records) => tellWorking(records),
    event: (records) => ({ Records: records.map(({ json }) => json) }),
    async [Symbol.asyncDispose]() {
      closing.abort()
      clearInterval(keeping)
      inbox[Symbol.dispose]()
      pull?.stop()
      await connection.close()
      await running
    },
  }
}

const steady = { ack_wait: ackWaitMs * nanosPerMs, max_ack_pending: -1 }
/** All that is pending counts as overdue, and nothing new is delivered meanwhile (with `max_ack_pending`). */
const expiring = { ack_wait: nanosPerMs }

const isSteady = ({ ack_wait, max_ack_pending }: ConsumerConfig): boolean =>
  ack_wait === steady.ack_wait && max_ack_pending === steady.max_ack_pending

async function configure(manager: JetStreamManager, stream: string, durable: string, config: Partial<ConsumerConfig>) {
  await manager.consumers.update(stream, durable, config)
}

async function startOf({ startingPosition, startingPositionTimestamp }: SourceSettings) {
  const { DeliverPolicy } = await import('@nats-io/jetstream')
  if (startingPosition === 'LATEST') return { deliver_policy: DeliverPolicy.New }
  if (startingPosition !== 'AT_TIMESTAMP') return { deliver_policy: DeliverPolicy.All }
  const opt_start_time = new Date(startingPositionTimestamp ?? 0).toISOString()
  return { deliver_policy: DeliverPolicy.StartTime, opt_start_time }
}
