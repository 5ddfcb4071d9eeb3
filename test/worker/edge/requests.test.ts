/** What is a request and what is none, byte by byte: each case names the section of RFC 9112 (or 9110) that asks for it. */
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { invokePath, specOf, WorkerBench, type TestWorker } from '../support/harness.ts'
import { open } from './support/raw.ts'
import { chunked, get, host, line, post, refused } from './support/refused.ts'

interface Forwarded {
  method: string | undefined
  url: string | undefined
  headers: Record<string, unknown>
  body: string
}

let bench: WorkerBench
let worker: TestWorker
/** What reached the controller, over the worker's forwarder. */
let forwarded: Forwarded[] = []

beforeAll(async () => {
  bench = new WorkerBench()
  bench.onForwarded = (incoming, outgoing) => {
    const { method, url, headers } = incoming
    text(incoming).then(
      (body) => {
        forwarded.push({ method, url, headers, body })
        outgoing.end(`${method} ${url} ${body}`)
      },
      // Cut off on its way: no request.
      () => {},
    )
  }
  worker = await bench.worker([{ put: specOf('hello') }])
})
afterEach(() => {
  forwarded = []
})
afterAll(() => bench[Symbol.asyncDispose]())

describe('is refused, and the connection closed:', () => {
  test.each(refused)('%s: %s: %i', async (_section, _case, status, bytes) => {
    using connection = await open({ port: worker.port })
    // What comes behind a refused request is no request: it may be the body of one.
    connection.write(`${bytes}${get('')}`)
    const answer = await connection.next()
    expect(answer?.status).toBe(status)
    expect(answer?.headers).toMatchObject({
      connection: 'close',
      'content-type': 'application/json',
      'x-amzn-errortype': expect.stringMatching(/Exception$/),
      date: expect.stringMatching(/ GMT$/),
    })
    expect(JSON.parse(answer?.body ?? '')).toEqual({
      Type: status < 500 ? 'User' : 'Service',
      message: expect.stringMatching(/\w.*\.$/),
    })
    expect(await connection.ended()).toBe(true)
    expect(forwarded).toEqual([])
  })

  test.each([
    ['3 limits.targetBytes', line(`GET /${'a'.repeat(8_192)} HTTP/1.1`), /limits\.targetBytes, 8192 bytes/],
    ['limits.headerFields', get('A: b\r\n'.repeat(100)), /limits\.headerFields, 100/],
    ['limits.headerSectionBytes', get(`A: ${'a'.repeat(40_000)}\r\n`), /limits\.headerSectionBytes, 32768 bytes/],
  ])('%s: the limit is named', async (_case, bytes, message) => {
    using connection = await open({ port: worker.port })
    connection.write(bytes)
    expect((await connection.next())?.body).toMatch(message)
  })
})

describe('is taken, and the connection kept:', () => {
  test.each([
    ['7', 'chunked in any case', post('Transfer-Encoding: ChUnKeD', '2\r\nab\r\n0\r\n\r\n'), 'POST /edge ab'],
    ['7.1.1', 'chunk extensions, which mean nothing', `${chunked}2;a=b;c="d;e"\r\nab\r\n0\r\n\r\n`, 'POST /edge ab'],
    ['7.1.2', 'trailers', `${chunked}2\r\nab\r\n0\r\nA: b\r\n\r\n`, 'POST /edge ab'],
    ['6.3', 'a body of GET', get('Content-Length: 2\r\n\r\nab').slice(0, -2), 'GET /edge ab'],
    ['6.3', 'no length: no body', `POST /edge HTTP/1.1\r\n${host}\r\n`, 'POST /edge '],
    ['6.2', 'zeros before a length', post('Content-Length: 0002'), 'POST /edge ab'],
    ['5.1', 'white space around a value', post('Content-Length: \t 2 \t'), 'POST /edge ab'],
    ['9110 5.5', 'bytes over 127 in a value', get('A: b\xffc\r\n'), 'GET /edge '],
    ['2.2', 'empty lines before the request line', `\r\n\r\n${get('')}`, 'GET /edge '],
    ['3', 'spaces around the target', line('GET  /edge  HTTP/1.1'), 'GET /edge '],
    ['3.2.1', 'an empty first segment', line('GET //edge HTTP/1.1'), 'GET //edge '],
    ['3.2.2', 'a target in absolute form', line('GET http://thaw.test:80/edge?a=b HTTP/1.1'), 'GET /edge?a=b '],
    ['3.2.2', 'one without a path', line('GET http://thaw.test?a=b HTTP/1.1'), 'GET /?a=b '],
    ['3.2', 'characters that browsers do not escape', line('GET /edge?a[0]={b}|c HTTP/1.1'), 'GET /edge?a[0]={b}|c '],
    ['3.2', 'Host as an IPv6 address', 'GET /edge HTTP/1.1\r\nHost: [::1]:80\r\n\r\n', 'GET /edge '],
    ['9110 9', 'methods of other registries', line('PROPFIND /edge HTTP/1.1'), 'PROPFIND /edge '],
  ])('%s: %s', async (_section, _case, bytes, body) => {
    using connection = await open({ port: worker.port })
    // Pipelined: an answer in its turn, whatever the one before took.
    connection.write(`${bytes}GET /next HTTP/1.1\r\n${host}\r\n`)
    expect(await connection.next()).toMatchObject({ status: 200, body, headers: { connection: 'keep-alive' } })
    expect(await connection.next()).toMatchObject({ status: 200, body: 'GET /next ' })
  })

  test('9110 7.8: an upgrade, which is ignored; then the connection ends', async () => {
    using connection = await open({ port: worker.port })
    connection.write(`${get('Connection: upgrade\r\nUpgrade: websocket\r\n')}GET /half HTTP/1.1\r\n`)
    expect(await connection.next()).toMatchObject({ status: 200, body: 'GET /edge ', headers: { connection: 'close' } })
    expect(await connection.ended()).toBe(true)
  })

  test('9110 9.3.7: OPTIONS of all, for the server itself', async () => {
    using connection = await open({ port: worker.port })
    connection.write(`${line('OPTIONS * HTTP/1.1')}${get('')}`)
    expect(await connection.next()).toMatchObject({
      status: 204,
      headers: { allow: expect.stringContaining('OPTIONS') },
    })
    expect(await connection.next()).toMatchObject({ status: 200 })
    expect(forwarded).toHaveLength(1)
  })

  test('9.3.2: pipelined requests, answered in order though the first takes longer', async () => {
    const hold = await bench.hold()
    using connection = await open({ port: worker.port })
    const script = JSON.stringify({ do: 'hold', url: hold.url })
    const head = `POST ${invokePath('hello')} HTTP/1.1\r\n${host}Content-Length: `
    connection.write(`${head}${script.length}\r\n\r\n${script}${head}3\r\n\r\n"b"${get('')}`)
    const { response } = await hold.arrived()
    response.end('a')
    expect((await connection.next())?.body).toBe('"a"')
    expect((await connection.next())?.body).toBe('"b"')
    expect((await connection.next())?.body).toBe('GET /edge ')
  })
})

describe('Host', () => {
  test('3.2.2: gives way to the host of an absolute target', async () => {
    using connection = await open({ port: worker.port })
    connection.write('GET http://right.test:81/edge HTTP/1.1\r\nHost: wrong.test\r\n\r\n')
    await connection.next()
    expect(forwarded).toMatchObject([{ url: '/edge', headers: { host: 'right.test:81' } }])
  })

  test('3.3: is the address that was reached, for an HTTP/1.0 request without', async () => {
    using connection = await open({ port: worker.port })
    connection.write('GET /edge HTTP/1.0\r\n\r\n')
    expect(await connection.next()).toMatchObject({ status: 200, body: 'GET /edge ' })
    expect(forwarded).toMatchObject([{ headers: { host: `127.0.0.1:${worker.port}` } }])
  })
})

describe('HTTP/1.0', () => {
  test('6.1: gets no chunks, even if it asks for them', async () => {
    using connection = await open({ port: worker.port })
    connection.write('GET /edge HTTP/1.0\r\nTE: chunked\r\n\r\n')
    const answer = await connection.next()
    expect(answer).toMatchObject({ status: 200, body: 'GET /edge ', headers: { connection: 'close' } })
    expect(answer?.headers).not.toHaveProperty('transfer-encoding')
    expect(await connection.ended()).toBe(true)
  })

  test('9110 10.1.1: its expectations are not looked at', async () => {
    using connection = await open({ port: worker.port })
    connection.write('POST /edge HTTP/1.0\r\nExpect: tea\r\nContent-Length: 2\r\n\r\nab')
    expect(await connection.next()).toMatchObject({ status: 200, body: 'POST /edge ab' })
  })
})

describe('Expect: 100-continue (9110 10.1.1)', () => {
  const expecting = (path: string, length: number) =>
    `POST ${path} HTTP/1.1\r\n${host}Expect: 100-continue\r\nContent-Length: ${length}\r\n\r\n`

  test('is told to go on once the body is wanted', async () => {
    using connection = await open({ port: worker.port })
    connection.write(expecting(invokePath('hello'), 3))
    expect((await connection.next())?.status).toBe(100)
    connection.write('"a"')
    expect(await connection.next()).toMatchObject({ status: 200, body: '"a"', headers: { connection: 'keep-alive' } })
  })

  test('is told so where it is handed on, too', async () => {
    using connection = await open({ port: worker.port })
    connection.write(expecting('/edge', 2))
    expect((await connection.next())?.status).toBe(100)
    connection.write('ab')
    expect((await connection.next())?.body).toBe('POST /edge ab')
  })

  test('is not told to go on with what is too large', async () => {
    using connection = await open({ port: worker.port })
    connection.write(expecting(invokePath('hello'), 6_291_457))
    expect(await connection.next()).toMatchObject({ status: 413, headers: { connection: 'close' } })
    expect(await connection.ended()).toBe(true)
  })
})

describe('what comes behind a request', () => {
  test('is refused after its answer, not in place of it', async () => {
    const hold = await bench.hold()
    using connection = await open({ port: worker.port })
    const script = JSON.stringify({ do: 'hold', url: hold.url })
    connection.write(
      `POST ${invokePath('hello')} HTTP/1.1\r\n${host}Content-Length: ${script.length}\r\n\r\n${script}\x01garbage\r\n\r\n`,
    )
    const { response } = await hold.arrived()
    response.end('a')
    expect(await connection.next()).toMatchObject({ status: 200, body: '"a"' })
    expect(await connection.next()).toMatchObject({ status: 400 })
    expect(await connection.ended()).toBe(true)
  })

  test('9.6: is not read if that was to be the last', async () => {
    using connection = await open({ port: worker.port })
    connection.write(`${get('Connection: close\r\n')}${get('')}`)
    expect(await connection.next()).toMatchObject({ status: 200, headers: { connection: 'close' } })
    expect(await connection.ended()).toBe(true)
    expect(forwarded).toHaveLength(1)
  })

  test('9.6: is not read once the server has said that it closes', async () => {
    await using own = new WorkerBench({ limits: { connectionRequests: 2 } })
    const { port } = await own.worker([])
    const seen: string[] = []
    own.onForwarded = ({ url = '' }, outgoing) => {
      seen.push(url)
      outgoing.end()
    }
    using connection = await open({ port })
    for (const path of ['/1', '/2', '/3']) connection.write(`GET ${path} HTTP/1.1\r\n${host}\r\n`)
    expect((await connection.next())?.headers).toMatchObject({ connection: 'keep-alive' })
    expect((await connection.next())?.headers).toMatchObject({ connection: 'close' })
    expect(await connection.ended()).toBe(true)
    expect(seen).toEqual(['/1', '/2'])
  })
})

describe('what is handed on', () => {
  test.each([['Content-Length'], ['Host'], ['close, content-length, host']])(
    '9110 7.6.1: keeps its framing and host, whatever Connection names: %s',
    async (named) => {
      using connection = await open({ port: worker.port })
      const smuggled = 'GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n'
      connection.write(
        get(`Connection: ${named}\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`).slice(0, -2),
      )
      expect((await connection.next())?.body).toBe(`GET /edge ${smuggled}`)
      using second = await open({ port: worker.port })
      second.write(get(''))
      expect((await second.next())?.body).toBe('GET /edge ')
      expect(forwarded.map(({ url, headers }) => [url, headers.host])).toEqual([
        ['/edge', 'thaw.test'],
        ['/edge', 'thaw.test'],
      ])
    },
  )

  test('9110 7.6.1: has no fields of the connection it came by', async () => {
    using connection = await open({ port: worker.port })
    connection.write(
      get(
        'Connection: upgrade, HTTP2-Settings, x-hop\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nX-Hop: 1\r\nTE: trailers\r\nProxy-Authorization: x\r\nX-Kept: 1\r\n',
      ),
    )
    await connection.next()
    const [request] = forwarded
    expect(request?.headers).toMatchObject({ 'x-kept': '1' })
    for (const name of ['upgrade', 'http2-settings', 'x-hop', 'te', 'proxy-authorization'])
      expect(request?.headers).not.toHaveProperty(name)
  })

  test('is cut off where its body is malformed, and the client told', async () => {
    using connection = await open({ port: worker.port })
    const aborted = Promise.withResolvers<void>()
    const answerForwarded = bench.onForwarded
    bench.onForwarded = (incoming) => {
      incoming.on('error', () => {})
      incoming.once('close', () => aborted.resolve())
      incoming.resume()
    }
    connection.write(`${chunked}2\r\nab\r\n`)
    connection.write('zz\r\n')
    expect(await connection.next()).toMatchObject({ status: 400, headers: { connection: 'close' } })
    expect(await connection.ended()).toBe(true)
    await aborted.promise
    bench.onForwarded = answerForwarded
  })
})

test('a body in chunks of one byte is put together', async () => {
  using connection = await open({ port: worker.port })
  const body = `"${'x'.repeat(20_000)}"`
  connection.write(`POST ${invokePath('hello')} HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n`)
  connection.write(`${body.replaceAll(/./g, '1\r\n$&\r\n')}0\r\n\r\n`)
  expect((await connection.next())?.body).toBe(body)
})
