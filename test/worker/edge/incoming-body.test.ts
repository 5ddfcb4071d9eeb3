import { once } from 'node:events'
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BodyError } from '../../../src/http/body.ts'
import { incomingBody } from '../../../src/worker/edge/incoming-body.ts'
import { exchangeServer, readable, readAll, usedBytes, type ExchangeServer } from './support/exchange.ts'
import { open } from './support/raw.ts'

const mebibyte = 1_048_576
const limits = { windowBytes: 65_536, bodyBytes: undefined }
let at: ExchangeServer
beforeAll(async () => {
  at = await exchangeServer()
})
afterAll(() => at[Symbol.asyncDispose]())

const chunked = 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'
const post = (length: number) => `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n`

async function send(bytes: string) {
  const connection = await open(at)
  connection.write(bytes)
  const { incoming, outgoing } = await at.next()
  return { connection, incoming, outgoing, body: incomingBody(incoming, limits) }
}

describe('a body', () => {
  test('comes as it was sent, and ends for good', async () => {
    const { connection, body } = await send(`${post(6)}abcdef`)
    await readable(body)
    expect(Buffer.from(body.read(4)).toString()).toBe('abcd')
    expect(Buffer.from(body.read(4)).toString()).toBe('ef')
    expect((await readAll(body)).length).toBe(0)
    expect([body.read(1), body.read(1)]).toEqual(['end', 'end'])
    connection.socket.destroy()
  })

  test('that is not there yet is waited for, and the callback can be taken back', async () => {
    const { connection, body } = await send(chunked)
    expect(body.read(1)).toBe('wait')
    const called: string[] = []
    const takeBack = body.onReadable(() => called.push('first'))
    takeBack()
    const second = new Promise<void>((resolve) => {
      body.onReadable(() => {
        called.push('second')
        resolve()
      })
    })
    expect(called).toEqual([])
    connection.write('2\r\nab\r\n')
    await second
    expect(called).toEqual(['second'])
    expect(Buffer.from(body.read(9)).toString()).toBe('ab')
    connection.socket.destroy()
  })

  test('calls back in a later turn where there are bytes already', async () => {
    const { connection, body } = await send(`${post(2)}ab`)
    await readable(body)
    let called = false
    const again = new Promise<void>((resolve) => {
      body.onReadable(() => {
        called = true
        resolve()
      })
    })
    await Promise.resolve()
    expect(called).toBe(false)
    await again
    connection.socket.destroy()
  })

  test('has its trailers after the last byte, without those that frame or admit', async () => {
    const { connection, body } = await send(`${chunked}2\r\nab\r\n`)
    await readable(body)
    connection.write('0\r\nX-Sum: 1\r\nx-sum: 2\r\nAuthorization: x\r\nHost: y\r\n\r\n')
    expect(body.trailers).toEqual([])
    expect((await readAll(body)).toString()).toBe('ab')
    expect(body.trailers).toEqual([
      ['X-Sum', '1'],
      ['x-sum', '2'],
    ])
    connection.socket.destroy()
  })

  test('whose sender goes away fails as aborted, from then on', async () => {
    const { connection, body } = await send(`${post(6)}ab`)
    await readable(body)
    connection.socket.destroy()
    await expect(readAll(body)).rejects.toMatchObject({ kind: 'aborted' })
    expect(() => body.read(1)).toThrow(BodyError)
    expect(body.heldBytes).toBe(0)
  })

  test('of a request that is already gone fails at once', async () => {
    const { connection, incoming } = await send(`${post(6)}ab`)
    const gone = new Promise((resolve) => {
      incoming.on('close', resolve)
    })
    connection.socket.destroy()
    await gone
    expect(() => incomingBody(incoming, limits).read(1)).toThrow(expect.objectContaining({ kind: 'aborted' }))
  })

  test('fails for the reason that the edge had to cut it', async () => {
    const { connection, incoming, body } = await send(`${post(6)}ab`)
    incoming.destroy(new BodyError('timeout', 'Too slow.'))
    await expect(readAll(body)).rejects.toMatchObject({ kind: 'timeout', message: 'Too slow.' })
    connection.socket.destroy()
  })

  test('over its limit fails as too large', async () => {
    const connection = await open(at)
    connection.write(`${post(6)}abcdef`)
    const body = incomingBody((await at.next()).incoming, { ...limits, bodyBytes: 5 })
    await expect(readAll(body)).rejects.toMatchObject({
      kind: 'too-large',
      message: expect.stringContaining('limits.streamedBodyBytes, 5 bytes'),
    })
    connection.socket.destroy()
  })

  test('that is not wanted any more is read and dropped, so that the connection goes on', async () => {
    const { connection, outgoing, body } = await send(post(4 * mebibyte))
    connection.write(Buffer.alloc(mebibyte))
    await readable(body)
    body.cancel()
    body.cancel()
    expect(body.read(1)).toBe('end')
    for (let i = 0; i < 3; i++) connection.write(Buffer.alloc(mebibyte))
    connection.write(post(0))
    outgoing.end('one')
    expect((await connection.next())?.body).toBe('one')
    ;(await at.next()).outgoing.end('two')
    expect((await connection.next())?.body).toBe('two')
    connection.socket.destroy()
  })

  test('is not read before it is asked for', async () => {
    const { connection, incoming, body } = await send(`${post(2)}ab`)
    expect(incoming.readableFlowing).toBe(null)
    expect((await readAll(body)).toString()).toBe('ab')
    connection.socket.destroy()
  })
})

test('a reader that waits holds the sender up, and never more than the window is held', async () => {
  const { connection, body } = await send(post(64 * mebibyte))
  const piece = Buffer.alloc(mebibyte)
  for (let i = 0; i < 64; i++) connection.write(piece)
  await readable(body)
  // What the kernels take they take; the rest stays with the client.
  await expect.poll(() => body.heldBytes, { timeout: 20_000 }).toBeGreaterThan(65_536)
  const stuck = connection.socket.writableLength
  expect(stuck).toBeGreaterThan(40 * mebibyte)
  expect(body.heldBytes).toBeLessThan(4 * 65_536)
  let bytes = 0
  for (;;) {
    const read = body.read(10_000)
    if (read === 'end') break
    if (read === 'wait') await readable(body)
    else bytes += read.length
    if (body.heldBytes > 4 * 65_536) throw new Error(`${body.heldBytes} bytes are held`)
  }
  expect(bytes).toBe(64 * mebibyte)
  connection.socket.destroy()
})

test('256 MiB pass in constant memory', async () => {
  const total = 256 * mebibyte
  const client = request({ port: at.port, host: '127.0.0.1', method: 'POST', headers: { 'content-length': total } })
  const before = usedBytes()
  const sending = (async () => {
    const piece = Buffer.alloc(65_536)
    for (let sent = 0; sent < total; sent += piece.length) if (!client.write(piece)) await once(client, 'drain')
    client.end()
  })()
  const { incoming, outgoing } = await at.next()
  const body = incomingBody(incoming, limits)
  let [bytes, peak] = [0, 0]
  for (;;) {
    const read = body.read(65_536)
    if (read === 'end') break
    if (read === 'wait') await readable(body)
    else {
      if (Math.floor(bytes / (32 * mebibyte)) !== Math.floor((bytes + read.length) / (32 * mebibyte)))
        peak = Math.max(peak, usedBytes() - before)
      bytes += read.length
    }
  }
  await sending
  outgoing.end()
  await once(client, 'response')
  client.destroy()
  expect(bytes).toBe(total)
  expect(peak).toBeLessThan(64 * mebibyte)
})
