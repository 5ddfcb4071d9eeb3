import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BodyError, type BodySink } from '../../../src/http/body.ts'
import type { HeaderList, HttpResponder } from '../../../src/http/message.ts'
import { outgoingResponder } from '../../../src/worker/edge/outgoing-body.ts'
import { exchangeServer, type ExchangeServer } from './support/exchange.ts'
import { open, type RawConnection } from './support/raw.ts'

const windowBytes = 65_536
const hosts: HeaderList = [['x-amzn-requestid', 'id']]
let at: ExchangeServer
beforeAll(async () => {
  at = await exchangeServer()
})
afterAll(() => at[Symbol.asyncDispose]())

async function ask(bytes: string): Promise<{ connection: RawConnection; responder: HttpResponder }> {
  const connection = await open(at)
  connection.write(bytes)
  const { incoming, outgoing } = await at.next()
  incoming.resume()
  return { connection, responder: outgoingResponder(outgoing, { windowBytes, headers: hosts }) }
}

const head = (method = 'GET', fields = '', version = '1.1') => `${method} / HTTP/${version}\r\nHost: x\r\n${fields}\r\n`
const write = (sink: BodySink, text: string): void => sink.write(Buffer.from(text))

describe('a response over its limit', () => {
  async function limited(fields: HeaderList, method = 'GET') {
    const connection = await open(at)
    connection.write(head(method))
    const { incoming, outgoing } = await at.next()
    incoming.resume()
    const responder = outgoingResponder(outgoing, { windowBytes, bodyBytes: 4, headers: [] })
    return { connection, responder, respond: () => responder.respond({ status: 200, headers: fields }) }
  }
  const tooLong = expect.objectContaining({
    kind: 'too-large',
    message: expect.stringContaining('streamedBodyBytes, 4 bytes'),
  })

  test('is refused by its Content-Length, and may be answered otherwise', async () => {
    const { connection, responder, respond } = await limited([['content-length', '5']])
    expect(respond).toThrow(tooLong)
    responder.respond({ status: 500, headers: [] }).end()
    expect((await connection.next())?.status).toBe(500)
    connection.socket.destroy()
  })

  test('is cut where it goes over', async () => {
    const { connection, respond } = await limited([])
    const sink = respond()
    write(sink, 'abcd')
    expect(() => write(sink, 'e')).toThrow(tooLong)
    expect(sink.failure).toEqual(tooLong)
    expect(await connection.next()).toBeUndefined()
    connection.socket.destroy()
  })

  test('may say to HEAD how long it would be', async () => {
    const { connection, respond } = await limited([['content-length', '5']], 'HEAD')
    respond().end()
    expect((await connection.next({ noBody: true }))?.headers['content-length']).toBe('5')
    connection.socket.destroy()
  })
})

describe('a response', () => {
  test('is what the guest says, with the host’s own fields instead of its', async () => {
    const { connection, responder } = await ask(head())
    const fields: HeaderList = [
      ['X-A', '1'],
      ['x-a', '2'],
      ['X-Amzn-RequestId', 'forged'],
    ]
    const sink = responder.respond({ status: 299, headers: fields })
    write(sink, 'one, ')
    write(sink, 'two')
    sink.end()
    const text = () => connection.pending
    await expect.poll(text).toContain('two')
    expect(text()).toMatch(/^HTTP\/1\.1 299 unknown\r\nX-A: 1\r\nx-a: 2\r\nx-amzn-requestid: id\r\n/)
    const answer = await connection.next()
    expect(answer).toMatchObject({ body: 'one, two', headers: { 'content-length': '8' } })
    expect(answer?.headers).not.toHaveProperty('transfer-encoding')
    connection.socket.destroy()
  })

  test('begins before its body does', async () => {
    const { connection, responder } = await ask(head())
    const sink = responder.respond({ status: 200, headers: [] })
    await expect.poll(() => connection.pending).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n$/)
    write(sink, 'a')
    await expect.poll(() => connection.pending).toContain('1\r\na\r\n')
    sink.end()
    expect((await connection.next())?.body).toBe('a')
    connection.socket.destroy()
  })

  test('that ends in the turn it began in is one piece, with its length', async () => {
    const { connection, responder } = await ask(head())
    const pieces: string[] = []
    connection.socket.on('data', (data: Buffer) => pieces.push(data.toString('latin1')))
    const sink = responder.respond({ status: 200, headers: [] })
    sink.write(Buffer.from([0x61, 0xff, 0x80]))
    write(sink, 'b')
    expect(sink.heldBytes).toBe(4)
    sink.end()
    await expect.poll(() => pieces.join('')).toMatch(/content-length: 4\r\n[^]*\r\n\r\na\u00ff\u0080b$/i)
    expect(pieces).toHaveLength(1)
    connection.socket.destroy()
  })

  test('has field values as bytes, also where the head goes out alone', async () => {
    const { connection, responder } = await ask(head())
    let text = ''
    connection.socket.on('data', (data: Buffer) => (text += data.toString('latin1')))
    const sink = responder.respond({ status: 200, headers: [['x-bytes', '\u00fc\u00e9']] })
    await expect.poll(() => text).toContain('x-bytes: \u00fc\u00e9\r\n')
    sink.end()
    connection.socket.destroy()
  })

  test('of more than one turn goes out after each', async () => {
    const { connection, responder } = await ask(head())
    const sink = responder.respond({ status: 200, headers: [] })
    write(sink, 'a')
    write(sink, 'b')
    await expect.poll(() => connection.pending).toContain('\r\n\r\n2\r\nab\r\n')
    write(sink, 'c')
    sink.end()
    expect(await connection.next()).toMatchObject({ body: 'abc', headers: { 'transfer-encoding': 'chunked' } })
    connection.socket.destroy()
  })

  test('that fails in the turn it began in has sent what was written', async () => {
    const { connection, responder } = await ask(head())
    let text = ''
    connection.socket.on('data', (data: Buffer) => (text += data.toString('latin1')))
    const sink = responder.respond({ status: 200, headers: [] })
    write(sink, 'half')
    sink.fail(new BodyError('aborted', 'The guest ended.'))
    await connection.ended()
    expect(text).toMatch(/^HTTP\/1\.1 200 [^]*half\r\n$/)
  })

  test('gives way to an answer that came between', async () => {
    const connection = await open(at)
    connection.write(head())
    const { outgoing } = await at.next()
    const sink = outgoingResponder(outgoing, { windowBytes, headers: [] }).respond({ status: 200, headers: [] })
    write(sink, 'late')
    outgoing.writeHead(500).end('first')
    write(sink, 'later')
    expect(await connection.next()).toMatchObject({ status: 500, body: 'first' })
    sink.end()
    expect(connection.pending).toBe('')
    connection.socket.destroy()
  })

  test('has no fields of the connection', async () => {
    const { connection, responder } = await ask(head())
    const fields: HeaderList = [
      ['Connection', 'close, X-Hop'],
      ['X-Hop', '1'],
      ['Keep-Alive', 'timeout=1'],
      ['Transfer-Encoding', 'gzip'],
      ['Upgrade', 'h2c'],
      ['Proxy-Connection', 'close'],
      ['Proxy-Authenticate', 'Basic'],
      ['TE', 'trailers'],
      ['Trailer', 'X-Sum'],
    ]
    responder.respond({ status: 200, headers: fields }).end()
    const answer = await connection.next()
    expect(Object.keys(answer?.headers ?? {}).sort()).toEqual(
      ['connection', 'content-length', 'date', 'keep-alive', 'x-amzn-requestid'].sort(),
    )
    expect(answer?.headers).toMatchObject({ connection: 'keep-alive', 'content-length': '0' })
    connection.socket.destroy()
  })

  test.each<[string, number, HeaderList]>([
    ['a line break in a value', 200, [['a', 'b\r\nc: d']]],
    ['a name that is no token', 200, [['a b', 'c']]],
    ['a name of nothing', 200, [['', 'c']]],
    ['a length that is none', 200, [['content-length', '1, 1']]],
    [
      'two lengths that differ',
      200,
      [
        ['content-length', '1'],
        ['Content-Length', '2'],
      ],
    ],
    ['an informational status', 103, []],
    ['a status that is none', 600, []],
  ])('is refused, and may still be another, for %s', async (_case, status, headers) => {
    const { connection, responder } = await ask(head())
    expect(() => responder.respond({ status, headers })).toThrow(expect.objectContaining({ kind: 'protocol' }))
    responder.respond({ status: 502, headers: [] }).end()
    expect((await connection.next())?.status).toBe(502)
    connection.socket.destroy()
  })

  test.each<[string, number, string | undefined]>([
    ['HEAD', 200, '5'],
    ['GET', 204, undefined],
    ['GET', 205, '0'],
    ['GET', 304, '5'],
  ])('to %s with status %i drops its body, and says the length %s', async (method, status, length) => {
    const { connection, responder } = await ask(head(method))
    const sink = responder.respond({ status, headers: [['content-length', '5']] })
    write(sink, 'hello, and more')
    expect([sink.capacity > 0, sink.drained]).toEqual([true, true])
    sink.end()
    const answer = await connection.next({ noBody: true })
    expect(answer?.status).toBe(status)
    expect(answer?.headers['content-length']).toBe(length)
    expect(answer?.headers).not.toHaveProperty('transfer-encoding')
    // Nothing of it is in the way of the next one.
    connection.write(head())
    ;(await at.next()).outgoing.end('next')
    expect((await connection.next())?.body).toBe('next')
    connection.socket.destroy()
  })

  test('in HTTP/1.0 ends with its connection', async () => {
    const { connection, responder } = await ask(head('GET', '', '1.0'))
    const sink = responder.respond({ status: 200, headers: [] })
    write(sink, 'all')
    sink.end()
    expect(await connection.next()).toMatchObject({ body: 'all', headers: { connection: 'close' } })
  })
})

describe('a length that the guest says', () => {
  const sized = (length: number): { status: number; headers: HeaderList } => ({
    status: 200,
    headers: [['Content-Length', String(length)]],
  })

  test('is kept', async () => {
    const { connection, responder } = await ask(head())
    const sink = responder.respond(sized(4))
    write(sink, 'abcd')
    sink.end()
    const answer = await connection.next()
    expect(answer).toMatchObject({ body: 'abcd', headers: { 'content-length': '4', connection: 'keep-alive' } })
    expect(answer?.headers).not.toHaveProperty('transfer-encoding')
    connection.socket.destroy()
  })

  test('and does not come to: the connection ends with too few bytes', async () => {
    const { connection, responder } = await ask(head())
    const sink = responder.respond(sized(4))
    write(sink, 'abc')
    sink.end()
    expect(sink.failure).toMatchObject({ kind: 'protocol' })
    expect(await connection.next()).toBeUndefined()
  })

  test('and goes beyond: the connection ends, and no byte too many was sent', async () => {
    const { connection, responder } = await ask(head())
    const sink = responder.respond(sized(4))
    write(sink, 'abc')
    expect(() => write(sink, 'de')).toThrow(expect.objectContaining({ kind: 'protocol' }))
    expect(() => write(sink, 'd')).toThrow(BodyError)
    expect(await connection.next()).toBeUndefined()
    expect(connection.pending).not.toMatch(/d$/)
  })
})

describe('trailers', () => {
  const answer = async (fields: string, headers: HeaderList = [], version = '1.1') => {
    const { connection, responder } = await ask(head('GET', fields, version))
    const sink = responder.respond({ status: 200, headers: [['Trailer', 'X-Sum'], ...headers] })
    write(sink, 'ab')
    sink.end([
      ['X-Sum', '1'],
      ['Content-Length', '9'],
    ])
    await expect.poll(() => /ab$|\r\n0\r\n[^]*\r\n$/.test(connection.pending.slice(-60))).toBe(true)
    const { pending } = connection
    connection.socket.destroy()
    return pending
  }

  test('go to a client that says it takes them, without those that frame', async () => {
    const text = await answer('TE: trailers\r\nConnection: te\r\n')
    expect(text).toMatch(/\r\ntrailer: X-Sum\r\n/)
    expect(text).toMatch(/2\r\nab\r\n0\r\nX-Sum: 1\r\n\r\n$/)
  })

  test.each([
    ['says nothing', '', [], '1.1'],
    ['takes other codings', 'TE: gzip\r\n', [], '1.1'],
    ['speaks HTTP/1.0', 'TE: trailers\r\n', [], '1.0'],
    ['is told the length', 'TE: trailers\r\n', [['content-length', '2']], '1.1'],
  ] as [string, string, HeaderList, string][])(
    'are dropped for one that %s',
    async (_case, fields, headers, version) => {
      expect(await answer(fields, headers, version)).not.toMatch(/x-sum/i)
    },
  )

  test('that are none fail the response', async () => {
    const { connection, responder } = await ask(head('GET', 'TE: trailers\r\n'))
    const sink = responder.respond({ status: 200, headers: [] })
    sink.end([['a', 'b\nc']])
    expect(sink.failure).toMatchObject({ kind: 'protocol' })
    expect(await connection.next()).toBeUndefined()
  })
})

describe('informational responses', () => {
  test('go out before the response', async () => {
    const { connection, responder } = await ask(head())
    responder.inform({
      status: 103,
      headers: [
        ['Link', '</a.css>; rel=preload'],
        ['Content-Length', '3'],
      ],
    })
    expect(await connection.next()).toMatchObject({ status: 103, headers: { link: '</a.css>; rel=preload' } })
    responder.inform({ status: 102, headers: [] })
    const sink = responder.respond({ status: 200, headers: [] })
    responder.inform({ status: 103, headers: [] })
    sink.end()
    expect((await connection.next())?.status).toBe(102)
    expect((await connection.next())?.status).toBe(200)
    expect(connection.pending).toBe('')
    connection.socket.destroy()
  })

  test('do not go to HTTP/1.0', async () => {
    const { connection, responder } = await ask(head('GET', '', '1.0'))
    responder.inform({ status: 103, headers: [] })
    responder.respond({ status: 200, headers: [] }).end()
    expect((await connection.next())?.status).toBe(200)
  })

  test.each([[101], [200], [99]])('are not of status %i', async (status) => {
    const { connection, responder } = await ask(head())
    expect(() => responder.inform({ status, headers: [] })).toThrow(BodyError)
    responder.respond({ status: 200, headers: [] }).end()
    await connection.next()
    connection.socket.destroy()
  })
})
