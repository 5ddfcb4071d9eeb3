/** A guest without code: a real memory, a bump allocator, and the core functions the host gives it. */
import { AbiContext } from '../../src/wasi/abi/context.ts'
import type { AbiShared, LowerOptions } from '../../src/wasi/abi/context.ts'
import { FlatReader } from '../../src/wasi/abi/type.ts'
import type { CoreValue } from '../../src/wasi/abi/type.ts'
import { AsyncState } from '../../src/wasi/async/state.ts'
import type { EgressClient } from '../../src/http/egress.ts'
import type { HttpExchange } from '../../src/http/message.ts'
import type { WasiLimits } from '../../src/wasi/errors.ts'
import { HandleTable } from '../../src/wasi/handles.ts'
import { WasiHost } from '../../src/wasi/host.ts'
import { findFunction } from '../../src/wasi/offered.ts'
import type { WasiInvocation } from '../../src/wasi/state.ts'
import { Waits } from '../../src/wasi/waits.ts'

export const PAGE = 65_536
/** Where results go; what the allocator hands out begins after. */
export const RESULT = 256
const HEAP = 1_024

export interface GuestOptions {
  limits?: Partial<WasiLimits>
  environment?: Record<string, string>
  encoding?: LowerOptions['encoding']
  signal?: AbortSignal
  http?: HttpExchange
  egress?: EgressClient
  files?: WasiInvocation['files']
  payloadStream?: WasiInvocation['payloadStream']
  realloc?: (oldPtr: number, oldSize: number, align: number, newSize: number) => number
}

type Grants = Pick<GuestOptions, 'environment' | 'signal' | 'http' | 'egress' | 'files' | 'payloadStream'>

export const testLimits: WasiLimits = {
  handles: 64,
  hostCallBytes: 100_000,
  httpFields: 100,
  httpFieldBytes: 10_000,
  httpHeldBytes: 200_000,
}

/** The guest's side of the canonical ABI: what stands for a resource is its handle. */
class GuestHandles extends HandleTable {
  override insert(handle: unknown): number {
    return Number(handle)
  }
  override lend(handle: unknown): number {
    return Number(handle)
  }
  override get(handle: number): never {
    return handle as never
  }
  override remove(handle: number): never {
    return handle as never
  }
}

/** The same of the ends of streams and futures. */
class GuestAsync extends AsyncState {
  override giveStream(stream: unknown): number {
    return Number(stream)
  }
  override giveFuture(future: unknown): number {
    return Number(future)
  }
}

const guestHandles = new GuestHandles(0)
export const guestShared: AbiShared = {
  handles: guestHandles,
  async: new GuestAsync(guestHandles, new Waits(), testLimits),
  maxElements: { handles: 10_000, httpFields: 10_000 },
  maxStringBytes: Number.POSITIVE_INFINITY,
  stringBytes: 0,
  mayLeave: true,
  lent: undefined,
}

export class TestGuest {
  readonly memory = new WebAssembly.Memory({ initial: 2 })
  readonly host: WasiHost
  readonly options: LowerOptions
  readonly allocations: { align: number; size: number }[] = []
  log = ''
  #top = HEAP
  #grants: Grants = {}

  constructor({ limits, encoding = 'utf8', realloc, ...grants }: GuestOptions = {}) {
    this.host = new WasiHost({ ...testLimits, ...limits })
    this.options = { memory: () => this.memory, realloc: () => realloc ?? this.realloc, encoding }
    this.begin(grants)
  }

  readonly realloc = (_oldPtr: number, _oldSize: number, align: number, size: number): number => {
    this.allocations.push({ align, size })
    const ptr = Math.ceil(this.#top / align) * align
    this.#top = ptr + size
    const missing = this.#top - this.memory.buffer.byteLength
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE))
    return ptr
  }

  begin(grants: Grants = {}): void {
    this.#grants = grants
    const { environment = {}, signal, http, egress, files, payloadStream } = grants
    const invocation: WasiInvocation = {
      environment,
      signal,
      http,
      egress,
      files,
      payloadStream,
      write: (_stream, bytes) => {
        this.log += Buffer.from(bytes).toString()
      },
    }
    this.host.begin(invocation)
  }

  /** One call. If it fails, another invocation begins, on the same handles: a failed one gets no further. */
  call(iface: string, func: string, ...args: CoreValue[]): unknown {
    const { fn } = this.host.lower(iface, func, this.options)
    return this.#attempt(() => fn(...args))
  }

  drop(iface: string, resource: string, handle: number): void {
    const drop = this.host.drop(iface, resource)
    this.#attempt(() => drop(handle))
  }

  /**
   * One call with component-level values, lowered and lifted as a guest's own bindings do; handles are numbers. A
   * promise of the answer if the call has to wait.
   */
  invoke(iface: string, func: string, ...values: unknown[]): unknown {
    const type = findFunction(iface, func)
    if (type === undefined) throw new Error(`${iface} ${func} is not offered`)
    const cx = new AbiContext({ ...this.options, realloc: () => this.realloc }, guestShared)
    const flat: CoreValue[] = []
    if (type.params.flat.length <= 16) type.params.lower(cx, values, flat)
    else {
      // More go through memory.
      const at = this.realloc(0, 0, type.params.align, type.params.size)
      type.params.store(cx, at, values)
      flat.push(at)
    }
    const { result } = type
    const ptr = result === undefined ? 0 : this.realloc(0, 0, result.align, result.size)
    const viaMemory = result !== undefined && result.flat.length > 1
    const lift = (core: unknown): unknown => {
      if (result === undefined) return undefined
      if (viaMemory) return result.load(cx, ptr)
      if (typeof core !== 'number' && typeof core !== 'bigint') throw new Error(`${func} returned ${String(core)}`)
      return result.lift(cx, new FlatReader([core]))
    }
    const core = this.call(iface, func, ...flat, ...(viaMemory ? [ptr] : []))
    return core instanceof Promise ? core.then(lift) : lift(core)
  }

  /** A call that answers with a handle, or `ok` with one. */
  handle(iface: string, func: string, ...values: unknown[]): number {
    const answer = this.invoke(iface, func, ...values)
    if (typeof answer === 'number') return answer
    if (typeof answer === 'object' && answer !== null && 'val' in answer && typeof answer.val === 'number') {
      return answer.val
    }
    throw new Error(`${func} answered ${JSON.stringify(answer)}`)
  }

  #attempt(run: () => unknown): unknown {
    try {
      return run()
    } catch (error) {
      if (this.host.pendingWaits === 0) this.begin(this.#grants)
      throw error
    }
  }

  /** A call that answers with a handle, or another i32. */
  number(iface: string, func: string, ...args: CoreValue[]): number {
    return Number(this.call(iface, func, ...args))
  }

  /** A call whose result goes through memory: a view of it, at RESULT. */
  result(iface: string, func: string, ...args: CoreValue[]): DataView {
    this.call(iface, func, ...args, RESULT)
    return new DataView(this.memory.buffer, RESULT)
  }

  get view(): DataView {
    return new DataView(this.memory.buffer)
  }

  /** Places bytes as a guest's own data. */
  place(bytes: Uint8Array | string): { ptr: number; length: number } {
    const data = Buffer.from(bytes)
    const ptr = this.realloc(0, 0, 8, data.byteLength)
    new Uint8Array(this.memory.buffer).set(data, ptr)
    return { ptr, length: data.byteLength }
  }

  text(ptr: number, length: number): string {
    return Buffer.from(this.memory.buffer, ptr, length).toString()
  }

  stdout(): number {
    return this.number('wasi:cli/stdout', 'get-stdout')
  }

  timer(durationNs: bigint): number {
    return this.number('wasi:clocks/monotonic-clock', 'subscribe-duration', durationNs)
  }
}
