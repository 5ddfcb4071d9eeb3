/**
 * Thaw's WASI 0.2 host: one per instance. What it holds has two lifetimes: the handle table is the snapshot's (`reset`),
 * everything else is one invocation's (`begin` to `end`). Outside of an invocation nothing is granted, so a guest that
 * runs where it must not gets an InvocationAborted out of every call.
 */
import { ThawError } from '../errors.ts'
import type { SnapshotHandle } from '../snapshot/format.ts'
import { AbiContext } from './abi/context.ts'
import type { AbiShared, LowerOptions } from './abi/context.ts'
import { liftParams, lowerResult } from './abi/function.ts'
import type { CoreFunction } from './abi/function.ts'
import { monotonicNowNs } from './clock.ts'
import { GuestTrap, InvocationAborted } from './errors.ts'
import type { WasiLimits } from './errors.ts'
import { HandleTable } from './handles.ts'
import { findFunction, findResource } from './offered.ts'
import type { HostState, Impurity, WasiInvocation } from './state.ts'
import { Waits } from './waits.ts'

/** `mayBlock`: to be wrapped in WebAssembly.Suspending; `fn` returns a promise only when it really has to wait. */
export interface LoweredFunction {
  fn: CoreFunction
  mayBlock: boolean
}

/** Ours: a host call holds the thread, so 1 MiB is the most of it whatever is configured. */
const MOST_HOST_CALL_BYTES = 1_048_576

export class WasiHost {
  readonly #limits: WasiLimits
  readonly #handles: HandleTable
  readonly #waits = new Waits()
  readonly #shared: AbiShared
  readonly #contexts = new Map<LowerOptions, AbiContext>()
  readonly #state: HostState
  readonly #reads: Record<Impurity, boolean> = { clock: false, randomness: false, environment: false }
  #invocation: WasiInvocation | undefined
  #failure: unknown
  #suspended = 0
  #abandoned = false

  constructor(limits: WasiLimits) {
    this.#limits = { ...limits, hostCallBytes: Math.min(limits.hostCallBytes, MOST_HOST_CALL_BYTES) }
    this.#handles = new HandleTable(limits.handles)
    this.#shared = { handles: this.#handles, maxListElements: limits.handles, mayLeave: true }
    this.#state = this.#makeState()
  }

  /** Instances pass the same options object for functions that share options: they then share the memory's view. */
  lower(iface: string, func: string, options: LowerOptions): LoweredFunction {
    const host = findFunction(iface, func)
    if (host === undefined) throw new ThawError('Build', `${iface} ${func} is not offered to guests.`)
    const cx = this.#contexts.get(options) ?? new AbiContext(options, this.#shared)
    this.#contexts.set(options, cx)
    const fn: CoreFunction = (...flat) => {
      this.#enter(iface, func)
      try {
        const value = host.call(this.#state, ...liftParams(host, cx, flat))
        if (value instanceof Promise) return this.#resume(value, (settled) => lowerResult(host, cx, flat, settled))
        return lowerResult(host, cx, flat, value)
      } catch (error) {
        return this.#fail(error)
      }
    }
    return { fn, mayBlock: host.mayBlock }
  }

  /** `canon resource.drop` of a type that `iface` defines. */
  drop(iface: string, resource: string): (handle: number) => void {
    const name = findResource(iface, resource)
    if (name === undefined) throw new ThawError('Build', `${iface} ${resource} is not offered to guests.`)
    return (handle) => {
      this.#enter(iface, resource)
      try {
        this.#handles.remove(handle >>> 0, name)
      } catch (error) {
        this.#fail(error)
      }
    }
  }

  /** Leaves the handle table as it is: `reset` may come first. Throws if the host is `abandoned`. */
  begin(invocation: WasiInvocation): void {
    if (this.#abandoned || this.#suspended > 0) {
      throw new ThawError('Service', 'An instance was to be used again while a call of its last guest was waiting.')
    }
    this.#invocation = invocation
    this.#failure = undefined
    this.#reads.clock = false
    this.#reads.randomness = false
    this.#reads.environment = false
    this.#waits.begin(invocation)
  }

  /** Stops timers, rejects pending waits and closes every handle. Idempotent. */
  end(): void {
    if (this.#suspended > 0) this.#abandoned = true
    this.#waits.end()
    this.#handles.reset([])
    this.#shared.mayLeave = true
    this.#invocation = undefined
    this.#failure = undefined
  }

  /** The handle table as at capture. */
  reset(handles: readonly SnapshotHandle[]): void {
    this.#handles.reset(handles)
  }

  /** The handles open now, at capture. Throws ThawError('Build') naming one that no restore could open again. */
  snapshotHandles(): SnapshotHandle[] {
    return this.#handles.snapshot(monotonicNowNs())
  }

  /** At capture: what init read that the snapshot freezes, for the deploy to report. */
  captureWarnings(): string[] {
    const same = 'what it kept of it is the same in every invocation'
    const { clock, randomness, environment } = this.#reads
    return [
      ...(clock ? [`init read the clock: ${same}`] : []),
      ...(randomness ? [`init read randomness: ${same}`] : []),
      ...(environment ? ['init read the environment, which is empty until an invocation'] : []),
    ]
  }

  /** For the checking mode: everything here that a guest could observe, as text; equal after every reset. */
  stateHash(): string {
    const { mayLeave } = this.#shared
    return `${this.#handles.describe()} waits ${this.#suspended} mayLeave ${mayLeave} held ${this.heldBytes}`
  }

  /** Bytes the host holds for this guest. */
  get heldBytes(): number {
    return this.#handles.heldBytes + this.#waits.heldBytes
  }

  get openHandles(): number {
    return this.#handles.open
  }

  /** Guest calls that are waiting. */
  get pendingWaits(): number {
    return this.#suspended
  }

  /**
   * Whether an invocation ended while a call of the guest was waiting. The call is rejected, but what of the guest is
   * on that stack runs once more, to unwind at least: the instance must not be used again.
   */
  get abandoned(): boolean {
    return this.#abandoned
  }

  /**
   * What ended the guest in this invocation, if a host call did. An exception thrown here is no trap to the engine: a
   * guest can catch it (`catch_all`) and go on, so it then gets it out of every further call, and whoever ran the
   * guest must look here even when it returned.
   */
  get failure(): unknown {
    return this.#failure
  }

  #fail(error: unknown): never {
    this.#failure ??= error
    throw error
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
    if (!this.#shared.mayLeave) this.#fail(new GuestTrap(`${iface} ${name} was called from the guest's realloc`))
  }

  #makeState(): HostState {
    // Host functions run only between begin and end, so there is an invocation.
    const current = (): WasiInvocation => {
      if (this.#invocation === undefined) throw new InvocationAborted('the invocation has ended')
      return this.#invocation
    }
    return {
      limits: this.#limits,
      handles: this.#handles,
      waits: this.#waits,
      reads: this.#reads,
      get invocation() {
        return current()
      },
    }
  }
}
