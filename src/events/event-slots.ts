/**
 * How many invocations the events' side may have in work, over asynchronous events and mappings alike
 * (limits.eventConcurrency): what is left of the concurrency is for synchronous callers. First come, first served.
 */
export class EventSlots {
  readonly limit: number
  #used = 0
  readonly #waiting = new Set<() => void>()

  constructor(limit: number) {
    this.limit = limit
  }

  get used(): number {
    return this.#used
  }

  /** Each one is to be released, once. Rejects with the signal's reason, and then holds none. */
  acquire(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    if (this.#used < this.limit) {
      this.#used++
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.delete(turn)
        reject(signal?.reason)
      }
      const turn = (): void => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiting.add(turn)
    })
  }

  /** The slot goes to who has waited longest. */
  release(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#used--
      return
    }
    this.#waiting.delete(next)
    next()
  }
}
