/** Records, tuples and flags. */
import { alignTo } from './type.ts'
import type { AbiType } from './type.ts'

type Fields<T> = { readonly [K in keyof T]: AbiType<T[K]> }

interface Layout {
  readonly size: number
  readonly align: number
  readonly offsets: readonly number[]
}

function layOut(types: readonly AbiType<unknown>[]): Layout {
  const offsets: number[] = []
  let end = 0
  let align = 1
  for (const type of types) {
    const offset = alignTo(end, type.align)
    offsets.push(offset)
    end = offset + type.size
    align = Math.max(align, type.align)
  }
  return { size: alignTo(end, align), align, offsets }
}

/** A tuple; its value is an array. */
export function tuple<T extends unknown[]>(types: readonly [...Fields<T>]): AbiType<T>
export function tuple(types: readonly AbiType<unknown>[]): AbiType<unknown[]> {
  const { size, align, offsets } = layOut(types)
  const members = types.map((type, i) => ({ type, offset: offsets[i] ?? 0, index: i }))
  return {
    size,
    align,
    flat: members.flatMap(({ type }) => type.flat),
    load: (cx, ptr) => members.map(({ type, offset }) => type.load(cx, ptr + offset)),
    store(cx, ptr, value) {
      for (const { type, offset, index } of members) type.store(cx, ptr + offset, value[index])
    },
    lift: (cx, flat) => members.map(({ type }) => type.lift(cx, flat)),
    lower(cx, value, flat) {
      for (const { type, index } of members) type.lower(cx, value[index], flat)
    },
  }
}

/** A record; its value is an object, its fields in the order of the WIT. */
export function record<T extends object>(fields: Fields<T>): AbiType<T>
export function record(fields: Record<string, AbiType<unknown>>): AbiType<Record<string, unknown>> {
  const names = Object.keys(fields)
  const members = tuple<unknown[]>(Object.values(fields))
  const named = (values: unknown[]) => Object.fromEntries(names.map((name, i) => [name, values[i]]))
  const values = (value: Record<string, unknown>) => names.map((name) => value[name])
  return {
    size: members.size,
    align: members.align,
    flat: members.flat,
    load: (cx, ptr) => named(members.load(cx, ptr)),
    store: (cx, ptr, value) => members.store(cx, ptr, values(value)),
    lift: (cx, flat) => named(members.lift(cx, flat)),
    lower: (cx, value, flat) => members.lower(cx, values(value), flat),
  }
}

/** Up to 32 flags; the value names those that are set. Bits beyond the last flag are ignored, as the spec has it. */
export function flags<N extends string>(...names: readonly N[]): AbiType<ReadonlySet<N>> {
  const width = names.length <= 8 ? 1 : names.length <= 16 ? 2 : 4
  const unpack = (bits: number): ReadonlySet<N> => new Set(names.filter((_name, i) => ((bits >>> i) & 1) === 1))
  const pack = (set: ReadonlySet<N>): number =>
    names.reduce((bits, name, i) => (set.has(name) ? bits | (1 << i) : bits), 0) >>> 0
  return {
    size: width,
    align: width,
    flat: ['i32'],
    load(cx, ptr) {
      const { view } = cx
      return unpack(
        width === 1 ? view.getUint8(ptr) : width === 2 ? view.getUint16(ptr, true) : view.getUint32(ptr, true),
      )
    },
    store(cx, ptr, value) {
      const { view } = cx
      if (width === 1) view.setUint8(ptr, pack(value))
      else if (width === 2) view.setUint16(ptr, pack(value), true)
      else view.setUint32(ptr, pack(value), true)
    },
    lift: (_cx, flat) => unpack(flat.i32()),
    lower: (_cx, value, flat) => void flat.push(pack(value)),
  }
}
