import { describe, expect, test } from 'vitest'
import { GuestTrap } from '../../src/wasi/errors.ts'
import { UNSENT_BYTES } from '../../src/wasi/http/outgoing-pipe.ts'
import { TestExchange, TestSink } from './bodies.ts'
import { CLOSED, HttpGuest, OK } from './http-support.ts'

const set = (guest: HttpGuest, responseOut: number, answer: unknown) =>
  guest.http('[static]response-outparam.set', responseOut, answer)
const finish = (guest: HttpGuest, body: number, trailers?: number) =>
  guest.http('[static]outgoing-body.finish', body, trailers)
const ok = (val: unknown) => ({ tag: 'ok', val })
const err = (val: unknown) => ({ tag: 'err', val })

describe('an outgoing body', () => {
  test('written before its message is sent, it follows', () => {
    const guest = new HttpGuest()
    const { responseOut } = guest.opened()
    const { response, body, stream } = guest.response()
    expect(guest.write(stream, 'be')).toEqual(OK)
    expect(guest.write(stream, 'fore ')).toEqual(OK)
    set(guest, responseOut, ok(response))
    expect(guest.exchange.sink.text).toBe('before ')
    guest.write(stream, 'after')
    guest.dropStream('output-stream', stream)
    finish(guest, body, guest.fields(['X', '1']))
    expect([guest.exchange.sink.text, guest.exchange.sink.outcome]).toEqual(['before after', { end: [['X', '1']] }])
  })

  test('finished before its message is sent, it follows whole', () => {
    const guest = new HttpGuest()
    const { responseOut } = guest.opened()
    const { response, body, stream } = guest.response(['content-length', '3'])
    guest.write(stream, 'all')
    guest.dropStream('output-stream', stream)
    expect(finish(guest, body)).toEqual(OK)
    set(guest, responseOut, ok(response))
    expect([guest.exchange.sink.text, guest.exchange.sink.outcome]).toEqual(['all', { end: [] }])
  })

  test('before its message is sent it is held up to a bound, and counted', () => {
    const guest = new HttpGuest({ limits: { hostCallBytes: 1_000_000 } })
    const { response, stream } = guest.response()
    const before = guest.host.heldBytes
    expect(guest.out('check-write', stream)).toEqual(ok(BigInt(UNSENT_BYTES)))
    guest.out('write', stream, new Uint8Array(UNSENT_BYTES))
    expect(guest.host.heldBytes - before).toBe(UNSENT_BYTES)
    const pollable = guest.subscribe('output-stream', stream)
    expect([guest.out('check-write', stream), guest.isReady(pollable)]).toEqual([ok(0n), false])
    set(guest, guest.opened().responseOut, ok(response))
    expect(guest.isReady(pollable)).toBe(true)
    expect(guest.exchange.sink.text).toHaveLength(UNSENT_BYTES)
  })

  test('all that is held before messages are sent has a limit', () => {
    const guest = new HttpGuest({ limits: { httpHeldBytes: 1_000 } })
    guest.write(guest.response().stream, 'x'.repeat(600))
    const { stream } = guest.response()
    expect(() => guest.write(stream, 'x'.repeat(600))).toThrow('limit httpHeldBytes')
  })

  test('what was held goes on as there is room, the end after it', () => {
    const sink = new TestSink(3)
    const guest = new HttpGuest({ exchange: new TestExchange({}, sink) })
    const { response, body, stream } = guest.response()
    guest.write(stream, 'abcdefg')
    guest.dropStream('output-stream', stream)
    set(guest, guest.opened().responseOut, ok(response))
    finish(guest, body)
    expect([sink.text, sink.outcome, sink.listeners]).toEqual(['abc', undefined, 1])
    sink.take(2)
    expect([sink.text, sink.outcome]).toEqual(['abcde', undefined])
    sink.take(2)
    expect([sink.text, sink.outcome, sink.listeners]).toEqual(['abcdefg', { end: [] }, 0])
  })

  test('what is finished when the invocation ends is handed over, whatever room there is', () => {
    const sink = new TestSink(3)
    const guest = new HttpGuest({ exchange: new TestExchange({}, sink) })
    const { response, body, stream } = guest.response()
    guest.write(stream, 'abcdefg')
    guest.dropStream('output-stream', stream)
    finish(guest, body)
    set(guest, guest.opened().responseOut, ok(response))
    guest.host.end()
    expect([sink.text, sink.outcome, sink.listeners]).toEqual(['abcdefg', { end: [] }, 0])
  })

  test('what is not finished when the invocation ends fails', () => {
    const guest = new HttpGuest()
    const { stream } = guest.responding()
    guest.write(stream, 'part')
    guest.host.end()
    expect(guest.exchange.sink.outcome).toEqual({ failed: 'the guest ended before the body was finished' })
  })

  test('dropped without being finished, it fails', () => {
    const guest = new HttpGuest()
    const { body, stream } = guest.responding()
    expect(() => guest.dropHttp('outgoing-body', body)).toThrow(GuestTrap)
    guest.dropStream('output-stream', stream)
    guest.dropHttp('outgoing-body', body)
    expect(guest.exchange.sink.outcome).toEqual({ failed: 'the body was dropped before it was finished' })
  })

  test('dropped without being finished before its message is sent, it fails when it is', () => {
    const guest = new HttpGuest()
    const { response, body, stream } = guest.response()
    guest.dropStream('output-stream', stream)
    guest.dropHttp('outgoing-body', body)
    set(guest, guest.opened().responseOut, ok(response))
    expect(guest.exchange.sink.outcome).toEqual({ failed: expect.stringContaining('dropped') })
  })

  test('of a message that is dropped goes nowhere', () => {
    const guest = new HttpGuest()
    const { response, body, stream } = guest.response()
    guest.dropHttp('outgoing-response', response)
    expect(guest.errorOf(guest.out('check-write', stream))).toEqual({
      text: 'the response of this body was dropped',
      code: { tag: 'connection-terminated' },
    })
    expect(guest.out('check-write', stream)).toEqual(CLOSED)
    guest.dropStream('output-stream', stream)
    expect(finish(guest, body)).toEqual(err({ tag: 'connection-terminated' }))
  })

  test('may not be finished before its stream is dropped', () => {
    const guest = new HttpGuest()
    const { body } = guest.responding()
    expect(() => finish(guest, body)).toThrow('derived from it')
  })

  test.each([
    ['response', 2n],
    ['request', 2n],
  ])('shorter than the content-length of its %s, it cannot be finished', (of, written) => {
    const guest = new HttpGuest()
    const message =
      of === 'request'
        ? guest.request('a', ['Content-Length', '3'])
        : guest.made('[constructor]outgoing-response', guest.fields(['Content-Length', '3']))
    const body = guest.made(`[method]outgoing-${of}.body`, message)
    const stream = guest.made('[method]outgoing-body.write', body)
    guest.write(stream, 'ab')
    guest.dropStream('output-stream', stream)
    expect(finish(guest, body)).toEqual(err({ tag: `HTTP-${of}-body-size`, val: written }))
  })

  test('longer than its content-length, a write fails, and the body with it', () => {
    const guest = new HttpGuest()
    const { stream } = guest.responding(['content-length', '3'])
    expect(guest.write(stream, 'abc')).toEqual(OK)
    expect(guest.errorOf(guest.write(stream, 'd'))).toEqual({
      text: 'the body has 4 bytes so far, its content-length says 3',
      code: { tag: 'HTTP-response-body-size', val: 4n },
    })
    expect(guest.out('check-write', stream)).toEqual(CLOSED)
    expect(guest.exchange.sink).toMatchObject({ text: 'abc', outcome: { failed: expect.stringContaining('4 bytes') } })
  })

  test('of an answer to HEAD need not be as long as its content-length', () => {
    const guest = new HttpGuest({ exchange: new TestExchange({ method: 'HEAD' }) })
    const { body, stream } = guest.responding(['content-length', '300'])
    guest.dropStream('output-stream', stream)
    expect(finish(guest, body)).toEqual(OK)
    expect(guest.exchange.sink.outcome).toEqual({ end: [] })
  })

  test.each([
    ['aborted', { tag: 'connection-terminated' }],
    ['too-large', { tag: 'HTTP-response-body-size', val: undefined }],
    ['timeout', { tag: 'connection-write-timeout' }],
    ['protocol', { tag: 'HTTP-protocol-error' }],
  ] as const)('whose receiver %s tells it once, and is closed from then on', (kind, code) => {
    const guest = new HttpGuest()
    const { body, stream } = guest.responding()
    guest.exchange.sink.refuse(kind)
    expect(guest.errorOf(guest.out('check-write', stream))).toEqual({ text: `it was ${kind}`, code })
    for (const func of ['check-write', 'flush', 'blocking-flush']) expect(guest.out(func, stream)).toEqual(CLOSED)
    expect(guest.out('write', stream, new Uint8Array(0))).toEqual(CLOSED)
    expect(guest.isReady(guest.subscribe('output-stream', stream))).toBe(true)
    expect(() => guest.dropStream('output-stream', stream)).toThrow(GuestTrap)
    expect(body).toBeGreaterThan(0)
  })
})
