/** Waiting for an instant of the monotonic clock: the only thing a WASI call of this host ever waits for. */
import { monotonicNowNs } from './clock.ts'
import { InvocationAborted } from './errors.ts'
import type { Pollable } from './resources.ts'

/** Node's limit for one timer, 2^31-1 ms; longer waits chain. */
const MAX_TIMER_MS = 2_147_483_647
/** What the host holds for each pollable waited for: a slot in the lifted list. */
const WAIT_ENTRY_BYTES = 16

const ABORTED = 'the invocation was aborted while the guest waited'

/** Whatever has the signal: an invocation. */
interface AbortGrant {
  readonly signal: AbortSignal | undefined
}

interface Wait {
  timer: NodeJS.Timeout | undefined
  readonly lent: readonly Pollable[]
  readonly reject: (error: InvocationAborted) => void
}

export class Waits {
  readonly #pending = new Set<Wait>()
  #grant: AbortGrant | undefined
  /** The signal being listened to: from the first wait of an invocation on, for most never wait. */
  #signal: AbortSignal | undefined

  get pending(): number {
    return this.#pending.size
  }

  get heldBytes(): number {
    let entries = 0
    for (const wait of this.#pending) entries += wait.lent.length
    return entries * WAIT_ENTRY_BYTES
  }

  begin(grant: AbortGrant): void {
    this.#grant = grant
  }

  /**
   * Stops every timer and rejects what still waits. It cannot just be forgotten: V8 frees a suspended stack only when
   * it has unwound (measured on Node 26: 1 MiB of address space and two mappings each, garbage collection or not).
   */
  end(): void {
    this.#rejectAll('the invocation ended while the guest waited', undefined)
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#signal = undefined
    this.#grant = undefined
  }

  /** Resolves at or after `instantNs`, rejects with InvocationAborted as soon as the invocation is aborted. */
  until(instantNs: bigint, lent: readonly Pollable[]): Promise<void> {
    const signal = (this.#signal ??= this.#listen())
    if (signal?.aborted === true) throw new InvocationAborted(ABORTED, { cause: signal.reason })
    return new Promise((resolve, reject) => {
      const wait: Wait = { timer: undefined, lent, reject }
      for (const pollable of lent) pollable.lends += 1
      this.#pending.add(wait)
      const arm = (): void => {
        const remainingNs = instantNs - monotonicNowNs()
        if (remainingNs <= 0n) {
          this.#finish(wait)
          resolve()
          return
        }
        // A timer may fire a little early, or be a link of a chain: look at the clock again each time.
        wait.timer = setTimeout(arm, Math.min(Math.ceil(Number(remainingNs) / 1e6), MAX_TIMER_MS))
      }
      arm()
    })
  }

  #finish(wait: Wait): void {
    clearTimeout(wait.timer)
    this.#pending.delete(wait)
    for (const pollable of wait.lent) pollable.lends -= 1
  }

  #listen(): AbortSignal | undefined {
    // Making the signal may cost its owner a timer, so it is asked for once, and only here.
    const signal = this.#grant?.signal
    signal?.addEventListener('abort', this.#onAbort, { once: true })
    return signal
  }

  readonly #onAbort = (): void => {
    this.#rejectAll(ABORTED, this.#signal?.reason)
  }

  #rejectAll(message: string, cause: unknown): void {
    for (const wait of this.#pending) {
      this.#finish(wait)
      wait.reject(new InvocationAborted(message, { cause }))
    }
  }
}
