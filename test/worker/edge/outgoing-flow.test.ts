/** How the body of a response flows, and how it fails. */
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BodyError, type BodySink } from '../../../src/http/body.ts'
import type { HttpResponder } from '../../../src/http/message.ts'
import { outgoingResponder } from '../../../src/worker/edge/outgoing-body.ts'
import { exchangeServer, usedBytes, writable, type ExchangeServer } from './support/exchange.ts'
import { open, type RawConnection } from './support/raw.ts'

const mebibyte = 1_048_576
const windowBytes = 65_536
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
  return { connection, responder: outgoingResponder(outgoing, { windowBytes, headers: [] }) }
}

const head = (method = 'GET', fields = '', version = '1.1') => `${method} / HTTP/${version}\r\nHost: x\r\n${fields}\r\n`
const write = (sink: BodySink, text: string): void => sink.write(Buffer.from(text))

describe('a body', () => {
  test.each([
    ['HTTP/1.1', '1.1'],
    ['HTTP/1.0', '1.0'],
  ])('that fails does not look whole, in %s', async (_name, version) => {
    const { connection, responder } = await ask(head('GET', '', version))
    const closed = new Promise<boolean>((resolve) => {
      let failed = false
      connection.socket.on('error', () => {
        failed = true
      })
      connection.socket.on('close', () => resolve(failed))
    })
    const sink = responder.respond({ status: 200, headers: [] })
    write(sink, 'half')
    await expect.poll(() => connection.pending).toContain('half')
    sink.fail(new BodyError('aborted', 'The guest ended.'))
    sink.fail(new BodyError('aborted', 'Again.'))
    expect(sink.failure?.message).toBe('The guest ended.')
    expect(sink.capacity).toBe(0)
    // What ends with its connection ends by a reset.
    expect(await closed).toBe(version === '1.0')
    expect(connection.pending).not.toContain('0\r\n\r\n')
  })

  test('fails for the guest once its client has gone, and whoever waits is called', async () => {
    const { connection, responder } = await ask(head())
    const sink = responder.respond({ status: 200, headers: [] })
    while (sink.capacity > 0) sink.write(Buffer.alloc(windowBytes))
    const called = writable(sink)
    connection.socket.destroy()
    await called
    await expect.poll(() => sink.failure).toMatchObject({ kind: 'aborted' })
    expect(() => write(sink, 'a')).toThrow(BodyError)
  })

  test('for a client that is gone already fails at once', async () => {
    const connection = await open(at)
    connection.write(head())
    const { outgoing } = await at.next()
    const gone = once(outgoing, 'close')
    connection.socket.destroy()
    await gone
    const responder = outgoingResponder(outgoing, { windowBytes, headers: [] })
    expect(responder.respond({ status: 200, headers: [] }).failure).toMatchObject({ kind: 'aborted' })
  })

  test('does not change with the memory it was written from', async () => {
    const { connection, responder } = await ask(head())
    connection.socket.pause()
    const sink = responder.respond({ status: 200, headers: [] })
    const memory = Buffer.alloc(mebibyte, 1)
    // More than the kernels hold.
    for (let i = 0; i < 12; i++) sink.write(memory)
    memory.fill(2)
    sink.end()
    let [received, changed] = [0, false]
    connection.socket.on('data', (chunk: Buffer) => {
      received += chunk.length
      changed ||= chunk.includes(2)
    })
    connection.socket.resume()
    await expect.poll(() => received, { timeout: 20_000 }).toBeGreaterThan(12 * mebibyte)
    expect(changed).toBe(false)
    connection.socket.destroy()
  })

  test('waits for its client, and is drained when that has it', async () => {
    const { connection, responder } = await ask(head())
    connection.socket.pause()
    const sink = responder.respond({ status: 200, headers: [] })
    let [written, before] = [0, -1]
    const writing = (async () => {
      while (written < 64 * mebibyte) {
        if (sink.capacity === 0) await writable(sink)
        const piece = Buffer.alloc(Math.min(16_384, sink.capacity))
        sink.write(piece)
        written += piece.length
        if (sink.heldBytes > windowBytes) throw new Error(`${sink.heldBytes} bytes are held`)
      }
    })()
    // The kernels take a few MB, then nobody does.
    const isStuck = (): boolean => {
      const was = before
      before = written
      return was === written && sink.capacity === 0
    }
    await expect.poll(isStuck, { interval: 100, timeout: 20_000 }).toBe(true)
    expect(written).toBeLessThan(64 * mebibyte)
    expect(sink.drained).toBe(false)
    connection.socket.resume()
    let received = 0
    connection.socket.on('data', (chunk) => {
      received += chunk.length
    })
    await writing
    await expect.poll(() => sink.drained).toBe(true)
    await expect.poll(() => received).toBeGreaterThan(written)
    connection.socket.destroy()
  })

  test('of 256 MiB passes in constant memory', async () => {
    const total = 256 * mebibyte
    const before = usedBytes()
    const client = get({ port: at.port, host: '127.0.0.1' })
    const { outgoing } = await at.next()
    const sink = outgoingResponder(outgoing, { windowBytes, headers: [] }).respond({ status: 200, headers: [] })
    const [response] = (await once(client, 'response')) as [IncomingMessage]
    let [received, peak] = [0, 0]
    response.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    const memory = new Uint8Array(windowBytes)
    for (let sent = 0; sent < total;) {
      if (sink.capacity === 0) await writable(sink)
      const piece = memory.subarray(0, Math.min(sink.capacity, total - sent))
      sink.write(piece)
      if (Math.floor(sent / (32 * mebibyte)) !== Math.floor((sent + piece.length) / (32 * mebibyte)))
        peak = Math.max(peak, usedBytes() - before)
      sent += piece.length
    }
    sink.end()
    await once(response, 'end')
    client.destroy()
    expect(received).toBe(total)
    expect(peak).toBeLessThan(64 * mebibyte)
  })
})
