/** CanonicalABI.md, "canon stream.…" and "Stream State", of streams whose ends are the guest's, the host's, or both's. */
import { describe, expect, test } from 'vitest'
import { GuestTrap, InvocationAborted } from '../../../src/wasi/errors.ts'
import { TestExchange, TestSink } from '../bodies.ts'
import { PAGE } from '../support.ts'
import { AsyncGuest, BLOCKED, CANCELLED, copied, DROPPED, events, IN, OUT } from './support.ts'

describe("both ends are the guest's", () => {
  test.each([
    ['a reader that waits', 8, 5],
    ['a reader that waits for less', 3, 3],
  ])('%s gets what is written', (_name, length, moved) => {
    const guest = new AsyncGuest()
    const { readable, writable } = guest.streams()
    expect(guest.readSome(readable, length)).toBe(BLOCKED)
    expect(guest.writeText(writable, 'hello')).toBe(copied(moved))
    expect(guest.pollSet(guest.set(readable))).toEqual([events.streamRead, readable, copied(moved)])
    expect(guest.input(moved)).toBe('hello'.slice(0, moved))
  })

  test('a writer that waits is told how much has gone by the time it asks', () => {
    const guest = new AsyncGuest()
    const { readable, writable } = guest.streams()
    expect(guest.writeText(writable, 'hello')).toBe(BLOCKED)
    expect(guest.readSome(readable, 2)).toBe(copied(2))
    expect(guest.readSome(readable, 2)).toBe(copied(2))
    expect(guest.pollSet(guest.set(writable))).toEqual([events.streamWrite, writable, copied(4)])
    expect(guest.readSome(readable, 2)).toBe(BLOCKED)
  })

  test('all of it read and not yet told: the next read waits for the next write', () => {
    const guest = new AsyncGuest()
    const { readable, writable } = guest.streams()
    guest.writeText(writable, 'all')
    expect(guest.readSome(readable, 3)).toBe(copied(3))
    expect(guest.readSome(readable, 3)).toBe(BLOCKED)
    const set = guest.set(writable, readable)
    expect(guest.pollSet(set)).toEqual([events.streamWrite, writable, copied(3)])
    expect(guest.pollSet(set)).toEqual([events.none, 0, 0])
    expect(guest.writeText(writable, 'more')).toBe(copied(3))
    expect(guest.pollSet(set)).toEqual([events.streamRead, readable, copied(3)])
    expect(guest.input(3)).toBe('mor')
  })

  test('a reader of nothing learns that somebody writes, the writer goes on waiting', () => {
    const guest = new AsyncGuest()
    const { readable, writable } = guest.streams()
    expect(guest.readSome(readable, 0)).toBe(BLOCKED)
    expect(guest.writeText(writable, 'x')).toBe(BLOCKED)
    expect(guest.pollSet(guest.set(readable))).toEqual([events.streamRead, readable, copied(0)])
    expect(guest.readSome(readable, 1)).toBe(copied(1))
  })

  test('of two that copy nothing the writer is done and the reader waits', () => {
    const guest = new AsyncGuest()
    const { readable, writable } = guest.streams()
    expect(guest.readSome(readable, 0)).toBe(BLOCKED)
    expect(guest.writeText(writable, '')).toBe(copied(0))
    expect(guest.pollSet(guest.set(readable))).toEqual([events.none, 0, 0])
  })

  test('of two that copy nothing a writer that came first is done too', () => {
    const guest = new AsyncGuest()
    const { readable, writable } = guest.streams()
    expect(guest.writeText(writable, '')).toBe(BLOCKED)
    expect(guest.readSome(readable, 0)).toBe(BLOCKED)
    expect(guest.pollSet(guest.set(writable, readable))).toEqual([events.streamWrite, writable, copied(0)])
  })

  test('nothing, of one that waits to copy something, is done at once and wakes nobody', () => {
    const guest = new AsyncGuest()
    const { readable, writable } = guest.streams()
    guest.writeText(writable, 'x')
    expect(guest.readSome(readable, 0)).toBe(copied(0))
    expect(guest.pollSet(guest.set(writable))).toEqual([events.none, 0, 0])
  })

  test.each(['reader', 'writer'])('a %s that waits is told that the other has gone, once and for all', (who) => {
    const guest = new AsyncGuest()
    const { readable, writable } = guest.streams()
    const [waiting, code] = who === 'reader' ? [readable, events.streamRead] : [writable, events.streamWrite]
    if (who === 'reader') guest.readSome(readable)
    else guest.writeText(writable, 'x')
    if (who === 'reader') guest.dropWritable(writable)
    else guest.dropReadable(readable)
    expect(guest.pollSet(guest.set(waiting))).toEqual([code, waiting, copied(0, DROPPED)])
    const again = () => (who === 'reader' ? guest.readSome(readable) : guest.writeText(writable, 'x'))
    expect(again).toThrow('after its other end has gone')
  })

  test('a writer whose reader went after part of it is told both', () => {
    const guest = new AsyncGuest()
    const { readable, writable } = guest.streams()
    guest.writeText(writable, 'hello')
    guest.readSome(readable, 2)
    guest.dropReadable(readable)
    expect(guest.pollSet(guest.set(writable))).toEqual([events.streamWrite, writable, copied(2, DROPPED)])
  })

  test('whoever copies after the other has gone is told at once', () => {
    const guest = new AsyncGuest()
    const [first, second] = [guest.streams(), guest.streams()]
    guest.dropWritable(first.writable)
    guest.dropReadable(second.readable)
    expect(guest.readSome(first.readable)).toBe(copied(0, DROPPED))
    expect(guest.writeText(second.writable, 'x')).toBe(copied(0, DROPPED))
    guest.dropReadable(first.readable)
    guest.dropWritable(second.writable)
    expect(guest.host.openHandles).toBe(0)
  })

  test('a copy that is cancelled has copied nothing, and another may begin', () => {
    const guest = new AsyncGuest()
    const { readable, writable } = guest.streams()
    guest.readSome(readable)
    expect(guest.cancel('stream.cancel-read', readable)).toBe(copied(0, CANCELLED))
    expect(guest.writeText(writable, 'x')).toBe(BLOCKED)
    expect(guest.cancel('stream.cancel-write', writable)).toBe(copied(0, CANCELLED))
    expect(guest.readSome(readable)).toBe(BLOCKED)
  })

  test('a copy that is cancelled after it was done says that it was', () => {
    const guest = new AsyncGuest()
    const { readable, writable } = guest.streams()
    guest.writeText(writable, 'hello')
    guest.readSome(readable, 2)
    expect(guest.cancel('stream.cancel-write', writable)).toBe(copied(2))
    expect(guest.pollSet(guest.set(writable))).toEqual([events.none, 0, 0])
  })

  test('a copy overlaps as if it were copied at once', () => {
    const guest = new AsyncGuest()
    const { readable, writable } = guest.streams()
    guest.bytes(OUT, 4).set([1, 2, 3, 4])
    guest.builtin({ name: 'stream.read', waits: false }, readable, OUT + 1, 4)
    guest.builtin({ name: 'stream.write', waits: false }, writable, OUT, 4)
    expect([...guest.bytes(OUT, 5)]).toEqual([1, 1, 2, 3, 4])
  })

  test('a reader that is suspended goes on with what is written', async () => {
    const guest = new AsyncGuest()
    const { readable, writable } = guest.streams()
    const reading = guest.readAndWait(readable)
    expect(guest.writeText(writable, 'later')).toBe(copied(5))
    expect(await reading).toBe(copied(5))
    expect(guest.readSome(readable)).toBe(BLOCKED)
  })

  test('a guest that is suspended in a copy ends with its invocation', async () => {
    const controller = new AbortController()
    const guest = new AsyncGuest({ signal: controller.signal })
    const reading = guest.readAndWait(guest.streams().readable)
    controller.abort()
    await expect(reading).rejects.toBeInstanceOf(InvocationAborted)
  })
})

describe('traps', () => {
  const misuses: Record<string, (guest: AsyncGuest, ends: ReturnType<AsyncGuest['streams']>) => unknown> = {
    'reading while reading': (guest, { readable }) => [guest.readSome(readable), guest.readSome(readable)],
    'writing while writing': (guest, { writable }) => [guest.writeText(writable, 'x'), guest.writeText(writable, 'x')],
    'reading from the writable end': (guest, { writable }) => guest.readSome(writable),
    'writing to the readable end': (guest, { readable }) => guest.writeText(readable, 'x'),
    'cancelling no read': (guest, { readable }) => guest.cancel('stream.cancel-read', readable),
    'cancelling no write': (guest, { writable }) => guest.cancel('stream.cancel-write', writable),
    'cancelling twice': (guest, { readable }) => [
      guest.readSome(readable),
      guest.cancel('stream.cancel-read', readable),
      guest.cancel('stream.cancel-read', readable),
    ],
    'dropping while reading': (guest, { readable }) => [guest.readSome(readable), guest.dropReadable(readable)],
    'dropping while writing': (guest, { writable }) => [guest.writeText(writable, 'x'), guest.dropWritable(writable)],
    'dropping before the event is told': (guest, { readable, writable }) => [
      guest.readSome(readable),
      guest.writeText(writable, 'x'),
      guest.dropReadable(readable),
    ],
    'dropping twice': (guest, { readable }) => [guest.dropReadable(readable), guest.dropReadable(readable)],
    'dropping the wrong end': (guest, { readable }) => guest.dropWritable(readable),
    'an unknown handle': (guest) => guest.readSome(99),
    'a future for a stream': (guest) => guest.readSome(guest.futures('http-result').readable),
    'a copy past the end of memory': (guest, { readable }) =>
      guest.builtin({ name: 'stream.read', waits: false }, readable, 2 * PAGE - 1, 2),
    'a copy too long': (guest, { readable }) => guest.readSome(readable, 2 ** 28),
    'a stream of other elements': (guest, { readable }) =>
      guest.builtin({ name: 'stream.read', element: 'directory-entry', waits: false }, readable, IN, 1),
    'giving away while reading': (guest, { readable }) => {
      guest.readSome(readable)
      const { readable: trailers } = guest.futures('http-trailers')
      guest.call('wasi:http/types@0.3', '[static]response.new', guest.fields3(), 1, readable, trailers, 256)
    },
    'giving away the writable end': (guest, { writable }) => {
      const { readable: trailers } = guest.futures('http-trailers')
      guest.call('wasi:http/types@0.3', '[static]response.new', guest.fields3(), 1, writable, trailers, 256)
    },
    'writing what is no number to oneself': (guest) => {
      const { readable, writable } = guest.streams('directory-entry')
      guest.builtin({ name: 'stream.read', waits: false }, readable, IN, 1)
      guest.builtin({ name: 'stream.write', waits: false }, writable, OUT, 1)
    },
  }

  test.each(Object.keys(misuses))('%s', (name) => {
    const guest = new AsyncGuest()
    expect(() => misuses[name]?.(guest, guest.streams())).toThrow(GuestTrap)
  })

  test('a pointer past the end counts for nothing where nothing is copied', () => {
    const guest = new AsyncGuest()
    const { readable } = guest.streams()
    expect(guest.builtin({ name: 'stream.read', waits: false }, readable, -1, 0)).toBe(BLOCKED)
  })
})

describe('the host writes', () => {
  function reading(): { guest: AsyncGuest; body: number; source: TestExchange['body'] } {
    const guest = new AsyncGuest()
    const { body } = guest.consume('request', guest.host.openRequest())
    return { guest, body, source: guest.exchange.body }
  }

  test('what is there is read at once, as much as there is room for', () => {
    const { guest, body, source } = reading()
    source.push('hello')
    expect(guest.readSome(body, 2)).toBe(copied(2))
    expect(guest.readSome(body)).toBe(copied(3))
    expect(guest.input(3)).toBe('llo')
  })

  test('what is not there yet is told when it comes', async () => {
    const { guest, body, source } = reading()
    expect(guest.readSome(body)).toBe(BLOCKED)
    const waiting = guest.wait(guest.set(body))
    source.tease()
    source.push('late')
    expect(await waiting).toEqual([events.streamRead, body, copied(4)])
    expect([guest.input(4), source.listeners]).toEqual(['late', 0])
  })

  test.each(['end', 'failure'])('its %s is that the writer has gone', (how) => {
    const { guest, body, source } = reading()
    if (how === 'end') source.end()
    else source.fail('aborted')
    expect(guest.readSome(body)).toBe(copied(0, DROPPED))
    expect(() => guest.readSome(body)).toThrow(GuestTrap)
  })

  test('its end is told to a reader that waits', () => {
    const { guest, body, source } = reading()
    guest.readSome(body)
    source.end()
    expect(guest.pollSet(guest.set(body))).toEqual([events.streamRead, body, copied(0, DROPPED)])
  })

  test('a read that is cancelled takes nothing of what comes after', () => {
    const { guest, body, source } = reading()
    guest.readSome(body)
    expect(guest.cancel('stream.cancel-read', body)).toBe(copied(0, CANCELLED))
    source.push('kept')
    expect(guest.readSome(body)).toBe(copied(4))
  })

  test('a read of nothing is done at once', () => {
    const { guest, body } = reading()
    expect(guest.readSome(body, 0)).toBe(copied(0))
  })

  test('a reader that drops it tells the source', () => {
    const { guest, body, source } = reading()
    guest.dropReadable(body)
    expect(source.cancelled).toBe(true)
  })
})

describe('the host reads', () => {
  function writing(sink = new TestSink()): ReturnType<AsyncGuest['message']> & { guest: AsyncGuest; sink: TestSink } {
    const guest = new AsyncGuest({ exchange: new TestExchange({}, sink) })
    const response = guest.message('response')
    guest.answer(response.message)
    return { guest, sink, ...response }
  }

  test('as much as there is room for', () => {
    const { guest, body, sink } = writing(new TestSink(3))
    expect(guest.writeText(body, 'hello')).toBe(copied(3))
    expect(guest.writeText(body, 'lo')).toBe(BLOCKED)
    sink.take(1)
    expect(guest.pollSet(guest.set(body))).toEqual([events.streamWrite, body, copied(1)])
    expect(sink.text).toBe('hell')
  })

  test('a write that is cancelled writes nothing when there is room', () => {
    const { guest, body, sink } = writing(new TestSink(0))
    guest.writeText(body, 'x')
    expect(guest.cancel('stream.cancel-write', body)).toBe(copied(0, CANCELLED))
    expect(sink.listeners).toBe(0)
    sink.take(9)
    expect(sink.text).toBe('')
  })

  test('a receiver that has gone is a reader that has', () => {
    const { guest, body, sink } = writing()
    sink.refuse('aborted')
    expect(guest.writeText(body, 'x')).toBe(copied(0, DROPPED))
  })

  test('a receiver that goes while a write waits', () => {
    const { guest, body, sink } = writing(new TestSink(0))
    guest.writeText(body, 'x')
    sink.refuse('aborted')
    expect(guest.pollSet(guest.set(body))).toEqual([events.streamWrite, body, copied(0, DROPPED)])
  })

  test('a write that waited before the host took the other end', () => {
    const guest = new AsyncGuest()
    const { message, body } = guest.message('response')
    expect(guest.writeText(body, 'early')).toBe(BLOCKED)
    guest.answer(message)
    expect(guest.pollSet(guest.set(body))).toEqual([events.streamWrite, body, copied(5)])
    expect(guest.exchange.sink.text).toBe('early')
  })

  test('a writer whose message is dropped is told', () => {
    const guest = new AsyncGuest()
    const { message, body } = guest.message('response')
    guest.writeText(body, 'x')
    guest.drop('wasi:http/types@0.3', 'response', message)
    expect(guest.pollSet(guest.set(body))).toEqual([events.streamWrite, body, copied(0, DROPPED)])
  })

  test('no more than one host call may move', () => {
    const guest = new AsyncGuest({ limits: { hostCallBytes: 4 } })
    const { message, body } = guest.message('response')
    guest.answer(message)
    expect(guest.writeText(body, 'hello')).toBe(copied(4))
  })
})

describe('the host reads what the host writes', () => {
  function through(sink = new TestSink()): { guest: AsyncGuest; exchange: TestExchange } {
    const guest = new AsyncGuest({ exchange: new TestExchange({}, sink) })
    const { body, trailers } = guest.consume('request', guest.host.openRequest())
    guest.call('wasi:http/types@0.3', '[static]response.new', guest.fields3(), 1, body, trailers, 256)
    guest.answer(guest.view.getUint32(256, true))
    return { guest, exchange: guest.exchange }
  }

  test('goes on without the guest, to the end', async () => {
    const { guest, exchange } = through()
    const flowing = guest.host.flowing()
    exchange.body.push('a', 'b').end([['x-sum', '1']])
    await flowing
    expect([exchange.sink.text, exchange.sink.outcome]).toEqual(['ab', { end: [['x-sum', '1']] }])
    expect(guest.host.flowing()).toBeUndefined()
  })

  test('as fast as the receiver takes it', () => {
    const { exchange } = through(new TestSink(2))
    exchange.body.push('hello')
    expect([exchange.sink.text, exchange.body.heldBytes]).toEqual(['he', 3])
    exchange.sink.take(3)
    expect(exchange.sink.text).toBe('hello')
  })

  test('a source that fails fails the receiver', () => {
    const { exchange } = through()
    exchange.body.fail('aborted')
    expect(exchange.sink.outcome).toEqual({ failed: 'it was aborted' })
  })

  test('a receiver that goes stops the source', () => {
    const { exchange } = through()
    exchange.sink.refuse('aborted')
    exchange.body.push('x')
    expect(exchange.body.cancelled).toBe(true)
  })

  test('ends with the invocation', () => {
    const { guest, exchange } = through(new TestSink(0))
    guest.host.end()
    expect(exchange.body.cancelled).toBe(true)
    expect(exchange.sink.outcome).toEqual({ failed: 'the invocation ended before the body did' })
    expect([exchange.sink.listeners, exchange.body.listeners, guest.host.heldBytes]).toEqual([0, 0, 0])
  })
})

test('streams that are over cost the host nothing: a guest may make any number', () => {
  const guest = new AsyncGuest({ limits: { handles: 4 } })
  for (let i = 0; i < 1_000; i++) {
    const { readable, writable } = guest.streams()
    guest.dropReadable(readable)
    guest.dropWritable(writable)
  }
  expect(guest.host.heldBytes).toBe(0)
})
