/** What lifting and lowering need of the guest: its memory, its allocator, its handle table. */
import { GuestLimit, GuestTrap } from '../errors.ts'
import type { AsyncState } from '../async/state.ts'
import type { HandleTable } from '../handles.ts'
import type { Held } from '../io/held.ts'

/** The canonical options of one lowered function. Both accessors are called at run time only, and only if needed. */
export interface LowerOptions {
  memory: () => WebAssembly.Memory
  /** The guest's `cabi_realloc`. What it throws (a trap inside it) is passed on as it is. */
  realloc: () => (oldPtr: number, oldSize: number, align: number, newSize: number) => number
  encoding: 'utf8' | 'utf16' | 'latin1+utf16'
}

/** The limits that lists are held against. */
export type ElementLimit = 'handles' | 'httpFields'

/** State that all contexts of one instance share. */
export interface AbiShared {
  readonly handles: HandleTable
  readonly async: AsyncState
  /** Elements a list may have that is lifted into host objects one by one: the guest's memory does not pay for them. */
  readonly maxElements: Readonly<Record<ElementLimit, number>>
  /** Bytes of all strings of one call: many may show the same bytes of the guest's memory. */
  readonly maxStringBytes: number
  /** Bytes of the call's strings so far. */
  stringBytes: number
  /** False while the guest's realloc runs: it may not call imports (CanonicalABI.md, `may_leave`). */
  mayLeave: boolean
  /** Collects what a call borrows, for a call that may outlive the guest's turn. */
  lent: Held[] | undefined
}

export class AbiContext {
  readonly encoding: LowerOptions['encoding']
  readonly shared: AbiShared
  readonly #options: LowerOptions
  #view: DataView<ArrayBuffer> | undefined

  constructor(options: LowerOptions, shared: AbiShared) {
    this.#options = options
    this.encoding = options.encoding
    this.shared = shared
  }

  /** The memory as it is now. Do not keep it over anything that may run the guest: growing detaches the buffer. */
  get view(): DataView<ArrayBuffer> {
    const { buffer } = this.#options.memory()
    if (this.#view?.buffer !== buffer) this.#view = new DataView(buffer)
    return this.#view
  }

  /** Traps unless `size` bytes at `ptr` lie in memory and `ptr` is aligned. */
  check(ptr: number, size: number, align: number): void {
    if (ptr % align !== 0) throw new GuestTrap(`pointer ${ptr} is not aligned to ${align} bytes`)
    const { byteLength } = this.view
    if (ptr + size > byteLength) {
      throw new GuestTrap(`${size} bytes at ${ptr} reach past the end of memory (${byteLength} bytes)`)
    }
  }

  /** A checked view of guest memory, not a copy: valid until the guest runs again. */
  bytes(ptr: number, size: number, align = 1): Uint8Array<ArrayBuffer> {
    this.check(ptr, size, align)
    return new Uint8Array(this.view.buffer, ptr, size)
  }

  /** The call lifts a string. Throws GuestLimit before it is made. */
  countString(bytes: number): void {
    this.shared.stringBytes += bytes
    const most = this.shared.maxStringBytes
    if (this.shared.stringBytes > most)
      throw new GuestLimit('hostCallBytes', `strings of more than ${most} bytes in a call`)
  }

  /** Has the guest allocate; the pointer is checked. Invalidates all views. */
  allocate(size: number, align: number): number {
    const realloc = this.#options.realloc()
    let ptr: number
    this.shared.mayLeave = false
    try {
      ptr = realloc(0, 0, align, size) >>> 0
    } finally {
      this.shared.mayLeave = true
    }
    this.check(ptr, size, align)
    return ptr
  }
}
