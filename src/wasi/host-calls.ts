/**
 * The calls that a guest makes: lowered once an instance, each let through only within an invocation, and what it throws
 * remembered. An exception thrown here is no trap to the engine: a guest can catch it (`catch_all`) and go on, so it then
 * gets it out of every further call, and whoever ran the guest must look at `failure` even when it returned.
 */
import { ThawError } from '../errors.ts'
import { AbiContext } from './abi/context.ts'
import type { AbiShared, LowerOptions } from './abi/context.ts'
import { liftAsyncParams, liftParams, lowerResult, storeAsyncResult } from './abi/function.ts'
import type { CoreFunction } from './abi/function.ts'
import type { CoreValue } from './abi/type.ts'
import { lowerBuiltin, nextEvent } from './async/builtins.ts'
import type { AsyncBuiltin } from './async/names.ts'
import { Pending, Subtask, subtaskStates } from './async/subtasks.ts'
import type { WaitEvent } from './async/waitables.ts'
import { GuestTrap, InvocationAborted } from './errors.ts'
import type { Held } from './io/held.ts'
import { findFunction, findResource } from './offered.ts'
import type { HostFunction, HostState, WasiInvocation } from './state.ts'

/** `mayBlock`: to be wrapped in WebAssembly.Suspending; `fn` returns a promise only when it really has to wait. */
export interface LoweredFunction {
  fn: CoreFunction
  mayBlock: boolean
}

export class HostCalls {
  readonly #state: HostState
  readonly #shared: AbiShared
  readonly #contexts = new Map<LowerOptions, AbiContext>()
  #invocation: WasiInvocation | undefined
  #failure: unknown
  #suspended = 0
  #abandoned = false

  constructor(state: HostState, shared: AbiShared) {
    this.#state = state
    this.#shared = shared
  }

  /** What ended the guest in this invocation, if a call did. */
  get failure(): unknown {
    return this.#failure
  }

  /** Calls that are waiting. */
  get suspended(): number {
    return this.#suspended
  }

  /** Whether an invocation ended while a call was waiting. */
  get abandoned(): boolean {
    return this.#abandoned
  }

  /** Throws if a call of the last invocation may still be on a stack. */
  begin(invocation: WasiInvocation): void {
    if (this.#abandoned || this.#suspended > 0) {
      throw new ThawError('Service', 'An instance was to be used again while a call of its last guest was waiting.')
    }
    this.#invocation = invocation
    this.#failure = undefined
  }

  /** To be told before what waits is rejected. */
  ending(): void {
    if (this.#suspended > 0) this.#abandoned = true
  }

  end(): void {
    this.#shared.mayLeave = true
    this.#invocation = undefined
    this.#failure = undefined
  }

  /** Instances pass the same options object for functions that share options: they then share the memory's view. */
  context(options: LowerOptions): AbiContext {
    const cx = this.#contexts.get(options) ?? new AbiContext(options, this.#shared)
    this.#contexts.set(options, cx)
    return cx
  }

  lower(iface: string, func: string, options: LowerOptions): LoweredFunction {
    const host = requireFunction(iface, func)
    const cx = this.context(options)
    const fn: CoreFunction = (...flat) => {
      this.#enter(iface, func)
      try {
        const called = host.call(this.#state, ...liftParams(host, cx, flat))
        const value = called instanceof Pending ? called.answer(this.#state.waits) : called
        if (value instanceof Promise) return this.#resume(value, (settled) => lowerResult(host, cx, flat, settled))
        return lowerResult(host, cx, flat, value)
      } catch (error) {
        return this.fail(error)
      }
    }
    return { fn, mayBlock: host.mayBlock }
  }

  /** `canon lower async`: returns at once, with a subtask where the answer is not there yet. */
  lowerAsync(iface: string, func: string, options: LowerOptions): CoreFunction {
    const host = requireFunction(iface, func)
    const cx = this.context(options)
    return (...flat) => {
      this.#enter(iface, func)
      try {
        return this.#start(host, cx, flat)
      } catch (error) {
        return this.fail(error)
      }
    }
  }

  asyncBuiltin(builtin: AsyncBuiltin, options: LowerOptions): LoweredFunction {
    const { async: state, handles } = this.#state
    const { call, mayBlock } = lowerBuiltin(builtin, { state, handles, cx: this.context(options) })
    const fn: CoreFunction = (...flat) => {
      this.#enter('the built-in', builtin.name)
      try {
        const value = call(...flat)
        return value instanceof Promise ? this.#resume(value, (settled) => settled) : value
      } catch (error) {
        return this.fail(error)
      }
    }
    return { fn, mayBlock }
  }

  /** `canon resource.drop` of a type that `iface` defines. */
  drop(iface: string, resource: string): (handle: number) => void {
    const name = findResource(iface, resource)
    if (name === undefined) throw new ThawError('Build', `${iface} ${resource} is not offered to guests.`)
    return (handle) => {
      this.#enter(iface, resource)
      try {
        this.#state.handles.drop(handle >>> 0, name)
      } catch (error) {
        this.fail(error)
      }
    }
  }

  /** What the task of a stackless export waits for: the set that its callback code names. */
  async nextEvent(set: number): Promise<WaitEvent> {
    try {
      return await nextEvent(this.#state.async, this.#state.handles.get(set, 'waitable-set'))
    } catch (error) {
      return this.fail(error)
    }
  }

  fail(error: unknown): never {
    this.#failure ??= error
    throw error
  }

  #start(host: HostFunction, cx: AbiContext, flat: readonly CoreValue[]): number {
    const lent: Held[] = []
    this.#shared.lent = lent
    let params: unknown[]
    try {
      params = liftAsyncParams(host, cx, flat)
    } finally {
      this.#shared.lent = undefined
    }
    const called = host.call(this.#state, ...params)
    if (!(called instanceof Pending) && !(called instanceof Promise)) {
      storeAsyncResult(host, cx, flat, called)
      return subtaskStates.returned
    }
    const { settled, cancel } = called instanceof Pending ? called : uncancellable(called)
    const invocation = this.#invocation
    const subtask = new Subtask(cancel, () => {
      for (const resource of lent) resource.lends -= 1
    })
    settled.then(
      (make) => {
        if (this.#invocation === invocation) subtask.returned(() => storeAsyncResult(host, cx, flat, make()))
      },
      (error: unknown) => {
        if (this.#invocation === invocation && subtask.isUnderWay) this.#failure ??= error
        subtask.returned(() => {
          throw error
        })
      },
    )
    try {
      subtask.handle = this.#state.handles.insert(subtask)
    } catch (error) {
      cancel()
      throw error
    }
    for (const resource of lent) resource.lends += 1
    return ((subtask.handle << 4) | subtaskStates.started) >>> 0
  }

  /** Finishes a call that waited, unless its invocation has ended by then. */
  async #resume(waiting: Promise<unknown>, finish: (value: unknown) => unknown): Promise<unknown> {
    const invocation = this.#invocation
    this.#suspended += 1
    try {
      const value = await waiting
      if (this.#invocation !== invocation) throw new InvocationAborted('the invocation ended while the guest waited')
      return finish(value)
    } catch (error) {
      if (this.#invocation === invocation) this.#failure ??= error
      throw error
    } finally {
      this.#suspended -= 1
    }
  }

  #enter(iface: string, name: string): void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#invocation === undefined) throw new InvocationAborted(`${iface} ${name} was called outside an invocation`)
    if (!this.#shared.mayLeave) this.fail(new GuestTrap(`${iface} ${name} was called from the guest's realloc`))
    this.#shared.stringBytes = 0
  }
}

function requireFunction(iface: string, func: string): HostFunction {
  const host = findFunction(iface, func)
  if (host === undefined) throw new ThawError('Build', `${iface} ${func} is not offered to guests.`)
  return host
}

/** A call that waits without being able to be given up. */
function uncancellable(waiting: Promise<unknown>): Pending<unknown> {
  return new Pending(
    waiting.then((value) => () => value),
    () => {},
  )
}
