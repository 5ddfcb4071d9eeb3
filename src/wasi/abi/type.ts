/**
 * A component-level type as the canonical ABI sees it: its layout in memory, its flat form, and the four ways over
 * (component model, CanonicalABI.md: load, store, lift_flat, lower_flat). Types are built once, when their module is
 * loaded, and hold no state, so all instances share them.
 */
import type { AbiContext } from './context.ts'

export type CoreType = 'i32' | 'i64'
export type CoreValue = number | bigint

export interface AbiType<T> {
  /** Bytes in memory, and their alignment. */
  readonly size: number
  readonly align: number
  readonly flat: readonly CoreType[]
  /** `ptr` is aligned and `size` bytes from it are in bounds: the caller has checked. */
  load(cx: AbiContext, ptr: number): T
  /** As for load. May call the guest's realloc. */
  store(cx: AbiContext, ptr: number, value: T): void
  lift(cx: AbiContext, flat: FlatReader): T
  lower(cx: AbiContext, value: T, flat: CoreValue[]): void
}

/** Reads a call's core values in order. Core i32 and i64 arrive signed; what comes out is unsigned. */
export class FlatReader {
  readonly #values: readonly CoreValue[]
  #next = 0

  constructor(values: readonly CoreValue[]) {
    this.#values = values
  }

  get position(): number {
    return this.#next
  }

  /** Also of a slot that is an i64 because variant cases share it: the low half then. */
  i32(): number {
    const value = this.#values[this.#next++]
    return typeof value === 'number' ? value >>> 0 : Number(BigInt.asUintN(32, value ?? 0n))
  }

  i64(): bigint {
    const value = this.#values[this.#next++]
    return typeof value === 'bigint' ? BigInt.asUintN(64, value) : BigInt((value ?? 0) >>> 0)
  }

  skipTo(position: number): void {
    this.#next = position
  }
}

export function alignTo(offset: number, align: number): number {
  return Math.ceil(offset / align) * align
}
