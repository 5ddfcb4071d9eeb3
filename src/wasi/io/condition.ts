/** What a guest can wait for: an instant, or something that happens. */
import { monotonicNowNs } from '../clock.ts'

/** Something that becomes ready by an event. Asking must not change what the guest sees. */
export interface Readiness {
  isReady(): boolean
  /** Calls back once when it may have become ready; `isReady` is then to be asked again. Returns what takes it back. */
  onChange(callback: () => void): () => void
}

/** Ready from an instant of the monotonic clock on, ns (0: always), or by an event. */
export type Condition = bigint | Readiness

export function isReady(condition: Condition): boolean {
  if (typeof condition !== 'bigint') return condition.isReady()
  return condition === 0n || condition <= monotonicNowNs()
}

/** Ready from when it is turned on. One listener. */
export class Switch implements Readiness {
  #on = false
  #callback: (() => void) | undefined

  turnOn(): void {
    this.#on = true
    this.#callback?.()
  }

  isReady(): boolean {
    return this.#on
  }

  onChange(callback: () => void): () => void {
    this.#callback = callback
    return () => {
      this.#callback = undefined
    }
  }
}

/** Ready when everybody else has had a turn. */
export function turnOfEventLoop(): Readiness {
  let over = false
  return {
    isReady: () => over,
    onChange(callback) {
      const immediate = setImmediate(() => {
        over = true
        callback()
      })
      return () => clearImmediate(immediate)
    },
  }
}

/** Many listeners where only one callback may be registered at a time: bodies take no more. */
export class Listeners {
  readonly #subscribe: (callback: () => void) => () => void
  readonly #callbacks = new Set<() => void>()
  #takeBack: (() => void) | undefined

  constructor(subscribe: (callback: () => void) => () => void) {
    this.#subscribe = subscribe
  }

  add(callback: () => void): () => void {
    const own = (): void => callback()
    this.#callbacks.add(own)
    this.#takeBack ??= this.#subscribe(this.#fire)
    return () => {
      this.#callbacks.delete(own)
      if (this.#callbacks.size > 0) return
      this.#takeBack?.()
      this.#takeBack = undefined
    }
  }

  readonly #fire = (): void => {
    this.#takeBack = undefined
    const callbacks = [...this.#callbacks]
    this.#callbacks.clear()
    for (const callback of callbacks) callback()
  }
}
