/**
 * A source for tests, in memory, on fake time: a queue with visibility timeout, groups and redrive, or a stream that
 * delivers what is not acknowledged in order. It outlives the engines that read it.
 */
import type { EventSource, SourceDriver, SourceRecord, SourceSettings } from '../../../src/events/sources/source.ts'
import type { Timers } from '../../../src/events/timers.ts'

export interface BrokerOptions {
  kind: 'queue' | 'stream'
  timers: Timers
  visibilityMs?: number
  /** Queues: receives after which a message goes to the dead-letter queue. */
  maxReceives?: number
}

export interface Message {
  id: string
  key: string | undefined
  body: unknown
  hops: number
  createdAt: number
  state: 'there' | 'done' | 'dead'
  visibleAt: number
  receives: number
  /** Of the session it was delivered to last, if it is out. */
  out: object | undefined
  sizeBytes: number | undefined
}

export const sourceArn = (name = 'q') => `arn:aws:fake:us-east-1:111111111111:${name}`

export class Broker {
  readonly messages: Message[] = []
  readonly #options: Required<BrokerOptions>
  readonly #waiters = new Set<() => void>()
  #connection = {}
  /** Thrown by what is asked of the broker while it is set. */
  outage: Error | undefined
  /** Opening takes until then. */
  opening: Promise<void> | undefined
  opens = 0
  open = 0
  extended: string[] = []
  removed: string[] = []
  receives: { max: number; waitMs: number }[] = []
  #ids = 0

  constructor(options: BrokerOptions) {
    this.#options = { visibilityMs: 30_000, maxReceives: Number.POSITIVE_INFINITY, ...options }
  }

  send(body: unknown, { key, hops = 0, sizeBytes }: { key?: string; hops?: number; sizeBytes?: number } = {}): Message {
    const now = this.#options.timers.now()
    const message: Message = {
      id: `m${this.#ids++}`,
      key,
      body,
      hops,
      createdAt: now,
      state: 'there',
      visibleAt: now,
      receives: 0,
      out: undefined,
      sizeBytes,
    }
    this.messages.push(message)
    for (const wake of this.#waiters) wake()
    return message
  }

  /** Whoever reads has died: what is delivered from now on is not for them. */
  disconnect(): void {
    this.#connection = {}
    this.open = 0
  }

  left(): string[] {
    return this.messages.filter(({ state }) => state === 'there').map(({ id }) => id)
  }

  driver(): SourceDriver {
    return {
      kind: this.#options.kind,
      matches: (arn) => arn.startsWith('arn:aws:fake:'),
      check: async () => {},
      open: async (settings) => {
        await this.opening
        return this.#source(settings)
      },
      remove: async ({ uuid }) => void this.removed.push(uuid),
    }
  }

  #source(_settings: SourceSettings): EventSource {
    this.opens++
    if (this.outage !== undefined) throw this.outage
    this.open++
    const session = {}
    const connection = this.#connection
    let closed = false
    const { kind, timers } = this.#options
    const mine = (records: readonly SourceRecord[]): Message[] =>
      records.flatMap(({ id }) => this.messages.find((message) => message.id === id && message.out === session) ?? [])
    const assertUp = (): void => {
      if (this.outage !== undefined) throw this.outage
      if (closed || connection !== this.#connection) throw new Error('closed')
    }
    return {
      receive: async ({ max, waitMs, signal }) => {
        assertUp()
        this.receives.push({ max, waitMs })
        const until = timers.now() + waitMs
        for (;;) {
          if (signal.aborted) return []
          const taken = this.#take(session, max)
          if (taken.length > 0 || timers.now() >= until) return taken
          await this.#change(until, signal)
          assertUp()
        }
      },
      acknowledge: async (records) => {
        assertUp()
        for (const message of mine(records)) message.state = 'done'
      },
      release: async (records, delayMs) => {
        assertUp()
        for (const message of mine(records)) {
          if (kind === 'queue' && delayMs === undefined) continue
          message.out = kind === 'queue' ? message.out : undefined
          message.visibleAt = timers.now() + (delayMs ?? 0)
        }
        for (const wake of this.#waiters) wake()
      },
      extend: async (records) => {
        assertUp()
        for (const message of mine(records)) {
          this.extended.push(message.id)
          if (kind === 'queue') message.visibleAt = timers.now() + this.#options.visibilityMs
        }
      },
      event: (records) => ({ Records: records.map(({ json }) => json) }),
      [Symbol.asyncDispose]: async () => {
        if (!closed && connection === this.#connection) this.open--
        closed = true
      },
    }
  }

  #take(session: object, max: number): SourceRecord[] {
    const { kind, timers, visibilityMs, maxReceives } = this.#options
    const taken: SourceRecord[] = []
    const blocked = new Set<string>()
    for (const message of this.messages) {
      if (message.state !== 'there' || taken.length === max) continue
      const { key } = message
      if (key !== undefined && blocked.has(key)) continue
      const free =
        kind === 'queue'
          ? message.visibleAt <= timers.now()
          : message.out !== session && message.visibleAt <= timers.now()
      if (!free) {
        // Behind a record that is out, a stream goes on; behind one that was given back it waits, as a group does.
        if (key !== undefined && (kind === 'queue' || message.out !== session)) blocked.add(key)
        continue
      }
      if (kind === 'queue' && message.receives >= maxReceives) {
        message.state = 'dead'
        continue
      }
      message.receives++
      message.out = session
      if (kind === 'queue') message.visibleAt = timers.now() + visibilityMs
      taken.push(this.#record(message))
    }
    return taken
  }

  #record({ id, key, body, hops, createdAt, receives, sizeBytes }: Message): SourceRecord {
    const json = { messageId: id, body }
    return {
      id,
      orderKey: key,
      json,
      filterable: { body },
      sizeBytes: sizeBytes ?? JSON.stringify(json).length,
      createdAt,
      attempt: receives,
      hops,
    }
  }

  /** Until something may have become free, or time is up. */
  #change(until: number, signal: AbortSignal): Promise<void> {
    const { timers } = this.#options
    const times = this.messages.filter(({ state }) => state === 'there').map(({ visibleAt }) => visibleAt)
    const next = Math.min(until, ...times.filter((at) => at > timers.now()))
    return new Promise((resolve) => {
      const end = (): void => {
        this.#waiters.delete(end)
        cancel()
        signal.removeEventListener('abort', end)
        resolve()
      }
      const cancel = timers.at(next, end)
      this.#waiters.add(end)
      signal.addEventListener('abort', end)
    })
  }
}
