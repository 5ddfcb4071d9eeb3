import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { isInBlock, parseAddress, parseBlock } from '../../../src/events/filter/addresses.ts'
import { compilePattern } from '../../../src/events/filter/pattern.ts'
import { matchesWildcard, parseWildcard } from '../../../src/events/filter/wildcard.ts'
import { naive } from './model.ts'

// Few names and values, so that patterns and events meet.
const name = fc.constantFrom('a', 'b', 'c')
const word = fc.string({ unit: fc.constantFrom('a', 'b', 'A', '*', '\\'), maxLength: 4 })
const number = fc.constantFrom(-1, 0, 0.5, 1, 2)
const scalar = fc.oneof(word, number, fc.boolean(), fc.constant(null))

const { event } = fc.letrec<{ event: unknown; value: unknown; array: unknown[]; object: object }>((tie) => ({
  event: tie('object'),
  value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, scalar, tie('array'), tie('object')),
  array: fc.array(tie('value'), { maxLength: 3 }),
  object: fc.dictionary(name, tie('value'), { maxKeys: 3, noNullPrototype: true }),
}))

const wildcard = fc
  .array(fc.constantFrom('a', 'b', 'A', '*', '\\*', '\\\\'), { maxLength: 5 })
  .map((parts) => parts.filter((part, at) => part !== '*' || parts[at - 1] !== '*').join(''))
  .filter((text) => !/(^|[^\\])(\\\\)*\*\*/.test(text))
const some = fc.string({ unit: fc.constantFrom('a', 'b', 'A'), minLength: 1, maxLength: 2 })
const listed = fc.oneof(some, fc.array(some, { minLength: 1, maxLength: 2 }))
const range = fc.tuple(
  fc.constantFrom('>', '>='),
  fc.constantFrom(-1, 0),
  fc.constantFrom('<', '<='),
  fc.constantFrom(1, 2),
)

const operator = fc.oneof(
  fc.record({ prefix: fc.oneof(word, fc.record({ 'equals-ignore-case': word })) }),
  fc.record({ suffix: fc.oneof(word, fc.record({ 'equals-ignore-case': word })) }),
  fc.record({ 'equals-ignore-case': word }),
  fc.record({ wildcard }),
  fc.record({ exists: fc.boolean() }),
  fc.record({ numeric: fc.oneof(range, fc.tuple(fc.constantFrom('=', '<', '<=', '>', '>='), number)) }),
  fc.record({
    'anything-but': fc.oneof(
      word,
      number,
      fc.array(word, { minLength: 1, maxLength: 2 }),
      fc.array(number, { minLength: 1, maxLength: 2 }),
      fc.record({ prefix: listed }),
      fc.record({ suffix: listed }),
      fc.record({ 'equals-ignore-case': listed }),
      fc.record({ wildcard: some }),
    ),
  }),
)
const list = fc.array(fc.oneof(scalar, operator), { minLength: 1, maxLength: 2 })

const { pattern } = fc.letrec<{ pattern: object; member: unknown; fields: object }>((tie) => ({
  member: fc.oneof({ depthSize: 'small' }, list, tie('pattern')),
  fields: fc.dictionary(name, tie('member'), { minKeys: 1, maxKeys: 2, noNullPrototype: true }),
  pattern: fc.oneof(
    { depthSize: 'small' },
    tie('fields'),
    fc
      .tuple(tie('fields'), fc.array(tie('pattern'), { minLength: 2, maxLength: 2 }))
      .map(([fields, $or]) => Object.assign(fields, { $or })),
    fc.record({ $or: fc.array(tie('pattern'), { minLength: 2, maxLength: 2 }) }),
  ),
}))

/** A path as a field and as an object in one combination: AWS lets one overwrite the other, which is nobody's intent. */
function isClear(value: object): boolean {
  const leaves = new Set<string>()
  const inner = new Set<string>()
  const walk = (object: object, path: string): void => {
    for (const [key, member] of Object.entries(object)) {
      if (key === '$or') for (const alternative of member as object[]) walk(alternative, path)
      else if (Array.isArray(member)) {
        // Nor the same one twice.
        if (leaves.has(`${path}/${key}`)) inner.add(`${path}/${key}`)
        leaves.add(`${path}/${key}`)
      } else {
        inner.add(`${path}/${key}`)
        walk(member as object, `${path}/${key}`)
      }
    }
  }
  walk(value, '')
  return leaves.values().every((path) => !inner.has(path))
}

it('agrees with the model', () => {
  let matched = 0
  fc.assert(
    fc.property(pattern.filter(isClear), event, (written, value) => {
      const text = JSON.stringify(written)
      fc.pre(text.length <= 4_096)
      const expected = naive(written, value)
      if (expected) matched++
      expect(compilePattern(text).matches(value)).toBe(expected)
    }),
    { numRuns: 5_000 },
  )
  expect(matched).toBeGreaterThan(250)
})

it('finds wildcards as regular expressions do, also where pieces begin anew within themselves', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 14 })
  const pieces = fc.array(fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 4 }), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(pieces, text, (parts, value) => {
      const pattern = parts.filter((part, at) => part !== '' || at === 0 || at === parts.length - 1).join('*')
      const parsed = parseWildcard(pattern)
      if (parsed === undefined) return
      expect([pattern, matchesWildcard(parsed, value)]).toEqual([
        pattern,
        new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(value),
      ])
    }),
    { numRuns: 3_000 },
  )
})

it('compares addresses as their bits', () => {
  const byte = fc.integer({ min: 0, max: 255 })
  fc.assert(
    fc.property(
      fc.tuple(byte, byte, byte, byte),
      fc.tuple(byte, byte, byte, byte),
      fc.integer({ min: 0, max: 31 }),
      (a, b, bits) => {
        const binary = (bytes: number[]) => bytes.map((one) => one.toString(2).padStart(8, '0')).join('')
        const block = parseBlock(`${a.join('.')}/${bits}`)
        if (block === undefined) throw new Error('no block')
        expect(isInBlock(block, b.join('.'))).toBe(binary(a).slice(0, bits) === binary(b).slice(0, bits))
      },
    ),
  )
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      // The URL parser knows IPv6 too.
      const canonical = new URL(`http://[${text}]/`).hostname.slice(1, -1)
      expect(parseAddress(text)).toEqual(parseAddress(canonical))
    }),
  )
})
