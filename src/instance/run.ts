/** One invocation on one instance: its deadline, slices and accounting. Made by `GuestInstance.invoke`, dropped after. */
import type { PayloadStream } from '../http/body.ts'
import type { EgressClient } from '../http/egress.ts'
import type { WorkerRecord } from '../memory/worker-record.ts'
import type { Invocation } from '../invocation.ts'
import { GuestTrap } from '../wasi/errors.ts'
import type { WasiInvocation } from '../wasi/state.ts'
import { GuestAborted, GuestTimeout } from './guest-errors.ts'
import type { TrackedExchange } from './http-call.ts'
import type { LogBuffer } from './log-buffer.ts'
import type { Scheduler } from './scheduler.ts'

export interface RunEnvironment {
  scheduler: Scheduler
  record: WorkerRecord
  sliceMs: number
}

/**
 * Ours: slices of CPU that a guest may hold the thread for where it cannot be suspended: in its allocator, called by the
 * host. Allocators take microseconds; without this bound one that loops would keep all its neighbours waiting until its
 * deadline. Of CPU, not of the clock: on a busy machine a slow allocator is no slower in that, and is to be no error.
 */
const heldSlices = 50

/** Sets every deadline word of an instance. */
export type SetDeadline = (epoch: number) => void

export interface RunParts {
  env: RunEnvironment
  log: LogBuffer
  exchange?: TrackedExchange | undefined
  egress?: EgressClient | undefined
  payloadStream?: PayloadStream | undefined
  files?: WasiInvocation['files']
}

export class Run implements WasiInvocation {
  readonly environment: Readonly<Record<string, string>>
  readonly http: TrackedExchange | undefined
  readonly egress: EgressClient | undefined
  readonly payloadStream: PayloadStream | undefined
  readonly files: WasiInvocation['files']
  readonly #invocation: Invocation
  readonly #env: RunEnvironment
  readonly #log: LogBuffer
  readonly #setDeadline: SetDeadline
  readonly #deadlineEpoch: number
  readonly startedMs: number
  /** Since the Unix epoch. */
  readonly deadlineMs: number
  /** Whether a wait of the guest would be able to suspend it: not while the host calls its allocator. */
  #canSuspend = false
  /** Of this thread, when the guest was first found holding it; undefined: it was not yet. */
  #heldSinceCpuMs: number | undefined
  /** The guest had been suspended when its allocator was called. */
  #enteredToHold = false
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

  constructor(
    invocation: Invocation,
    { env, log, exchange, egress, payloadStream, files }: RunParts,
    setDeadline: SetDeadline,
  ) {
    this.environment = invocation.spec.environment
    this.http = exchange
    this.egress = egress
    this.payloadStream = payloadStream
    this.files = files
    this.#invocation = invocation
    this.#env = env
    this.#log = log
    this.#setDeadline = setDeadline
    this.startedMs = performance.now()
    this.deadlineMs = Date.now() + invocation.spec.timeoutMs
    this.#restedMs = this.startedMs
    this.#deadlineEpoch = env.scheduler.epochAt(this.startedMs + invocation.spec.timeoutMs)
  }

  get requestId(): string {
    return this.#invocation.requestId
  }

  get traceId(): string | undefined {
    return this.#invocation.traceId
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

  /**
   * From here on the host calls into the guest such that it cannot be suspended. Returns whether it could before. The
   * guest may have been suspended until now: what the host gives it when a wait ends is allocated before it goes on.
   */
  holdThread(): boolean {
    const couldSuspend = this.#canSuspend
    this.#canSuspend = false
    if (!couldSuspend) return false
    this.#heldSinceCpuMs = undefined
    this.#enteredToHold = this.#enteredMs === undefined
    if (this.#enteredToHold) this.enter()
    return true
  }

  /** The guest runs within `WebAssembly.promising` and nothing else; or is suspended, as it was before it held the thread. */
  releaseThread(): void {
    this.#canSuspend = true
    if (!this.#enteredToHold) return
    this.#enteredToHold = false
    this.leave()
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
    const cpuMs = threadCpuMs()
    this.#heldSinceCpuMs ??= cpuMs
    if (cpuMs - this.#heldSinceCpuMs > heldSlices * sliceMs)
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

/** That this thread has had. */
function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

/** The earlier of two epochs; they wrap, so by signed difference. */
function earlier(a: number, b: number): number {
  return ((a - b) | 0) <= 0 ? a : b
}
