/** A guest without code: a real memory, a bump allocator, and the core functions the host gives it. */
import type { CoreValue } from '../../src/wasi/abi/type.ts'
import type { LowerOptions } from '../../src/wasi/abi/context.ts'
import type { WasiLimits } from '../../src/wasi/errors.ts'
import { WasiHost } from '../../src/wasi/host.ts'
import type { WasiInvocation } from '../../src/wasi/state.ts'

export const PAGE = 65_536
/** Where results go; what the allocator hands out begins after. */
export const RESULT = 256
const HEAP = 1_024

export interface GuestOptions {
  limits?: Partial<WasiLimits>
  environment?: Record<string, string>
  encoding?: LowerOptions['encoding']
  signal?: AbortSignal
  realloc?: (oldPtr: number, oldSize: number, align: number, newSize: number) => number
}

export class TestGuest {
  readonly memory = new WebAssembly.Memory({ initial: 2 })
  readonly host: WasiHost
  readonly options: LowerOptions
  readonly allocations: { align: number; size: number }[] = []
  log = ''
  #top = HEAP
  #grants: Pick<GuestOptions, 'environment' | 'signal'> = {}

  constructor({ limits, encoding = 'utf8', realloc, ...grants }: GuestOptions = {}) {
    this.host = new WasiHost({ handles: 64, hostCallBytes: 100_000, ...limits })
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

  begin(grants: Pick<GuestOptions, 'environment' | 'signal'> = {}): void {
    this.#grants = grants
    const { environment = {}, signal } = grants
    const invocation: WasiInvocation = {
      environment,
      signal,
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
