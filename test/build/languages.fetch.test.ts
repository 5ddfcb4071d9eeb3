/** fetch in JavaScript functions, against a server on loopback. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { FunctionSpec } from '../../src/invocation.ts'
import { javascriptFunction } from '../support/build-cache.ts'
import { payloadText, testRuntime, type TestRuntime } from '../support/runtime.ts'

const source = `
const told = (error) => [error.name, error.message, error.cause?.code]
const cases = {
  async get(base) {
    const response = await fetch(base + '/hello?a=b#c', { headers: { 'x-one': '1', 'x-bytes': '\\u00fc' } })
    return [response.status, response.ok, response.url, response.redirected, response.headers.get('x-answer'), await response.json()]
  },
  async post(base) {
    const response = await fetch(base + '/echo', { method: 'POST', body: JSON.stringify({ a: 1 }), headers: { 'content-type': 'application/json' } })
    return await response.json()
  },
  async both(base) {
    // Neither is answered before both are there.
    const answers = await Promise.all([1, 2, 3].map((n) => fetch(base + '/together/3?' + n)))
    return Promise.all(answers.map((answer) => answer.text()))
  },
  async streamed(base) {
    let pieces = 0
    let bytes = 0
    for await (const piece of (await fetch(base + '/big')).body) { pieces++; bytes += piece.length }
    return [pieces > 1, bytes]
  },
  async upload(base) {
    const body = ReadableStream.from((async function* () { for (let n = 0; n < 40; n++) yield new Uint8Array(65_536).fill(n) })())
    const response = await fetch(base + '/count', { method: 'PUT', body, duplex: 'half' })
    return await response.json()
  },
  async redirect(base) {
    const response = await fetch(base + '/redirect', { method: 'POST', body: 'x' })
    const { method } = await response.json()
    const manual = await fetch(base + '/redirect', { redirect: 'manual' })
    return [response.url.replace(base, ''), response.redirected, method, manual.status, await fetch(base + '/redirect', { redirect: 'error' }).catch(told)]
  },
  loop: (base) => fetch(base + '/loop').catch(told),
  away: (base) => fetch(base + '/away').catch(told),
  denied: () => fetch('http://denied.example/').catch(told),
  reset: (base) => fetch(base + '/reset').catch(told),
  cut: (base) => fetch(base + '/cut').then((response) => response.text()).catch(told),
  async aborted(base) {
    const started = Date.now()
    const error = await fetch(base + '/never', { signal: AbortSignal.timeout(50) }).catch((error) => error)
    return [error.name, Date.now() - started < 10_000]
  },
  async unread(base) {
    await fetch(base + '/big')
    return 'done'
  },
  async timers(base) {
    const order = []
    const waiting = fetch(base + '/slow').then(() => order.push('fetch'))
    await new Promise((resolve) => setTimeout(resolve, 5)).then(() => order.push('timer'))
    await waiting
    return order
  },
  never: (base) => fetch(base + '/never'),
}
let init
try { await fetch('http://localhost:1/') } catch (error) { init = told(error) }
export const handler = ({ name, base }) => (name === 'init' ? init : cases[name](base))
`

let runtime: TestRuntime
let spec: FunctionSpec
let base: string
const together: ServerResponse[] = []

async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const { pathname } = new URL(incoming.url ?? '/', base)
  if (pathname === '/never') return
  if (pathname === '/reset') return void incoming.socket.destroy()
  if (pathname === '/redirect') return void outgoing.writeHead(302, { location: '/echo' }).end()
  if (pathname === '/loop') return void outgoing.writeHead(302, { location: '/loop' }).end()
  if (pathname === '/away') return void outgoing.writeHead(302, { location: 'http://169.254.169.254/latest' }).end()
  if (pathname === '/big') return void outgoing.end(Buffer.alloc(1_000_000))
  if (pathname === '/slow') return void setTimeout(() => outgoing.end('slow'), 50)
  if (pathname === '/cut')
    return void outgoing.writeHead(200, { 'content-length': 10 }).write('half', () => outgoing.destroy())
  if (pathname.startsWith('/together/')) {
    together.push(outgoing)
    if (together.length === 3) for (const each of together.splice(0)) each.end(each.req.url)
    return
  }
  const pieces: Buffer[] = []
  for await (const piece of incoming) pieces.push(piece)
  const { method, url, rawHeaders } = incoming
  const body = Buffer.concat(pieces)
  outgoing.writeHead(200, { 'x-answer': 'yes' })
  outgoing.end(
    JSON.stringify(pathname === '/count' ? body.length : { method, url, headers: rawHeaders, body: body.toString() }),
  )
}

const server = createServer((incoming, outgoing) => void answer(incoming, outgoing))

beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  base = `http://localhost:${port}`
  runtime = await testRuntime()
  spec = await runtime.deploy(javascriptFunction(source), { egress: [`localhost:${port}`] })
}, 120_000)
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await runtime[Symbol.asyncDispose]()
})

async function run(name: string): Promise<unknown> {
  const result = JSON.parse(payloadText(await runtime.invoke(spec, JSON.stringify({ name, base }))))
  expect(runtime.impurities).toEqual([])
  return result
}

test('a GET, with what it sends and what it gets', async () => {
  const [status, ok, url, redirected, header, seen] = (await run('get')) as [
    number,
    boolean,
    string,
    boolean,
    string,
    { url: string; headers: string[] },
  ]
  expect([status, ok, url, redirected, header]).toEqual([200, true, `${base}/hello?a=b`, false, 'yes'])
  expect(seen.url).toBe('/hello?a=b')
  expect(seen.headers).toEqual(
    expect.arrayContaining(['x-one', '1', 'x-bytes', '\u00fc', 'accept', '*/*', 'user-agent', 'thaw']),
  )
})

test('a POST, whole, with its length', async () => {
  const seen = (await run('post')) as { method: string; body: string; headers: string[] }
  expect(seen).toMatchObject({ method: 'POST', body: '{"a":1}' })
  expect(seen.headers.map((text) => text.toLowerCase())).toEqual(
    expect.arrayContaining(['content-length', '7', 'content-type', 'application/json']),
  )
})

test('several run at once', async () => {
  expect(await run('both')).toEqual(['/together/3?1', '/together/3?2', '/together/3?3'])
})

test('a response is read piece by piece', async () => {
  expect(await run('streamed')).toEqual([true, 1_000_000])
})

test('a stream is sent', async () => {
  expect(await run('upload')).toBe(40 * 65_536)
})

test('redirects are followed, kept or refused', async () => {
  expect(await run('redirect')).toEqual([
    '/echo',
    true,
    'GET',
    302,
    ['TypeError', `fetch failed: ${base}/redirect answers with a redirect`, 'redirect'],
  ])
})

test.each([
  ['loop', ['TypeError', 'fetch failed: more than 20 redirects', 'redirect']],
  ['away', ['TypeError', expect.stringContaining('169.254.169.254:80'), 'HTTP-request-denied']],
  ['denied', ['TypeError', expect.stringContaining('egress is denied by default'), 'HTTP-request-denied']],
  ['reset', ['TypeError', expect.stringMatching(/^fetch failed: localhost:\d+/), 'connection-terminated']],
  ['cut', ['TypeError', expect.stringMatching(/^fetch failed: /), 'HTTP-response-incomplete']],
  ['aborted', ['TimeoutError', true]],
  ['unread', 'done'],
  ['timers', ['timer', 'fetch']],
  ['init', ['TypeError', 'fetch failed: there is no network while a function is built', 'HTTP-request-denied']],
])('%s', async (name, expected) => {
  expect(await run(name)).toEqual(expected)
})

test('one that never answers ends at the deadline, and leaves nothing', async () => {
  const result = await runtime.invoke({ ...spec, timeoutMs: 200 }, JSON.stringify({ name: 'never', base }))
  expect(result.outcome).toMatchObject({ kind: 'failure', failure: { errorType: 'Sandbox.Timedout' } })
  expect(await run('unread')).toBe('done')
})
