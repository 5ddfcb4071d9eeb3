/** JavaScript functions as they run: the guest SDK on the real engine. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import type { FunctionSpec } from '../../src/invocation.ts'
import { javascriptFunction } from '../support/build-cache.ts'
import { testRuntime, type InvokeOptions, type TestRuntime } from '../support/runtime.ts'

let runtime: TestRuntime
beforeAll(async () => {
  runtime = await testRuntime()
})
afterAll(() => runtime[Symbol.asyncDispose]())

const deployed = new Map<string, Promise<FunctionSpec>>()

async function deploy(body: string | Record<string, string>, handler?: string): Promise<FunctionSpec> {
  const key = JSON.stringify([body, handler])
  const known = deployed.get(key)
  if (known !== undefined) return known
  const spec = runtime.deploy(javascriptFunction(body, handler), {
    environment: { COLOUR: 'blue' },
    functionName: 'paint',
  })
  deployed.set(key, spec)
  return spec
}

/** The outcome, parsed, and the log. */
async function run(spec: FunctionSpec, event: unknown = {}, options: InvokeOptions = {}) {
  const { outcome, log } = await runtime.invoke(spec, JSON.stringify(event), options)
  if (outcome.kind === 'failure') return { failure: outcome.failure, log }
  const value: unknown = JSON.parse(new TextDecoder().decode(outcome.payload))
  return { value, log }
}

const handlerOf = (expression: string) => `export const handler = ${expression}`

test('events and results of any Unicode come through', async () => {
  const spec = await deploy(handlerOf('async (event) => event'))
  for (const event of [{}, [1, 'ä', '日本', '😀', '\u0000', 'a'.repeat(20_000)], null, 'x', { é: '\ud800' }, 1.5]) {
    expect((await run(spec, event)).value).toEqual(event)
  }
})

test('every invocation starts from the snapshot', async () => {
  const spec = await deploy('let n = 0; export const handler = async () => ++n')
  expect([await run(spec), await run(spec)]).toMatchObject([{ value: 1 }, { value: 1 }])
})

test('an engine is shared by all JavaScript functions', async () => {
  const [one, two] = [await deploy(handlerOf('async (event) => event')), await deploy(handlerOf('async () => 2'))]
  expect(one.engine).toBe(two.engine)
  expect(one.snapshot).not.toBe(two.snapshot)
})

const answers: [name: string, expression: string, value: unknown][] = [
  ['nothing', 'async () => {}', null],
  ['a value, not a promise', '() => ({ a: 1 })', { a: 1 }],
  ['a thenable', '() => ({ then(done) { done(5) } })', 5],
  ['by callback', '(event, context, callback) => { callback(null, "c") }', 'c'],
  ['by callback, later', '(event, context, callback) => { setTimeout(() => callback(null, "later"), 5) }', 'later'],
  ['by context.succeed', '(event, context) => { context.succeed("s") }', 's'],
  ['never, with nothing left to run', '(event, context, callback) => {}', null],
]

/** One function for many cases: the event says which handler runs. */
const dispatch = (handlers: string[]) =>
  `const all = [${handlers.join(',\n')}]\nexport const handler = (event, context, callback) => all[event.at](event, context, callback)`

test.each(answers)('a handler may answer %s', async (name, _, value) => {
  const spec = await deploy(dispatch(answers.map(([, expression]) => expression)))
  expect((await run(spec, { at: answers.findIndex(([known]) => known === name) })).value).toEqual(value)
})

test('what a callback brings waits until nothing is left to run, unless told otherwise', async () => {
  const body = (wait: boolean) => `(event, context, callback) => {
    context.callbackWaitsForEmptyEventLoop = ${wait}
    const result = { ran: false }
    setTimeout(() => { console.log('ran') }, 10)
    callback(null, 'done')
  }`
  expect(await run(await deploy(handlerOf(body(true))))).toMatchObject({
    value: 'done',
    log: expect.stringContaining('ran'),
  })
  expect(await run(await deploy(handlerOf(body(false))))).toEqual({ value: 'done', log: '' })
})

test('CommonJS, JSON, TypeScript and packages of the zip are bundled', async () => {
  const spec = await deploy(
    {
      'src/app.ts': `import pkg from 'pkg'\nimport { add } from './add'\nimport data from './data.json'
        enum Colour { Red = 'red' }
        export const nested = { handler: async (): Promise<unknown> => [pkg.name, add(1, 2), data.x, Colour.Red] }`,
      'src/add.cts': 'exports.add = (a: number, b: number): number => a + b',
      'src/add.ts': 'export const add = (a: number, b: number): number => a + b',
      'src/data.json': '{"x": 7}',
      'node_modules/pkg/package.json': '{"name":"pkg","main":"./main.js"}',
      'node_modules/pkg/main.js':
        'try { require("optional") } catch (e) { exports.code = e.code }\nexports.name = "pkg " + exports.code',
    },
    'src/app.nested.handler',
  )
  expect((await run(spec)).value).toEqual(['pkg MODULE_NOT_FOUND', 3, 7, 'red'])
})

test('an error is reported with type, message and a trace as Node writes it', async () => {
  const spec = await deploy(
    handlerOf('async (event) => { class Bad extends Error { name = "Bad" } throw new Bad("no " + event.a) }'),
  )
  const { failure } = await run(spec, { a: 'way' })
  expect(failure).toMatchObject({ errorType: 'Bad', errorMessage: 'no way' })
  expect(failure?.trace?.[0]).toBe('Error: no way')
  expect(failure?.trace?.[1]).toMatch(/^ {4}at .*\/var\/task\/index\.mjs:1:\d+\)?$/)
})

const throws: [name: string, body: string, failure: object][] = [
  ['a string', 'throw "text"', { errorType: 'string', errorMessage: 'text' }],
  ['undefined', 'throw undefined', { errorType: 'undefined', errorMessage: 'undefined' }],
  ['what has no text', 'throw Object.create(null)', { errorType: 'handled' }],
  ['a lone surrogate', 'throw new Error("\\ud800")', { errorType: 'Error', errorMessage: '\ufffd' }],
  [
    'in a timer',
    'setTimeout(() => { throw new RangeError("late") }, 1); await new Promise(() => {})',
    { errorType: 'RangeError', errorMessage: 'late' },
  ],
  [
    'in nextTick',
    'process.nextTick(() => { throw new RangeError("tick") }); await new Promise(() => {})',
    { errorType: 'RangeError', errorMessage: 'tick' },
  ],
  [
    'by a circular result',
    'const a = {}; a.a = a; return a',
    { errorType: 'Error', errorMessage: 'Unable to stringify response body' },
  ],
  ['by a BigInt result', 'return 1n', { errorMessage: 'Unable to stringify response body' }],
]

test.each(throws)('throwing %s is a function error', async (name, _, failure) => {
  const spec = await deploy(dispatch(throws.map(([, body]) => `async () => { ${body} }`)))
  expect((await run(spec, { at: throws.findIndex(([known]) => known === name) })).failure).toMatchObject(failure)
})

test('timers run in the order they are due, with their microtasks between them', async () => {
  const spec = await deploy(
    handlerOf(`async () => {
      const seen = []
      const late = setTimeout(() => seen.push('never'), 2)
      setTimeout((a) => { seen.push(a); queueMicrotask(() => seen.push('micro')) }, 50, 'fifty')
      setTimeout(() => seen.push('fifty again'), 50)
      setTimeout(() => seen.push('one'), 1)
      setImmediate(() => seen.push('immediate'))
      process.nextTick(() => seen.push('tick'))
      clearTimeout(late)
      await new Promise((done) => {
        let n = 0
        const every = setInterval(() => {
          seen.push('every')
          if (++n < 2) return
          clearInterval(every)
          done()
        }, 100)
      })
      return seen
    }`),
  )
  const expected = ['tick', 'immediate', 'one', 'fifty', 'micro', 'fifty again', 'every', 'every']
  expect((await run(spec)).value).toEqual(expected)
})

test('a timer that init armed waits what remained of it', async () => {
  const spec = await deploy(`let fired = false; setTimeout(() => { fired = true }, 30)
    export const handler = async () => { const before = fired; await new Promise((r) => setTimeout(r, 60)); return [before, fired] }`)
  expect((await run(spec)).value).toEqual([false, true])
})

test('a console line has time, request id, level and message', async () => {
  const spec = await deploy(
    handlerOf(
      `async () => { console.log('hello %s', 'x', { a: [1, { b: 2 }] }); console.error(new Error('e').message); console.debug('ü'.repeat(5000).length) }`,
    ),
  )
  const { log } = await run(spec, {}, { requestId: 'request-1' })
  const lines = log.trimEnd().split('\n')
  expect(lines[0]).toMatch(
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\trequest-1\tINFO\thello x \{ a: \[ 1, \{ b: 2 \} \] \}$/,
  )
  expect(lines.slice(1).map((line) => line.split('\t').slice(2))).toEqual([
    ['ERROR', 'e'],
    ['DEBUG', '5000'],
  ])
})

test('a line longer than one WASI write arrives whole', async () => {
  const spec = await deploy(handlerOf(`async () => { process.stdout.write('ü'.repeat(5000) + '\\n') }`))
  expect((await run(spec)).log).toBe(`${'ü'.repeat(5000)}\n`)
})

test('the environment is read in the invocation, never in init', async () => {
  const spec = await deploy(`const { env } = process; const baked = process.env.COLOUR; env.MINE = 1
    export const handler = async () => [baked, env.COLOUR, process.env.MINE, 'COLOUR' in env, Object.keys(env).includes('COLOUR'), env.NOPE]`)
  expect((await run(spec)).value).toEqual([null, 'blue', '1', true, true, null])
})

const seen = z.object({
  atInit: z.number(),
  random: z.number(),
  uuid: z.string(),
  now: z.number(),
  elapsed: z.number(),
  bytes: z.literal(4),
})

test('clocks are live and randomness differs from invocation to invocation', async () => {
  const spec = await deploy(`const atInit = Math.random()
    export const handler = async () => ({ atInit, random: Math.random(), uuid: crypto.randomUUID(), now: Date.now(), elapsed: performance.now(),
      bytes: crypto.getRandomValues(new Uint8Array(4)).length })`)
  const before = Date.now()
  const [one, two] = [seen.parse((await run(spec)).value), seen.parse((await run(spec)).value)]
  expect(one.atInit).toBe(two.atInit)
  expect(one.random).not.toBe(two.random)
  expect(one.uuid).not.toBe(two.uuid)
  expect(one.uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(one.now).toBeGreaterThanOrEqual(before - 1)
  expect(one.elapsed).toBeLessThan(1_000)
})

test("the context is Lambda's", async () => {
  const spec = await deploy(
    handlerOf('async (event, context) => ({ ...context, left: context.getRemainingTimeInMillis() })'),
  )
  const { value } = await run(spec, {}, { requestId: 'r-1', clientContext: '{"client":{"a":1}}', tenantId: 't' })
  expect(value).toMatchObject({
    functionName: 'paint',
    functionVersion: spec.version,
    memoryLimitInMB: String(spec.memoryMb),
    awsRequestId: 'r-1',
    clientContext: { client: { a: 1 } },
    tenantId: 't',
    logGroupName: spec.logGroup,
    callbackWaitsForEmptyEventLoop: true,
  })
  const { left } = z.object({ left: z.number() }).parse(value)
  expect(left).toBeGreaterThan(0)
  expect(left).toBeLessThanOrEqual(spec.timeoutMs)
})

test('process.exit ends the invocation with a function error', async () => {
  expect((await run(await deploy(handlerOf('async () => process.exit(3)')))).failure).toMatchObject({
    errorType: 'Runtime.ExitError',
  })
})

test('a promise that nothing can settle is a function error', async () => {
  const { failure } = await run(await deploy(handlerOf('() => new Promise(() => {})')))
  expect(failure).toBeDefined()
})

test('web globals: text, cloning, base64', async () => {
  const spec = await deploy(
    handlerOf(`async () => {
      const copy = structuredClone({ d: new Date(0), m: new Map([[1, new Set([2])]]), u: new Uint8Array([1, 2]) })
      const decoder = new TextDecoder()
      const streamed = [0xe6, 0x97, 0xa5].map((byte) => decoder.decode(new Uint8Array([byte]), { stream: true })).join('')
      let fatal; try { new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([0xff])) } catch (e) { fatal = e.name }
      return [[...new TextEncoder().encode('é😀')], streamed, new TextDecoder().decode(new Uint8Array([0x61, 0xff, 0xe2, 0x82, 0x62])),
        fatal, copy.d.getTime(), copy.m.get(1).has(2), copy.u[1], atob(btoa('x')), typeof global.setTimeout]
    }`),
  )
  expect((await run(spec)).value).toEqual([
    [0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80],
    '日',
    'a\ufffd\ufffdb',
    'TypeError',
    0,
    true,
    2,
    'x',
    'function',
  ])
})

test('instances come back clean: nothing of all this made one impure', () => {
  expect(runtime.impurities).toEqual([])
})
