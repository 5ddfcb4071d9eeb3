/** Memory that bodies pass through is used again: never while somebody still reads it, and never for somebody else's bytes. */
import { once } from 'node:events'
import { get, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BodySink } from '../../../src/http/body.ts'
import { CorkedResponse } from '../../../src/worker/edge/corked-response.ts'
import { incomingBody } from '../../../src/worker/edge/incoming-body.ts'
import { Block, freeSoon } from '../../../src/worker/edge/memory.ts'
import { outgoingResponder } from '../../../src/worker/edge/outgoing-body.ts'
import { exchangeServer, readable, writable, type ExchangeServer } from './support/exchange.ts'

const windowBytes = 65_536
let at: ExchangeServer
beforeAll(async () => {
  at = await exchangeServer()
})
afterAll(() => at[Symbol.asyncDispose]())

/** Byte `index` of the body of response `id`: nothing of another's looks like it for long. */
const byteAt = (id: number, index: number): number => (index * 31 + (index >>> 8) * 7 + id * 101) & 0xff

function pieceOf(id: number, from: number, length: number): Buffer {
  const piece = Buffer.alloc(length)
  for (let i = 0; i < length; i++) piece[i] = byteAt(id, from + i)
  return piece
}

/** Sizes that small and large blocks, their ends and the corking meet at. */
const sizes = [1, 100, 4_096, 16_383, 16_384, 16_385, 40_000, 65_536]

async function writeAll(sink: BodySink, id: number, total: number): Promise<void> {
  for (let sent = 0, turn = id; sent < total && sink.failure === undefined; turn++) {
    if (sink.capacity === 0) {
      await writable(sink)
      continue
    }
    const length = Math.min(sizes[((turn * turn + 3 * turn) % 11) % sizes.length] ?? 1, sink.capacity, total - sent)
    const piece = pieceOf(id, sent, length)
    sink.write(piece)
    piece.fill(0)
    sent += length
    if (turn % 3 === 0) await setImmediate()
  }
  if (sink.failure === undefined) sink.end()
}

describe('responses side by side', () => {
  test('each get their own bytes, while others are slow and others leave', async () => {
    const total = 3_000_000
    const written: Promise<void>[] = []
    const clients = Array.from({ length: 16 }, (_, id) => {
      const client = get({ port: at.port, host: '127.0.0.1', path: `/${id}`, agent: false })
      client.on('error', () => {})
      return { client, answered: once(client, 'response') }
    })
    for (const _ of clients) {
      const { incoming, outgoing } = await at.next()
      const id = Number(incoming.url?.slice(1))
      const sink = outgoingResponder(outgoing, { windowBytes, headers: [] }).respond({ status: 200, headers: [] })
      written.push(writeAll(sink, id, total))
    }
    const outcomes = clients.map(async ({ client, answered }, id) => {
      const [response] = (await answered) as [IncomingMessage]
      const leavesAt = id % 4 === 3 ? 500_000 : Number.POSITIVE_INFINITY
      let received = 0
      for await (const chunk of response.on('error', () => {}) as AsyncIterable<Buffer>) {
        if (!chunk.equals(pieceOf(id, received, chunk.length)))
          throw new Error(`response ${id} differs after ${received}`)
        received += chunk.length
        if (received > leavesAt) break
        if (id % 4 === 1) await setImmediate()
      }
      client.destroy()
      return received
    })
    const received = await Promise.all(outcomes)
    await Promise.all(written)
    const [whole, left] = [received.filter((_, id) => id % 4 !== 3), received.filter((_, id) => id % 4 === 3)]
    expect(whole).toEqual(whole.map(() => total))
    expect(Math.min(...left)).toBeGreaterThan(500_000)
  })
})

test('what is held behind a piece that has arrived is still sent', () => {
  const [sent, arrivals]: [Buffer[], (() => void)[]] = [[], []]
  const send = (bytes: Buffer, arrived: () => void): void => {
    sent.push(Buffer.from(bytes))
    arrivals.push(arrived)
  }
  const outgoing = {
    req: { method: 'GET' },
    headersSent: false,
    destroyed: false,
    writeHead() {},
    write: send,
    end: send,
  }
  const response = new CorkedResponse(outgoing as unknown as ServerResponse<IncomingMessage>, {
    status: 200,
    fields: [],
  })
  response.write(pieceOf(7, 0, 20_000))
  response.write(pieceOf(7, 20_000, 60))
  for (const arrived of arrivals.splice(0)) arrived()
  // What somebody else would get in between, if there was nothing left to send of the block.
  Block.withRoom(20_000).append(Buffer.alloc(20_100))
  response.write(pieceOf(7, 20_060, 40))
  expect(response.heldBytes).toBe(100)
  response.end(false, [])
  for (const arrived of arrivals.splice(0)) arrived()
  expect(response.heldBytes).toBe(0)
  expect(Buffer.concat(sent).equals(pieceOf(7, 0, 20_100))).toBe(true)
})

describe('a block', () => {
  test('is given back for use when it is idle, with all of its room', () => {
    const block = Block.withRoom(100)
    const { room } = block
    expect(block.append(Buffer.from('abc'))).toBe(3)
    expect(block.append(Buffer.from('de'))).toBe(2)
    expect(block.send(2).toString()).toBe('de')
    expect(block.isIdle).toBe(false)
    block.arrived(false)
    expect(block.isIdle).toBe(true)
    block.giveBack()
    const again = Block.withRoom(1)
    expect(again).toBe(block)
    expect(again.room).toBe(room)
    expect(Block.withRoom(1)).not.toBe(again)
  })

  test('takes no more than it has room for', () => {
    const block = Block.withRoom(1_000_000)
    const { room } = block
    expect(block.append(Buffer.alloc(room - 1))).toBe(room - 1)
    expect(block.append(Buffer.from('abc'))).toBe(1)
    expect(block.room).toBe(0)
    expect(block.send(1).toString()).toBe('a')
  })

  test('of which a piece was lost is nobody’s any more', () => {
    const block = Block.withRoom(100)
    block.append(Buffer.from('abc'))
    block.send(3)
    block.arrived(true)
    block.giveBack()
    expect(Block.withRoom(1)).not.toBe(block)
  })
})

describe('what is over is freed', () => {
  test('in the next turn, and only what is nobody else’s', async () => {
    const own = Buffer.allocUnsafeSlow(65_536)
    const shared = Buffer.allocUnsafeSlow(65_536)
    const part = shared.subarray(0, 32_768)
    const small = Buffer.allocUnsafeSlow(100)
    for (const bytes of [own, part, small]) freeSoon(bytes)
    expect(own.length).toBe(65_536)
    await setImmediate()
    expect([own.length, part.length, shared.length, small.length]).toEqual([0, 32_768, 65_536, 100])
  })

  test('of a request: what was read is the reader’s until it reads on, and for that turn', async () => {
    const outgoing = request({ port: at.port, host: '127.0.0.1', method: 'POST', agent: false })
    const sent = pieceOf(1, 0, 65_536)
    outgoing.on('error', () => {})
    outgoing.end(sent)
    const { incoming } = await at.next()
    const body = incomingBody(incoming, { windowBytes: 1_000_000, bodyBytes: undefined })
    const kept: Uint8Array[] = []
    for (let received = 0; received < sent.length;) {
      const read = body.read(65_536)
      if (read === 'end') break
      if (read === 'wait') {
        await readable(body)
        continue
      }
      await setImmediate()
      await setImmediate()
      expect(Buffer.compare(read, sent.subarray(received, received + read.length))).toBe(0)
      received += read.length
      if (read.length >= 8_192) kept.push(read)
    }
    body.cancel()
    const lengths = () => kept.map(({ length }) => length)
    expect(kept.length).toBeGreaterThan(0)
    await setImmediate()
    expect(lengths()).toEqual(kept.map(() => 0))
    outgoing.destroy()
  })
})
