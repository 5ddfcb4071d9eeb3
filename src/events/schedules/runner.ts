/**
 * Fires schedules when they are due. One timer, for the first of them.
 *
 * 1. A schedule that is due is read from the store: what it says now counts.
 * 2. Its firing is handed to the target, durably.
 * 3. Only then the schedule is moved on to its next firing. A crash in between repeats the firing, under the same id.
 *
 * While a target does not take a firing, the schedule's later ones wait behind it.
 */
import type { Logger } from 'pino'
import { ThawError } from '../../errors.ts'
import type { Collection, Entry } from '../../store/documents.ts'
import { EventSlots } from '../event-slots.ts'
import type { Timers } from '../timers.ts'
import { scheduleKey, scheduleScope, type Schedule } from './record.ts'
import { isFinal, type Failure, type Targets } from './targets.ts'
import { defaultRetryAttempts, eventAgeMs, nextDelivery, type CatchUp, type Delivery, type Times } from './times.ts'

export interface RunnerOptions {
  records: Collection<Schedule>
  times: Times
  targets: Targets
  timers: Timers
  catchUp: CatchUp
  region: string
  logger: Logger
}

interface Planned {
  accountId: string
  key: string
  /** ms since the epoch. */
  dueAt: number
  /** Of the firing that was tried last. */
  attempts: number
  tried: number | undefined
  running: boolean
  /** The schedule was changed while it was running. */
  changed: boolean
}

/** Ours: firings under way at a time. */
const concurrency = 32
/** Ours: pauses between attempts, doubling. */
const firstRetryMs = 1_000
const longestRetryMs = 60_000

export class Runner {
  readonly #options: RunnerOptions
  readonly #planned = new Map<string, Planned>()
  readonly #slots = new EventSlots(concurrency)
  readonly #running = new Set<Promise<void>>()
  #armedFor = Infinity
  #disarm = (): void => {}
  /** What was due before was missed. */
  #startedAt = 0
  #started = false
  #stopped = false

  constructor(options: RunnerOptions) {
    this.#options = options
  }

  /** Takes up all that is stored. */
  async start(): Promise<void> {
    this.#started = true
    this.#startedAt = this.#options.timers.now()
    for (const { accountId, value } of await this.#options.records.list({ scope: scheduleScope }))
      this.plan(accountId, value)
  }

  /** A schedule is there, or has changed. */
  plan(accountId: string, schedule: Schedule): void {
    if (!this.#started || this.#stopped) return
    const key = scheduleKey(schedule)
    const id = `${accountId} ${key}`
    const known = this.#planned.get(id)
    if (known?.running === true) {
      known.changed = true
      return
    }
    this.#planned.delete(id)
    if (!schedule.enabled || schedule.nextAt === undefined) return
    const delivery = this.#delivery(schedule)
    // What was left out is to be stored as done with, at once.
    const dueAt = delivery?.scheduledAt === schedule.nextAt ? delivery.dueAt : this.#options.timers.now()
    this.#planned.set(id, { accountId, key, dueAt, attempts: 0, tried: undefined, running: false, changed: false })
    this.#arm(dueAt)
  }

  /** A schedule is gone. A firing that is under way ends by itself. */
  forget(accountId: string, key: string): void {
    this.#planned.delete(`${accountId} ${key}`)
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  /** Fires nothing more; what is under way ends. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#disarm()
    await this.idle()
  }

  #arm(at: number): void {
    if (at >= this.#armedFor || this.#stopped) return
    this.#disarm()
    this.#armedFor = at
    this.#disarm = this.#options.timers.at(at, () => this.#tick())
  }

  #tick(): void {
    this.#armedFor = Infinity
    const now = this.#options.timers.now()
    let next = Infinity
    for (const planned of this.#planned.values()) {
      if (planned.running) continue
      if (planned.dueAt <= now) this.#run(planned)
      else next = Math.min(next, planned.dueAt)
    }
    if (next < Infinity) this.#arm(next)
  }

  #run(planned: Planned): void {
    planned.running = true
    planned.changed = false
    const run = this.#fireAndArm(planned)
    this.#running.add(run)
    void run.finally(() => this.#running.delete(run))
  }

  /** Never rejects. */
  async #fireAndArm(planned: Planned): Promise<void> {
    const { timers, logger } = this.#options
    let next: number | undefined
    try {
      next = await this.#fire(planned)
    } catch (error) {
      // The store: nothing is lost, it is tried again.
      logger.error({ err: error, schedule: planned.key }, 'a schedule could not be fired')
      next = timers.now() + longestRetryMs
    }
    planned.running = false
    if (planned.changed) next = timers.now()
    if (next === undefined) return this.#drop(planned)
    planned.dueAt = next
    this.#arm(next)
  }

  /** Unless another of its name has taken its place. */
  #drop(planned: Planned): void {
    const id = `${planned.accountId} ${planned.key}`
    if (this.#planned.get(id) === planned) this.#planned.delete(id)
  }

  #delivery(schedule: Schedule): Delivery | undefined {
    const { times, catchUp } = this.#options
    return nextDelivery(times, schedule, { startedAt: this.#startedAt, catchUp })
  }

  /** Fires all that is due. When it is to be looked at again; undefined if there is no reason to. */
  async #fire(planned: Planned): Promise<number | undefined> {
    const { records, timers } = this.#options
    await this.#slots.acquire()
    try {
      while (!this.#stopped) {
        const entry = await records.get(planned.accountId, scheduleScope, planned.key)
        if (entry === undefined || !entry.value.enabled || entry.value.nextAt === undefined) return undefined
        const delivery = this.#delivery(entry.value)
        if (delivery?.scheduledAt !== entry.value.nextAt) {
          // What was left out is done with.
          await this.#move(entry, delivery?.scheduledAt, undefined)
          continue
        }
        if (delivery.dueAt > timers.now()) return delivery.dueAt
        const retryAt = await this.#attempt(planned, entry, delivery.scheduledAt)
        if (retryAt !== undefined) return retryAt
        await this.#complete(entry, delivery.scheduledAt)
      }
      return undefined
    } finally {
      this.#slots.release()
    }
  }

  /** Undefined when the firing is done with; else when it is to be tried again. */
  async #attempt(planned: Planned, entry: Entry<Schedule>, scheduledAt: number): Promise<number | undefined> {
    const { targets, timers, region, logger } = this.#options
    const { accountId, value: schedule } = entry
    if (planned.tried !== scheduledAt) {
      planned.tried = scheduledAt
      planned.attempts = 0
    }
    planned.attempts += 1
    const attempt = planned.attempts
    const firing = { place: { region, accountId }, schedule, scheduledAt, attempt }
    const pause = Math.min(firstRetryMs * 2 ** (attempt - 1), longestRetryMs)
    try {
      await targets.deliver(firing)
      return undefined
    } catch (error) {
      const failure = this.#failure(schedule, scheduledAt, attempt, error)
      logger.warn({ err: error, schedule: planned.key, attempt, given: failure !== undefined }, 'a firing failed')
      if (failure === undefined) return timers.now() + pause
      try {
        await targets.bury(firing, failure)
      } catch (cause) {
        if (!isFinal(cause)) return timers.now() + pause
        logger.warn({ err: cause, schedule: planned.key }, 'a firing was lost: its dead-letter queue does not take it')
      }
      return undefined
    }
  }

  /** Why there is no further attempt; undefined if there is one. */
  #failure(schedule: Schedule, scheduledAt: number, attempt: number, error: unknown): Failure | undefined {
    if (isFinal(error)) return { error, exhausted: undefined }
    const retries = schedule.target.maximumRetryAttempts ?? defaultRetryAttempts
    if (attempt > retries) return { error, exhausted: 'MaximumRetryAttempts' }
    const ageMs = this.#options.timers.now() - scheduledAt
    return ageMs >= eventAgeMs(schedule) ? { error, exhausted: 'MaximumEventAgeInSeconds' } : undefined
  }

  /** The firing is done with: also for a schedule that was changed meanwhile, unless its times are other ones now. */
  async #complete(fired: Entry<Schedule>, scheduledAt: number): Promise<void> {
    const { records, times } = this.#options
    let entry: Entry<Schedule> | undefined = fired
    while (entry !== undefined && entry.value.createdAt === fired.value.createdAt) {
      if (entry.value.nextAt !== scheduledAt) return
      if (await this.#move(entry, times.next(entry.value, scheduledAt), scheduledAt)) return
      entry = await records.get(fired.accountId, fired.scope, fired.key)
    }
  }

  /** On to its next firing; without one it is complete. False: it was changed meanwhile. */
  async #move(entry: Entry<Schedule>, nextAt: number | undefined, firedAt: number | undefined): Promise<boolean> {
    const { records } = this.#options
    const { accountId, scope, key, revision, value } = entry
    const { nextAt: _, ...rest } = value
    try {
      if (nextAt === undefined && value.deleteAfterCompletion) await records.delete(accountId, scope, key, revision)
      else {
        const fired = firedAt === undefined ? {} : { lastFiredAt: firedAt }
        const next = nextAt === undefined ? {} : { nextAt }
        await records.put(accountId, scope, key, { ...rest, ...fired, ...next }, revision)
      }
      return true
    } catch (error) {
      if (error instanceof ThawError && error.code === 'PreconditionFailed') return false
      throw error
    }
  }
}
