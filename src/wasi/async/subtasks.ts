/** Calls of asynchronous host functions that are under way (CanonicalABI.md, "Subtask State"). */
import { GuestTrap } from '../errors.ts'
import type { Readiness } from '../io/condition.ts'
import type { Waits } from '../waits.ts'
import { eventCodes, Waitable } from './waitables.ts'

/** CanonicalABI.md, `Subtask.State`. */
export const subtaskStates = { starting: 0, started: 1, returned: 2, cancelledBeforeReturned: 4 } as const

/**
 * What an asynchronous host function returns if it cannot answer at once. The promise is of what makes the answer, which
 * is called when the guest takes it, if ever: so what an answer holds of the host is never nobody's.
 */
export class Pending<T> {
  readonly settled: Promise<() => T>
  /** Nobody wants the answer any more. */
  readonly cancel: () => void

  constructor(settled: Promise<() => T>, cancel: () => void) {
    this.settled = settled
    this.cancel = cancel
  }

  /** For a guest that waits for this alone. Rejects as `waits` does: then the call is cancelled. */
  async answer(waits: Waits): Promise<T> {
    let outcome: { make: () => T } | { error: unknown } | undefined
    let changed: (() => void) | undefined
    const note = (value: { make: () => T } | { error: unknown }): void => {
      outcome = value
      changed?.()
    }
    this.settled.then(
      (make) => note({ make }),
      (error: unknown) => note({ error }),
    )
    const settled: Readiness = {
      isReady: () => outcome !== undefined,
      onChange(callback) {
        changed = callback
        return () => {
          changed = undefined
        }
      },
    }
    try {
      await waits.until([settled], [])
    } catch (error) {
      this.cancel()
      throw error
    }
    if (outcome === undefined) throw new GuestTrap('a call ended without an answer')
    if ('error' in outcome) throw outcome.error
    return outcome.make()
  }
}

export class Subtask extends Waitable {
  readonly type = 'subtask'
  #state: 'started' | 'returned' | 'cancelled' = 'started'
  #told = false
  readonly #cancel: () => void
  readonly #release: () => void

  /** `release`: what was lent to the call is the guest's again. */
  constructor(cancel: () => void, release: () => void) {
    super()
    this.#cancel = cancel
    this.#release = release
  }

  get isUnderWay(): boolean {
    return this.#state === 'started'
  }

  /** `deliver` writes the result to the guest's memory, when the guest is told. */
  returned(deliver: () => void): void {
    if (this.#state !== 'started') return
    this.#state = 'returned'
    this.setEvent(() => {
      this.#finish()
      deliver()
      return { code: eventCodes.subtask, handle: this.handle, payload: subtaskStates.returned }
    })
  }

  /** The state that it ends in. */
  cancel(): number {
    if (this.#told) throw new GuestTrap('a subtask is cancelled after it has ended')
    if (this.hasEvent) return this.takeEvent().payload
    this.#state = 'cancelled'
    this.#cancel()
    this.#finish()
    return subtaskStates.cancelledBeforeReturned
  }

  assertDroppable(): void {
    if (!this.#told) throw new GuestTrap('a subtask is dropped while it is under way')
  }

  #finish(): void {
    this.#told = true
    this.#release()
  }
}
