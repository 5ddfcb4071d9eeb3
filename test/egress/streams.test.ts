/** Bodies flow as fast as the slower end, and what is held in between is bounded and told. */
import { afterAll, expect, test } from 'vitest'
import { ByteQueue } from '../../src/egress/byte-queue.ts'
import { Waiter } from '../../src/egress/waiter.ts'
import { get, httpServer, post, testEgress, readable, text, writable } from './support/harness.ts'

const egress = testEgress()
afterAll(() => egress.close())
const client = () => egress.client(['api.test:*', '127.0.0.1:*'])
const size = 200 * 1024 * 1024
const piece = Buffer.alloc(256 * 1024, 'x')

test('a reader that does not read stops the server; one that does gets 200 MiB in bounded memory', async () => {
  let sent = 0
  await using server = await httpServer((_request, response) => {
    const more = (): void => {
      while (sent < size) {
        sent += piece.length
        if (!response.write(piece)) return void response.once('drain', more)
      }
      response.end()
    }
    more()
  })
  const { body } = await get(client(), `http://api.test:${server.port}/`).response
  let before = -1
  // Until nothing moves any more.
  await expect
    .poll(
      () => {
        const still = before === sent
        before = sent
        return still && sent > 0
      },
      { timeout: 20_000, interval: 100 },
    )
    .toBe(true)
  expect(sent).toBeLessThan(32 * 1024 * 1024)
  let received = 0
  let most = body.heldBytes
  for (;;) {
    const read = body.read(65_536)
    if (read === 'end') break
    most = Math.max(most, body.heldBytes)
    if (read === 'wait') await readable(body)
    else received += read.length
  }
  expect(received).toBe(size)
  expect(most).toBeGreaterThan(65_535)
  expect(most).toBeLessThan(256 * 1024)
})

test('a server that does not read stops the writer; one that does gets 200 MiB in bounded memory', async () => {
  let received = 0
  let read: (() => void) | undefined
  await using server = await httpServer((request, response) => {
    read = () => {
      request.on('data', (bytes: Buffer) => (received += bytes.length)).on('end', () => response.end('ok'))
    }
  })
  const exchange = post(client(), `http://api.test:${server.port}/`)
  const { body } = exchange
  let written = 0
  let most = 0
  const write = (): void => {
    while (written < size && body.capacity > 0) {
      const bytes = piece.subarray(0, Math.min(body.capacity, piece.length, size - written))
      body.write(bytes)
      written += bytes.length
      most = Math.max(most, body.heldBytes)
    }
    if (written === size) body.end()
    else body.onWritable(write)
  }
  write()
  let before = -1
  await expect
    .poll(
      () => {
        const still = before === written && read !== undefined
        before = written
        return still
      },
      { timeout: 20_000, interval: 100 },
    )
    .toBe(true)
  expect(written).toBeLessThan(32 * 1024 * 1024)
  expect(body.capacity).toBe(0)
  expect(body.drained).toBe(false)
  read?.()
  expect(await text(exchange)).toBe('ok')
  expect([received, body.drained, body.heldBytes, body.failure]).toEqual([size, true, 0, undefined])
  expect(most).toBe(65_536)
})

test('what is written is copied, and goes out in order however small the pieces', async () => {
  await using server = await httpServer((request, response) => request.pipe(response))
  const exchange = post(client(), `http://api.test:${server.port}/`)
  const memory = new Uint8Array(4_096)
  let expected = ''
  const write = (length: number): void => {
    const letter = 97 + (expected.length % 26)
    expected += String.fromCharCode(letter).repeat(length)
    exchange.body.write(memory.fill(letter).subarray(0, length))
  }
  for (let at = 0; at < 20_000; at += 1) write(1)
  for (let at = 0; at < 5; at += 1) write(4_095)
  expect(exchange.body.heldBytes).toBe(expected.length)
  exchange.body.end()
  expect(await text(exchange)).toBe(expected)
})

test('a writer is called once, in a later turn, and not after it took its callback back', async () => {
  await using server = await httpServer((request, response) => request.pipe(response))
  const exchange = post(client(), `http://api.test:${server.port}/`)
  const calls: string[] = []
  exchange.body.onWritable(() => calls.push('taken back'))()
  exchange.body.onWritable(() => calls.push('called'))
  expect(calls).toEqual([])
  await writable(exchange.body)
  exchange.body.end()
  await text(exchange)
  expect(calls).toEqual([])
  exchange.body.onWritable(() => calls.push('never: nothing can be written'))
})

test('a waiter keeps the last callback only', async () => {
  const waiter = new Waiter()
  const calls: number[] = []
  waiter.wait(() => calls.push(1), true)
  waiter.wait(() => calls.push(2), true)
  waiter.wake()
  await new Promise((resolve) => setImmediate(resolve))
  waiter.wake()
  await new Promise((resolve) => setImmediate(resolve))
  expect(calls).toEqual([2])
})

test('a queue puts small pieces together and keeps large ones as they are', () => {
  const queue = new ByteQueue()
  const large = new Uint8Array(2_000).fill(9)
  let bytes = 0
  for (const length of [1, 0, 700, 1_000, 3, 2_000, 5, 1_023, 1_024, 6]) {
    queue.push(length === 2_000 ? large : new Uint8Array(length).fill(length % 256))
    bytes += length
    expect(queue.length).toBe(bytes)
  }
  const taken: Uint8Array[] = []
  for (let next = queue.take(1_500); next !== undefined; next = queue.take(1_500)) taken.push(next)
  const all = Buffer.concat(taken)
  expect(all).toHaveLength(bytes)
  expect([...new Set(all)]).toEqual([1, 188, 232, 3, 9, 5, 255, 0, 6])
  expect(taken.some(({ buffer }) => buffer === large.buffer)).toBe(true)
  expect(taken.length).toBeLessThan(9)
  expect(queue.length).toBe(0)
})

test('bytes taken from a queue stay as they are while more come', () => {
  const queue = new ByteQueue()
  queue.push(Buffer.from('a'))
  queue.push(Buffer.from('bcd'))
  const taken = [queue.take(1), queue.take(2)]
  queue.push(Buffer.from('xyz'))
  expect(taken.map((bytes) => Buffer.from(bytes ?? []).toString())).toEqual(['a', 'bc'])
  expect(Buffer.from(queue.take(9) ?? []).toString()).toBe('dxyz')
  queue.clear()
  expect([queue.length, queue.take(1)]).toEqual([0, undefined])
})
