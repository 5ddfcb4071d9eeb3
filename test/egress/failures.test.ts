/** Servers that are slow, break off or send nonsense; limits; and requests that end before their time. */
import type { Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { BodyError } from '../../src/http/body.ts'
import type { EgressErrorCode, EgressExchange } from '../../src/http/egress.ts'
import { collect, failure, get, httpServer, post, tcpServer, testEgress, text, writable } from './support/harness.ts'
import type { TestEgress, TestServer } from './support/harness.ts'

const rules = ['api.test:*', '127.0.0.1:*']
const head = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n'
let egress: TestEgress

beforeEach(() => {
  egress = testEgress()
})
afterEach(() => egress.close())

/** A server that does this once the request has begun to arrive. */
async function answering(answer: (socket: Socket) => void): Promise<TestServer> {
  return await tcpServer((socket) => {
    socket.once('data', () => answer(socket))
    socket.resume()
  })
}

const at = ({ port }: TestServer) => `http://api.test:${port}/`
const closed = (server: TestServer) => expect.poll(() => server.open.size, { timeout: 20_000, interval: 5 }).toBe(0)

describe('before the response', () => {
  const answers: [what: string, answer: (socket: Socket) => unknown, ...codes: EgressErrorCode[]][] = [
    ['closes', (socket: Socket) => void socket.end(), 'connection-terminated'],
    ['resets', (socket: Socket) => void socket.resetAndDestroy(), 'connection-terminated'],
    [
      'closes amid the header section',
      (socket: Socket) => void socket.end('HTTP/1.1 200 OK\r\nx: '),
      'HTTP-response-incomplete',
    ],
    [
      'resets amid the header section',
      (socket: Socket): unknown =>
        socket.write('HTTP/1.1 200 OK\r\nx: ', () => setImmediate(() => socket.resetAndDestroy())),
      // By then the system may have thrown away what came.
      'HTTP-response-incomplete',
      'connection-terminated',
    ],
    ['speaks something else', (socket: Socket) => void socket.write('SSH-2.0-OpenSSH_9.0\r\n'), 'HTTP-protocol-error'],
    [
      'sends a header that is none',
      (socket: Socket) => void socket.write('HTTP/1.1 200 OK\r\na b: c\r\n\r\n'),
      'HTTP-protocol-error',
    ],
    [
      'frames its body in two ways',
      (socket: Socket) =>
        void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n'),
      'HTTP-protocol-error',
    ],
    [
      'sends too large a header',
      (socket: Socket) => void socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(70_000)}\r\n\r\n`),
      'HTTP-response-header-section-size',
    ],
    [
      'sends too many headers',
      (socket: Socket) => void socket.write(`HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(14_000)}\r\n`),
      'HTTP-response-header-section-size',
    ],
  ]
  test.for(answers)('a server %s', async ([, answer, ...codes]) => {
    await using server = await answering(answer)
    const error = await failure(get(egress.client(rules), at(server)).response)
    expect(codes).toContain(error.code)
    expect(error.message).toContain(`api.test:${server.port}`)
    expect(error.message).not.toContain('127.0.0.1')
    await closed(server)
  })
})

describe('amid the body', () => {
  const answers: [what: string, answer: (socket: Socket) => unknown, kind: BodyError['kind']][] = [
    ['closes', (socket: Socket) => void socket.end(`${head}half`), 'aborted'],
    ['resets', (socket: Socket) => socket.write(`${head}half`), 'aborted'],
    [
      'breaks the chunks',
      (socket: Socket): unknown =>
        void socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n'),
      'protocol',
    ],
    [
      'sends too large trailers',
      (socket: Socket) =>
        void socket.write(
          `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\nx: ${'y'.repeat(70_000)}\r\n\r\n`,
        ),
      'protocol',
    ],
  ]
  test.for(answers)('a server %s: what came can be read, then the failure', async ([what, answer, kind]) => {
    await using server = await answering(answer)
    const { body } = await get(egress.client(rules), at(server)).response
    const read: string[] = []
    const error = await (async () => {
      for (;;) {
        const piece = body.read(100)
        if (piece === 'end') return undefined
        if (piece === 'wait') await new Promise<void>((resolve) => body.onReadable(resolve))
        else read.push(Buffer.from(piece).toString())
        if (what === 'resets' && read.length > 0) for (const socket of server.open) socket.resetAndDestroy()
      }
    })().catch((caught: unknown) => caught)
    expect(error).toMatchObject({ name: 'BodyError', kind })
    expect(read.join('')).toBe('half')
    expect(() => body.read(1)).toThrow(error as Error)
    await closed(server)
  })
})

describe('timeouts', () => {
  test('connecting', async () => {
    // Takes the connection and says nothing: TLS does not come about.
    await using server = await answering(() => undefined)
    const client = egress.client(rules, { limits: { egressConnectMs: 30 } })
    const error = await failure(get(client, `https://api.test:${server.port}/`).response)
    expect(error.code).toBe('connection-timeout')
    expect(error.message).toContain('within 30 ms (egressConnectMs)')
    await closed(server)
  })

  test('the first byte, by the limit or by the guest’s shorter one', async () => {
    await using server = await answering((socket) => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'))
    const limited = egress.client(rules, { limits: { egressFirstByteMs: 30 } })
    const byLimit = await failure(get(limited, at(server), { timeouts: { firstByteMs: 60_000 } }).response)
    expect(byLimit.code).toBe('connection-read-timeout')
    expect(byLimit.message).toContain('within 30 ms (egressFirstByteMs)')
    const byGuest = await failure(get(egress.client(rules), at(server), { timeouts: { firstByteMs: 20 } }).response)
    expect(byGuest.message).toContain("within 20 ms (the request's own first byte timeout)")
    await closed(server)
  })

  test('between bytes', async () => {
    await using server = await answering((socket) => socket.write(`${head}half`))
    const client = egress.client(rules, { limits: { egressBetweenBytesMs: 30 } })
    const { body } = await get(client, at(server)).response
    await expect(collect(body)).rejects.toMatchObject({
      kind: 'timeout',
      message: expect.stringContaining('within 30 ms (egressBetweenBytesMs)') as string,
    })
    await closed(server)
  })

  test('between bytes, not while nobody reads', async () => {
    let rest = (): void => undefined
    await using server = await answering((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      socket.write(Buffer.alloc(8_000_000))
      rest = () => void socket.end()
    })
    const client = egress.client(rules, { limits: { egressBetweenBytesMs: 300 } })
    const { body } = await get(client, at(server)).response
    await expect.poll(() => body.heldBytes, { timeout: 20_000 }).toBeGreaterThan(65_536)
    const before = performance.now()
    await expect.poll(() => performance.now() - before, { timeout: 20_000 }).toBeGreaterThan(700)
    rest()
    expect(await collect(body)).toHaveLength(8_000_000)
  })

  test('the server takes no more bytes', async () => {
    await using server = await tcpServer((socket) => socket.pause())
    const client = egress.client(rules, { limits: { egressFirstByteMs: 200 } })
    const exchange = post(client, at(server))
    const failed = failure(exchange.response)
    while (exchange.body.failure === undefined) {
      if (exchange.body.capacity > 0) exchange.body.write(Buffer.alloc(exchange.body.capacity))
      await writable(exchange.body)
    }
    expect((await failed).code).toBe('connection-write-timeout')
    expect(exchange.body.failure).toMatchObject({ kind: 'timeout' })
  })

  test('all of it', async () => {
    await using server = await answering((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      const timer = setInterval(() => socket.write('x'), 5)
      socket.on('close', () => clearInterval(timer))
    })
    const client = egress.client(rules, { limits: { egressTotalMs: 500 } })
    const { body } = await get(client, at(server)).response
    await expect(collect(body)).rejects.toMatchObject({
      kind: 'timeout',
      message: expect.stringContaining('within 500 ms (egressTotalMs)') as string,
    })
    await closed(server)
  })
})

describe('limits', () => {
  test('requests at a time, of an invocation and of the worker', async () => {
    await using server = await answering(() => undefined)
    egress.close()
    egress = testEgress({}, { with: { egressWorkerConcurrency: 3 } })
    const first = egress.client(rules, { limits: { egressConcurrency: 2 } })
    const second = egress.client(rules)
    const running = [get(first, at(server)), get(first, at(server))]
    const one = await failure(() => get(first, at(server)))
    expect([one.code, one.message]).toEqual([
      'connection-limit-reached',
      expect.stringContaining('(egressConcurrency)'),
    ])
    get(second, at(server))
    const two = await failure(() => get(second, at(server)))
    expect([two.code, two.message]).toEqual([
      'connection-limit-reached',
      expect.stringContaining('(egressWorkerConcurrency)'),
    ])
    running[0]?.cancel()
    expect(() => get(first, at(server))).not.toThrow()
    expect(() => get(second, at(server))).toThrow('egressWorkerConcurrency')
    first.close()
    expect(() => [get(second, at(server)), get(second, at(server))]).not.toThrow()
    expect(() => get(second, at(server))).toThrow('egressWorkerConcurrency')
  })

  test('requests of an invocation', async () => {
    await using server = await httpServer((_request, response) => response.end('ok'))
    const client = egress.client(rules, { limits: { egressRequests: 2 } })
    expect([await text(get(client, at(server))), await text(get(client, at(server)))]).toEqual(['ok', 'ok'])
    const { code, message } = await failure(() => get(client, at(server)))
    expect([code, message]).toEqual(['HTTP-request-denied', expect.stringContaining('(egressRequests)')])
  })

  test('bytes sent, over all requests of an invocation', async () => {
    await using server = await httpServer((request, response) => request.resume().on('end', () => response.end('ok')))
    const client = egress.client(rules, { limits: { egressRequestBytes: 10 } })
    const first = post(client, at(server))
    first.body.write(Buffer.alloc(6))
    first.body.end()
    expect(await text(first)).toBe('ok')
    const second = post(client, at(server))
    second.body.write(Buffer.alloc(4))
    expect(() => second.body.write(Buffer.alloc(1))).toThrow('(egressRequestBytes)')
    expect(second.body.failure?.kind).toBe('too-large')
    expect((await failure(second.response)).code).toBe('HTTP-request-body-size')
  })

  test('bytes received, over all responses of an invocation', async () => {
    await using server = await httpServer((_request, response) => response.end('123456'))
    const client = egress.client(rules, { limits: { egressResponseBytes: 10 } })
    expect(await text(get(client, at(server)))).toBe('123456')
    await expect(text(get(client, at(server)))).rejects.toMatchObject({
      kind: 'too-large',
      message: expect.stringContaining('(egressResponseBytes)') as string,
    })
  })
})

describe('cancelled', () => {
  const cancels = async (server: TestServer, exchange: EgressExchange) => {
    const failed = failure(exchange.response)
    exchange.cancel()
    exchange.cancel()
    expect((await failed).code).toBe('connection-terminated')
    expect(() => exchange.body.write(Buffer.from('x'))).toThrow('cancelled')
    await closed(server)
  }

  test('while the name is looked up', async () => {
    const found: ((addresses: string[]) => void)[] = []
    await using server = await answering(() => undefined)
    egress.close()
    egress = testEgress({}, { resolver: () => new Promise((resolve) => found.push(resolve)) })
    const exchange = post(egress.client(rules), at(server))
    await expect.poll(() => found.length, { timeout: 20_000 }).toBe(1)
    await cancels(server, exchange)
    found[0]?.(['127.0.0.1'])
    expect(server.accepted).toBe(0)
  })

  test('at once', async () => {
    await using server = await answering(() => undefined)
    await cancels(server, post(egress.client(rules), at(server)))
    expect(server.accepted).toBe(0)
  })

  test('while connecting', async () => {
    await using server = await answering(() => undefined)
    const exchange = post(egress.client(rules), `https://api.test:${server.port}/`)
    await expect.poll(() => server.open.size, { timeout: 20_000 }).toBe(1)
    await cancels(server, exchange)
  })

  test('while sending', async () => {
    await using server = await answering(() => undefined)
    const exchange = post(egress.client(rules), at(server))
    exchange.body.write(Buffer.from('half'))
    await expect.poll(() => server.open.size, { timeout: 20_000 }).toBe(1)
    await cancels(server, exchange)
  })

  test('while waiting', async () => {
    await using server = await answering(() => undefined)
    const exchange = get(egress.client(rules), at(server))
    await expect.poll(() => server.open.size, { timeout: 20_000 }).toBe(1)
    const failed = failure(exchange.response)
    exchange.cancel()
    expect((await failed).code).toBe('connection-terminated')
    await closed(server)
  })

  test('while receiving', async () => {
    await using server = await answering((socket) => socket.write(`${head}half`))
    const exchange = get(egress.client(rules), at(server))
    const { body } = await exchange.response
    exchange.cancel()
    await expect(collect(body)).rejects.toMatchObject({ kind: 'aborted' })
    await closed(server)
  })

  test('by the reader of the body', async () => {
    await using server = await answering((socket) => socket.write(`${head}half`))
    const { body } = await get(egress.client(rules), at(server)).response
    await expect.poll(() => body.heldBytes, { timeout: 20_000 }).toBe(4)
    body.cancel()
    body.cancel()
    expect([body.read(1), body.heldBytes]).toEqual(['end', 0])
    await closed(server)
  })

  test('after all is done, without effect', async () => {
    await using server = await httpServer((_request, response) => response.end('ok'))
    const exchange = get(egress.client(rules), at(server))
    expect(await text(exchange)).toBe('ok')
    exchange.cancel()
    expect((await exchange.response).body.read(1)).toBe('end')
    expect(server.open.size).toBe(1)
  })
})

describe('a response that comes before the request is whole', () => {
  test('is there while the request goes on', async () => {
    await using server = await httpServer((request, response) => {
      response.writeHead(200).flushHeaders()
      request.pipe(response)
    })
    const exchange = post(egress.client(rules), at(server))
    const { status, body } = await exchange.response
    expect(status).toBe(200)
    for (const word of ['one', 'two']) {
      exchange.body.write(Buffer.from(word))
      await new Promise<void>((resolve) => body.onReadable(resolve))
      expect(Buffer.from(body.read(100) as Uint8Array).toString()).toBe(word)
    }
    exchange.body.end()
    expect(await collect(body)).toHaveLength(0)
    // The connection serves the next.
    expect(await text(get(egress.client(rules), at(server)))).toBe('')
    expect(server.accepted).toBe(1)
  })

  test('ends the request if the server goes', async () => {
    await using server = await answering((socket) => {
      socket.end('HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno')
    })
    const exchange = post(egress.client(rules), at(server))
    exchange.body.write(Buffer.from('much'))
    const { status, body } = await exchange.response
    expect([status, (await collect(body)).toString()]).toEqual([413, 'no'])
    await expect.poll(() => exchange.body.failure, { timeout: 20_000 }).toMatchObject({ kind: 'aborted' })
    await closed(server)
  })

  test('can be read to its end when the writer gives up', async () => {
    let rest = (): void => undefined
    await using server = await answering((socket) => {
      socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n')
      rest = () => void socket.write('no')
    })
    const exchange = post(egress.client(rules), at(server))
    exchange.body.write(Buffer.from('much'))
    const { body } = await exchange.response
    exchange.body.fail(new BodyError('aborted', 'enough'))
    rest()
    expect((await collect(body)).toString()).toBe('no')
    await closed(server)
  })
})
