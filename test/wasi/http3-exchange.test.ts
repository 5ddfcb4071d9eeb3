/** wasi:http/handler and wasi:http/client 0.3: answers to a request, and requests of the guest's own. */
import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { EgressError } from '../../src/http/egress.ts'
import { GuestTrap } from '../../src/wasi/errors.ts'
import {
  AsyncGuest,
  BLOCKED,
  CANCELLED_BEFORE_RETURNED,
  COMPLETED,
  copied,
  DROPPED,
  events,
  RETURNED,
  STARTED,
  TYPES3,
  VALUE,
} from './async/support.ts'
import { TestExchange, TestSink } from './bodies.ts'

/** Writes `ok(none)`. */
function endTrailers(guest: AsyncGuest, trailers: number): void {
  guest.okValue()
  guest.writeFuture('http-trailers', trailers)
}

/** Tag, and the code if it is an error. */
function sentResult(guest: AsyncGuest, sent: number): unknown {
  guest.bytes(VALUE, 16).fill(0xee)
  const state = guest.readFuture('http-result', sent)
  if (state !== COMPLETED) return state
  return guest.bytes(VALUE, 1)[0] === 0 ? 'ok' : guest.bytes(VALUE + 8, 1)[0]
}

describe('an answer', () => {
  test('goes out head first, then the body, then the trailers, and that it has is told', () => {
    const guest = new AsyncGuest()
    const { message, body, trailers, sent } = guest.message('response', { fields: guest.fields3(['x-a', ' 1 ']) })
    guest.types('[method]response.set-status-code', message, 201)
    guest.answer(message)
    expect(guest.exchange.response).toEqual({ status: 201, headers: [['x-a', '1']] })
    guest.writeText(body, 'hello')
    guest.dropWritable(body)
    expect(guest.exchange.sink.outcome).toBeUndefined()
    expect(sentResult(guest, sent)).toBe(BLOCKED)
    endTrailers(guest, trailers)
    expect([guest.exchange.sink.text, guest.exchange.sink.outcome]).toEqual(['hello', { end: [] }])
    expect(guest.pollSet(guest.set(sent))).toEqual([events.futureRead, sent, COMPLETED])
    expect(guest.host.heldBytes).toBe(guest.host.openHandles * 128)
  })

  test('whose trailers are an error is not whole', () => {
    const guest = new AsyncGuest()
    const { message, body, trailers, sent } = guest.message('response')
    guest.answer(message)
    guest.dropWritable(body)
    guest.errValue(35)
    guest.writeFuture('http-trailers', trailers)
    expect(guest.exchange.sink.outcome).toEqual({ failed: 'the body ended with the error HTTP-protocol-error' })
    expect(sentResult(guest, sent)).toBe(7)
  })

  test('whose receiver goes is told to the guest', () => {
    const guest = new AsyncGuest()
    const { message, body, sent } = guest.message('response')
    guest.answer(message)
    guest.exchange.sink.refuse('too-large')
    expect(guest.writeText(body, 'x')).toBe(copied(0, DROPPED))
    expect(sentResult(guest, sent)).toBe(28)
  })

  test.each([
    ['longer', '3', 'hello', 'the body has 5 bytes so far, its content-length says 3'],
    ['shorter', '9', 'hello', 'the body has 5 bytes so far, its content-length says 9'],
  ])('%s than its content-length says is not whole', (_name, length, text, message) => {
    const guest = new AsyncGuest()
    const response = guest.message('response', { fields: guest.fields3(['content-length', length]) })
    guest.answer(response.message)
    guest.writeText(response.body, text)
    guest.dropWritable(response.body)
    endTrailers(guest, response.trailers)
    expect(guest.exchange.sink.outcome).toEqual({ failed: message })
    expect(sentResult(guest, response.sent)).toBe(28)
  })

  test.each([
    ['GET', 200, { failed: 'the body has 0 bytes so far, its content-length says 9' }],
    ['HEAD', 200, { end: [] }],
    ['GET', 304, { end: [] }],
  ])('to %s with status %i without the body that its content-length is of', (method, status, outcome) => {
    const guest = new AsyncGuest({ exchange: new TestExchange({ method }) })
    const fields = guest.fields3(['content-length', '9'])
    const { message, trailers } = guest.message('response', { body: false, fields })
    guest.types('[method]response.set-status-code', message, status)
    guest.answer(message)
    endTrailers(guest, trailers)
    expect(guest.exchange.sink.outcome).toEqual(outcome)
  })

  test.each([
    ['an informational status', 103, '0', 'status 103 is not of a final response'],
    ['a content-length that is none', 200, 'x', 'the content-length is invalid'],
  ])('with %s is none', (_name, status, length, message) => {
    const guest = new AsyncGuest()
    const response = guest.message('response', { fields: guest.fields3(['content-length', length]) })
    guest.types('[method]response.set-status-code', response.message, status)
    guest.answer(response.message)
    expect(guest.exchange.failure).toEqual({ code: 'HTTP-protocol-error', message })
    expect(guest.exchange.response).toBeUndefined()
    expect(guest.writeText(response.body, 'x')).toBe(copied(0, DROPPED))
    expect(sentResult(guest, response.sent)).toBe(38)
  })

  test('may be an error', () => {
    const guest = new AsyncGuest()
    guest.host.respond(guest.options, [1, 36, 0, 0n, 0, 0, 0, 0])
    expect(guest.exchange.failure).toEqual({ code: 'loop-detected', message: undefined })
  })

  test('must be a response', () => {
    const guest = new AsyncGuest()
    expect(() => guest.answer(guest.host.openRequest())).toThrow(GuestTrap)
  })

  test('that the guest leaves open when it ends is not whole', () => {
    const guest = new AsyncGuest({ exchange: new TestExchange({}, new TestSink(1)) })
    const { message, body } = guest.message('response')
    guest.answer(message)
    guest.writeText(body, 'hello')
    guest.writeText(body, 'ello')
    expect(guest.host.flowing()).toBeUndefined()
    guest.host.end()
    expect(guest.exchange.sink.outcome).toEqual({ failed: 'the invocation ended before the body did' })
    expect([guest.exchange.sink.listeners, guest.host.heldBytes]).toEqual([0, 0])
  })
})

describe('a request', () => {
  function request(options: Parameters<AsyncGuest['message']>[1] = {}) {
    const guest = new AsyncGuest()
    const made = guest.message('request', options)
    guest.types('[method]request.set-authority', made.message, 'example.com')
    return { guest, ...made }
  }

  test('goes out with its body, and its answer comes back with one', async () => {
    const { guest, message, body, trailers, sent } = request({ body: true })
    guest.types('[method]request.set-path-with-query', message, '/a?b')
    const { state, subtask } = guest.sendAsync(message)
    expect(state).toBe(STARTED)
    const { last } = guest.egress
    expect([last.head.pathWithQuery, last.head.authority, last.options.hasBody]).toEqual(['/a?b', 'example.com', true])
    guest.writeText(body, 'question')
    guest.dropWritable(body)
    endTrailers(guest, trailers)
    expect([last.body.text, last.body.outcome]).toEqual(['question', { end: [] }])
    expect(sentResult(guest, sent)).toBe('ok')
    last.respond(202, [['x-a', '1']])
    expect(await guest.wait(guest.set(subtask))).toEqual([events.subtask, subtask, RETURNED])
    const response = guest.view.getUint32(VALUE + 8, true)
    expect(guest.types('[method]response.get-status-code', response)).toBe(202)
    last.source.push('answer').end()
    const { body: answer } = guest.consume('response', response)
    expect(guest.readSome(answer)).toBe(copied(6))
    expect(guest.input(6)).toBe('answer')
  })

  test('with its timeouts in milliseconds, rounded up', () => {
    const guest = new AsyncGuest()
    const options = guest.handle(TYPES3, '[constructor]request-options')
    guest.types('[method]request-options.set-first-byte-timeout', options, 1_500_001n)
    const { message } = guest.message('request', { options })
    guest.types('[method]request.set-authority', message, 'example.com')
    guest.sendAsync(message)
    expect(guest.egress.last.options.timeouts).toEqual({
      connectMs: undefined,
      firstByteMs: 2,
      betweenBytesMs: undefined,
    })
  })

  const refused: Record<string, [code: number, spoil: (guest: AsyncGuest, message: number) => void]> = {
    'no authority': [19, (guest, message) => void guest.types('[method]request.set-authority', message, undefined)],
    'another scheme': [
      35,
      (guest, message) => void guest.types('[method]request.set-scheme', message, { tag: 'other', val: 'ftp' }),
    ],
    'no leave to go there': [
      15,
      (guest) => {
        guest.egress.refusal = new EgressError('HTTP-request-denied', 'not allowed')
      },
    ],
  }

  test.each(Object.entries(refused))('with %s is refused at once, and its writer told', (_name, [code, spoil]) => {
    const { guest, message, body, sent } = request()
    spoil(guest, message)
    expect(guest.sendAsync(message)).toEqual({ state: RETURNED, subtask: 0 })
    expect([guest.bytes(VALUE, 1)[0], guest.bytes(VALUE + 8, 1)[0]]).toEqual([1, code])
    expect(guest.writeText(body, 'x')).toBe(copied(0, DROPPED))
    expect(sentResult(guest, sent)).toBe(code)
  })

  test('that fails tells why by its answer and by its transmission', async () => {
    const { guest, message, body, sent } = request()
    const { subtask } = guest.sendAsync(message)
    guest.egress.last.fail(new EgressError('connection-refused', 'refused'))
    await guest.wait(guest.set(subtask))
    expect([guest.bytes(VALUE, 1)[0], guest.bytes(VALUE + 8, 1)[0]]).toEqual([1, 6])
    expect(sentResult(guest, sent)).toBe(6)
    expect(guest.writeText(body, 'x')).toBe(copied(0, DROPPED))
    expect(guest.egress.last.body.outcome).toEqual({ failed: 'refused' })
  })

  test('that is cancelled is cancelled on the wire, with its body', () => {
    const { guest, message, body, sent } = request()
    const { subtask } = guest.sendAsync(message)
    expect(guest.builtin({ name: 'subtask.cancel', waits: true }, subtask)).toBe(CANCELLED_BEFORE_RETURNED)
    expect(guest.egress.last.cancelled).toBe(true)
    expect(guest.writeText(body, 'x')).toBe(copied(0, DROPPED))
    expect(sentResult(guest, sent)).toBe(7)
  })

  test('whose answer comes when nobody waits any more leaves nothing behind', async () => {
    const { guest, message } = request({ body: false })
    guest.sendAsync(message)
    guest.egress.last.respond(200, [['x-long', 'x'.repeat(500)]])
    await setImmediate()
    expect(guest.host.heldBytes).toBe(guest.host.openHandles * 128)
    guest.host.end()
    guest.begin()
    expect([guest.host.heldBytes, guest.host.openHandles]).toEqual([0, 0])
  })

  test('whose answer the host cannot hold ends the guest when it takes it', async () => {
    const guest = new AsyncGuest({ limits: { httpHeldBytes: 100 } })
    const { message } = guest.message('request', { body: false })
    guest.types('[method]request.set-authority', message, 'example.com')
    const { subtask } = guest.sendAsync(message)
    guest.egress.last.respond(200, [['x-long', 'x'.repeat(500)]])
    await expect(guest.wait(guest.set(subtask))).rejects.toThrow('httpHeldBytes')
  })

  test('its body may be the one that the guest answers', () => {
    const guest = new AsyncGuest()
    const { body, trailers } = guest.consume('request', guest.host.openRequest())
    guest.call(TYPES3, '[static]request.new', guest.fields3(), 1, body, trailers, 0, 0, 256)
    const message = guest.view.getUint32(256, true)
    guest.types('[method]request.set-authority', message, 'example.com')
    guest.sendAsync(message)
    guest.exchange.body.push('through').end([['x-sum', '1']])
    const { text, outcome } = guest.egress.last.body
    expect([text, outcome]).toEqual(['through', { end: [['x-sum', '1']] }])
  })
})
