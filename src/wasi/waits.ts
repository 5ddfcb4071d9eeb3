/** Waiting for any of some conditions, until the invocation ends. Nothing is polled: callbacks, and one timer. */
import { monotonicNowNs } from './clock.ts'
import { InvocationAborted } from './errors.ts'
import { isReady } from './io/condition.ts'
import type { Condition } from './io/condition.ts'
import type { Held } from './io/held.ts'

/** Node's limit for one timer, 2^31-1 ms; longer waits chain. */
const MAX_TIMER_MS = 2_147_483_647
/** What the host holds for each resource that a wait has borrowed: a slot in the lifted list. */
const WAIT_ENTRY_BYTES = 16

const ABORTED = 'the invocation was aborted while the guest waited'

/** Whatever has the signal: an invocation. */
interface AbortGrant {
  readonly signal: AbortSignal | undefined
}

interface Wait {
  timer: NodeJS.Timeout | undefined
  readonly lent: readonly Held[]
  readonly heldBytes: number
  /** Takes the callbacks back, by condition. */
  readonly takeBacks: Map<Condition, () => void>
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
    let bytes = 0
    for (const wait of this.#pending) bytes += wait.lent.length * WAIT_ENTRY_BYTES + wait.heldBytes
    return bytes
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

  /**
   * Resolves once any of the conditions holds, rejects with InvocationAborted as soon as the invocation is aborted.
   * `lent` is what the waiting call has borrowed, `heldBytes` what it keeps of the guest's meanwhile.
   */
  until(conditions: readonly Condition[], lent: readonly Held[], heldBytes = 0): Promise<void> {
    const signal = (this.#signal ??= this.#listen())
    if (signal?.aborted === true) throw new InvocationAborted(ABORTED, { cause: signal.reason })
    return new Promise((resolve, reject) => {
      const wait: Wait = { timer: undefined, lent, heldBytes, takeBacks: new Map(), reject }
      for (const resource of lent) resource.lends += 1
      this.#pending.add(wait)
      const finish = (): void => {
        this.#finish(wait)
        resolve()
      }
      this.#arm(wait, earliest(conditions), finish)
      for (const condition of conditions) if (this.#pending.has(wait)) listen(wait, condition, finish)
    })
  }

  #arm(wait: Wait, instantNs: bigint | undefined, finish: () => void): void {
    if (instantNs === undefined) return
    const remainingNs = instantNs - monotonicNowNs()
    if (remainingNs <= 0n) {
      finish()
      return
    }
    // A timer may fire a little early, or be a link of a chain: look at the clock again each time.
    const delayMs = Math.min(Math.ceil(Number(remainingNs) / 1e6), MAX_TIMER_MS)
    wait.timer = setTimeout(() => this.#arm(wait, instantNs, finish), delayMs)
  }

  #finish(wait: Wait): void {
    clearTimeout(wait.timer)
    for (const takeBack of wait.takeBacks.values()) takeBack()
    wait.takeBacks.clear()
    this.#pending.delete(wait)
    for (const resource of wait.lent) resource.lends -= 1
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

function earliest(conditions: readonly Condition[]): bigint | undefined {
  let instantNs: bigint | undefined
  for (const condition of conditions) {
    if (typeof condition !== 'bigint') continue
    if (instantNs === undefined || condition < instantNs) instantNs = condition
  }
  return instantNs
}

/** A callback may come for nothing: then it is asked for again. */
function listen(wait: Wait, condition: Condition, finish: () => void): void {
  if (typeof condition === 'bigint' || wait.takeBacks.has(condition)) return
  const takeBack = condition.onChange(() => {
    wait.takeBacks.delete(condition)
    if (isReady(condition)) finish()
    else listen(wait, condition, finish)
  })
  wait.takeBacks.set(condition, takeBack)
}
