/** Variants, and what the canonical ABI expands into them: enum, option, result. */
import { GuestTrap } from '../errors.ts'
import { alignTo } from './type.ts'
import type { AbiType, CoreType, CoreValue } from './type.ts'

/** How a host value maps to a case's number and payload, and back. */
interface Mapping<T> {
  index(value: T): number
  payload(value: T): unknown
  value(index: number, payload: unknown): T
}

function cased<T>(cases: readonly (AbiType<unknown> | undefined)[], map: Mapping<T>): AbiType<T> {
  const tagSize = cases.length <= 0x100 ? 1 : cases.length <= 0x1_0000 ? 2 : 4
  const payloadAlign = Math.max(1, ...cases.map((type) => type?.align ?? 1))
  const payloadOffset = alignTo(tagSize, payloadAlign)
  const align = Math.max(tagSize, payloadAlign)
  const size = alignTo(payloadOffset + Math.max(0, ...cases.map((type) => type?.size ?? 0)), align)
  const flat: readonly CoreType[] = ['i32', ...joinFlat(cases)]

  function check(index: number): void {
    if (index >= cases.length) throw new GuestTrap(`discriminant ${index} of a type with ${cases.length} cases`)
  }

  return {
    size,
    align,
    flat,
    load(cx, ptr) {
      const { view } = cx
      const index =
        tagSize === 1 ? view.getUint8(ptr) : tagSize === 2 ? view.getUint16(ptr, true) : view.getUint32(ptr, true)
      check(index)
      return map.value(index, cases[index]?.load(cx, ptr + payloadOffset))
    },
    store(cx, ptr, value) {
      const index = map.index(value)
      const { view } = cx
      if (tagSize === 1) view.setUint8(ptr, index)
      else if (tagSize === 2) view.setUint16(ptr, index, true)
      else view.setUint32(ptr, index, true)
      cases[index]?.store(cx, ptr + payloadOffset, map.payload(value))
    },
    lift(cx, reader) {
      const end = reader.position + flat.length
      const index = reader.i32()
      check(index)
      const payload = cases[index]?.lift(cx, reader)
      reader.skipTo(end)
      return map.value(index, payload)
    },
    lower(cx, value, out) {
      const index = map.index(value)
      const payload: CoreValue[] = [index]
      cases[index]?.lower(cx, map.payload(value), payload)
      // Slots are as wide as the widest case needs; what this case does not fill is zero.
      flat.forEach((type, i) => {
        const slot = payload[i] ?? 0
        out.push(type === 'i64' && typeof slot === 'number' ? BigInt(slot >>> 0) : slot)
      })
    },
  }
}

/** CanonicalABI.md, `flatten_variant`: cases share slots; one that is not i32 in all of them is i64. */
function joinFlat(cases: readonly (AbiType<unknown> | undefined)[]): CoreType[] {
  const joined: CoreType[] = []
  for (const type of cases) {
    type?.flat.forEach((slot, i) => {
      joined[i] = joined[i] === undefined || joined[i] === slot ? slot : 'i64'
    })
  }
  return joined
}

/** One case of a variant: its name, and its payload if it has one. */
export interface Case {
  readonly tag: string
  readonly val?: unknown
}

/** A variant; `cases` maps each name, in the order of the WIT, to its payload's type or null. */
export function variant<V extends Case>(cases: { readonly [T in V['tag']]: AbiType<unknown> | null }): AbiType<V>
export function variant(cases: Readonly<Record<string, AbiType<unknown> | null>>): AbiType<Case> {
  const entries = Object.entries(cases)
  const indexes = new Map(entries.map(([tag], i) => [tag, i]))
  return cased<Case>(
    entries.map(([, type]) => type ?? undefined),
    {
      index: (value) => indexes.get(value.tag) ?? -1,
      payload: (value) => value.val,
      value(index, val) {
        const [tag = '', type] = entries[index] ?? []
        return type === null ? { tag } : { tag, val }
      },
    },
  )
}

/** An enum; the value is the case's name. */
export function enumeration<N extends string>(...names: readonly N[]): AbiType<N>
export function enumeration(...names: readonly string[]): AbiType<string> {
  return cased<string>(
    names.map(() => undefined),
    {
      index: (name) => names.indexOf(name),
      payload: () => undefined,
      value: (index) => names[index] ?? '',
    },
  )
}

/** An option; none is `undefined`. An option of an option has no such form and is not offered. */
export function option<T>(type: AbiType<T>): AbiType<T | undefined>
export function option(type: AbiType<unknown>): AbiType<unknown> {
  return cased<unknown>([undefined, type], {
    index: (value) => (value === undefined ? 0 : 1),
    payload: (value) => value,
    value: (_index, payload) => payload,
  })
}

export type Result<T, E> = { readonly tag: 'ok'; readonly val: T } | { readonly tag: 'err'; readonly val: E }

export function ok<T>(val: T): Result<T, never> {
  return { tag: 'ok', val }
}

/** A result; a side without a type has `undefined` for its value. */
export function result<T = undefined, E = undefined>(ok?: AbiType<T>, err?: AbiType<E>): AbiType<Result<T, E>>
export function result(ok?: AbiType<unknown>, err?: AbiType<unknown>): AbiType<Result<unknown, unknown>> {
  return cased<Result<unknown, unknown>>([ok, err], {
    index: (value) => (value.tag === 'ok' ? 0 : 1),
    payload: (value) => value.val,
    value: (index, val) => ({ tag: index === 0 ? 'ok' : 'err', val }),
  })
}
