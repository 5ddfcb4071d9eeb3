/** wasi:http/types 0.3: fields, requests, responses and their options. */
import { describe, expect, test } from 'vitest'
import { GuestTrap } from '../../src/wasi/errors.ts'
import { AsyncGuest, BLOCKED, COMPLETED, copied, DROPPED, events, TYPES3, VALUE } from './async/support.ts'
import { ERR, OK } from './http-support.ts'

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'))
const headerError = (tag: string) => ({ tag: 'err', val: { tag } })

function textsIn(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1')
  if (Array.isArray(value)) return value.map(textsIn)
  return typeof value === 'object' && value !== null && 'val' in value ? { ...value, val: textsIn(value.val) } : value
}

describe('fields', () => {
  test('are set, appended to, found in any case, and taken out', () => {
    const guest = new AsyncGuest()
    const fields = guest.handle(TYPES3, '[constructor]fields')
    expect(guest.types('[method]fields.append', fields, 'X-A', bytes('1'))).toEqual(OK)
    expect(guest.types('[method]fields.append', fields, 'x-a', bytes('2'))).toEqual(OK)
    expect(guest.types('[method]fields.set', fields, 'x-b', [bytes('3')])).toEqual(OK)
    expect(textsIn(guest.types('[method]fields.copy-all', fields))).toEqual([
      ['X-A', '1'],
      ['x-a', '2'],
      ['x-b', '3'],
    ])
    expect([
      guest.types('[method]fields.has', fields, 'X-B'),
      guest.types('[method]fields.has', fields, 'x-c'),
    ]).toEqual([true, false])
    expect(textsIn(guest.types('[method]fields.get-and-delete', fields, 'x-a'))).toEqual({ tag: 'ok', val: ['1', '2'] })
    expect(guest.types('[method]fields.get', fields, 'x-a')).toEqual([])
    expect(guest.types('[method]fields.delete', fields, 'x-b')).toEqual(OK)
    expect(guest.types('[method]fields.copy-all', fields)).toEqual([])
  })

  test.each([
    ['no name', '', 'x', 'invalid-syntax'],
    ['a name with a blank', 'x y', 'x', 'invalid-syntax'],
    ['a value with a line', 'x', 'a\r\nb: c', 'invalid-syntax'],
    ["a name that is the host's", 'Transfer-Encoding', 'chunked', 'forbidden'],
    ['too much', 'x', 'x'.repeat(400), 'size-exceeded'],
  ])('%s is refused, and changes nothing', (_name, name, value, tag) => {
    const guest = new AsyncGuest({ limits: { httpFieldBytes: 300 } })
    const fields = guest.fields3(['x-a', '1'])
    expect(guest.types('[method]fields.append', fields, name, bytes(value))).toEqual(headerError(tag))
    expect(guest.types('[method]fields.set', fields, name, [bytes(value)])).toEqual(headerError(tag))
    expect(guest.types('[static]fields.from-list', [[name, bytes(value)]])).toEqual(headerError(tag))
    expect(textsIn(guest.types('[method]fields.copy-all', fields))).toEqual([['x-a', '1']])
  })

  test('too many are refused', () => {
    const guest = new AsyncGuest({ limits: { httpFields: 1 } })
    expect(guest.types('[method]fields.append', guest.fields3(['a', '']), 'b', bytes(''))).toEqual(
      headerError('size-exceeded'),
    )
  })

  test('more than the host holds for an instance ends the guest', () => {
    const guest = new AsyncGuest({ limits: { httpHeldBytes: 50 } })
    const fields = guest.fields3()
    expect(() => guest.types('[method]fields.append', fields, 'x', bytes('x'.repeat(100)))).toThrow('httpHeldBytes')
  })

  test('of a message cannot be changed, a clone of them can', () => {
    const guest = new AsyncGuest()
    const { message } = guest.message('response', { fields: guest.fields3(['x-a', '1']) })
    const headers = guest.handle(TYPES3, '[method]response.get-headers', message)
    expect(guest.types('[method]fields.set', headers, 'x-a', [])).toEqual(headerError('immutable'))
    expect(guest.types('[method]fields.append', headers, 'x-a', bytes('2'))).toEqual(headerError('immutable'))
    expect(guest.types('[method]fields.delete', headers, 'x-a')).toEqual(headerError('immutable'))
    expect(guest.types('[method]fields.get-and-delete', headers, 'x-a')).toEqual(headerError('immutable'))
    const clone = guest.handle(TYPES3, '[method]fields.clone', headers)
    expect(guest.types('[method]fields.delete', clone, 'x-a')).toEqual(OK)
    expect(textsIn(guest.types('[method]fields.get', headers, 'x-a'))).toEqual(['1'])
  })
})

describe('a request', () => {
  test('begins as GET of nothing in particular', () => {
    const guest = new AsyncGuest()
    const { message } = guest.message('request')
    const values = ['method', 'path-with-query', 'scheme', 'authority', 'options'].map((part) =>
      guest.types(`[method]request.get-${part}`, message),
    )
    expect(values).toEqual([{ tag: 'get' }, undefined, undefined, undefined, undefined])
  })

  test.each([
    ['method', { tag: 'other', val: 'PURGE' }],
    ['method', { tag: 'delete' }],
    ['path-with-query', '/a?b=c'],
    ['path-with-query', undefined],
    ['scheme', { tag: 'HTTP' }],
    ['scheme', { tag: 'other', val: 'ftp' }],
    ['authority', 'example.com:8080'],
    ['authority', undefined],
  ])('keeps its %s %o', (part, value) => {
    const guest = new AsyncGuest()
    const { message } = guest.message('request')
    expect(guest.types(`[method]request.set-${part}`, message, value)).toEqual(OK)
    expect(guest.types(`[method]request.get-${part}`, message)).toEqual(value)
  })

  test.each([
    ['method', { tag: 'other', val: 'a b' }],
    ['method', { tag: 'other', val: '' }],
    ['path-with-query', '/a b'],
    ['path-with-query', '/a\r\nb'],
    ['path-with-query', 'a'],
    ['scheme', { tag: 'other', val: '1x' }],
    ['authority', 'a@b'],
    ['authority', 'a:99999'],
    ['authority', ''],
  ])('refuses the %s %o', (part, value) => {
    const guest = new AsyncGuest()
    const { message } = guest.message('request')
    expect(guest.types(`[method]request.set-${part}`, message, value)).toEqual(ERR)
  })

  test('shows its options, which cannot be changed any more', () => {
    const guest = new AsyncGuest()
    const options = guest.handle(TYPES3, '[constructor]request-options')
    for (const name of ['connect', 'first-byte', 'between-bytes']) {
      expect(guest.types(`[method]request-options.get-${name}-timeout`, options)).toBeUndefined()
      expect(guest.types(`[method]request-options.set-${name}-timeout`, options, 5n)).toEqual(OK)
    }
    const { message } = guest.message('request', { options })
    const shown = guest.handle(TYPES3, '[method]request.get-options', message)
    expect(guest.types('[method]request-options.get-first-byte-timeout', shown)).toBe(5n)
    expect(guest.types('[method]request-options.set-first-byte-timeout', shown, 6n)).toEqual(headerError('immutable'))
    const clone = guest.handle(TYPES3, '[method]request-options.clone', shown)
    expect(guest.types('[method]request-options.set-first-byte-timeout', clone, undefined)).toEqual(OK)
    expect(() => guest.types('[method]request-options.clone', options)).toThrow(GuestTrap)
  })

  test('that came in is what was sent', () => {
    const guest = new AsyncGuest()
    const request = guest.host.openRequest()
    const values = ['method', 'path-with-query', 'scheme', 'authority'].map((part) =>
      guest.types(`[method]request.get-${part}`, request),
    )
    expect(values).toEqual([{ tag: 'get' }, '/a?b=c', { tag: 'HTTPS' }, 'example.com'])
  })
})

describe('a response', () => {
  test.each([
    [100, OK],
    [599, OK],
    [99, ERR],
    [600, ERR],
    [65_535, ERR],
  ])('status %i', (status, expected) => {
    const guest = new AsyncGuest()
    const { message } = guest.message('response')
    expect(guest.types('[method]response.get-status-code', message)).toBe(200)
    expect(guest.types('[method]response.set-status-code', message, status)).toEqual(expected)
    expect(guest.types('[method]response.get-status-code', message)).toBe(expected === OK ? status : 200)
  })
})

describe('consuming a body', () => {
  test('gives the body, the trailers after it, and takes the message', () => {
    const guest = new AsyncGuest()
    const request = guest.host.openRequest()
    const { body, trailers } = guest.consume('request', request)
    guest.exchange.body.push('all').end([['x-sum', '1']])
    expect(guest.readSome(body)).toBe(copied(3))
    expect(guest.readFuture('http-trailers', trailers)).toBe(BLOCKED)
    expect(guest.readSome(body)).toBe(copied(0, DROPPED))
    expect(guest.pollSet(guest.set(trailers))).toEqual([events.futureRead, trailers, COMPLETED])
    expect([...guest.bytes(VALUE + 8, 1)]).toEqual([1])
    const fields = guest.view.getUint32(VALUE + 12, true)
    expect(textsIn(guest.types('[method]fields.copy-all', fields))).toEqual([['x-sum', '1']])
    expect(() => guest.types('[method]request.get-method', request)).toThrow(GuestTrap)
  })

  test('without trailers says that there are none', () => {
    const guest = new AsyncGuest()
    const { body, trailers } = guest.consume('request', guest.host.openRequest())
    guest.exchange.body.end()
    guest.readSome(body)
    expect(guest.readFuture('http-trailers', trailers)).toBe(COMPLETED)
    expect([guest.bytes(VALUE, 1)[0], guest.bytes(VALUE + 8, 1)[0]]).toEqual([0, 0])
  })

  test.each([
    // Numbers of the cases in the WIT.
    ['aborted', 7],
    ['timeout', 9],
    ['protocol', 35],
    ['too-large', 17],
  ] as const)('that is %s: the trailers say so', (kind, code) => {
    const guest = new AsyncGuest()
    const { body, trailers } = guest.consume('request', guest.host.openRequest())
    guest.exchange.body.fail(kind)
    expect(guest.readSome(body)).toBe(copied(0, DROPPED))
    expect(guest.readFuture('http-trailers', trailers)).toBe(COMPLETED)
    expect([guest.bytes(VALUE, 1)[0], guest.bytes(VALUE + 8, 1)[0]]).toEqual([1, code])
  })

  test('and finding it wrong stops whoever sends it', () => {
    const guest = new AsyncGuest()
    const { verdict } = guest.consume('request', guest.host.openRequest())
    guest.errValue(35)
    guest.writeFuture('http-result', verdict)
    expect(guest.exchange.body.cancelled).toBe(true)
  })

  test('of a message of its own gives a guest what it writes, but for the trailers', () => {
    const guest = new AsyncGuest()
    const response = guest.message('response')
    const { body, trailers } = guest.consume('response', response.message)
    guest.writeText(response.body, 'own')
    expect(guest.readSome(body)).toBe(copied(3))
    guest.fieldsValue(guest.fields3(['x', 'y']))
    expect(guest.writeFuture('http-trailers', response.trailers)).toBe(BLOCKED)
    expect(() => guest.readFuture('http-trailers', trailers)).toThrow('written and read by one component')
  })

  test('the verdict on it is what became of the message', () => {
    const guest = new AsyncGuest()
    const { message, sent } = guest.message('response')
    const { verdict } = guest.consume('response', message)
    expect(guest.readFuture('http-result', sent)).toBe(BLOCKED)
    guest.errValue(35)
    guest.writeFuture('http-result', verdict)
    guest.okValue()
    expect(guest.pollSet(guest.set(sent))).toEqual([events.futureRead, sent, COMPLETED])
    expect([guest.bytes(VALUE, 1)[0], guest.bytes(VALUE + 8, 1)[0]]).toEqual([1, 35])
  })

  test('that is none is one that is empty', () => {
    const guest = new AsyncGuest()
    const { message } = guest.message('response', { body: false })
    expect(guest.readSome(guest.consume('response', message).body)).toBe(copied(0, DROPPED))
  })
})

test('a message that is dropped tells whoever waits for its transmission', () => {
  const guest = new AsyncGuest()
  const { message, sent } = guest.message('request')
  expect(guest.readFuture('http-result', sent)).toBe(BLOCKED)
  guest.drop(TYPES3, 'request', message)
  expect(guest.pollSet(guest.set(sent))).toEqual([events.futureRead, sent, COMPLETED])
  expect([guest.bytes(VALUE, 1)[0], guest.bytes(VALUE + 8, 1)[0]]).toEqual([1, 38])
})
