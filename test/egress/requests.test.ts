/** What goes out and what comes back, when all is well; and what is refused before anything goes out. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BodyError } from '../../src/http/body.ts'
import { checkRequest } from '../../src/egress/request-head.ts'
import {
  collect,
  defaultLimits,
  failure,
  get,
  httpServer,
  post,
  requestTo,
  tcpServer,
  testEgress,
  text,
} from './support/harness.ts'
import type { TestServer } from './support/harness.ts'

/** Answers with the request as JSON: what the server saw of it. */
let echo: TestServer
const egress = testEgress()
let rules: string[]

beforeAll(async () => {
  echo = await httpServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      response.setHeader('x-answer', ['a', 'b'])
      response.end(
        Buffer.from(
          JSON.stringify({
            method: request.method,
            url: request.url,
            headers: request.rawHeaders,
            trailers: request.rawTrailers,
            body: Buffer.concat(pieces).toString('latin1'),
          }),
          'latin1',
        ),
      )
    })
  })
  rules = ['127.0.0.0/8:*', '*:*']
})
afterAll(async () => {
  egress.close()
  await echo[Symbol.asyncDispose]()
})

const client = () => egress.client(rules)
const url = (path = '/') => `http://api.test:${echo.port}${path}`
const seen = async (exchange: ReturnType<typeof get>) =>
  JSON.parse(await text(exchange)) as {
    method: string
    url: string
    headers: string[]
    trailers: string[]
    body: string
  }

test('header values are bytes, also where the head goes ahead of the body', async () => {
  let received = ''
  await using server = await tcpServer((socket) => {
    socket.on('data', (data) => (received += data.toString('latin1')))
  })
  const exchange = client().send(
    {
      method: 'POST',
      scheme: 'http',
      authority: `api.test:${server.port}`,
      pathWithQuery: '/',
      headers: [['x-bytes', '\u00fc\u00e9']],
    },
    { timeouts: { connectMs: undefined, firstByteMs: undefined, betweenBytesMs: undefined }, hasBody: true },
  )
  exchange.response.catch(() => {})
  await expect.poll(() => received, { timeout: 20_000 }).toContain('x-bytes: \u00fc\u00e9\r\n')
  exchange.cancel()
})

test('a GET has the host, the headers as written, and nothing that it was not given', async () => {
  const {
    method,
    url: path,
    headers,
    body,
  } = await seen(
    get(client(), url('/a/b?c=d&e'), {
      headers: [
        ['X-One', '1'],
        ['x-one', '2'],
        ['Cookie', 'a=b'],
        ['x-byte', '\xe9'],
      ],
    }),
  )
  expect([method, path, body]).toEqual(['GET', '/a/b?c=d&e', ''])
  expect(headers).toEqual([
    'host', `api.test:${echo.port}`, 'X-One', '1', 'x-one', '2', 'Cookie', 'a=b', 'x-byte', '\xe9',
    'Connection', 'keep-alive',
  ]) // prettier-ignore
})

test.for([
  ['', '/'],
  ['?q=1', '/?q=1'],
  ['/a//b/../c?%20', '/a//b/../c?%20'],
])('the path %j is sent as %j', async ([path, sent]) => {
  expect((await seen(get(client(), `http://api.test:${echo.port}${path}`))).url).toBe(sent)
})

test('OPTIONS can ask about the server', async () => {
  expect((await seen(get(client(), url(), { method: 'OPTIONS', pathWithQuery: '*' }))).url).toBe('*')
})

test('headers of the connection are not the guest’s to send', async () => {
  const { headers } = await seen(
    get(client(), url(), {
      headers: [
        ['Host', 'evil.test'],
        ['Connection', 'close, x-hop, content-length'],
        ['x-hop', '1'],
        ['Keep-Alive', 'timeout=1'],
        ['Proxy-Connection', 'close'],
        ['TE', 'trailers'],
        ['Transfer-Encoding', 'chunked'],
        ['Upgrade', 'websocket'],
        ['Expect', '100-continue'],
        ['HTTP2-Settings', 'x'],
        ['x-kept', '1'],
      ],
    }),
  )
  expect(headers).toEqual(['host', `api.test:${echo.port}`, 'x-kept', '1', 'Connection', 'keep-alive'])
})

describe('bodies', () => {
  test('one that is whole before the connection stands has a length', async () => {
    const exchange = post(client(), url())
    exchange.body.write(Buffer.from('hello '))
    exchange.body.write(Buffer.from('world'))
    exchange.body.end()
    const { headers, body } = await seen(exchange)
    expect(body).toBe('hello world')
    expect(headers).toContain('content-length')
    expect(headers).not.toContain('transfer-encoding')
  })

  test('one that is not is sent in chunks, with trailers', async () => {
    const exchange = post(client(), url(), { headers: [['trailer', 'x-sum']] })
    exchange.body.write(Buffer.from('hello'))
    await new Promise((resolve) => setImmediate(resolve))
    exchange.body.end([
      ['x-sum', '42'],
      ['content-length', '3'],
    ])
    const { headers, body, trailers } = await seen(exchange)
    expect(body).toBe('hello')
    expect(headers).toContain('chunked')
    expect(trailers).toEqual(['x-sum', '42'])
  })

  test('a declared length is kept', async () => {
    const exchange = post(client(), url(), {
      headers: [
        ['Content-Length', '5'],
        ['content-length', '5'],
      ],
    })
    await new Promise((resolve) => setImmediate(resolve))
    exchange.body.write(Buffer.from('hello'))
    exchange.body.end([['x-lost', '1']])
    const { headers, body, trailers } = await seen(exchange)
    expect(headers.filter((field) => /^(content-length|transfer-encoding)$/i.test(field))).toEqual(['content-length'])
    expect([body, trailers]).toEqual(['hello', []])
  })

  test.for([
    ['POST', true],
    ['PUT', true],
    ['PURGE', true],
    ['GET', false],
    ['DELETE', false],
  ] as const)('a %s without one says so: %s', async ([method, says]) => {
    const { headers } = await seen(get(client(), url(), { method }))
    expect(headers.includes('content-length')).toBe(says)
    expect(headers).not.toContain('transfer-encoding')
  })

  test('what is written longer than declared is refused, and so is the response', async () => {
    const exchange = post(client(), url(), { headers: [['content-length', '4']] })
    expect(() => exchange.body.write(Buffer.from('hello'))).toThrow('longer than its content-length of 4')
    expect(exchange.body.failure?.kind).toBe('protocol')
    expect((await failure(exchange.response)).code).toBe('HTTP-request-body-size')
  })

  test('what ends shorter than declared fails', async () => {
    const exchange = post(client(), url(), { headers: [['content-length', '6']] })
    exchange.body.write(Buffer.from('hello'))
    exchange.body.end()
    const { code, message } = await failure(exchange.response)
    expect(code).toBe('HTTP-request-body-size')
    expect(message).toContain('after 5 of 6')
  })

  test('a request that has none cannot be written to', () => {
    const exchange = client().send(requestTo(url()), {
      timeouts: { connectMs: undefined, firstByteMs: undefined, betweenBytesMs: undefined },
      hasBody: false,
    })
    exchange.response.catch(() => undefined)
    expect(() => exchange.body.write(Buffer.from('x'))).toThrow('content-length of 0')
  })

  test('a writer that gives up fails the request, and the server can tell', async () => {
    const events: string[] = []
    await using server = await httpServer((request) => {
      request.once('data', () => events.push('data'))
      request.on('error', () => events.push('error'))
    })
    const exchange = post(client(), `http://api.test:${server.port}/`)
    exchange.body.write(Buffer.from('half'))
    await expect.poll(() => events, { timeout: 20_000 }).toEqual(['data'])
    exchange.body.fail(new BodyError('aborted', 'the guest dropped it'))
    expect(await failure(exchange.response)).toMatchObject({ code: 'connection-terminated' })
    await expect.poll(() => events, { timeout: 20_000 }).toEqual(['data', 'error'])
  })
})

describe('responses', () => {
  const raw = async (answer: string, method = 'GET') => {
    await using server = await tcpServer((socket) => void socket.once('data', () => socket.end(answer, 'latin1')))
    const exchange = get(client(), `http://api.test:${server.port}/`, { method })
    const { status, headers, body } = await exchange.response
    return { status, headers, text: (await collect(body)).toString('latin1'), trailers: body.trailers }
  }

  test('status, repeated headers in order and bytes as they came', async () => {
    expect(
      await raw(
        'HTTP/1.1 207 Well\r\nX-A: 1\r\nset-cookie: a\r\nSet-Cookie: b\r\nx-byte: \xe9\r\nContent-Length: 2\r\n\r\n\xff\x00',
      ),
    ).toEqual({
      status: 207,
      headers: [
        ['X-A', '1'],
        ['set-cookie', 'a'],
        ['Set-Cookie', 'b'],
        ['x-byte', '\xe9'],
        ['Content-Length', '2'],
      ],
      text: '\xff\x00',
      trailers: [],
    })
  })

  test('chunks and trailers; headers of the connection are left out', async () => {
    const answer = await raw(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close, x-hop\r\nx-hop: 1\r\nTrailer: X-Sum\r\n\r\n' +
        '3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nX-Sum: 9\r\n\r\n',
    )
    expect(answer).toEqual({ status: 200, headers: [['Trailer', 'X-Sum']], text: 'abcde', trailers: [['X-Sum', '9']] })
  })

  test('informational ones are dropped', async () => {
    const answer = await raw(
      'HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n',
    )
    expect([answer.status, answer.text]).toEqual([204, ''])
  })

  test('of HEAD there is no body, whatever its length says', async () => {
    const answer = await raw('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', 'HEAD')
    expect([answer.headers, answer.text]).toEqual([[['Content-Length', '5']], ''])
  })

  test('one without a length ends with the connection', async () => {
    expect((await raw('HTTP/1.1 200 OK\r\n\r\nall of it')).text).toBe('all of it')
  })

  test('compressed ones are left as they are', async () => {
    const answer = await raw('HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope')
    expect([answer.text, answer.headers[0]]).toEqual(['nope', ['Content-Encoding', 'gzip']])
  })

  test('an upgrade that nobody asked for is a failure', async () => {
    await using server = await tcpServer(
      (socket) =>
        void socket.once('data', () =>
          socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
        ),
    )
    const { code } = await failure(get(client(), `http://api.test:${server.port}/`).response)
    expect(code).toBe('HTTP-response-incomplete')
  })

  test('a read gives at most what was asked for, then the end, again and again', async () => {
    const { body } = await get(client(), url()).response
    const pieces = (await collect(body, 7)).toString()
    expect(JSON.parse(pieces)).toMatchObject({ method: 'GET' })
    expect([body.read(1), body.read(1), body.heldBytes]).toEqual(['end', 'end', 0])
  })
})

describe('refused before anything is tried', () => {
  const refusals: [what: string, request: Parameters<typeof get>[2], code: string][] = [
    ['a method with a space', { method: 'GE T' }, 'HTTP-request-method-invalid'],
    ['no method', { method: '' }, 'HTTP-request-method-invalid'],
    ['a method with a line end', { method: 'GET / HTTP/1.1\r\n\r\n' }, 'HTTP-request-method-invalid'],
    ['a method in lower case', { method: 'get' }, 'HTTP-request-method-invalid'],
    ['CONNECT', { method: 'CONNECT' }, 'HTTP-request-method-invalid'],
    ['another scheme', { scheme: 'ftp' as 'http' }, 'HTTP-request-URI-invalid'],
    ['user information', { authority: 'user:pass@api.test' }, 'HTTP-request-URI-invalid'],
    ['user information that looks like a host', { authority: 'api.test@127.0.0.1' }, 'HTTP-request-URI-invalid'],
    ['no authority', { authority: '' }, 'HTTP-request-URI-invalid'],
    ['an authority with a path', { authority: 'api.test/x' }, 'HTTP-request-URI-invalid'],
    ['an authority with a backslash', { authority: 'api.test\\x' }, 'HTTP-request-URI-invalid'],
    ['an authority with a line end', { authority: 'api.test\r\nx: y' }, 'HTTP-request-URI-invalid'],
    ['an authority with an escape', { authority: '%31%32%37.0.0.1' }, 'HTTP-request-URI-invalid'],
    ['IPv6 without brackets', { authority: '::1' }, 'HTTP-request-URI-invalid'],
    ['IPv6 with a zone', { authority: '[fe80::1%25eth0]' }, 'HTTP-request-URI-invalid'],
    ['port 0', { authority: 'api.test:0' }, 'HTTP-request-URI-invalid'],
    ['port 65536', { authority: 'api.test:65536' }, 'HTTP-request-URI-invalid'],
    ['two ports', { authority: 'api.test:80:81' }, 'HTTP-request-URI-invalid'],
    ['a port with a path', { authority: 'api.test:80/' }, 'HTTP-request-URI-invalid'],
    ['a path without a slash', { pathWithQuery: 'x' }, 'HTTP-request-URI-invalid'],
    ['a whole URL as a path', { pathWithQuery: 'http://evil.test/' }, 'HTTP-request-URI-invalid'],
    ['a path with a space', { pathWithQuery: '/a b' }, 'HTTP-request-URI-invalid'],
    ['a path with a line end', { pathWithQuery: '/ HTTP/1.1\r\nx: y' }, 'HTTP-request-URI-invalid'],
    ['a path above ASCII', { pathWithQuery: '/\xe9' }, 'HTTP-request-URI-invalid'],
    ['a fragment', { pathWithQuery: '/a#b' }, 'HTTP-request-URI-invalid'],
    ['* but for OPTIONS', { pathWithQuery: '*' }, 'HTTP-request-URI-invalid'],
    ['a header name with a space', { headers: [['x y', '1']] }, 'HTTP-protocol-error'],
    ['an empty header name', { headers: [['', '1']] }, 'HTTP-protocol-error'],
    ['a header value with a line end', { headers: [['x', 'a\r\ny: b']] }, 'HTTP-protocol-error'],
    ['a header value with NUL', { headers: [['x', '\0']] }, 'HTTP-protocol-error'],
    ['a header value that is no bytes', { headers: [['x', '€']] }, 'HTTP-protocol-error'],
    ['headers that are too large', { headers: [['x', 'y'.repeat(65_536)]] }, 'HTTP-request-header-section-size'],
    ['a path that is too large', { pathWithQuery: `/${'y'.repeat(65_536)}` }, 'HTTP-request-header-section-size'],
  ]

  test.for(refusals)('%s', async ([, request, code]) => {
    const error = await failure(() => get(client(), 'http://api.test/', request))
    expect(error.code).toBe(code)
  })

  test.for(['1, 2', '-1', '0x10', '1.5', '', '9'.repeat(16)])('content-length %j', async (value) => {
    const error = await failure(() => post(client(), url(), { headers: [['content-length', value]] }))
    expect(error.code).toBe('HTTP-protocol-error')
  })

  test('two lengths', async () => {
    const headers = [
      ['content-length', '1'],
      ['Content-Length', '2'],
    ] as const
    expect((await failure(() => post(client(), url(), { headers }))).code).toBe('HTTP-protocol-error')
  })

  test('the size that counts is what goes out', () => {
    const head = requestTo('http://a.test/', {
      headers: [
        ['connection', 'x'.repeat(100)],
        ['x', '1'],
      ],
    })
    // GET, /, `host: a.test\r\n`, `x: 1\r\n`
    expect(checkRequest(head, false, 3 + 1 + 14 + 6).headers).toEqual([
      ['host', 'a.test'],
      ['x', '1'],
    ])
    expect(() => checkRequest(head, false, 3 + 1 + 14 + 5)).toThrow('egressHeaderBytes')
    expect(defaultLimits.egressHeaderBytes).toBe(65_536)
  })
})
