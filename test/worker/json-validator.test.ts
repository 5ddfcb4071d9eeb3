import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { JsonValidator } from '../../src/worker/json-validator.ts'

/** Feed the bytes in chunks of the given size. */
function problemOf(text: string, chunkBytes = Number.POSITIVE_INFINITY): string | undefined {
  const bytes = Buffer.from(text)
  const validator = new JsonValidator()
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    if (!validator.push(bytes.subarray(at, at + Math.min(chunkBytes, bytes.length)))) break
  }
  return validator.end()
}

function parses(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

describe('JsonValidator agrees with JSON.parse', () => {
  const edgeCases = [
    '',
    ' ',
    '0',
    '-0',
    '01',
    '-',
    '1.',
    '1.5',
    '.5',
    '1e5',
    '1e',
    '1e+',
    '1E-7',
    '1.2.3',
    '--1',
    '+1',
    'true',
    'truex',
    'tru',
    'null',
    'nul l',
    'false',
    '""',
    '"a',
    '"\\"',
    '"\\u12g4"',
    '"\\u1234"',
    '"\\x"',
    '"\n"',
    '[]',
    '[',
    ']',
    '[,]',
    '[1,]',
    '[1 2]',
    '{}',
    '{,}',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{"a":1 "b":2}',
    '{1:2}',
    '[}',
    '{]',
    '[[{}],{"a":[]}]',
    '1 2',
    '{} {}',
    ' [ 1 , 2 ] ',
    '"é\u2028"',
    'NaN',
    '\uFEFF1',
    "'a'",
    '[1e5,-0.1E+2]',
    '{"a":tru}',
    '[0]',
    '[-]',
    '0]',
    '"a":1',
  ]
  test.each(edgeCases)('%j', (text) => {
    expect(problemOf(text) === undefined).toBe(parses(text))
    expect(problemOf(text, 1) === undefined).toBe(parses(text))
  })

  test('on generated JSON, cut anywhere', () => {
    fc.assert(
      fc.property(fc.json(), fc.integer({ min: 1, max: 9 }), (text, chunkBytes) => {
        expect(problemOf(text, chunkBytes)).toBeUndefined()
      }),
    )
  })

  test('on generated JSON with a byte changed, dropped or doubled', () => {
    const damage = fc.tuple(
      fc.json(),
      fc.nat(),
      fc.constantFrom(...'{}[]",:0-.e\\ut \n1'.split('')),
      fc.integer({ min: 0, max: 2 }),
    )
    fc.assert(
      fc.property(damage, ([text, at, put, how]) => {
        const place = at % text.length
        const damaged = text.slice(0, place) + (how === 1 ? '' : put) + text.slice(how === 2 ? place : place + 1)
        expect(problemOf(damaged) === undefined).toBe(parses(damaged))
      }),
      { numRuns: 2_000 },
    )
  })
})

test('says which byte is wrong', () => {
  expect(problemOf('{"a": hi}')).toBe("Unexpected character 'h' (code 104) at byte 6")
  expect(problemOf('{"a": hi}', 2)).toBe("Unexpected character 'h' (code 104) at byte 6")
  expect(problemOf('{"a":')).toBe('Unexpected end of input at byte 5')
})

test('nesting as deep as the payload is long needs no call stack', () => {
  expect(problemOf('['.repeat(1_000_000) + ']'.repeat(1_000_000))).toBeUndefined()
})
