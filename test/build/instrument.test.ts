/** The edits in a function's code: it does what it did, its promises are seen, and places stay places. */
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { instrument, instrumentHelper } from '../../src/build/languages/instrument.ts'
import type { Segment } from '../../src/build/languages/trace-map.ts'

const handler = { name: 'handler', file: 0 }

/** A segment at each word, as a source map might have. */
const segmentsOf = (code: string, file = 0): Segment[][] =>
  code.split('\n').map((text, line) => [...text.matchAll(/\S+/g)].map(({ index }) => [index, file, line, index]))

const edit = (code: string, promises = true) => instrument(code, segmentsOf(code), { promises, handler }).code

/** What the last expression comes to, and how many promises were seen. */
async function run(code: string): Promise<[value: unknown, seen: number]> {
  let seen = 0
  const __thawAsync = (promise: unknown): unknown => {
    seen++
    return promise
  }
  const value: unknown = await runInNewContext(edit(code), { __thawAsync, __thawClock: () => {} })
  return [value, seen]
}

const functions: [code: string, value: unknown, seen: number][] = [
  ['(async () => 1)()', 1, 1],
  ['(async x => ({ x }))(2).then(({ x }) => x)', 2, 1],
  [
    'const f = async (a, { b } = { b: 2 }, ...c) => [a, b, ...c]; Promise.all([f(1), f(1, { b: 3 }, 4, 5)])',
    [
      [1, 2],
      [1, 3, 4, 5],
    ],
    2,
  ],
  [
    'async function f(a, b) { var a; return [a, b, arguments.length, this.x] }; f.call({ x: 7 }, 1, 2, 3)',
    [1, 2, 3, 7],
    1,
  ],
  [
    'const o = { async m(a = 1) { return super.toString === Object.prototype.toString && a }, async "x y"() { return 2 }, async [`z`]() { return 3 } }; Promise.all([o.m(), o["x y"](), o.z()])',
    [1, 2, 3],
    3,
  ],
  [
    'class A { static async s() { return new.target } async #p(x) { return x } p() { return this.#p(4) } f = async () => this.p() }; Promise.all([A.s(), new A().f()])',
    [undefined, 4],
    3,
  ],
  ['const twice = async (f) => async () => [await f(), await f()]; twice(async () => 1).then((g) => g())', [1, 1], 4],
  ['async function f({ a }) { return a }; f().catch((error) => error instanceof TypeError)', true, 1],
  ['const f = async function named(n) { return n === 0 ? 0 : named(n - 1) }; f(3)', 0, 4],
  [
    'async function f(a, b = 1, c) {}; const g = async (a, b) => {}; [f.length, f.name, g.length, g.name].join()',
    '1,f,2,g',
    0,
  ],
  ['const make = () => new Promise((done) => done(5)); make()', 5, 1],
  ['async function* g() { yield 1 }; (async () => { for await (const x of g()) return x })()', 1, 1],
  ['const handler = async () => 1; handler()', 1, 0],
  ['const async = (x) => x; async(6)', 6, 0],
]

test.each(functions)('%s', async (code, value, seen) => {
  expect(await run(code)).toEqual([value, seen])
})

test('nothing is watched in a function that makes no promises', () => {
  const code = 'const f = async () => new Promise(() => {})'
  expect(edit(code, false)).toBe(code)
})

test('only Date without arguments tells the time', () => {
  expect(edit('[new Date(), new Date, new Date(0), Date.UTC(1)]')).toBe(
    '[(__thawClock(), new Date()), (__thawClock(), new Date), new Date(0), Date.UTC(1)]',
  )
})

test('lines that are not the function’s own are left alone', () => {
  const code = 'const own = async () => 1\nconst other = async () => new Date()'
  const [first = []] = segmentsOf(code)
  const made = instrument(code, [first, []], { promises: true, handler }).code.split('\n')
  expect(made[0]).toContain('__thawAsync')
  expect(made[1]).toBe('const other = async () => new Date()')
})

test('an async function of the handler’s name in another file is watched', () => {
  const code = 'const handler = async () => 1'
  expect(instrument(code, segmentsOf(code, 1), { promises: true, handler }).code).toContain('__thawAsync')
})

test('each word keeps its place', () => {
  const code = 'const ü = 1; const f = async (a, b = new Date()) => {\n  return a  ( new Promise( b ) )\n}; const g = 2'
  const made = instrument(code, segmentsOf(code), { promises: true, handler })
  const [before, after] = [code.split('\n'), made.code.split('\n')]
  expect(after).toHaveLength(before.length)
  const words = made.lines.flatMap((segments, line) =>
    segments.map(([column, , original, originalColumn]) => {
      const word = (text = '', at = 0) => /^\w*\W?/u.exec(text.slice(at))?.[0]
      return [word(after[line], column), word(before[original], originalColumn)]
    }),
  )
  // A word has its place, and so has what was put before it.
  const moved = words.filter(([now, then]) => now !== then && !/^(?: |__thaw|\(|=)/.test(now ?? ''))
  expect(moved).toEqual([])
  expect(words.filter(([now]) => now === 'return ')).toHaveLength(1)
})

test('the helper that async functions are lowered to is watched, and nothing else of its module', () => {
  const code =
    'function other() {\n\treturn new Promise(() => {});\n}\nfunction _asyncToGenerator(n) {\n\treturn new Promise(n);\n}\n'
  expect(instrumentHelper(code)).toBe(code.replace('new Promise(n)', '__thawAsync(new Promise(n))'))
})
