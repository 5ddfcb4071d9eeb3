/** One mapping's consumer group. */
import type { RedisClientType } from '@redis/client'
import type { Logger } from 'pino'
import { createBackoff } from './backoff.ts'
import { createInbox } from './inbox.ts'
import { closedEarly, messageOf } from './record.ts'
import type { RedisTarget } from './redis-target.ts'
import { parseClaimCursor, parseDeliveries, parseEntries, redisRecord, type StreamEntry } from './redis-entries.ts'
import type { EventSource, SourceRecord, SourceSettings } from './source.ts'

/** One poller a mapping, hence one name: what it had in work when it crashed is pending under the same name. */
const consumer = 'thaw'
/** Ours: what another consumer of the group has not touched for this long is taken from it. */
const claimIdleMs = 30_000
/** Ours: how long a read waits at the server, and entries a page of what is pending. */
const blockMs = 5_000
const page = 500

export interface RedisSourceOptions {
  url: string
  settings: SourceSettings
  target: RedisTarget
  logger: Logger
}

export async function createRedisSource(options: RedisSourceOptions): Promise<EventSource> {
  const { url, settings, target } = options
  const { createClient, RESP_TYPES } = await import('@redis/client')
  const { key } = target
  const group = settings.uuid
  const logger = options.logger.child({ uuid: group, broker: target.broker })
  /** Entries are settled by their id alone. */
  const inbox = createInbox<true>()
  const closing = new AbortController()
  const backoff = createBackoff(closing.signal)

  let opened = false

  const connect = () => {
    const client = createClient({
      url,
      RESP: 2,
      // Rejected at once when the connection is lost: the loops below know what to do again.
      disableOfflineQueue: true,
      pingInterval: blockMs,
      socket: {
        connectTimeout: 5_000,
        // A server that is gone without a word: reads and pings are answered within `blockMs`.
        socketTimeout: 3 * blockMs,
        // The first connection is made once: whoever opens the source has a back-off of its own.
        reconnectStrategy: (retries) => opened && Math.min(100 * 2 ** retries, 5_000) * (1 - Math.random() / 2),
      },
    })
    client.on('error', (error: unknown) => logger.debug({ reason: messageOf(error) }, 'Redis connection'))
    return client
  }
  const commands = connect()
  /** Apart, because a read blocks its connection. */
  const reader = connect()

  const send = (client: Pick<RedisClientType, 'sendCommand'>, ...command: string[]): Promise<unknown> =>
    client.sendCommand<unknown>(command, { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } })

  /** BUSYGROUP: it is there. */
  const createGroup = (start: string): Promise<unknown> =>
    send(commands, 'XGROUP', 'CREATE', key, group, start, 'MKSTREAM').catch((error: unknown) => {
      if (!messageOf(error).startsWith('BUSYGROUP')) throw error
    })

  const close = (): void => {
    for (const client of [commands, reader]) if (client.isOpen) client.destroy()
  }

  try {
    await Promise.all([commands.connect(), reader.connect()])
    await createGroup(startOf(settings))
    opened = true
  } catch (error) {
    close()
    throw error
  }

  const read = async (from: string, ...count: string[]): Promise<StreamEntry[]> =>
    parseEntries(await send(reader, 'XREADGROUP', 'GROUP', group, consumer, ...count, 'STREAMS', key, from))

  const arrive = ({ id, fields }: StreamEntry, attempt: number): void => {
    if (fields !== undefined)
      inbox.arrive(redisRecord({ id, fields }, { key, eventSourceArn: settings.eventSourceArn, attempt }), true)
  }

  /** Everything that is pending, in order: what we had when the connection, or we, went down. */
  const recover = async (): Promise<void> => {
    for (let cursor = '0-0', first = true; first || cursor !== '0-0'; first = false)
      cursor = parseClaimCursor(
        await send(commands, 'XAUTOCLAIM', key, group, consumer, String(claimIdleMs), cursor, 'JUSTID'),
      )
    for (let last = '0-0'; ;) {
      const entries = await read(last, 'COUNT', String(page))
      const [first, end] = [entries[0], entries.at(-1)]
      if (first === undefined || end === undefined) return
      const counts = await send(commands, 'XPENDING', key, group, first.id, end.id, String(page), consumer)
      const deliveries = parseDeliveries(counts)
      for (const entry of entries) arrive(entry, deliveries.get(entry.id) ?? 1)
      const deleted = entries.filter(({ fields }) => fields === undefined).map(({ id }) => id)
      if (deleted.length > 0) {
        logger.warn({ entries: deleted.length }, 'Redis entries were deleted before they were delivered')
        await send(commands, 'XACK', key, group, ...deleted)
      }
      last = end.id
    }
  }

  const pump = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      try {
        await recover()
        backoff.reset()
        for (;;) {
          const max = await inbox.demand()
          if (max === undefined) return
          for (const entry of await read('>', 'COUNT', String(max), 'BLOCK', String(blockMs))) arrive(entry, 1)
        }
      } catch (error) {
        if (closing.signal.aborted) return
        logger.warn({ reason: messageOf(error) }, 'Redis consumer interrupted')
        await backoff.wait()
        // The stream was deleted, or the server came back without it: whatever is in it now was not read yet.
        if (messageOf(error).startsWith('NOGROUP')) await createGroup('0').catch(() => {})
      }
    }
  }

  const ids = (records: readonly SourceRecord[]): string[] =>
    records.filter((record) => inbox.handle(record) !== undefined).map(({ id }) => id)

  const running = pump()

  return {
    receive: (request) => inbox.receive(request),
    async acknowledge(records) {
      const pauses = createBackoff(closing.signal)
      for (let left = ids(records); left.length > 0; left = ids(records)) {
        try {
          await send(commands, 'XACK', key, group, ...left)
          for (const id of left) inbox.settle({ id })
        } catch (error) {
          if (closing.signal.aborted) throw closedEarly()
          logger.debug({ reason: messageOf(error) }, 'Redis acknowledgement is tried again')
          await pauses.wait()
        }
      }
    },
    async release(records, delayMs) {
      for (const record of records) inbox.defer(record, delayMs ?? 0)
    },
    async extend(records) {
      const held = ids(records)
      if (held.length > 0 && commands.isReady)
        await send(commands, 'XCLAIM', key, group, consumer, '0', ...held, 'IDLE', '0', 'JUSTID').catch(() => {})
    },
    event: (records) => ({ Records: records.map(({ json }) => json) }),
    async [Symbol.asyncDispose]() {
      closing.abort()
      inbox[Symbol.dispose]()
      close()
      await running
    },
  }
}

/** Where a new group begins: after this entry. */
function startOf({ startingPosition, startingPositionTimestamp = 0 }: SourceSettings): string {
  if (startingPosition === 'LATEST') return '$'
  if (startingPosition !== 'AT_TIMESTAMP' || startingPositionTimestamp <= 0) return '0'
  return `${startingPositionTimestamp - 1}-18446744073709551615`
}
