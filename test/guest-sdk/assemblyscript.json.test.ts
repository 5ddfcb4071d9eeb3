/** The AssemblyScript SDK's JSON against JavaScript's, in this process. */
import * as fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { compileFunction, type Guest } from '../../guest-sdk/assemblyscript/testing/load.ts'

let start: () => Promise<Guest>
beforeAll(async () => {
  const compiled = await compileFunction({
    files: {
      'index.ts': `
        import { Json } from "thaw"
        export function handler(event: Json): Json { return event }
        /** The text of the value, or "invalid". */
        export function again(text: string): string {
          const value = Json.tryParse(text)
          return value === null ? "invalid" : value.toString()
        }
        export function parsed(text: string): string { return Json.parse(text).toString() }
        export function float(text: string): f64 { return Json.parse(text).asNumber() }
        export function integer(text: string): i64 { return Json.parse(text).asInteger() }
        export function ofFloat(value: f64): string { return Json.from(value).toString() }
        export function ofString(value: string): string { return Json.from(value).toString() }
        export function getters(text: string): string {
          const value = Json.parse(text)
          const items = value.get("items")
          return [
            value.get("name").asString(), value.get("none").stringOr("none"), value.get("none").get("below").isMissing.toString(),
            items.length.toString(), items.at(1).asBoolean().toString(), items.at(2).isNull.toString(), items.at(3).isMissing.toString(),
            items.at(0).numberOr(0).toString(), items.get("x").isMissing.toString(), value.keys.join("|"), value.has("name").toString(),
          ].join(" ")
        }
        export function built(): string {
          const none: string | null = null
          const array = Json.array().push("a").push(1).push<i64>(i64.MIN_VALUE).push<u64>(u64.MAX_VALUE).push(true).push(none).push(NaN).push(Json.parse("{}").get("gone"))
          return Json.object().set("z", array).set("list", [1.5, -0.0, 1e21]).set("names", ["a", "b"]).set("gone", Json.parse("{}").get("gone"))
            .set("z2", Json.null()).set("a", "first").set("a", "second").toString()
        }
      `,
    },
  })
  start = compiled.start
})

let guest: Guest
let calls = 0

/** What the guest exports by that name, and its own way with strings. Nothing is ever freed: now and then it is a new one. */
async function exported(name: string) {
  if (calls++ % 200 === 0) guest = await start()
  const { exports } = guest
  const function_ = exports[name]
  if (typeof function_ !== 'function') throw new Error(`no export ${name}`)
  return { function_, exports }
}

async function call(name: string, argument: string): Promise<string> {
  const { function_, exports } = await exported(name)
  return exports.__getString(function_(exports.__newString(argument)))
}

async function numberOf(name: string, argument: string): Promise<unknown> {
  const { function_, exports } = await exported(name)
  return function_(exports.__newString(argument))
}

const asJavaScript = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return 'invalid'
  }
}

const valueOf = async (text: string): Promise<unknown> => {
  const answer = await call('again', text)
  return answer === 'invalid' ? answer : JSON.parse(answer)
}

test('any JSON value comes back, however it is spaced', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.jsonValue({ noUnicodeString: false }),
      fc.constantFrom('', ' ', '\t', '\r\n '),
      async (value, space) => {
        expect(await valueOf(JSON.stringify(value, null, space))).toEqual(JSON.parse(JSON.stringify(value)))
      },
    ),
    { numRuns: 200 },
  )
})

test('strings of any code units come back, lone surrogates escaped as JavaScript does it', async () => {
  const units = fc.array(fc.oneof(fc.integer({ min: 0, max: 0x80 }), fc.integer({ min: 0xd700, max: 0xe000 })))
  await fc.assert(
    fc.asyncProperty(units, async (codes) => {
      const text = String.fromCharCode(...codes)
      expect(await call('ofString', text)).toBe(JSON.stringify(text))
      expect(await call('again', JSON.stringify(text))).toBe(JSON.stringify(text))
    }),
    { numRuns: 200 },
  )
})

test('text that JavaScript refuses is refused, and none that it takes', async () => {
  const marks = [
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '"a"',
    '\\',
    '\\u00',
    '\\ud83d',
    '\\n',
    '\\x',
    '0',
    '1',
    '-',
    '.',
    'e',
    'E+',
  ]
  const words = [
    '1e5',
    '01',
    'true',
    'false',
    'null',
    'nul',
    ' ',
    '\n',
    '\u00a0',
    '\u0000',
    '\ufeff',
    'é',
    "'",
    '//',
    'NaN',
  ]
  const pieces = fc.constantFrom(...marks, ...words)
  await fc.assert(
    fc.asyncProperty(fc.array(pieces, { maxLength: 6 }), async (parts) => {
      const text = parts.join('')
      expect(await valueOf(text)).toEqual(asJavaScript(text))
    }),
    { numRuns: 1_000 },
  )
})

test('numbers are the nearest doubles, and whole ones exact to 64 bits', async () => {
  const written = fc
    .tuple(
      fc.bigInt({ min: 0n, max: 10n ** 25n }),
      fc.bigInt({ min: 0n, max: 10n ** 20n }),
      fc.integer({ min: -330, max: 310 }),
    )
    .map(([whole, fraction, exponent]) => `${whole}.${fraction}e${exponent}`)
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(written, fc.double({ noNaN: true, noDefaultInfinity: true }).map(String)),
      async (text) => {
        expect(await numberOf('float', text)).toBe(Number(text))
      },
    ),
    { numRuns: 400 },
  )
  // Ties, the least, the largest, subnormals, and what more digits than a double has decide.
  const edges = [
    '9007199254740993',
    '9007199254740993.0000000000000000001',
    '4.9e-324',
    '2.4703282292062327e-324',
    '2.4703282292062328e-324',
  ]
  edges.push(
    '1.7976931348623157e308',
    '1.7976931348623159e308',
    '2.2250738585072011e-308',
    '2.2250738585072014e-308',
    '-0',
    '0e5',
  )
  edges.push(
    '1e400',
    '1e-400',
    '1e99999999999',
    `1.${'0'.repeat(900)}1e-5`,
    `${'1'.repeat(400)}e-100`,
    '6.02214076e23',
    '0.000001e-320',
  )
  edges.push(
    `9007199254740993.${'0'.repeat(1_000)}1`,
    '4503599627370496.5',
    '4503599627370497.5',
    '8.5e0',
    '100000000000000000000000',
  )
  for (const text of edges) expect([text, await numberOf('float', text)]).toEqual([text, Number(text)])
  await fc.assert(
    fc.asyncProperty(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), async (whole) => {
      expect(await numberOf('integer', String(whole))).toBe(whole)
    }),
  )
  expect(await numberOf('integer', '12e2')).toBe(1_200n)
  expect(await call('again', '123456789012345678901234567890')).toBe('123456789012345678901234567890')
  for (const text of ['1.5', '9223372036854775808', '-9223372036854775809', '1e19', '1e400'])
    await expect(numberOf('integer', text)).rejects.toThrow(WebAssembly.RuntimeError)
  await fc.assert(
    fc.asyncProperty(fc.double(), async (value) => {
      const { function_, exports } = await exported('ofFloat')
      expect(JSON.parse(exports.__getString(function_(value)))).toBe(JSON.parse(JSON.stringify(value)))
    }),
    { numRuns: 400 },
  )
})

test('members and items are read with types, what is missing without ado', async () => {
  const text = JSON.stringify({ name: 'n', items: [1.5, true, null] })
  expect(await call('getters', text)).toBe('n none true 3 true true true 1.5 true name|items true')
})

test('values are built', async () => {
  const { function_, exports } = await exported('built')
  expect(exports.__getString(function_())).toBe(
    '{"z":["a",1,-9223372036854775808,18446744073709551615,true,null,null,null],"list":[1.5,0,1e+21],"names":["a","b"],"z2":null,"a":"second"}',
  )
})

test('deep nesting is refused before the stack ends', async () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  expect(await call('again', nested(1_000))).toBe(nested(1_000))
  expect(await call('again', nested(1_001))).toBe('invalid')
  expect(await call('again', '['.repeat(100_000))).toBe('invalid')
})
