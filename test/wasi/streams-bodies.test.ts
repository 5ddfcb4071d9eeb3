/** wasi:io/streams over bodies: what is there, what is not yet, what never comes. */
import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { GuestTrap, InvocationAborted } from '../../src/wasi/errors.ts'
import { AsyncGuest, events, OUT, RETURNED, subtaskOf } from './async/support.ts'
import { TestExchange, TestSink } from './bodies.ts'
import { CLOSED, HttpGuest, OK, STREAMS } from './http-support.ts'

const ok = (val: unknown) => ({ tag: 'ok', val })

/** A guest that reads its request's body and has its response under way. */
function flowing(capacity?: number, options: ConstructorParameters<typeof HttpGuest>[0] = {}) {
  const exchange = new TestExchange({}, new TestSink(capacity))
  const guest = new HttpGuest({ ...options, exchange })
  const { request, responseOut } = guest.opened()
  const incoming = guest.made('[method]incoming-request.consume', request)
  const input = guest.made('[method]incoming-body.stream', incoming)
  const { response, body, stream: output } = guest.response()
  guest.http('[static]response-outparam.set', responseOut, ok(response))
  return { guest, source: exchange.body, sink: exchange.sink, input, output, body }
}

const inputStream = (func: string) => `[method]input-stream.${func}`
const skip = (guest: HttpGuest, stream: number, length: bigint, how = 'skip') =>
  guest.invoke('wasi:io/streams', inputStream(how), stream, length)

describe('reading', () => {
  test('gives what is there, nothing where there is nothing, and closed at the end', () => {
    const { guest, source, input } = flowing()
    expect(guest.read(input)).toBe('')
    source.push('abc', 'def')
    expect([guest.read(input, 2n), guest.read(input, 2n), guest.read(input)]).toEqual(['ab', 'c', 'def'])
    expect(guest.read(input)).toBe('')
    source.push('last').end()
    expect([guest.read(input), guest.read(input), guest.read(input)]).toEqual(['last', CLOSED, CLOSED])
  })

  test('of nothing takes nothing', () => {
    const { guest, source, input } = flowing()
    expect([guest.read(input, 0n), guest.read(input, 0n, 'blocking-read')]).toEqual(['', ''])
    source.push('abc')
    expect([guest.read(input, 0n), guest.read(input, 0n, 'blocking-read'), guest.read(input)]).toEqual(['', '', 'abc'])
    source.end()
    expect([guest.read(input, 0n), guest.read(input, 0n, 'blocking-read')]).toEqual([CLOSED, CLOSED])
  })

  test('takes what one host call may hand over at most', () => {
    const { guest, source, input } = flowing(undefined, { limits: { hostCallBytes: 10 } })
    source.push('x'.repeat(25))
    const lengths = [1, 2, 3].map(() => String(guest.read(input, 2n ** 64n - 1n)).length)
    expect(lengths).toEqual([10, 10, 5])
  })

  test.each(['blocking-read', 'blocking-skip'])('%s of what is there does not suspend', (how) => {
    const { guest, source, input } = flowing()
    source.push('abc')
    expect(how === 'blocking-read' ? guest.read(input, 2n, how) : skip(guest, input, 2n, how)).toEqual(
      how === 'blocking-read' ? 'ab' : ok(2n),
    )
    expect(guest.read(input)).toBe('c')
  })

  test('blocking-read waits for the first bytes, whatever wakes it before', async () => {
    const { guest, source, input } = flowing()
    const waiting = guest.read(input, 2n, 'blocking-read')
    expect([guest.host.pendingWaits, source.listeners]).toEqual([1, 1])
    source.tease()
    expect([guest.host.pendingWaits, source.listeners]).toEqual([1, 1])
    source.push('abc')
    expect(await waiting).toBe('ab')
    expect([guest.host.pendingWaits, source.listeners, guest.read(input)]).toEqual([0, 0, 'c'])
  })

  test('blocking-read of a guest that looks for the answer turns later', async () => {
    const guest = new AsyncGuest({ exchange: new TestExchange({}, new TestSink()) })
    const incoming = guest.made('[method]incoming-request.consume', guest.opened().request)
    const input = guest.made('[method]incoming-body.stream', incoming)
    const { subtask } = subtaskOf(guest.async(STREAMS, inputStream('blocking-read'), input, 9n, OUT))
    guest.exchange.body.push('abc')
    await setImmediate()
    await setImmediate()
    expect(await guest.wait(guest.set(subtask))).toEqual([events.subtask, subtask, RETURNED])
    expect(guest.text(guest.view.getUint32(OUT + 4, true), guest.view.getUint32(OUT + 8, true))).toBe('abc')
  })

  test('blocking-read waits for the end', async () => {
    const { guest, source, input } = flowing()
    const waiting = guest.read(input, 2n, 'blocking-read')
    source.end()
    expect(await waiting).toEqual(CLOSED)
  })

  test('blocking-skip waits, skips and counts', async () => {
    const { guest, source, input } = flowing()
    const waiting = skip(guest, input, 4n, 'blocking-skip')
    source.push('abc')
    expect(await waiting).toEqual(ok(3n))
    source.push('def')
    expect([skip(guest, input, 2n), guest.read(input), skip(guest, input, 2n)]).toEqual([ok(2n), 'f', ok(0n)])
    source.end()
    expect(skip(guest, input, 2n)).toEqual(CLOSED)
  })

  test('a stream that is read may not be dropped meanwhile', async () => {
    const { guest, source, input } = flowing()
    const waiting = guest.read(input, 2n, 'blocking-read')
    expect(() => guest.dropStream('input-stream', input)).toThrow('borrowed')
    source.push('a')
    await waiting
  })

  test('once it was read it may', async () => {
    const { guest, source, input } = flowing()
    const waiting = guest.read(input, 2n, 'blocking-read')
    source.push('a')
    await waiting
    guest.dropStream('input-stream', input)
    expect(() => guest.read(input)).toThrow('unknown handle')
  })

  test('an abort ends a wait for bytes, and nothing listens any more', async () => {
    const abort = new AbortController()
    const { guest, source, input } = flowing(undefined, { signal: abort.signal })
    const waiting = guest.read(input, 2n, 'blocking-read')
    abort.abort()
    await expect(waiting).rejects.toThrow(InvocationAborted)
    expect([source.listeners, guest.host.pendingWaits]).toEqual([0, 0])
  })
})

describe('writing', () => {
  test('is permitted by check-write, and traps beyond that', () => {
    const { guest, output, sink } = flowing(5)
    expect(guest.out('check-write', output)).toEqual(ok(5n))
    expect(guest.out('write', output, Buffer.from('ab'))).toEqual(OK)
    expect(guest.out('write', output, Buffer.from('cde'))).toEqual(OK)
    expect(() => guest.out('write', output, Buffer.from('f'))).toThrow('at most 0 are permitted')
    expect(sink.text).toBe('abcde')
  })

  test('traps without check-write', () => {
    const { guest, output } = flowing()
    expect(() => guest.out('write', output, Buffer.from('a'))).toThrow(GuestTrap)
    expect(() => guest.out('write-zeroes', output, 1n)).toThrow(GuestTrap)
  })

  test('is permitted what one host call may hand over at most', () => {
    const { guest, output } = flowing(1_000, { limits: { hostCallBytes: 10 } })
    expect(guest.out('check-write', output)).toEqual(ok(10n))
  })

  test('zeroes', () => {
    const { guest, output, sink } = flowing(10_000)
    guest.out('check-write', output)
    expect(guest.out('write-zeroes', output, 10_000n)).toEqual(OK)
    expect(sink.text).toBe('\0'.repeat(10_000))
    guest.out('check-write', output)
    expect(() => guest.out('write-zeroes', output, 2n ** 64n - 1n)).toThrow(GuestTrap)
  })

  test('to a slow receiver: no capacity, and a pollable that wakes when there is', async () => {
    const { guest, output, sink } = flowing(3)
    const pollable = guest.subscribe('output-stream', output)
    expect(guest.isReady(pollable)).toBe(true)
    guest.write(output, 'abc')
    expect([guest.out('check-write', output), guest.isReady(pollable)]).toEqual([ok(0n), false])
    const waiting = guest.block(pollable)
    expect([guest.host.pendingWaits, sink.listeners]).toEqual([1, 1])
    sink.take(2)
    await waiting
    expect([guest.out('check-write', output), sink.listeners]).toEqual([ok(2n), 0])
  })

  test('blocking-write-and-flush waits for room, as often as it takes', async () => {
    const { guest, output, sink } = flowing(2)
    const waiting = guest.out('blocking-write-and-flush', output, Buffer.from('abcde'))
    // The guest's memory is its own meanwhile.
    new Uint8Array(guest.memory.buffer).fill(0)
    expect([sink.text, guest.host.pendingWaits]).toEqual(['ab', 1])
    sink.take(2)
    await expect.poll(() => sink.text, { interval: 1 }).toBe('abcd')
    sink.take(9)
    expect(await waiting).toEqual(OK)
    expect([sink.text, sink.listeners]).toEqual(['abcde', 0])
  })

  test('what waits to be written is counted', () => {
    const { guest, output } = flowing(0)
    const before = guest.host.heldBytes
    const waiting = guest.out('blocking-write-and-flush', output, new Uint8Array(4_000))
    expect(guest.host.heldBytes - before).toBe(4_016)
    guest.host.end()
    return expect(waiting).rejects.toThrow(InvocationAborted)
  })

  test('blocking-write-and-flush of what there is room for does not suspend', () => {
    const { guest, output, sink } = flowing(9)
    expect(guest.out('blocking-write-and-flush', output, Buffer.from('abcde'))).toEqual(OK)
    expect(guest.out('blocking-write-zeroes-and-flush', output, 2n)).toEqual(OK)
    expect(sink.text).toBe('abcde\0\0')
  })

  test('blocking calls are done when there is room for more', async () => {
    const { guest, output, sink } = flowing(2)
    const waits = [
      guest.out('blocking-write-and-flush', output, Buffer.from('ab')),
      guest.out('blocking-flush', output),
      guest.out('blocking-write-zeroes-and-flush', output, 1n),
    ]
    expect([guest.host.pendingWaits, sink.listeners]).toEqual([3, 1])
    sink.take(9)
    expect(await Promise.all(waits)).toEqual([OK, OK, OK])
    expect(sink.text).toBe('ab\0')
  })

  test('flush does not wait', () => {
    const { guest, output } = flowing(0)
    expect(guest.out('flush', output)).toEqual(OK)
  })

  test.each(['blocking-write-and-flush', 'blocking-write-zeroes-and-flush'])('%s takes 4,096 bytes at most', (func) => {
    const { guest, output } = flowing()
    const value = (length: number) => (func === 'blocking-write-and-flush' ? new Uint8Array(length) : BigInt(length))
    expect(guest.out(func, output, value(4_096))).toEqual(OK)
    expect(() => guest.out(func, output, value(4_097))).toThrow(GuestTrap)
  })

  test('a receiver that goes while a write waits for it fails the write', async () => {
    const { guest, output, sink } = flowing(1)
    const waiting = guest.out('blocking-write-and-flush', output, Buffer.from('ab'))
    sink.refuse('aborted', 'the client has gone')
    expect(guest.errorOf(await waiting)).toEqual({
      text: 'the client has gone',
      code: { tag: 'connection-terminated' },
    })
    expect(guest.out('blocking-flush', output)).toEqual(CLOSED)
  })

  test('an abort ends a wait for room, and nothing listens any more', async () => {
    const abort = new AbortController()
    const { guest, output, sink } = flowing(1, { signal: abort.signal })
    const waiting = guest.out('blocking-write-and-flush', output, Buffer.from('ab'))
    abort.abort()
    await expect(waiting).rejects.toThrow(InvocationAborted)
    expect([sink.listeners, guest.host.pendingWaits]).toEqual([0, 0])
  })
})

describe('splicing', () => {
  test('moves what is there and what there is room for', () => {
    const { guest, input, output, source, sink } = flowing(4)
    expect(guest.out('splice', output, input, 9n)).toEqual(ok(0n))
    source.push('abcdef')
    expect(guest.out('splice', output, input, 3n)).toEqual(ok(3n))
    expect(guest.out('splice', output, input, 9n)).toEqual(ok(1n))
    expect(guest.out('splice', output, input, 9n)).toEqual(ok(0n))
    sink.take(9)
    expect(guest.out('splice', output, input, 9n)).toEqual(ok(2n))
    source.end()
    expect([guest.out('splice', output, input, 9n), sink.text]).toEqual([CLOSED, 'abcdef'])
  })

  test('blocking-splice waits for room and for bytes', async () => {
    const { guest, input, output, source, sink } = flowing(0)
    const waiting = guest.out('blocking-splice', output, input, 9n)
    expect([sink.listeners, source.listeners]).toEqual([1, 0])
    sink.take(2)
    await expect.poll(() => source.listeners, { interval: 1 }).toBe(1)
    source.push('abc')
    expect(await waiting).toEqual(ok(2n))
    expect([sink.text, sink.listeners, source.listeners]).toEqual(['ab', 0, 0])
  })

  test('to standard output', async () => {
    const { guest, input, source } = flowing()
    const waiting = guest.out('blocking-splice', guest.stdout(), input, 9n)
    source.push('log')
    expect(await waiting).toEqual(ok(3n))
    expect(guest.log).toBe('log')
  })

  test('ends with the error of either side', () => {
    const { guest, input, output, source, sink } = flowing()
    source.fail('timeout')
    expect(guest.errorOf(guest.out('blocking-splice', output, input, 9n))).toMatchObject({ text: 'it was timeout' })
    sink.refuse('aborted')
    expect(guest.errorOf(guest.out('splice', output, input, 9n))).toMatchObject({ text: 'it was aborted' })
    expect(guest.out('splice', output, input, 9n)).toEqual(CLOSED)
  })
})
