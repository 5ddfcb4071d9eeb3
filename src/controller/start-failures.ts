import { ThawError } from '../errors.ts'
import { describeExit, type WorkerExit } from './worker-process.ts'

/** Ours: so many deaths before serving, one after the other, are the machine's or the installation's fault. */
const startAttempts = 5
const firstBackoffMs = 100

/** Workers that died before they served: how long the next one waits, and when it is enough. */
export class StartFailures {
  #count = 0
  #timer: NodeJS.Timeout | undefined

  get backingOff(): boolean {
    return this.#timer !== undefined
  }

  /** Calls `retry` after a while; or returns why there is no point in that. */
  add(exit: WorkerExit, retry: () => void): ThawError | undefined {
    this.#count++
    if (this.#count >= startAttempts)
      return new ThawError(
        'Service',
        `Workers cannot start: ${startAttempts} in a row ended before they served; the last with ${describeExit(exit)}`,
      )
    clearTimeout(this.#timer)
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        retry()
      },
      firstBackoffMs * 2 ** (this.#count - 1),
    )
    return undefined
  }

  /** One serves. */
  forget(): void {
    this.#count = 0
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}
