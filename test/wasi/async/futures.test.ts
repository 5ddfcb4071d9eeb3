/** CanonicalABI.md, "canon future.…" and "Future State". */
import { describe, expect, test } from 'vitest'
import { GuestTrap, InvocationAborted } from '../../../src/wasi/errors.ts'
import { PAGE } from '../support.ts'
import { AsyncGuest, BLOCKED, CANCELLED, COMPLETED, DROPPED, events, TYPES3, VALUE } from './support.ts'

const RESULT_OF = 'http-result'

describe("both ends are the guest's", () => {
  test('whoever writes waits for a reader, and may give up and write again', () => {
    const guest = new AsyncGuest()
    const { writable } = guest.futures(RESULT_OF)
    guest.okValue()
    expect(guest.writeFuture(RESULT_OF, writable)).toBe(BLOCKED)
    const cancel = { name: 'future.cancel-write', element: RESULT_OF, waits: false } as const
    expect(guest.builtin(cancel, writable)).toBe(CANCELLED)
    expect(guest.writeFuture(RESULT_OF, writable)).toBe(BLOCKED)
  })

  test('whoever reads waits for a writer, and may give up', () => {
    const guest = new AsyncGuest()
    const { readable } = guest.futures(RESULT_OF)
    expect(guest.readFuture(RESULT_OF, readable)).toBe(BLOCKED)
    const cancel = { name: 'future.cancel-read', element: RESULT_OF, waits: true } as const
    expect(guest.builtin(cancel, readable)).toBe(CANCELLED)
    guest.dropFuture('readable', RESULT_OF, readable)
  })

  test('a writer that waits is told that the reader has gone, and may then go', () => {
    const guest = new AsyncGuest()
    const { readable, writable } = guest.futures(RESULT_OF)
    guest.writeFuture(RESULT_OF, writable)
    guest.dropFuture('readable', RESULT_OF, readable)
    expect(guest.pollSet(guest.set(writable))).toEqual([events.futureWrite, writable, DROPPED])
    guest.dropFuture('writable', RESULT_OF, writable)
  })

  test('writing to nobody says so at once', () => {
    const guest = new AsyncGuest()
    const { readable, writable } = guest.futures(RESULT_OF)
    guest.dropFuture('readable', RESULT_OF, readable)
    expect(guest.writeFuture(RESULT_OF, writable)).toBe(DROPPED)
    guest.dropFuture('writable', RESULT_OF, writable)
    expect(guest.host.openHandles).toBe(0)
  })
})

describe('traps', () => {
  const misuses: Record<string, (guest: AsyncGuest, ends: ReturnType<AsyncGuest['futures']>) => unknown> = {
    'dropping before a value was written': (guest, { writable }) => guest.dropFuture('writable', RESULT_OF, writable),
    'dropping while writing': (guest, { writable }) => [
      guest.writeFuture(RESULT_OF, writable),
      guest.dropFuture('writable', RESULT_OF, writable),
    ],
    'dropping while reading': (guest, { readable }) => [
      guest.readFuture(RESULT_OF, readable),
      guest.dropFuture('readable', RESULT_OF, readable),
    ],
    'writing twice': (guest, { readable, writable }) => [
      guest.dropFuture('readable', RESULT_OF, readable),
      guest.writeFuture(RESULT_OF, writable),
      guest.writeFuture(RESULT_OF, writable),
    ],
    'writing while writing': (guest, { writable }) => [
      guest.writeFuture(RESULT_OF, writable),
      guest.writeFuture(RESULT_OF, writable),
    ],
    'writing to oneself': (guest, { readable, writable }) => [
      guest.readFuture(RESULT_OF, readable),
      guest.writeFuture(RESULT_OF, writable),
    ],
    'reading from oneself': (guest, { readable, writable }) => [
      guest.writeFuture(RESULT_OF, writable),
      guest.readFuture(RESULT_OF, readable),
    ],
    'reading from the writable end': (guest, { writable }) => guest.readFuture(RESULT_OF, writable),
    'cancelling no write': (guest, { writable }) =>
      guest.builtin({ name: 'future.cancel-write', element: RESULT_OF, waits: false }, writable),
    'a future of something else': (guest, { readable }) => guest.readFuture('http-trailers', readable),
    'a place past the end of memory': (guest, { readable }) =>
      guest.builtin({ name: 'future.read', element: RESULT_OF, waits: false }, readable, 2 * PAGE - 8),
    'a place that is not aligned': (guest, { readable }) =>
      guest.builtin({ name: 'future.read', element: RESULT_OF, waits: false }, readable, VALUE + 1),
    'giving away while reading': (guest, { readable }) => {
      guest.readFuture(RESULT_OF, readable)
      guest.call(TYPES3, '[static]request.consume-body', guest.host.openRequest(), readable, 256)
    },
    'giving away another': (guest) => {
      const { readable } = guest.futures('http-trailers')
      guest.call(TYPES3, '[static]request.consume-body', guest.host.openRequest(), readable, 256)
    },
    'a value with an unknown case': (guest) => {
      const { trailers } = guest.message('response')
      guest.okValue()
      guest.view.setUint8(VALUE, 2)
      guest.writeFuture('http-trailers', trailers)
    },
    'a value with an unknown handle': (guest) => {
      const { trailers } = guest.message('response')
      guest.fieldsValue(99)
      guest.writeFuture('http-trailers', trailers)
    },
  }

  test.each(Object.keys(misuses))('%s', (name) => {
    const guest = new AsyncGuest()
    expect(() => misuses[name]?.(guest, guest.futures(RESULT_OF))).toThrow(GuestTrap)
  })
})

describe('the host reads', () => {
  test('a value is taken as soon as the host has the other end, resources and all', () => {
    const guest = new AsyncGuest()
    const { message, body, trailers } = guest.message('response')
    guest.fieldsValue(guest.fields3(['x-sum', '1']))
    expect(guest.writeFuture('http-trailers', trailers)).toBe(COMPLETED)
    guest.answer(message)
    expect(guest.exchange.sink.outcome).toBeUndefined()
    guest.dropWritable(body)
    expect(guest.exchange.sink.outcome).toEqual({ end: [['x-sum', '1']] })
    guest.dropFuture('writable', 'http-trailers', trailers)
  })

  test('a write that waited is told when the other end is given away', () => {
    const guest = new AsyncGuest()
    const { readable, writable } = guest.futures('http-trailers')
    guest.okValue()
    expect(guest.writeFuture('http-trailers', writable)).toBe(BLOCKED)
    guest.call(TYPES3, '[static]response.new', guest.fields3(), 0, 0, readable, 256)
    expect(guest.pollSet(guest.set(writable))).toEqual([events.futureWrite, writable, COMPLETED])
    expect(() => guest.writeFuture('http-trailers', writable)).toThrow(GuestTrap)
  })

  test('what nobody takes any more is let go', () => {
    const guest = new AsyncGuest()
    const { message, trailers } = guest.message('response', { body: false })
    const held = guest.host.heldBytes
    guest.fieldsValue(guest.fields3(['x-sum', 'x'.repeat(500)]))
    guest.writeFuture('http-trailers', trailers)
    guest.drop(TYPES3, 'response', message)
    expect(guest.host.heldBytes).toBeLessThan(held)
  })
})

describe('the host writes', () => {
  function answered(): ReturnType<AsyncGuest['message']> & { guest: AsyncGuest } {
    const guest = new AsyncGuest()
    const response = guest.message('response')
    guest.answer(response.message)
    return { guest, ...response }
  }

  function finish({ guest, body, trailers }: ReturnType<typeof answered>): void {
    guest.dropWritable(body)
    guest.okValue()
    guest.writeFuture('http-trailers', trailers)
  }

  test('a value that is there is read at once, and once', () => {
    const response = answered()
    const { guest, sent } = response
    finish(response)
    guest.bytes(VALUE, 1).fill(7)
    expect(guest.readFuture(RESULT_OF, sent)).toBe(COMPLETED)
    expect(guest.bytes(VALUE, 1)[0]).toBe(0)
    expect(() => guest.readFuture(RESULT_OF, sent)).toThrow(GuestTrap)
  })

  test('a value that comes later is an event, and in memory when that is told', () => {
    const response = answered()
    const { guest, sent } = response
    expect(guest.readFuture(RESULT_OF, sent)).toBe(BLOCKED)
    finish(response)
    guest.bytes(VALUE, 1).fill(7)
    expect(guest.pollSet(guest.set(sent))).toEqual([events.futureRead, sent, COMPLETED])
    expect(guest.bytes(VALUE, 1)[0]).toBe(0)
    guest.dropFuture('readable', RESULT_OF, sent)
  })

  test('a reader that is suspended gets it', async () => {
    const response = answered()
    const reading = response.guest.readFuture(RESULT_OF, response.sent, true)
    finish(response)
    expect(await reading).toBe(COMPLETED)
  })

  test('a reader that is suspended ends with the invocation', async () => {
    const { guest, sent } = answered()
    const reading = guest.readFuture(RESULT_OF, sent, true)
    guest.host.end()
    await expect(reading).rejects.toBeInstanceOf(InvocationAborted)
  })

  test('a read that is cancelled may begin again', () => {
    const response = answered()
    const { guest, sent } = response
    guest.readFuture(RESULT_OF, sent)
    expect(guest.builtin({ name: 'future.cancel-read', element: RESULT_OF, waits: false }, sent)).toBe(CANCELLED)
    finish(response)
    expect(guest.readFuture(RESULT_OF, sent)).toBe(COMPLETED)
  })

  test('trailers take of the host only when they are read', () => {
    const guest = new AsyncGuest({ limits: { httpHeldBytes: 200 } })
    const { body, trailers } = guest.consume('request', guest.host.openRequest())
    guest.exchange.body.end([['x-long', 'x'.repeat(500)]])
    // Nobody is called by this who could not be told of a limit.
    guest.readSome(body)
    expect(() => guest.readFuture('http-trailers', trailers)).toThrow('httpHeldBytes')
  })
})
