/**
 * What a broker's driver holds in this process: records that arrived, are out with the mapping, or wait for their next
 * attempt. A record that arrives again (the connection was lost, the broker was impatient) is known by its id: it gets
 * the new handle and is not handed out twice.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { SourceRecord } from './source.ts'

export interface Inbox<H> extends Disposable {
  /**
   * `handle` is what settles the record at the broker. Answers what the record was before:
   * `done` was finished, and is for the caller to acknowledge now.
   */
  arrive(record: SourceRecord, handle: H): 'new' | 'held' | 'done'
  /** As `EventSource.receive`. In the order of arrival; nothing overtakes a deferred record of its key. */
  receive(request: { max: number; waitMs: number; signal: AbortSignal }): Promise<SourceRecord[]>
  /** Resolves with the largest `max` once somebody waits in `receive`; undefined when the inbox is closed. */
  demand(): Promise<number | undefined>
  /** Handles of all that is known, finished or not, by id. */
  known(): Map<string, H>
  knows(id: string): boolean
  /** The way to settle a record at the broker; undefined if it is no longer held. */
  handle(record: Pick<SourceRecord, 'id'>): H | undefined
  /** Forgets the record. */
  settle(record: Pick<SourceRecord, 'id'>): void
  /** The mapping is done with it, but the broker may not know: it is acknowledged when it arrives again. */
  finish(record: Pick<SourceRecord, 'id'>): void
  /** Forgets what `finish` remembers: the broker has redelivered all that it was going to. */
  forgetFinished(): void
  /** To be handed out again after `delayMs`, its attempt counted up. */
  defer(record: Pick<SourceRecord, 'id'>, delayMs: number): void
  /** All but the finished. */
  held(): SourceRecord[]
  readonly size: number
}

interface Entry<H> {
  record: SourceRecord
  handle: H
  state: 'waiting' | 'out' | 'deferred' | 'done'
  /** Of arrival, so that what is given back keeps its place. */
  place: number
  timer: NodeJS.Timeout | undefined
}

export function createInbox<H>(): Inbox<H> {
  const entries = new Map<string, Entry<H>>()
  /** By place. */
  let waiting: Entry<H>[] = []
  /** Keys with deferred records, and how many. */
  const blocked = new Map<string, number>()
  const wanting = new Set<{ max: number; wake: () => void }>()
  let demanded: (() => void)[] = []
  let places = 0
  let held = 0
  let closed = false

  const wake = (): void => {
    for (const { wake: resolve } of wanting) resolve()
  }

  const enqueue = (entry: Entry<H>): void => {
    entry.state = 'waiting'
    const after = waiting.findLastIndex(({ place }) => place < entry.place)
    waiting.splice(after + 1, 0, entry)
    wake()
  }

  const unblock = ({ record: { orderKey } }: Entry<H>): void => {
    if (orderKey === undefined) return
    const left = (blocked.get(orderKey) ?? 1) - 1
    if (left > 0) blocked.set(orderKey, left)
    else blocked.delete(orderKey)
  }

  const leave = (entry: Entry<H>): void => {
    clearTimeout(entry.timer)
    entry.timer = undefined
    if (entry.state === 'deferred') unblock(entry)
    if (entry.state === 'waiting') waiting = waiting.filter((other) => other !== entry)
    if (entry.state !== 'done') held -= 1
  }

  const take = (max: number): SourceRecord[] => {
    const taken: SourceRecord[] = []
    const kept: Entry<H>[] = []
    for (const entry of waiting) {
      const { orderKey } = entry.record
      if (taken.length < max && (orderKey === undefined || !blocked.has(orderKey))) {
        entry.state = 'out'
        taken.push(entry.record)
      } else kept.push(entry)
    }
    waiting = kept
    return taken
  }

  /** True if woken by an arrival; false when time is up. */
  const arrival = async (max: number, ms: number, signal: AbortSignal): Promise<boolean> => {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const want = { max, wake: () => resolve(true) }
    const stop = () => resolve(false)
    const timer = setTimeout(stop, ms)
    signal.addEventListener('abort', stop)
    wanting.add(want)
    for (const tell of demanded.splice(0)) tell()
    try {
      return await promise
    } finally {
      wanting.delete(want)
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
    }
  }

  return {
    arrive(record, handle) {
      const known = entries.get(record.id)
      if (known !== undefined) {
        known.handle = handle
        return known.state === 'done' ? 'done' : 'held'
      }
      const entry: Entry<H> = { record, handle, state: 'waiting', place: places++, timer: undefined }
      entries.set(record.id, entry)
      held += 1
      enqueue(entry)
      return 'new'
    },

    async receive({ max, waitMs, signal }) {
      const until = performance.now() + waitMs
      for (;;) {
        if (closed || signal.aborted) return []
        const taken = take(max)
        if (taken.length > 0) return taken
        const left = until - performance.now()
        if (left <= 0) return []
        // What came in one packet with the first is still being parsed.
        if (await arrival(max, left, signal)) await nextTurn()
      }
    },

    async demand() {
      for (;;) {
        if (closed) return undefined
        const max = Math.max(0, ...[...wanting].map((want) => want.max))
        if (max > 0) return max
        await new Promise<void>((resolve) => demanded.push(resolve))
      }
    },

    known: () => new Map([...entries].map(([id, { handle }]) => [id, handle])),
    knows: (id) => entries.has(id),

    handle: ({ id }) => {
      const entry = entries.get(id)
      return entry === undefined || entry.state === 'done' ? undefined : entry.handle
    },

    settle({ id }) {
      const entry = entries.get(id)
      if (entry === undefined) return
      leave(entry)
      entries.delete(id)
    },

    finish({ id }) {
      const entry = entries.get(id)
      if (entry === undefined) return
      leave(entry)
      entry.state = 'done'
    },

    forgetFinished() {
      for (const [id, { state }] of entries) if (state === 'done') entries.delete(id)
    },

    defer({ id }, delayMs) {
      const entry = entries.get(id)
      if (entry === undefined || entry.state !== 'out') return
      entry.record = { ...entry.record, attempt: entry.record.attempt + 1 }
      if (delayMs <= 0) return enqueue(entry)
      entry.state = 'deferred'
      const { orderKey } = entry.record
      if (orderKey !== undefined) blocked.set(orderKey, (blocked.get(orderKey) ?? 0) + 1)
      entry.timer = setTimeout(() => {
        unblock(entry)
        enqueue(entry)
      }, delayMs)
    },

    held: () => [...entries.values()].filter(({ state }) => state !== 'done').map(({ record }) => record),
    get size() {
      return held
    },

    [Symbol.dispose]() {
      closed = true
      for (const { timer } of entries.values()) clearTimeout(timer)
      entries.clear()
      waiting = []
      held = 0
      wake()
      for (const tell of demanded.splice(0)) tell()
    },
  }
}
