/** JavaScript that asks for StarlingMonkey, from its zip to its answers, through a whole server. One build for each style. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { zipOf } from '../server.ts'
import { eventOf, startHttpServer, type Deployed, type HttpServer } from './support.ts'

const asks = JSON.stringify({ type: 'module', thaw: { engine: 'starlingmonkey' } })

const fetchSource = `
  import { basename } from 'node:path'
  let visits = 0
  async function* lines() { for (let n = 0; n < 3; n++) { yield 'line ' + n + '\\n'; await new Promise((resolve) => setTimeout(resolve, 20)) } }
  const routes = {
    '/hello': async (request, env) => new Response('hello ' + env.COLOUR, { headers: [['set-cookie', 'a=1'], ['set-cookie', 'b=2']] }),
    '/echo': async (request) => new Response(request.body, { status: 201, headers: { 'x-method': request.method } }),
    '/visits': async () => Response.json({ visits: ++visits }),
    '/base': async (request) => new Response(basename(new URL(request.url).searchParams.get('path'))),
    '/stream': async () => {
      const pieces = lines()
      return new Response(new ReadableStream({ async pull(c) { const { done, value } = await pieces.next(); if (done) c.close(); else c.enqueue(new TextEncoder().encode(value)) } }))
    },
    '/gzip': async () => new Response(new Blob(['x'.repeat(1000)]).stream().pipeThrough(new CompressionStream('gzip'))),
    '/throw': async () => { throw new RangeError('asked for') },
    '/random': async () => Response.json([Math.random(), crypto.randomUUID()]),
    '/log': async (request, env, ctx) => { console.log('logged', { a: 1 }); ctx.waitUntil(Promise.resolve().then(() => console.error('afterwards'))); return new Response() },
  }
  export default { fetch: (request, env, ctx) => routes[new URL(request.url).pathname](request, env, ctx) }`

const eventSource = `
  import { Readable, Transform } from 'node:stream'
  import { pipeline } from 'node:stream/promises'
  import { createHash } from 'node:crypto'
  import { once, EventEmitter } from 'node:events'
  import { format, isDeepStrictEqual } from 'node:util'
  import { setTimeout as later } from 'node:timers/promises'
  import assert from 'node:assert'
  let visits = 0
  const cases = {
    context: async (event, context) => ({ id: context.awsRequestId, left: context.getRemainingTimeInMillis() > 0, name: context.functionName, env: process.env.COLOUR }),
    node: async () => {
      const parts = []
      await pipeline(Readable.from(['a', 'b']), new Transform({ transform(c, e, done) { done(null, String(c).toUpperCase()) } }), async (s) => { for await (const c of s) parts.push(String(c)) })
      const emitter = new EventEmitter()
      setImmediate(() => emitter.emit('ready', 1))
      await once(emitter, 'ready')
      assert.deepStrictEqual(new Map([[1, { a: 1 }]]), new Map([[1, { a: 1 }]]))
      return { parts, hash: createHash('sha256').update('x').digest('hex').slice(0, 8), hex: Buffer.from('hé').toString('hex'), text: format('%j', { a: 1 }), equal: isDeepStrictEqual([1], [1]) }
    },
    web: async () => ({ url: new URL('../b?c#d', 'https://a.example/x/y').href, clone: structuredClone(new Map([[1, 2]])).get(1), digest: (await crypto.subtle.digest('SHA-256', new Uint8Array(3))).byteLength }),
    visits: async () => ++visits,
    fetch: async ({ url }) => { try { return await (await fetch(url)).text() } catch (error) { return 'failed: ' + error.constructor.name } },
    waits: async () => { const began = Date.now(); await later(30); return Date.now() - began >= 29 },
    log: async () => { console.log('a', 1); console.error('b'); console.warn({ c: 3 }) },
    throws: async () => { throw new RangeError('asked for') },
    'throws a string': async () => { throw 'text' },
    circular: async () => { const a = {}; a.a = a; return a },
    nothing: async () => undefined,
    callback: (event, context, callback) => { setTimeout(() => callback(null, 'called'), 1) },
    spin: async () => { for (;;); },
  }
  export const handler = (event, context, callback) => cases[event.name](event, context, callback)`

let http: HttpServer
let fetching: Deployed
const upstream = createServer((_, outgoing) => outgoing.end('from upstream'))
let port: number

async function upload(source: string, more: Record<string, string> = {}) {
  const ZipFile = await zipOf({ 'index.mjs': source, 'package.json': asks, ...more })
  const Environment = { Variables: { COLOUR: 'blue' } }
  return { Runtime: 'nodejs24.x' as const, Code: { ZipFile }, Environment, MemorySize: 512, Timeout: 5 }
}

beforeAll(async () => {
  await once(upstream.listen(0, '127.0.0.1'), 'listening')
  const address = upstream.address()
  port = typeof address === 'object' && address !== null ? address.port : 0
  http = await startHttpServer()
  fetching = await http.deploy('fetching', new Uint8Array(), await upload(fetchSource))
  await http.server.create('event', await upload(eventSource))
  await http.api('PUT', '/2015-03-31/functions/event/configuration', { Egress: { Allow: [`localhost:${port}`] } })
  await http.server.updated('event')
}, 180_000)
afterAll(async () => {
  upstream.closeAllConnections()
  upstream.close()
  await http[Symbol.asyncDispose]()
})

describe('export default { fetch }', () => {
  test('answers a URL: environment, headers, cookies', async () => {
    const { status, body, headers } = await fetching.send('/hello')
    expect({ status, body, cookies: headers['set-cookie'] }).toEqual({
      status: 200,
      body: 'hello blue',
      cookies: ['a=1', 'b=2'],
    })
  })

  test('bodies stream both ways', async () => {
    expect(await fetching.send('/echo', { method: 'POST', body: 'x'.repeat(200_000) })).toMatchObject({
      status: 201,
      body: 'x'.repeat(200_000),
      headers: { 'x-method': 'POST' },
    })
    expect((await fetching.send('/stream')).body).toBe('line 0\nline 1\nline 2\n')
  })

  test('has what the engine has and what the guest SDK adds', async () => {
    expect((await fetching.send('/gzip')).bytes.subarray(0, 2).toString('hex')).toBe('1f8b')
    expect((await fetching.send('/base?path=/a/b.txt')).body).toBe('b.txt')
  })

  test('each request begins with the snapshot, and with randomness of its own', async () => {
    const send = async (path: string) => JSON.parse((await fetching.send(path)).body)
    expect([await send('/visits'), await send('/visits')]).toEqual([{ visits: 1 }, { visits: 1 }])
    const [[a, b], [c, d]] = [await send('/random'), await send('/random')]
    expect([a === c, b === d]).toEqual([false, false])
  })

  test('Invoke takes events of payload format 2.0', async () => {
    const { payload } = await http.server.invoke('fetching', eventOf('/hello'))
    expect(payload).toMatchObject({ statusCode: 200, body: 'hello blue', cookies: ['a=1', 'b=2'] })
  })

  test('an error is in the log, and no more than that it was one in the response', async () => {
    expect(await fetching.send('/throw')).toMatchObject({ status: 502, body: 'Internal Server Error' })
    await fetching.logged(/ERROR\tRangeError: asked for/)
    expect((await http.server.invoke('fetching', eventOf('/throw'))).functionError).toBe('Unhandled')
    expect((await fetching.send('/hello')).status).toBe(200)
  })

  test('console, also of what comes after the response', async () => {
    expect((await fetching.send('/log')).status).toBe(200)
    await fetching.logged(/INFO\tlogged \{ a: 1 \}\n[^]*ERROR\tafterwards\n/)
  })
})

describe('export const handler', () => {
  const run = async (name: string, more: object = {}) => http.server.invoke('event', { name, ...more })

  test.each<[string, unknown]>([
    ['node', { parts: ['AB'], hash: '2d711642', hex: '68c3a9', text: '{"a":1}', equal: true }],
    ['web', { url: 'https://a.example/b?c#d', clone: 2, digest: 32 }],
    ['waits', true],
    ['nothing', null],
    ['callback', 'called'],
    ['context', { id: expect.stringMatching(/^[0-9a-f-]{36}$/), left: true, name: 'event', env: 'blue' }],
  ])('%s', async (name, payload) => {
    expect(await run(name)).toMatchObject({ functionError: undefined, payload })
  })

  test('each invocation begins with the snapshot', async () => {
    expect([(await run('visits')).payload, (await run('visits')).payload]).toEqual([1, 1])
  })

  test('fetch goes where the allow-list lets it', async () => {
    expect((await run('fetch', { url: `http://localhost:${port}/` })).payload).toBe('from upstream')
    expect((await run('fetch', { url: 'http://elsewhere.example/' })).payload).toMatch(/^failed: /)
  })

  test.each<[string, object]>([
    [
      'throws',
      {
        errorType: 'RangeError',
        errorMessage: 'asked for',
        trace: expect.arrayContaining([
          'RangeError: asked for',
          expect.stringMatching(/^ {4}at .*\/var\/task\/function\.js:\d+:\d+/),
        ]),
      },
    ],
    ['throws a string', { errorType: 'string', errorMessage: 'text' }],
    ['circular', { errorType: 'Error', errorMessage: 'Unable to stringify response body' }],
  ])('%s', async (name, failure) => {
    const { functionError, payload } = await run(name)
    expect(functionError).toBe('Unhandled')
    expect(payload).toMatchObject(failure)
  })

  test('log lines are those of Lambda', async () => {
    const { log } = await http.server.invoke('event', { name: 'log' }, { LogType: 'Tail' })
    expect(log).toMatch(/Z\t[0-9a-f-]{36}\tINFO\ta 1\n/)
    expect(log).toMatch(/\tERROR\tb\n/)
    expect(log).toMatch(/\tWARN\t\{ c: 3 \}\n/)
  })

  test('an endless loop ends at the time limit', async () => {
    expect((await run('spin')).payload).toMatchObject({ errorType: 'Sandbox.Timedout' })
    expect((await run('nothing')).payload).toBe(null)
  })
})
