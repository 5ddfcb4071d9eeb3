import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AbiContext } from '../../src/wasi/abi/context.ts'
import { liftParams, lowerResult } from '../../src/wasi/abi/function.ts'
import { bytes, list } from '../../src/wasi/abi/lists.ts'
import { flags, record, tuple } from '../../src/wasi/abi/records.ts'
import { bool, u16, u32, u64, u8 } from '../../src/wasi/abi/scalars.ts'
import { string } from '../../src/wasi/abi/strings.ts'
import { FlatReader } from '../../src/wasi/abi/type.ts'
import type { AbiType, CoreValue } from '../../src/wasi/abi/type.ts'
import { enumeration, option, result, variant } from '../../src/wasi/abi/variants.ts'
import { GuestLimit, GuestTrap } from '../../src/wasi/errors.ts'
import { HandleTable } from '../../src/wasi/handles.ts'
import { AsyncState } from '../../src/wasi/async/state.ts'
import { Waits } from '../../src/wasi/waits.ts'
import { TestGuest, testLimits } from './support.ts'
import type { GuestOptions } from './support.ts'

function context(options: GuestOptions = {}) {
  const guest = new TestGuest(options)
  const handles = new HandleTable(8)
  const shared = {
    handles,
    async: new AsyncState(handles, new Waits(), testLimits),
    maxElements: { handles: 100, httpFields: 100 },
    maxStringBytes: 10_000_000,
    stringBytes: 0,
    mayLeave: true,
    lent: undefined,
  }
  return { guest, cx: new AbiContext(guest.options, shared) }
}

function throughMemory<T>(type: AbiType<T>, value: T, options: GuestOptions = {}): T {
  const { guest, cx } = context(options)
  const ptr = guest.realloc(0, 0, type.align, type.size)
  type.store(cx, ptr, value)
  return type.load(cx, ptr)
}

function throughFlat<T>(type: AbiType<T>, value: T): T {
  const { cx } = context()
  const flat: CoreValue[] = []
  type.lower(cx, value, flat)
  expect(flat.map((slot) => (typeof slot === 'bigint' ? 'i64' : 'i32'))).toEqual(type.flat)
  return type.lift(cx, new FlatReader(flat))
}

interface Stat {
  kind: 'file' | 'folder'
  size: bigint
  name: string
  modified: [bigint, number] | undefined
}
const stat = record<Stat>({
  kind: enumeration('file', 'folder'),
  size: u64,
  name: string,
  modified: option(tuple<[bigint, number]>([u64, u32])),
})
type Shape =
  | { tag: 'none' }
  | { tag: 'narrow'; val: number }
  | { tag: 'wide'; val: bigint }
  | { tag: 'text'; val: string }
const shape = variant<Shape>({ none: null, narrow: u16, wide: u64, text: string })

describe('layout, as CanonicalABI.md computes it', () => {
  test.each([
    ['tuple<u8, u64, u8>', tuple<[number, bigint, number]>([u8, u64, u8]), 24, 8, ['i32', 'i64', 'i32']],
    ['result', result(), 1, 1, ['i32']],
    ['result<u64, u8>', result(u64, u8), 16, 8, ['i32', 'i64']],
    ['option<string>', option(string), 12, 4, ['i32', 'i32', 'i32']],
    ['variant', shape, 16, 8, ['i32', 'i64', 'i32']],
    ['record', stat, 48, 8, ['i32', 'i64', 'i32', 'i32', 'i32', 'i64', 'i32']],
    ['flags of 9', flags('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'), 2, 2, ['i32']],
    ['enum of 257', enumeration(...Array.from({ length: 257 }, (_, i) => `c${i}`)), 2, 2, ['i32']],
  ] as const)('%s', (_name, type, size, align, flat) => {
    expect({ size: type.size, align: type.align, flat: type.flat }).toEqual({ size, align, flat })
  })
})

function forAll<T>(values: fc.Arbitrary<T>, check: (value: T) => void): void {
  const property = fc.property(values, (value) => {
    check(value)
  })
  fc.assert(property)
}

describe('values survive the way over and back', () => {
  const text = fc.string({ unit: 'grapheme' })
  const stats = fc.record<Stat>({
    kind: fc.constantFrom('file', 'folder'),
    size: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    name: text,
    modified: fc.option(fc.tuple(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.nat()), { nil: undefined }),
  })
  const shapes: fc.Arbitrary<Shape> = fc.oneof(
    fc.constant<Shape>({ tag: 'none' }),
    fc.nat(0xffff).map((val): Shape => ({ tag: 'narrow', val })),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((val): Shape => ({ tag: 'wide', val })),
    text.map((val): Shape => ({ tag: 'text', val })),
  )

  test('records, in memory and flat', () => {
    forAll(stats, (value) => expect([throughMemory(stat, value), throughFlat(stat, value)]).toEqual([value, value]))
  })

  test('variants, in memory and flat, their cases sharing slots', () => {
    forAll(shapes, (value) => expect([throughMemory(shape, value), throughFlat(shape, value)]).toEqual([value, value]))
  })

  test('lists of lists', () => {
    const lists = fc.array(fc.array(shapes, { maxLength: 5 }), { maxLength: 5 })
    forAll(lists, (value) => expect(throughMemory(list(list(shape)), value)).toEqual(value))
  })

  test('flags', () => {
    const type = flags('read', 'write', 'sync')
    expect(throughMemory(type, new Set(['sync'] as const))).toEqual(new Set(['sync']))
    expect(throughFlat(type, new Set(['read', 'write'] as const))).toEqual(new Set(['read', 'write']))
  })

  test.each(['utf8', 'utf16', 'latin1+utf16'] as const)('strings as %s', (encoding) => {
    const all = fc.oneof(
      text,
      fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((c) => String.fromCharCode(c)) }),
    )
    forAll(all, (value) => expect(throughMemory(string, value, { encoding })).toBe(value))
  })

  test('a string that is all Latin-1 takes a byte a character where that is allowed', () => {
    const { guest, cx } = context({ encoding: 'latin1+utf16' })
    const flat: CoreValue[] = []
    string.lower(cx, 'é', flat)
    string.lower(cx, '€', flat)
    expect(guest.allocations).toEqual([
      { align: 2, size: 1 },
      { align: 2, size: 2 },
    ])
    expect([flat[1], flat[3]]).toEqual([1, 0x8000_0001])
  })

  test.each(['utf8', 'utf16'] as const)('a lone surrogate becomes U+FFFD as %s', (encoding) => {
    expect(throughMemory(string, 'a\ud800b', { encoding })).toBe('a\ufffdb')
  })

  test('memory that grows while a value is lowered', () => {
    const { guest, cx } = context()
    const value = Array.from({ length: 40 }, (_, i) => `${i}`.repeat(5_000))
    const flat: CoreValue[] = []
    list(string).lower(cx, value, flat)
    expect(guest.memory.buffer.byteLength).toBeGreaterThan(300_000)
    expect(list(string).lift(cx, new FlatReader(flat))).toEqual(value)
  })

  test('core values arrive signed and come out unsigned', () => {
    const { cx } = context()
    const lift = <T>(type: AbiType<T>, value: CoreValue) => type.lift(cx, new FlatReader([value]))
    expect([lift(u32, -1), lift(u64, -1n), lift(u8, -1), lift(u16, -1), lift(bool, -1)]).toEqual([
      0xffff_ffff,
      2n ** 64n - 1n,
      0xff,
      0xffff,
      true,
    ])
  })
})

describe('traps', () => {
  const lift = <T>(type: AbiType<T>, flat: CoreValue[], options: GuestOptions = {}) => {
    const { guest, cx } = context(options)
    new Uint8Array(guest.memory.buffer).fill(0xff, 0, 64)
    guest.view.setUint16(64, 0xd800, true)
    return () => type.lift(cx, new FlatReader(flat))
  }
  const end = 131_072

  test.each<[string, () => unknown]>([
    ['a list past the end', lift(bytes, [end - 1, 2])],
    ['a list at 4 GiB', lift(bytes, [-1, -1])],
    ['a list whose size overflows 32 bits', lift(list(u64), [0, 0x2000_0001])],
    ['a misaligned list', lift(list(u32), [2, 1])],
    ['invalid UTF-8', lift(string, [0, 1])],
    ['a UTF-16 string at an odd address', lift(string, [1, 1], { encoding: 'utf16' })],
    ['a lone surrogate in UTF-16', lift(string, [64, 1], { encoding: 'utf16' })],
    ['a string past the end', lift(string, [end, 1])],
    ['an enum case that is not there', lift(enumeration('a', 'b'), [2])],
    ['a variant case that is not there', lift(shape, [-1, 0n, 0])],
  ])('%s', (_name, run) => {
    expect(run).toThrow(GuestTrap)
  })

  test.each([
    ['misaligned', () => 1_026, 'aligned'],
    ['out of bounds', () => 0x7fff_fff0, 'past the end'],
    ['negative', () => -8, 'past the end'],
  ])('an allocator whose answer is %s', (_name, realloc, message) => {
    const { cx } = context({ realloc })
    expect(() => list(u64).lower(cx, [1n], [])).toThrow(message)
  })

  test('what the allocator throws is passed on as it is', () => {
    const trap = new WebAssembly.RuntimeError('unreachable')
    const { cx } = context({
      realloc: () => {
        throw trap
      },
    })
    expect(() => string.lower(cx, 'x', [])).toThrow(trap)
  })

  test('a list with more elements than the host makes objects for is a limit, not a trap', () => {
    expect(lift(list(u8), [0, 101])).toThrow(GuestLimit)
  })
})

describe('functions', () => {
  test('more than 16 flat parameters come through memory, as one tuple', () => {
    const { guest, cx } = context()
    const params = tuple<unknown[]>(Array.from({ length: 17 }, () => u32))
    const ptr = guest.realloc(0, 0, 4, params.size)
    params.store(
      cx,
      ptr,
      Array.from({ length: 17 }, (_, i) => i),
    )
    expect(liftParams({ params, result: undefined }, cx, [ptr])).toEqual(Array.from({ length: 17 }, (_, i) => i))
    expect(() => liftParams({ params, result: undefined }, cx, [ptr + 1])).toThrow(GuestTrap)
    // The result's pointer then is the second argument.
    lowerResult({ params, result: string }, cx, [ptr, 64], 'spilled')
    expect(guest.text(guest.view.getUint32(64, true), guest.view.getUint32(68, true))).toBe('spilled')
  })

  test.each([
    ['misaligned', 66],
    ['out of bounds', 131_068],
  ])('a result pointer that is %s traps', (_name, ptr) => {
    const { cx } = context()
    const params = tuple<unknown[]>([])
    expect(() => lowerResult({ params, result: string }, cx, [ptr], 'x')).toThrow(GuestTrap)
  })
})
