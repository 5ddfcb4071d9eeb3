/** A JavaScript function that streams by `awslambda.streamifyResponse`, through a whole server. */
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { zipOf } from '../server.ts'
import { eventOf, invokeStreamed, prelude, startHttpServer, type Deployed, type HttpServer } from './support.ts'

const source = `
  import { pipeline } from 'node:stream/promises'
  const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
  export const handler = awslambda.streamifyResponse(async (event, responseStream, context) => {
    const stream = awslambda.HttpResponseStream.from(responseStream, {
      statusCode: 202, headers: { 'content-type': 'text/event-stream', 'x-id': context.awsRequestId }, cookies: ['a=1', 'b=2'],
    })
    if (event.rawPath === '/fails') { stream.write('half'); await later(20); throw new RangeError('midway') }
    if (event.rawPath === '/fails-first') throw new RangeError('at once')
    if (event.rawPath === '/endless') for (;;) await new Promise((resolve) => stream.write('x'.repeat(65_536), resolve))
    await pipeline(async function* () { for (let n = 0; n < 5; n++) { yield 'data: ' + n + '\\n\\n'; await later(20) } }, stream)
  })`

let http: HttpServer
let streaming: Deployed
let buffered: Deployed
beforeAll(async () => {
  http = await startHttpServer()
  const code = { Runtime: 'nodejs24.x' as const, Code: { ZipFile: await zipOf({ 'index.mjs': source }) } }
  streaming = await http.deploy('streaming', new Uint8Array(), { ...code, invokeMode: 'RESPONSE_STREAM' })
  buffered = await http.deploy('buffered', new Uint8Array(), code)
})
afterAll(() => http[Symbol.asyncDispose]())

const all = [0, 1, 2, 3, 4].map((n) => `data: ${n}\n\n`).join('')

test('InvokeWithResponseStream has the head, then each piece as it was written', async () => {
  const { chunks, errorCode, log } = await invokeStreamed(http.server, 'streaming', eventOf('/'))
  const { head, body } = prelude(Buffer.concat(chunks))
  expect(head).toMatchObject({
    statusCode: 202,
    headers: { 'content-type': 'text/event-stream' },
    cookies: ['a=1', 'b=2'],
  })
  expect({ body: body.toString(), errorCode }).toEqual({ body: all, errorCode: undefined })
  expect(chunks.length).toBeGreaterThanOrEqual(5)
  expect(log).toContain('REPORT RequestId')
})

test('a URL that streams has status, headers and cookies, and the body as it is written', async () => {
  const { outgoing, response } = streaming.open('/')
  outgoing.end()
  const incoming = await response
  expect(incoming).toMatchObject({
    statusCode: 202,
    headers: { 'content-type': 'text/event-stream', 'set-cookie': ['a=1', 'b=2'] },
  })
  const pieces: string[] = []
  for await (const piece of incoming) pieces.push(String(piece))
  expect(pieces.join('')).toBe(all)
  expect(pieces.length).toBeGreaterThan(1)
})

test('Invoke, and a URL that does not stream, have all of it', async () => {
  const { status, body } = await buffered.send('/')
  expect(status).toBe(200)
  expect(prelude(Buffer.from(body)).body.toString()).toBe(all)
})

test('an error after the first byte is in InvokeComplete; over HTTP the body breaks off', async () => {
  const { chunks, errorCode, errorDetails } = await invokeStreamed(http.server, 'streaming', eventOf('/fails'))
  expect(prelude(Buffer.concat(chunks)).body.toString()).toBe('half')
  expect(errorCode).toBe('Unhandled')
  expect(errorDetails).toContain('midway')
  await expect(streaming.send('/fails')).rejects.toMatchObject({ code: 'ECONNRESET' })
})

test('an error before the first byte has no payload; over HTTP it is 502', async () => {
  const { chunks, errorCode, errorDetails } = await invokeStreamed(http.server, 'streaming', eventOf('/fails-first'))
  expect({ chunks, errorCode }).toEqual({ chunks: [], errorCode: 'Unhandled' })
  expect(errorDetails).toContain('at once')
  expect((await streaming.send('/fails-first')).status).toBe(502)
})

test('a client that leaves ends a function that would write for ever', async () => {
  const { outgoing, response } = streaming.open('/endless')
  outgoing.end()
  const incoming = await response
  incoming.on('error', () => {})
  await once(incoming, 'readable')
  outgoing.destroy()
  await streaming.logged(/Runtime\.Aborted/)
  expect((await streaming.send('/')).status).toBe(202)
})
