/** JavaScript in fetch style behind a function URL: over sockets, bodies flow both ways and end as they should. */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { zipOf } from '../server.ts'
import { cutOff, eventOf, invokeStreamed, startHttpServer, type Deployed, type HttpServer } from './support.ts'

const source = `
const bytes = (text) => new TextEncoder().encode(text)
const routes = {
  '/': (request) => Response.json({ method: request.method, url: request.url, cookie: request.headers.get('cookie') }),
  '/echo': (request) => new Response(request.body, { headers: { 'content-type': 'text/event-stream' } }),
  '/head': () => new Response('twelve bytes'),
  '/throw': () => { throw new RangeError('before the head') },
  '/mid-body': () => new Response(ReadableStream.from((async function* () { yield bytes('one'); throw new RangeError('in the body') })())),
  '/after': (request, env, ctx) => { ctx.waitUntil(new Promise((resolve) => setTimeout(resolve, 1)).then(() => console.log('went on'))); return new Response('sent') },
  '/endless': () => new Response(ReadableStream.from((async function* () { for (;;) yield bytes('more') })())),
}
export default { fetch: (request, env, ctx) => routes[new URL(request.url).pathname](request, env, ctx) }`

let http: HttpServer
let fn: Deployed
beforeAll(async () => {
  http = await startHttpServer()
  const zip = await zipOf({ 'index.mjs': source })
  fn = await http.deploy('fetch-style', zip, { Runtime: 'nodejs24.x', Timeout: 30 })
})
afterAll(() => http[Symbol.asyncDispose]())

async function next(incoming: IncomingMessage): Promise<string> {
  const [piece]: unknown[] = await once(incoming, 'data')
  return String(piece)
}

test('a request as it is, whole', async () => {
  const { status, headers, body } = await fn.send('/', { headers: ['cookie', 'a=1; b=2'] })
  expect([status, headers['content-type']]).toEqual([200, 'application/json'])
  expect(JSON.parse(body)).toEqual({ method: 'GET', url: `http://${fn.host}/`, cookie: 'a=1; b=2' })
})

test('each piece of the response is here before the next of the request is sent', async () => {
  const { outgoing, response } = fn.open('/echo', { method: 'POST', headers: ['transfer-encoding', 'chunked'] })
  outgoing.write('data: 0\n\n')
  const incoming = await response
  expect(incoming.headers['content-type']).toBe('text/event-stream')
  expect(await next(incoming)).toBe('data: 0\n\n')
  for (let at = 1; at <= 3; at++) {
    outgoing.write(`data: ${at}\n\n`)
    expect(await next(incoming)).toBe(`data: ${at}\n\n`)
  }
  outgoing.end()
  await once(incoming.resume(), 'end')
  expect(incoming.complete).toBe(true)
})

test('HEAD has the length and no body', async () => {
  const { status, headers, body } = await fn.send('/head', { method: 'HEAD' })
  expect([status, headers['content-length'], body]).toEqual([200, '12', ''])
})

test('an error before the head is a 502, in the body a cut, and each is logged', async () => {
  expect(await fn.send('/throw')).toMatchObject({ status: 502, body: 'Internal Server Error' })
  await cutOff(fn.open('/mid-body'))
  await fn.logged(/RangeError.*before the head[\s\S]*RangeError.*in the body/)
})

test('what waitUntil has been given goes on behind the response', async () => {
  expect((await fn.send('/after')).body).toBe('sent')
  await fn.logged(/went on/)
})

test('a client that leaves an endless body ends the function', async () => {
  const { outgoing, response } = fn.open('/endless')
  outgoing.end()
  expect(await next(await response)).toMatch(/^more/)
  const since = (await fn.log()).length
  outgoing.destroy()
  await fn.logged(/Runtime\.Aborted/, since)
  expect((await fn.send('/head')).status).toBe(200)
})

test('by Invoke and InvokeWithResponseStream it takes events in payload format 2.0', async () => {
  const { payload } = await http.server.invoke('fetch-style', eventOf('/head'))
  expect(payload).toMatchObject({ statusCode: 200, body: 'twelve bytes', isBase64Encoded: false })
  const failed = await http.server.invoke('fetch-style', eventOf('/throw'))
  expect(failed.payload).toMatchObject({ errorType: 'RangeError', errorMessage: 'before the head' })
  const { body, errorCode } = await invokeStreamed(http.server, 'fetch-style', eventOf('/head'))
  expect([body.endsWith('twelve bytes'), errorCode]).toEqual([true, undefined])
})
