/** One invocation on one instance: its deadline, slices and accounting. Made by `GuestInstance.invoke`, dropped after. */
import type { WorkerRecord } from '../memory/worker-record.ts'
import type { Invocation } from '../invocation.ts'
import { GuestTrap } from '../wasi/errors.ts'
import type { WasiInvocation } from '../wasi/state.ts'
import { GuestAborted, GuestTimeout } from './guest-errors.ts'
import type { LogBuffer } from './log-buffer.ts'
import type { Scheduler } from './scheduler.ts'

export interface RunEnvironment {
  scheduler: Scheduler
  record: WorkerRecord
  sliceMs: number
}

/**
 * Ours: slices that a guest may hold the thread for where it cannot be suspended: in its allocator, called by the host.
 * Allocators take microseconds; without this bound one that loops would keep all its neighbours waiting until its
 * deadline.
 */
const heldSlices = 50

/** Sets every deadline word of an instance. */
export type SetDeadline = (epoch: number) => void

export class Run implements WasiInvocation {
  readonly environment: Readonly<Record<string, string>>
  readonly #invocation: Invocation
  readonly #env: RunEnvironment
  readonly #log: LogBuffer
  readonly #setDeadline: SetDeadline
  readonly #deadlineEpoch: number
  readonly startedMs: number
  /** Whether a wait of the guest would be able to suspend it: not while the host calls its allocator. */
  #canSuspend = false
  #heldSinceMs: number
  memoryRefused = false
  cpuMs = 0
  #enteredMs: number | undefined
  #slices = 0
  /** It has used up a slice: the ticker knows. */
  #slicing = false
  #closed = false
  #restedMs: number
  #controller: AbortController | undefined
  #timer: NodeJS.Timeout | undefined
  #onCallerGone: (() => void) | undefined

  constructor(invocation: Invocation, env: RunEnvironment, log: LogBuffer, setDeadline: SetDeadline) {
    this.environment = invocation.spec.environment
    this.#invocation = invocation
    this.#env = env
    this.#log = log
    this.#setDeadline = setDeadline
    this.startedMs = performance.now()
    this.#restedMs = this.startedMs
    this.#heldSinceMs = this.startedMs
    this.#deadlineEpoch = env.scheduler.epochAt(this.startedMs + invocation.spec.timeoutMs)
  }

  write(_stream: 'stdout' | 'stderr', bytes: Uint8Array): void {
    this.#log.append(bytes)
  }

  /** Aborted at the deadline, or when the caller goes. Made when first asked for: most guests never wait. */
  get signal(): AbortSignal {
    if (this.#controller !== undefined) return this.#controller.signal
    const controller = new AbortController()
    this.#controller = controller
    const left = this.startedMs + this.#invocation.spec.timeoutMs - performance.now()
    this.#timer = setTimeout(() => controller.abort(new GuestTimeout()), Math.max(0, left))
    const caller = this.#invocation.signal
    if (caller !== undefined) {
      this.#onCallerGone = () => controller.abort(new GuestAborted())
      if (caller.aborted) this.#onCallerGone()
      else caller.addEventListener('abort', this.#onCallerGone, { once: true })
    }
    return controller.signal
  }

  /** Throws what ends the guest, if anything does. */
  throwIfOver(): void {
    if (this.#invocation.signal?.aborted === true) throw new GuestAborted()
    if (((this.#env.scheduler.epochNow() - this.#deadlineEpoch) | 0) >= 0) throw new GuestTimeout()
  }

  /** From here on the host calls into the guest such that it cannot be suspended. Returns whether it could before. */
  holdThread(): boolean {
    const couldSuspend = this.#canSuspend
    if (couldSuspend) this.#heldSinceMs = performance.now()
    this.#canSuspend = false
    return couldSuspend
  }

  /** The guest runs within `WebAssembly.promising` and nothing else. */
  releaseThread(): void {
    this.#canSuspend = true
  }

  /** The guest gets the thread. From here the shared page says who runs, until `leave`. */
  enter(): void {
    this.#enteredMs = performance.now()
    const { scheduler, record } = this.#env
    record.setRunning(this.#invocation.spec.deployment, this.#deadlineEpoch)
    this.#setDeadline(
      earlier(this.#deadlineEpoch, scheduler.epochAt(this.#enteredMs + scheduler.sliceMs(this.#slices))),
    )
  }

  /** The guest has given the thread back: returned, trapped, or is about to be suspended. Idempotent. */
  leave(): void {
    if (this.#enteredMs === undefined) return
    this.cpuMs += performance.now() - this.#enteredMs
    this.#enteredMs = undefined
    this.#env.record.clearRunning()
  }

  /** A checkpoint found the slice used up. */
  check(): number {
    this.throwIfOver()
    if (this.#canSuspend) return 1
    const { scheduler, sliceMs } = this.#env
    if (performance.now() - this.#heldSinceMs > heldSlices * sliceMs)
      throw new GuestTrap(`the allocator held the thread for more than ${heldSlices} slices of ${sliceMs} ms`)
    this.#setDeadline(earlier(this.#deadlineEpoch, scheduler.epochAt(performance.now() + sliceMs)))
    return 0
  }

  async pause(): Promise<void> {
    this.leave()
    if (!this.#slicing) this.#env.record.slicing(1)
    this.#slicing = true
    this.#slices++
    await this.#env.scheduler.turn(this.#slices)
    this.throwIfOver()
    this.enter()
  }

  suspended<T>(wait: Promise<T>): Promise<T> {
    this.leave()
    return wait.then(
      (value) => {
        this.#endWait()
        return value
      },
      (error: unknown) => {
        this.#endWait()
        throw error
      },
    )
  }

  #endWait(): void {
    // What still waits when the run ends is rejected, to unwind its stack: nobody runs by that.
    if (this.#closed) return
    // The signal may have been aborted while the wait ended for its own reason: the deadline comes first.
    const reason: unknown = this.#controller?.signal.aborted === true ? this.#controller.signal.reason : undefined
    if (reason !== undefined) throw reason
    this.enter()
  }

  /** Between two turns of a guest's event loop: until its next timer, or just long enough to be fair. */
  async rest(ms: number): Promise<void> {
    if (ms > 0) await this.#sleep(ms)
    else if (performance.now() - this.#restedMs > this.#env.sliceMs) await this.#env.scheduler.turn(++this.#slices)
    else return
    this.#restedMs = performance.now()
    this.throwIfOver()
  }

  async #sleep(ms: number): Promise<void> {
    const { signal } = this
    if (signal.aborted) throw signal.reason
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onAbort = () => reject(signal.reason)
    // Timers take at most 2^31-1 ms; the deadline (at most 15 min) comes long before.
    const timer = setTimeout(resolve, Math.min(ms, 2_147_483_647))
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await promise
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** Ends timers and listeners. Idempotent. */
  close(): void {
    this.leave()
    if (this.#slicing) this.#env.record.slicing(-1)
    this.#slicing = false
    this.#closed = true
    clearTimeout(this.#timer)
    if (this.#onCallerGone !== undefined) this.#invocation.signal?.removeEventListener('abort', this.#onCallerGone)
    this.#onCallerGone = undefined
  }
}

/** The earlier of two epochs; they wrap, so by signed difference. */
function earlier(a: number, b: number): number {
  return ((a - b) | 0) <= 0 ? a : b
}
