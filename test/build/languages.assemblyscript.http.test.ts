/** Functions in AssemblyScript that export `fetch`, in the runtime. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { componentWit } from '@bytecodealliance/jco'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BodyError } from '../../src/http/body.ts'
import type { FunctionSpec } from '../../src/invocation.ts'
import { assemblyscriptComponent } from '../support/build-cache.ts'
import { TestExchange, type RequestOptions } from '../support/http-exchange.ts'
import { testRuntime, type TestRuntime } from '../support/runtime.ts'
import { TestSource } from '../wasi/bodies.ts'

const pages = `
  export function pages(): string { return memory.size().toString() + " pages" }
`

/** Answers HTTP. */
const site = `
  import { Json, log, Request, Response, fetch as get } from "thaw"
  import { pages } from "./pages"

  export function fetch(request: Request): Response {
    if (request.path == "/about") {
      const json = request.json()
      return Response.json(Json.object()
        .set("method", request.method).set("url", request.url).set("q", request.query("q"))
        .set("header", request.headers.get("X-Any")).set("cookie", request.cookie("b"))
        .set("text", request.text()).set("json", json === null ? "none" : "some")
        .set("event", request.event.isMissing), 201)
        .with("Set-Cookie", "a=1; Path=/").with("set-cookie", "b=2").with("x-byte", "\\u00fc").with("connection", "close")
    }
    if (request.path == "/echo") {
      const stream = new Response("", 202).with("x-kind", "echo").stream()
      for (let piece = request.read(); piece !== null; piece = request.read()) {
        stream.write(piece)
        stream.flush()
      }
      log.info(request.error === null ? pages() : request.error!.code)
      return stream.end()
    }
    if (request.path == "/mirror") {
      const response = new Response()
      response.body = request.body
      return response
    }
    if (request.path == "/many") {
      const stream = new Response().stream()
      const piece = new Uint8Array(65536)
      let written = 0
      while (written < 256 && stream.write(piece)) written++
      log.info(written.toString() + " pieces, " + pages())
      return stream.end()
    }
    if (request.path == "/bytes") return Response.bytes(request.bytes(), "image/png")
    if (request.path == "/proxy") return get(request.query("url")!)
    if (request.path == "/invalid") return new Response().with("x-bad", "a\\nb")
    if (request.path == "/status") return new Response("", 99)
    if (request.path == "/other") {
      new Response().stream().end()
      return new Response("other")
    }
    if (request.path == "/random") return new Response(Math.random().toString())
    if (request.path == "/none") return new Response("", 204)
    if (request.path == "/throw") throw new Error("thrown")
    return new Response("nowhere", 404)
  }
`

const files = (index: string) => ({ 'index.ts': index, 'pages.ts': pages })

let runtime: TestRuntime
beforeAll(async () => {
  runtime = await testRuntime()
})
afterAll(() => runtime[Symbol.asyncDispose]())

const limits = { timeoutMs: 60_000, memoryMb: 128 }

async function deploySite(egress: string[] = []): Promise<FunctionSpec> {
  return runtime.deploy(await assemblyscriptComponent(files(site), 'index.fetch'), { ...limits, egress })
}

async function call(path: string, options: RequestOptions = {}, egress: string[] = []) {
  const exchange = new TestExchange(path, options)
  const { outcome, log } = await runtime.invoke(await deploySite(egress), '', { http: exchange })
  expect(runtime.impurities).toEqual([])
  return { exchange, outcome, log }
}

const named = (headers: readonly (readonly [string, string])[] | undefined, name: string) =>
  headers?.filter(([key]) => key === name).map(([, value]) => value)

describe('a function that exports fetch', () => {
  test('is a component of wasi:http, and imports what it uses', async () => {
    const wit = await componentWit(await assemblyscriptComponent(files(site), 'index.fetch'))
    expect(wit).toContain('export wasi:http/incoming-handler@0.2.0;')
    expect(wit).not.toContain('thaw:function')
    expect((await deploySite()).entry).toBe('http-0.2')
    const hello =
      'import { Request, Response } from "thaw"\nexport function fetch(r: Request): Response { return new Response("hi") }'
    expect(await componentWit(await assemblyscriptComponent(hello))).not.toContain('outgoing-handler@')
  })

  test('sees the request, and answers it', async () => {
    const headers = [
      ['x-any', 'ü'],
      ['cookie', 'a=1; b=2'],
    ] as const
    const { exchange } = await call('/about?q=%C3%BC', {
      method: 'PUT',
      headers,
      body: '{}',
      authority: 'example.com:8443',
    })
    expect(exchange.status).toBe(201)
    expect(JSON.parse(exchange.body)).toEqual({
      method: 'PUT',
      url: 'http://example.com:8443/about?q=%C3%BC',
      q: 'ü',
      header: 'ü',
      cookie: '2',
      text: '{}',
      json: 'some',
      event: true,
    })
    expect(named(exchange.head?.headers, 'content-type')).toEqual(['application/json'])
    expect(named(exchange.head?.headers, 'content-length')).toEqual([String(Buffer.byteLength(exchange.body))])
    expect(named(exchange.head?.headers, 'set-cookie')).toEqual(['a=1; Path=/', 'b=2'])
    expect(named(exchange.head?.headers, 'x-byte')).toEqual(['ü'])
    expect(named(exchange.head?.headers, 'connection')).toEqual([])
  })

  test('says no length where there can be no body', async () => {
    const { exchange } = await call('/none')
    expect([exchange.status, exchange.body, named(exchange.head?.headers, 'content-length')]).toEqual([204, '', []])
  })

  test('gets the body piece by piece, and answers so', async () => {
    const source = new TestSource()
    const exchange = new TestExchange('/echo', { method: 'POST', body: source })
    const answer = runtime.invoke(await deploySite(), '', { http: exchange })
    for (const piece of ['one', 'two', 'three']) {
      const before = exchange.body
      source.push(piece)
      await expect.poll(() => exchange.body, { timeout: 20_000 }).toBe(before + piece)
    }
    expect([exchange.status, exchange.sink.ended]).toEqual([202, undefined])
    source.end()
    expect((await answer).outcome.kind).toBe('success')
    expect(exchange.sink.ended).toEqual([])
  })

  test('a body of 16 MiB that is read and written takes no memory beyond the first', async () => {
    const body = new Uint8Array(16 << 20).map((_, index) => index % 251)
    const { exchange, outcome, log } = await call('/echo', { method: 'POST', body })
    expect(outcome.kind).toBe('success')
    expect(Buffer.concat(exchange.sink.pieces).equals(body)).toBe(true)
    expect(log).toContain('\tINFO\t64 pages\n')
  })

  test('a body of 64 MiB is passed on by a function of 32 MB', async () => {
    const spec = { ...(await deploySite()), memoryMb: 32 }
    const exchange = new TestExchange('/mirror', { method: 'POST', body: new Uint8Array(64 << 20) })
    expect((await runtime.invoke(spec, '', { http: exchange })).outcome.kind).toBe('success')
    expect(exchange.sink.pieces.reduce((sum, { length }) => sum + length, 0)).toBe(64 << 20)
  })

  test('writes more than its memory holds', async () => {
    const { exchange, log } = await call('/many')
    expect(exchange.sink.pieces.reduce((sum, { length }) => sum + length, 0)).toBe(16 << 20)
    expect(log).toContain('\tINFO\t256 pieces, 64 pages\n')
  })

  test('bytes are the very bytes, larger than a piece', async () => {
    const body = new Uint8Array(300_000).map((_, index) => index % 253)
    const { exchange } = await call('/bytes', { method: 'POST', body })
    expect(Buffer.concat(exchange.sink.pieces).equals(body)).toBe(true)
  })

  test('a request that breaks off has an error; the response is whole all the same', async () => {
    const { exchange, log } = await call('/echo', {
      method: 'POST',
      body: new TestSource().push('half').fail('aborted'),
    })
    expect([exchange.body, exchange.sink.ended]).toEqual(['half', []])
    expect(log).toContain('\tINFO\tconnection-terminated\n')
  })

  test.each([
    ['/invalid', /x-bad is no header/],
    ['/status', /99 is no status/],
    ['/other', /returned another response than the one that it streams/],
    ['/throw', /thrown/],
  ])('%s ends the invocation, and the log says why', async (path, why) => {
    const { outcome, log } = await call(path)
    expect(outcome).toMatchObject({ kind: 'failure', failure: { errorType: 'Runtime.Trap' } })
    expect(log).toMatch(why)
  })

  test('passes on what another server answers', async () => {
    const server = createServer((_, outgoing) => {
      outgoing.writeHead(203, { 'content-type': 'x/y', 'x-byte': 'ü' }).end('passed')
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const address = server.address()
    const host = `localhost:${typeof address === 'object' && address !== null ? address.port : 0}`
    const { exchange } = await call(`/proxy?url=${encodeURIComponent(`http://${host}/`)}`, {}, [host])
    server.closeAllConnections()
    server.close()
    expect([exchange.status, exchange.body]).toEqual([203, 'passed'])
    expect(named(exchange.head?.headers, 'x-byte')).toEqual(['ü'])
  })

  test('returning a response that never came ends the invocation, and the log is silent about the query', async () => {
    const { outcome, log } = await call(`/proxy?url=${encodeURIComponent('http://other.example/secret?k=v')}`)
    expect(outcome).toMatchObject({ kind: 'failure', failure: { errorType: 'Runtime.Trap' } })
    expect(log).toContain('GET http://other.example/secret: HTTP-request-denied (')
  })

  test('stops writing when its client has gone', async () => {
    const exchange = new TestExchange('/many')
    exchange.sink.failure = new BodyError('aborted', 'the client has gone')
    const { outcome, log } = await runtime.invoke(await deploySite(), '', { http: exchange })
    expect(outcome.kind).toBe('success')
    expect(log).toContain('\tINFO\t0 pieces, ')
  })

  test('randomness is another each time', async () => {
    const values = [await call('/random'), await call('/random')].map(({ exchange }) => exchange.body)
    expect(values[0]).not.toBe(values[1])
  })

  test('is found by its name where the handler that is asked for is not exported', async () => {
    const hello =
      'import { Request, Response } from "thaw"\nexport function fetch(r: Request): Response { return new Response("hi") }'
    const spec = await runtime.deploy(await assemblyscriptComponent(hello, 'index.handler'))
    const exchange = new TestExchange('/')
    await runtime.invoke(spec, '', { http: exchange })
    expect(exchange.body).toBe('hi')
  })
})
