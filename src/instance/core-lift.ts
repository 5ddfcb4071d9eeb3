/** One lifted export of one instance, as it is called: the host's side of `canon lift`. */
import type { WaitEvent } from '../wasi/async/waitables.ts'
import { GuestTrap } from '../wasi/errors.ts'
import type { GuestInstance } from './guest.ts'
import { coreRealloc, type Realloc } from './link.ts'
import type { HandleLift } from './plan.ts'
import type { Run } from './run.ts'

/** Callback codes of an asynchronous lift (CanonicalABI.md, "callback"). */
const callbackExit = 0
const callbackYield = 1
const callbackWait = 2

const nothing: WaitEvent = { code: 0, handle: 0, payload: 0 }

export class CoreLift {
  readonly lift: HandleLift
  readonly #instance: GuestInstance
  readonly #memory: WebAssembly.Memory | undefined
  readonly #call: (...args: number[]) => Promise<unknown>
  readonly #callback: ((event: number, a: number, b: number) => Promise<unknown>) | undefined
  readonly #postReturn: ((pointer: number) => Promise<unknown>) | undefined

  constructor(instance: GuestInstance, lift: HandleLift) {
    this.lift = lift
    this.#instance = instance
    const memory = coreAt(instance, instance.engine.plan.memories[lift.options.memory ?? 0])
    this.#memory = memory instanceof WebAssembly.Memory ? memory : undefined
    this.#call = WebAssembly.promising(coreFunction(coreAt(instance, lift)))
    this.#callback =
      lift.callback === null ? undefined : WebAssembly.promising(coreFunction(coreAt(instance, lift.callback)))
    this.#postReturn =
      lift.postReturn === null ? undefined : WebAssembly.promising(coreFunction(coreAt(instance, lift.postReturn)))
  }

  /** A guest without one can neither take an event nor give a payload. */
  get memory(): WebAssembly.Memory {
    if (this.#memory === undefined) throw new GuestTrap('the component has no memory')
    return this.#memory
  }

  get realloc(): Realloc {
    const { realloc } = this.lift.options
    return coreRealloc(
      coreAt(this.#instance, realloc === null ? undefined : this.#instance.engine.plan.reallocs[realloc]),
    )
  }

  /** Until the export's task has ended, whatever it waits for. Returns what a synchronous one returned. */
  async call(run: Run, ...args: number[]): Promise<number> {
    const called = this.#call(...args)
    run.leave()
    const result = await called
    run.leave()
    if (this.lift.lift === 'callback') await this.#drive(Number(result ?? callbackExit), run)
    return Number(result ?? 0)
  }

  /** What a synchronous export wants to be called with when its result has been read. */
  async postReturn(run: Run, pointer: number): Promise<void> {
    if (this.#postReturn === undefined) return
    run.enter()
    const called = this.#postReturn(pointer)
    run.leave()
    await called
    run.leave()
  }

  async #drive(first: number, run: Run): Promise<void> {
    let code = first
    const { host } = this.#instance
    // A guest that waits has no stack: it can be left as it is.
    while ((code & 0xf) !== callbackExit && !host.isDone) {
      let event = nothing
      if ((code & 0xf) === callbackWait) event = await run.suspended(host.nextEvent(code >>> 4))
      else if ((code & 0xf) === callbackYield) await run.pause()
      else throw new GuestTrap(`the callback returned ${code & 0xf}, which is none of exit, yield and wait`)
      const called = this.#callback?.(event.code, event.handle, event.payload)
      run.leave()
      code = Number(await called)
      run.leave()
    }
  }
}

function coreAt(instance: GuestInstance, slot: { step: number; name: string } | undefined): unknown {
  return slot === undefined ? undefined : instance.linked.exports[slot.step]?.[slot.name]
}

function coreFunction(value: unknown): (...args: unknown[]) => unknown {
  if (!isCoreFunction(value)) throw new GuestTrap('the component lacks a core export that its plan names')
  return value
}

function isCoreFunction(value: unknown): value is (...args: unknown[]) => unknown {
  return typeof value === 'function'
}
