/** What an asynchronous guest waits for (component model, CanonicalABI.md, "Waitable State"). */
import { GuestTrap } from '../errors.ts'
import type { Readiness } from '../io/condition.ts'
import type { Held } from '../io/held.ts'

export const eventCodes = {
  none: 0,
  subtask: 1,
  streamRead: 2,
  streamWrite: 3,
  futureRead: 4,
  futureWrite: 5,
} as const

/** Code, index of the waitable, and what happened to it. */
export interface WaitEvent {
  readonly code: number
  readonly handle: number
  readonly payload: number
}

/** A subtask, or one end of a stream or future: has at most one event that the guest has not been told yet. */
export abstract class Waitable implements Held, Readiness {
  declare readonly heldBytes?: number
  declare readonly release?: () => void
  /** Derived handles and calls under way: of these there are none, but every entry of the handle table has the fields. */
  children = 0
  lends = 0
  readonly parent = undefined
  /** Its index in the guest's table. */
  handle = 0
  #set: WaitableSet | undefined
  #event: (() => WaitEvent) | undefined
  #onEvent: (() => void) | undefined

  get hasEvent(): boolean {
    return this.#event !== undefined
  }

  /** `event` is made when it is told: what has happened by then counts, and memory is written by then. */
  setEvent(event: () => WaitEvent): void {
    this.#event = event
    const callback = this.#onEvent
    this.#onEvent = undefined
    callback?.()
    this.#set?.wake()
  }

  takeEvent(): WaitEvent {
    const event = this.#event
    if (event === undefined) throw new GuestTrap('there is no event to take')
    this.#event = undefined
    return event()
  }

  isReady(): boolean {
    return this.hasEvent
  }

  /** For a guest that waits for this one alone. */
  onChange(callback: () => void): () => void {
    this.#onEvent = callback
    return () => {
      this.#onEvent = undefined
    }
  }

  join(set: WaitableSet | undefined): void {
    this.#set?.members.delete(this)
    this.#set = set
    set?.members.add(this)
    if (this.hasEvent) set?.wake()
  }
}

export class WaitableSet implements Held, Readiness {
  declare readonly heldBytes?: number
  declare readonly release?: () => void
  readonly type = 'waitable-set'
  readonly parent = undefined
  children = 0
  lends = 0
  readonly members = new Set<Waitable>()
  #onEvent: (() => void) | undefined

  /** Whether the guest is suspended on it. */
  get waitedFor(): boolean {
    return this.#onEvent !== undefined
  }

  /** The event of the first member that has one; it is the last from then on, so that none is passed over for ever. */
  take(): WaitEvent | undefined {
    for (const member of this.members) {
      if (!member.hasEvent) continue
      this.members.delete(member)
      this.members.add(member)
      return member.takeEvent()
    }
    return undefined
  }

  wake(): void {
    const callback = this.#onEvent
    this.#onEvent = undefined
    callback?.()
  }

  isReady(): boolean {
    for (const member of this.members) if (member.hasEvent) return true
    return false
  }

  onChange(callback: () => void): () => void {
    this.#onEvent = callback
    return () => {
      this.#onEvent = undefined
    }
  }
}
