/** The ways in which people write a handler, and what they see of it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FunctionSpec } from '../../src/invocation.ts'
import { javascriptFunction } from '../support/build-cache.ts'
import { failureOf, payloadText, testRuntime, type TestRuntime } from '../support/runtime.ts'

let runtime: TestRuntime
beforeAll(async () => {
  runtime = await testRuntime()
})
afterAll(() => runtime[Symbol.asyncDispose]())

const deployed = new Map<string, Promise<FunctionSpec>>()
function deploy(source: string | Record<string, string>, handler?: string): Promise<FunctionSpec> {
  const key = JSON.stringify([source, handler])
  const known = deployed.get(key)
  if (known !== undefined) return known
  const spec = runtime.deploy(javascriptFunction(source, handler), { environment: { COLOUR: 'blue' } })
  deployed.set(key, spec)
  return spec
}
async function answer(spec: FunctionSpec, event: unknown = {}): Promise<unknown> {
  return JSON.parse(payloadText(await runtime.invoke(spec, JSON.stringify(event))))
}

const http = (method: string, path: string, more: object = {}) => ({
  version: '2.0',
  routeKey: '$default',
  rawPath: path.split('?')[0],
  rawQueryString: path.split('?')[1] ?? '',
  headers: { host: 'abc.lambda-url.example', 'x-forwarded-proto': 'https' },
  requestContext: { domainName: 'abc.lambda-url.example', http: { method, path, protocol: 'HTTP/1.1' } },
  isBase64Encoded: false,
  ...more,
})

const app = `
  const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
  export default {
    async fetch(request, env, ctx) {
      const { pathname, searchParams } = new URL(request.url)
      if (pathname === '/echo') return Response.json({ method: request.method, url: request.url, text: await request.text(), cookie: request.headers.get('cookie'), a: searchParams.get('a') }, { status: 201 })
      if (pathname === '/bytes') return new Response(new Uint8Array([0, 255, 1]), { headers: { 'content-type': 'image/png' } })
      if (pathname === '/stream') return new Response(new ReadableStream({ async start(c) { c.enqueue(new TextEncoder().encode('a')); await later(1); c.enqueue(new TextEncoder().encode('b')); c.close() } }), { headers: { 'content-type': 'text/plain' } })
      if (pathname === '/cookies') return new Response(null, { status: 204, headers: [['set-cookie', 'a=1'], ['set-cookie', 'b=2'], ['x-y', 'z']] })
      if (pathname === '/env') return new Response(env.COLOUR)
      if (pathname === '/wait') { ctx.waitUntil(later(5).then(() => console.log('waited'))); return new Response('sent') }
      if (pathname === '/nothing') return undefined
      throw new RangeError('no ' + pathname)
    },
  }`

describe('export default { fetch }', () => {
  test('a request of payload format 2.0 comes as a Request', async () => {
    const event = http('POST', '/echo?a=1%202', { body: btoa('hi'), isBase64Encoded: true, cookies: ['c=1', 'd=2'] })
    expect(await answer(await deploy(app), event)).toEqual({
      statusCode: 201,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        method: 'POST',
        url: 'https://abc.lambda-url.example/echo?a=1%202',
        text: 'hi',
        cookie: 'c=1; d=2',
        a: '1 2',
      }),
      isBase64Encoded: false,
    })
  })

  test('bytes go in base64, text as it is, streams whole', async () => {
    const spec = await deploy(app)
    expect(await answer(spec, http('GET', '/bytes'))).toMatchObject({ body: 'AP8B', isBase64Encoded: true })
    expect(await answer(spec, http('GET', '/stream'))).toMatchObject({ body: 'ab', isBase64Encoded: false })
  })

  test('cookies are apart from headers', async () => {
    expect(await answer(await deploy(app), http('GET', '/cookies'))).toEqual({
      statusCode: 204,
      headers: { 'x-y': 'z' },
      cookies: ['a=1', 'b=2'],
      body: '',
      isBase64Encoded: false,
    })
  })

  test('env is the environment', async () => {
    expect(await answer(await deploy(app), http('GET', '/env'))).toMatchObject({ body: 'blue' })
  })

  test('what waitUntil is given ends before the invocation does', async () => {
    const { outcome, log } = await runtime.invoke(await deploy(app), JSON.stringify(http('GET', '/wait')))
    expect(outcome.kind).toBe('success')
    expect(log).toContain('waited')
  })

  test('what it throws, returns wrongly, or cannot take is a function error', async () => {
    const spec = await deploy(app)
    const failure = async (event: unknown) => failureOf(await runtime.invoke(spec, JSON.stringify(event)))
    expect(await failure(http('GET', '/x'))).toMatchObject({ errorType: 'RangeError', errorMessage: 'no /x' })
    expect(await failure(http('GET', '/nothing'))).toMatchObject({ errorType: 'TypeError' })
    expect(await failure({ Records: [] })).toMatchObject({
      errorMessage: expect.stringContaining('payload format 2.0'),
    })
  })

  test('repeated parameters and cookies come whole', async () => {
    const body =
      'export default { fetch: (request) => Response.json([request.method, request.url, request.headers.get("cookie")]) }'
    const event = {
      ...http('POST', '/my/path?parameter1=value1&parameter1=value2', {
        cookies: ['cookie1', 'cookie2'],
        body: 'Hello',
      }),
      headers: { header1: 'value1', header2: 'value1,value2' },
    }
    const { body: text } = httpAnswer(await answer(await deploy(body), event))
    expect(JSON.parse(text)).toEqual([
      'POST',
      'https://abc.lambda-url.example/my/path?parameter1=value1&parameter1=value2',
      'cookie1; cookie2',
    ])
  })

  test('a Hono app runs as it is', async () => {
    const spec = await deploy({ 'index.mjs': honoApp, ...hono() })
    expect(await answer(spec, http('GET', '/hello/me?x=1'))).toMatchObject({
      statusCode: 200,
      body: '{"name":"me","x":"1"}',
      headers: { 'x-powered-by': 'Hono' },
    })
    expect(await answer(spec, http('POST', '/items', { body: '{"n":2}' }))).toMatchObject({
      statusCode: 201,
      body: '4',
    })
    expect(await answer(spec, http('GET', '/nope'))).toMatchObject({ statusCode: 404, body: '404 Not Found' })
  })

  test('CommonJS made of an ES module has it too; a handler by name goes first', async () => {
    const compiled =
      'Object.defineProperty(exports, "__esModule", { value: true })\nexports.default = { fetch: () => new Response("c") }'
    expect(await answer(await deploy({ 'index.cjs': compiled }), http('GET', '/'))).toMatchObject({ body: 'c' })
    const both = 'export const handler = async () => 1\nexport default { fetch: () => new Response("c") }'
    expect(await answer(await deploy(both))).toBe(1)
  })
})

const honoApp = `
  import { Hono } from 'hono'
  import { poweredBy } from 'hono/powered-by'
  const app = new Hono()
  app.use(poweredBy())
  app.get('/hello/:name', (c) => c.json({ name: c.req.param('name'), x: c.req.query('x') }))
  app.post('/items', async (c) => c.json((await c.req.json()).n * 2, 201))
  export default app
`

function hono(): Record<string, string> {
  const root = join(import.meta.dirname, '..', '..', 'node_modules', 'hono')
  const files = readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.js') && !path.startsWith('cjs'))
    .map((path): [string, string] => [`node_modules/hono/dist/${path}`, readFileSync(join(root, 'dist', path), 'utf8')])
  return {
    'node_modules/hono/package.json': readFileSync(join(root, 'package.json'), 'utf8'),
    ...Object.fromEntries(files),
  }
}

/** An answer of payload format 2.0 that has a body. */
function httpAnswer(value: unknown): { body: string } {
  if (typeof value !== 'object' || value === null || !('body' in value) || typeof value.body !== 'string') {
    throw new Error(`${JSON.stringify(value)} has no body`)
  }
  return { body: value.body }
}

const forms: [name: string, file: string, source: string][] = [
  ['exports.handler', 'index.js', 'exports.handler = async (event) => event.a'],
  [
    'module.exports.handler',
    'index.js',
    'module.exports.handler = function (event, context, callback) { callback(null, event.a) }',
  ],
  [
    'module.exports = { handler }',
    'index.cjs',
    'const handler = (event) => Promise.resolve(event.a)\nmodule.exports = { handler }',
  ],
  [
    'a class instance',
    'index.js',
    'class A { constructor() { this.x = 1; this.handler = this.handler.bind(this) } async handler(event) { return event.a * this.x } }\nmodule.exports = new A()',
  ],
  ['exports through another file', 'index.js', "module.exports = require('./lib')"],
  ['export { f as handler }', 'index.mjs', 'const f = async (event) => event.a\nexport { f as handler }'],
  ['export default { handler }', 'index.mjs', 'export default { handler: async (event) => event.a }'],
  [
    'TypeScript',
    'index.ts',
    "import type { Context } from 'aws-lambda'\nexport const handler = async (event: { a: number }, _context: Context): Promise<number> => event.a",
  ],
  [
    'tsc output',
    'index.js',
    '"use strict";\nObject.defineProperty(exports, "__esModule", { value: true });\nexports.handler = void 0;\nconst handler = async (event) => event.a;\nexports.handler = handler;',
  ],
]
test.each(forms)('%s', async (_, file, source) => {
  const spec = await deploy({ [file]: source, 'lib.js': 'exports.handler = async (event) => event.a' })
  expect(await answer(spec, { a: 7 })).toBe(7)
})

const throwing = `import { deep } from './lib/deep.ts'
export const handler = async (event) => {
  if (event.log) return void console.error(new Error('logged'))
  if (event.stack) return new Error('x').stack.split('\\n')[1]
  if (event.microtask) queueMicrotask(() => { throw new RangeError('in a microtask') })
  else if (event.timer) setTimeout(async () => { throw new RangeError('in a timer') }, 1)
  else deep(event)
  await new Promise((resolve) => setTimeout(resolve, 1000))
}
`
const deep = `interface Event { a: number }

export function deep(event: Event): never {
  throw new TypeError(\`deep \${event.a}\`)
}
`

describe('what goes wrong', () => {
  const source = { 'index.mjs': throwing, 'lib/deep.ts': deep }

  test("a trace has the author's files and lines, without the runtime's", async () => {
    const failure = failureOf(await runtime.invoke(await deploy(source), '{"a":1}'))
    expect(failure.trace?.slice(0, 3)).toEqual([
      'TypeError: deep 1',
      expect.stringMatching(/^ {4}at deep \(\/var\/task\/lib\/deep\.ts:4:\d+\)$/),
      expect.stringMatching(/^ {4}at handler \(\/var\/task\/index\.mjs:7:\d+\)$/),
    ])
    expect(failure.trace?.join('\n')).not.toContain('bundle')
  })

  test('so has what is logged, and error.stack', async () => {
    const spec = await deploy(source)
    expect((await runtime.invoke(spec, '{"log":1}')).log).toMatch(
      /ERROR\tError: logged\n {4}at handler \(\/var\/task\/index\.mjs:3:\d+\)/,
    )
    expect(await answer(spec, { stack: 1 })).toMatch(/^ {4}at handler \(\/var\/task\/index\.mjs:4:\d+\)$/)
  })

  test.each([
    ['microtask', 'RangeError', 'in a microtask'],
    // An async callback: as in Node, its promise is nobody's.
    ['timer', 'Runtime.UnhandledPromiseRejection', 'RangeError: in a timer'],
  ])('an exception in a %s is a function error', async (where, errorType, errorMessage) => {
    const failure = failureOf(await runtime.invoke(await deploy(source), JSON.stringify({ [where]: 1 })))
    expect(failure).toMatchObject({ errorType, errorMessage })
  })
})

const events = join(import.meta.dirname, '..', '..', '..', 'shared', 'lambda', 'events')
test.skipIf(!existsSync(events) && process.env['CI'] === undefined)(
  'the sample events go through unchanged',
  async () => {
    const spec = await deploy('export const handler = async (event) => event')
    const files = readdirSync(events)
    expect(files.length).toBe(68)
    for (const file of files) {
      const event: unknown = JSON.parse(readFileSync(join(events, file), 'utf8'))
      expect([file, await answer(spec, event)]).toEqual([file, event])
    }
  },
)

test('instances come back clean', () => {
  expect(runtime.impurities).toEqual([])
})
