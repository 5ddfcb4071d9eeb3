/**
 * Reads one open source and has its batches worked on.
 *
 * 1. The receiver asks the source for as many records as batches are allowed to be in work, and filters them.
 * 2. Records wait in the backlog until a batch is full or its window is over.
 * 3. Batches run side by side as far as allowed; for queues that grows while there is more to do, and halves on throttles.
 * 4. What is held is extended while it is held.
 * An idle poller is one `receive` that waits.
 */
import type { Logger } from 'pino'
import type { FilterCriteria } from '../filter/criteria.ts'
import type { EventSource, SourceRecord } from '../sources/source.ts'
import type { Timers } from '../timers.ts'
import type { Backlog, Batch } from './backlog.ts'
import { backoffMs, pause } from './pause.ts'
import type { SourcePort } from './source-port.ts'

export type BatchOutcome = 'succeeded' | 'failed' | 'stopped'

export interface BatchSignals {
  /** Begin nothing more; what runs may end. */
  stop: AbortSignal
  /** End what runs. */
  abort: AbortSignal
}

/** Settles every record of the batch with the source. Rejects only on errors of ours; then the records are released. */
export type ProcessBatch = (batch: Batch, signals: BatchSignals) => Promise<BatchOutcome>

export interface PollerOptions {
  source: EventSource
  port: SourcePort
  backlog: Backlog
  criteria: FilterCriteria
  process: ProcessBatch
  /** Batches in work at first and at most. */
  concurrency: { initial: number; max: number }
  /** How many batches to read ahead of those in work: records that queues would hide from others meanwhile. */
  readAhead: number
  batchSize: number
  batchBytes: number
  extendMs: number
  timers: Timers
  onProblem(message: string): void
  onProcessed(): void
  logger: Logger
}

/** Ours: how long an idle `receive` waits. 1,000 idle mappings then ask 17 times a second. */
const idleMs = 60_000
/** Ours: records of one `receive`: enough that asking is cheap, and not so many that large ones fill the memory. */
const receiveAtMost = 1_000
const receiveAtLeast = 10
/** Ours: what a record is taken to have before the first came. */
const firstSizeBytes = 65_536
/** Ours: failures of `receive` in a row after which the source is opened anew. */
const maxFailures = 3

export class Poller {
  readonly #options: PollerOptions
  readonly #stop = new AbortController()
  readonly #abort = new AbortController()
  readonly #running = new Set<Promise<void>>()
  readonly #inWork = new Set<Batch>()
  #allowed: number
  #averageBytes = firstSizeBytes
  #roomMade = (): void => {}
  #cancelWindow = (): void => {}
  #cancelExtend: (() => void) | undefined

  constructor(options: PollerOptions) {
    this.#options = options
    this.#allowed = options.concurrency.initial
  }

  /**
   * Reads until `stop`, or until the source fails for good: then it rejects with the source's error. All that was
   * received is settled or released then.
   */
  async run(): Promise<void> {
    const { backlog, port } = this.#options
    try {
      await this.#receive()
    } finally {
      this.#stop.abort()
      this.#cancelWindow()
      await port.release(backlog.removeAll(), 0)
      await Promise.all(this.#running)
      this.#cancelExtend?.()
    }
  }

  /** Begins nothing more. `run` resolves when what runs has ended. */
  stop(): void {
    this.#stop.abort()
    this.#roomMade()
  }

  /** Ends what runs, too. */
  abort(): void {
    this.stop()
    this.#abort.abort()
  }

  /** The function was throttled or could not be had: fewer at a time. */
  throttled(): void {
    this.#allowed = Math.max(1, Math.floor(this.#allowed / 2))
  }

  async #receive(): Promise<void> {
    const { source, backlog, timers, onProblem } = this.#options
    const { signal } = this.#stop
    let failures = 0
    while (!signal.aborted) {
      const max = this.#room()
      if (max <= 0) {
        await new Promise<void>((resolve) => (this.#roomMade = resolve))
        continue
      }
      try {
        const records = await source.receive({ max, waitMs: idleMs, signal })
        failures = 0
        const passed = await this.#filter(records)
        backlog.add(passed, timers.now())
        this.#pump()
      } catch (error) {
        if (signal.aborted) return
        onProblem('The event source cannot be read')
        if (++failures === maxFailures) throw error
        await pause(timers, backoffMs(failures - 1), signal)
      }
    }
  }

  /** How many records to ask for. Held bytes are bounded by what the batches in work may hold. */
  #room(): number {
    const { backlog, batchSize, batchBytes, readAhead } = this.#options
    const batches = this.#allowed + readAhead - this.#inWork.size
    // Records behind batches of their lane take no batch's place, but they take memory.
    const held = 2 * this.#allowed * batchSize
    if (batches <= 0 || backlog.size >= held || backlog.bytes >= this.#allowed * batchBytes) return 0
    const atOnce = Math.floor(batchBytes / Math.max(1, this.#averageBytes))
    const limit = Math.min(receiveAtMost, Math.max(receiveAtLeast, atOnce))
    return Math.min(batches * batchSize - backlog.free, limit)
  }

  /** What does not pass is done with. */
  async #filter(records: readonly SourceRecord[]): Promise<SourceRecord[]> {
    const { criteria, port } = this.#options
    const passed: SourceRecord[] = []
    const dropped: SourceRecord[] = []
    for (const record of records) {
      this.#averageBytes += (record.sizeBytes - this.#averageBytes) / 8
      if (criteria.passes(record.filterable)) passed.push(record)
      else dropped.push(record)
    }
    await port.acknowledge(dropped)
    return passed
  }

  #pump(): void {
    const { backlog, timers } = this.#options
    this.#cancelWindow()
    while (!this.#stop.signal.aborted && this.#inWork.size < this.#allowed) {
      const batch = backlog.take(timers.now())
      if (batch === undefined) {
        const due = backlog.dueAt()
        if (due !== undefined) this.#cancelWindow = timers.at(due, () => this.#pump())
        break
      }
      this.#start(batch)
    }
    this.#keepExtending()
    if (this.#room() > 0) this.#roomMade()
  }

  #start(batch: Batch): void {
    const { backlog, port, process, onProcessed, concurrency, logger, timers } = this.#options
    this.#inWork.add(batch)
    const signals = { stop: this.#stop.signal, abort: this.#abort.signal }
    const work = async (): Promise<void> => {
      try {
        const outcome = await process(batch, signals)
        // All that was allowed is in use: there may be work for one more.
        const isShort = this.#inWork.size >= this.#allowed
        if (outcome === 'succeeded' && isShort) this.#allowed = Math.min(concurrency.max, this.#allowed + 1)
        if (outcome === 'succeeded') onProcessed()
      } catch (error) {
        logger.error({ err: error }, 'a batch of an event source mapping was broken off')
        // A source may deliver at once what is given back, and it would go round and round.
        await pause(timers, backoffMs(0), this.#stop.signal)
        await port.release(batch.records, undefined)
      }
      this.#inWork.delete(batch)
      backlog.done(batch)
      this.#pump()
    }
    const running = work().finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  #keepExtending(): void {
    const { backlog, timers, extendMs, port } = this.#options
    if (this.#cancelExtend !== undefined || (this.#inWork.size === 0 && backlog.size === 0)) return
    const cancel = timers.at(timers.now() + extendMs, () => {
      const records = [...this.#inWork].flatMap((batch) => batch.records).concat(backlog.records())
      void port.extend(records).finally(() => {
        this.#cancelExtend = undefined
        if (!this.#stop.signal.aborted || this.#inWork.size > 0) this.#keepExtending()
      })
    })
    this.#cancelExtend = cancel
  }
}
