/**
 * Picks events and has them worked on.
 *
 * 1. Functions with ready events stand in a ring; each turn takes the oldest event of the first and puts it last.
 * 2. A function that has as many in work as it may, or rests after throttles, leaves the ring until that is over.
 * 3. Waiting events are made ready by a timer for the first that is due. With nothing to do, nothing runs.
 */
import type { Logger } from 'pino'
import type { AsyncEvent, AsyncEvents, Lane as LaneKey } from '../../store/async-events.ts'
import type { EventSlots } from '../event-slots.ts'
import type { Timers } from '../timers.ts'
import type { Attempt, Verdict } from './attempt.ts'
import { Lane } from './lane.ts'

export interface DispatcherOptions {
  events: AsyncEvents
  attempt: Attempt
  slots: EventSlots
  timers: Timers
  /** How long a throttled function rests, and how long the dispatcher waits after an error of the store. */
  restMs: number
  logger: Logger
  onRemoved(event: AsyncEvent): void
}

/** Ours: events made ready in one go; other writers have their turn in between. */
const promotedAtOnce = 250

export class Dispatcher {
  readonly #options: DispatcherOptions
  readonly #lanes = new Map<string, Lane>()
  readonly #ring = new Set<Lane>()
  readonly #resting = new Set<Lane>()
  #reading: Lane | undefined
  readonly #stopping = new AbortController()
  readonly #aborting = new AbortController()
  readonly #held = new Set<() => void>()
  #running = false
  #picking = false
  #ticking = false
  #inWork = 0
  #nextDue: number | undefined
  #timer: { at: number; cancel: () => void } | undefined
  #whenIdle = Promise.withResolvers<void>()

  constructor(options: DispatcherOptions) {
    this.#options = options
  }

  /** Takes up everything that is stored. */
  async start(stored: readonly LaneKey[]): Promise<void> {
    this.#nextDue = await this.#options.events.nextDueAt()
    this.#running = true
    this.#arm()
    for (const key of stored) this.wake(key)
    this.#pick()
  }

  /** The function has an event that is ready. */
  wake(key: LaneKey): void {
    this.#ring.add(this.#laneOf(key))
    this.#pick()
  }

  /** Nothing is in work, and nothing can be before a time comes or an event is accepted. */
  async idle(): Promise<void> {
    while (!this.#isIdle()) await this.#whenIdle.promise
  }

  /** Picks nothing more; waits for what is in work, aborts it after `withinMs`, and leaves it as soon again. */
  async stop(withinMs: number): Promise<void> {
    this.#stopping.abort(new Error('The dispatcher is being stopped.'))
    this.#timer?.cancel()
    for (const cancel of this.#held) cancel()
    await Promise.race([this.idle(), this.#wait(withinMs)])
    this.#aborting.abort(new Error('The server is being stopped.'))
    await Promise.race([this.idle(), this.#wait(withinMs)])
  }

  #isIdle(): boolean {
    return this.#inWork === 0 && !this.#picking && !this.#ticking
  }

  #settle(): void {
    if (!this.#isIdle()) return
    this.#whenIdle.resolve()
    this.#whenIdle = Promise.withResolvers()
  }

  async #wait(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = this.#options.timers.at(this.#options.timers.now() + ms, resolve)
    void this.idle().then(cancel)
    await promise
  }

  #laneOf(key: LaneKey): Lane {
    const name = `${key.accountId}:${key.functionName}`
    let lane = this.#lanes.get(name)
    if (lane === undefined) {
      const { accountId, functionName } = key
      // Half of all: a function whose events take minutes must not hold every slot.
      const most = Math.max(1, Math.floor(this.#options.slots.limit / 2))
      this.#lanes.set(name, (lane = new Lane({ accountId, functionName }, most)))
    }
    return lane
  }

  #forget(lane: Lane): void {
    if (!lane.pristine || lane === this.#reading || this.#ring.has(lane) || this.#resting.has(lane)) return
    this.#lanes.delete(`${lane.key.accountId}:${lane.key.functionName}`)
  }

  #rest(lane: Lane): void {
    this.#ring.delete(lane)
    this.#resting.add(lane)
    this.#arm()
  }

  #pick(): void {
    if (this.#picking || !this.#running || this.#ring.size === 0 || this.#stopping.signal.aborted) return
    this.#picking = true
    void this.#pickAll()
  }

  async #pickAll(): Promise<void> {
    const { slots } = this.#options
    const { signal } = this.#stopping
    while (this.#ring.size > 0 && !signal.aborted) {
      if (!(await slots.acquire(signal).then(...yes))) break
      const taken = await this.#take()
      if (taken === undefined) slots.release()
      else void this.#work(taken)
    }
    this.#picking = false
    this.#settle()
  }

  async #take(): Promise<{ lane: Lane; event: AsyncEvent } | undefined> {
    for (;;) {
      const [lane] = this.#ring
      if (lane === undefined || this.#stopping.signal.aborted) return undefined
      this.#ring.delete(lane)
      const now = this.#options.timers.now()
      if (lane.restsUntil > now) this.#rest(lane)
      else if (!lane.hasRoom) lane.full = true
      else {
        this.#reading = lane
        const event = await this.#nextOf(lane)
        this.#reading = undefined
        if (event === undefined) {
          this.#forget(lane)
          continue
        }
        this.#ring.add(lane)
        return { lane, event }
      }
    }
  }

  async #nextOf(lane: Lane): Promise<AsyncEvent | undefined> {
    const { events, timers, restMs, logger } = this.#options
    let again = lane.takeAgain()
    try {
      for (; again !== undefined; again = lane.takeAgain()) {
        const event = lane.isInWork(again) ? undefined : await events.get(again)
        if (event !== undefined) return event
      }
      for (;;) {
        const event = await events.next(lane.key, lane.cursor)
        if (event === undefined) return undefined
        lane.cursor = event.seq
        if (!lane.isInWork(event.seq)) return event
      }
    } catch (error) {
      if (again !== undefined) lane.ready([again])
      logger.error({ err: error, ...lane.key }, 'asynchronous events cannot be read')
      lane.restsUntil = timers.now() + restMs
      this.#rest(lane)
      return undefined
    }
  }

  async #work({ lane, event }: { lane: Lane; event: AsyncEvent }): Promise<void> {
    const { attempt, slots, timers, restMs, logger, onRemoved } = this.#options
    const number = lane.begin(event.seq)
    this.#inWork++
    let verdict: Verdict | undefined
    try {
      verdict = await attempt(event, this.#aborting.signal)
    } catch (error) {
      const { accountId, functionName, requestId } = event
      logger.error({ err: error, accountId, functionName, requestId }, 'asynchronous event not worked on')
      this.#hold(lane, event.seq)
    }
    slots.release()
    const doubtful = lane.end(event.seq)
    this.#inWork--
    if (verdict?.function === 'served') lane.accepted()
    if (verdict?.function === 'refused') lane.refused(number, timers.now(), restMs)
    if (verdict?.event.kind === 'removed') onRemoved(event)
    if (verdict?.event.kind === 'waiting') this.#due(verdict.event.dueAt)
    if (lane.full || doubtful) {
      lane.full = false
      this.#ring.add(lane)
    }
    this.#forget(lane)
    this.#pick()
    this.#settle()
  }

  /** It is ready in the store, but something is wrong there: it is picked again after a rest. */
  #hold(lane: Lane, seq: number): void {
    if (this.#stopping.signal.aborted) return
    const { timers, restMs } = this.#options
    const cancel = timers.at(timers.now() + restMs, () => {
      this.#held.delete(cancel)
      this.#laneOf(lane.key).ready([seq])
      this.wake(lane.key)
    })
    this.#held.add(cancel)
  }

  #due(at: number): void {
    this.#nextDue = Math.min(this.#nextDue ?? at, at)
    this.#arm()
  }

  /** One timer, for whatever comes first. */
  #arm(): void {
    if (!this.#running || this.#ticking || this.#stopping.signal.aborted) return
    let at = this.#nextDue ?? Infinity
    for (const lane of this.#resting) at = Math.min(at, lane.restsUntil)
    if (at === this.#timer?.at) return
    this.#timer?.cancel()
    this.#timer = undefined
    if (at === Infinity) return
    this.#timer = { at, cancel: this.#options.timers.at(at, () => void this.#tick()) }
  }

  async #tick(): Promise<void> {
    const { events, timers, restMs, logger } = this.#options
    this.#timer = undefined
    this.#ticking = true
    const now = timers.now()
    for (const lane of this.#resting) {
      if (lane.restsUntil > now) continue
      this.#resting.delete(lane)
      this.#ring.add(lane)
    }
    try {
      while (this.#nextDue !== undefined && this.#nextDue <= now && !this.#stopping.signal.aborted) {
        const promoted = Map.groupBy(await events.promote(now, promotedAtOnce), (due) => this.#laneOf(due))
        for (const [lane, due] of promoted) {
          lane.ready(due.map(({ seq }) => seq))
          this.#ring.add(lane)
        }
        this.#nextDue = await events.nextDueAt()
        this.#pick()
      }
    } catch (error) {
      logger.error({ err: error }, 'asynchronous events that are due cannot be read')
      this.#nextDue = now + restMs
    }
    this.#ticking = false
    this.#arm()
    this.#pick()
    this.#settle()
  }
}

/** For `then`: whether it was fulfilled. */
const yes = [() => true, () => false] as const
