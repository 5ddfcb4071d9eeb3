import { describe, expect, test } from 'vitest'
import { GuestTrap } from '../../src/wasi/errors.ts'
import { TestExchange } from './bodies.ts'
import { ERR, HttpGuest, OK } from './http-support.ts'

const set = (guest: HttpGuest, responseOut: number, answer: unknown) =>
  guest.http('[static]response-outparam.set', responseOut, answer)
const finish = (guest: HttpGuest, body: number, trailers?: number) =>
  guest.http('[static]outgoing-body.finish', body, trailers)
const ok = (val: unknown) => ({ tag: 'ok', val })
const err = (val: unknown) => ({ tag: 'err', val })

describe('an outgoing request', () => {
  test('begins as GET, of nowhere', () => {
    const guest = new HttpGuest()
    const request = guest.made('[constructor]outgoing-request', guest.fields())
    const ask = (what: string) => guest.http(`[method]outgoing-request.${what}`, request)
    expect([ask('method'), ask('path-with-query'), ask('scheme'), ask('authority')]).toEqual([
      { tag: 'get' },
      undefined,
      undefined,
      undefined,
    ])
  })

  test.each([
    ['method', { tag: 'patch' }],
    ['method', { tag: 'other', val: 'PROPFIND' }],
    ['path-with-query', '/a/b?c=d'],
    ['path-with-query', '?a'],
    ['path-with-query', '*'],
    ['path-with-query', undefined],
    ['scheme', { tag: 'HTTP' }],
    ['scheme', { tag: 'other', val: 'git+ssh' }],
    ['scheme', undefined],
    ['authority', 'example.com:8080'],
    ['authority', '[::1]:80'],
    ['authority', undefined],
  ])('%s %j', (what, value) => {
    const guest = new HttpGuest()
    const request = guest.request()
    expect(guest.http(`[method]outgoing-request.set-${what}`, request, value)).toEqual(OK)
    expect(guest.http(`[method]outgoing-request.${what}`, request)).toEqual(value)
  })

  test.each([
    ['method', { tag: 'other', val: '' }],
    ['method', { tag: 'other', val: 'GET / HTTP/1.1\r\n' }],
    ['path-with-query', 'a'],
    ['path-with-query', '/a b'],
    ['path-with-query', '/a#b'],
    ['path-with-query', '/\r\nHost: evil'],
    ['path-with-query', '/é'],
    ['path-with-query', `/${'a'.repeat(8_192)}`],
    ['scheme', { tag: 'other', val: '1a' }],
    ['scheme', { tag: 'other', val: '' }],
    ['authority', ''],
    ['authority', 'a b'],
    ['authority', 'user@example.com'],
    ['authority', 'example.com/'],
    ['authority', 'example.com:'],
    ['authority', 'example.com:65536'],
    ['authority', '[::1'],
  ])('%s %j is refused, and what was there stays', (what, value) => {
    const guest = new HttpGuest()
    const request = guest.request('was.there')
    const before = guest.http(`[method]outgoing-request.${what}`, request)
    expect(guest.http(`[method]outgoing-request.set-${what}`, request, value)).toEqual(ERR)
    expect(guest.http(`[method]outgoing-request.${what}`, request)).toEqual(before)
  })

  test('gives its body once, which gives its stream once', () => {
    const guest = new HttpGuest()
    const request = guest.request()
    const body = guest.made('[method]outgoing-request.body', request)
    expect(guest.http('[method]outgoing-request.body', request)).toEqual(ERR)
    guest.made('[method]outgoing-body.write', body)
    expect(guest.http('[method]outgoing-body.write', body)).toEqual(ERR)
  })

  test.each(['x', '-1', '1, 2', '9'.repeat(16)])('with a content-length of %s it has no body', (length) => {
    const guest = new HttpGuest()
    expect(guest.http('[method]outgoing-request.body', guest.request('a', ['content-length', length]))).toEqual(ERR)
  })
})

test.each(['connect-timeout', 'first-byte-timeout', 'between-bytes-timeout'])('request-options %s', (name) => {
  const guest = new HttpGuest()
  const options = guest.made('[constructor]request-options')
  const get = () => guest.http(`[method]request-options.${name}`, options)
  expect(get()).toBeUndefined()
  for (const value of [0n, 2n ** 64n - 1n, undefined]) {
    expect(guest.http(`[method]request-options.set-${name}`, options, value)).toEqual(OK)
    expect(get()).toBe(value)
  }
})

describe('an outgoing response', () => {
  test('is 200 until it is said otherwise', () => {
    const guest = new HttpGuest()
    const { response } = guest.response()
    const status = () => guest.http('[method]outgoing-response.status-code', response)
    expect(status()).toBe(200)
    expect(guest.http('[method]outgoing-response.set-status-code', response, 404)).toEqual(OK)
    expect(status()).toBe(404)
    for (const invalid of [0, 99, 600, 65_535]) {
      expect(guest.http('[method]outgoing-response.set-status-code', response, invalid)).toEqual(ERR)
    }
    expect(status()).toBe(404)
  })

  test('goes out when it is set, its body after it', () => {
    const guest = new HttpGuest()
    const { body, stream } = guest.responding(['X', ' 1 '])
    expect(guest.exchange.response).toEqual({ status: 200, headers: [['X', '1']] })
    expect(guest.write(stream, 'hello')).toEqual(OK)
    expect([guest.exchange.sink.text, guest.exchange.sink.outcome]).toEqual(['hello', undefined])
    guest.dropStream('output-stream', stream)
    expect(finish(guest, body)).toEqual(OK)
    expect(guest.exchange.sink.outcome).toEqual({ end: [] })
  })

  test('without a body it is whole at once', () => {
    const guest = new HttpGuest()
    const { responseOut } = guest.opened()
    set(guest, responseOut, ok(guest.made('[constructor]outgoing-response', guest.fields())))
    expect(guest.exchange.sink.outcome).toEqual({ end: [] })
  })

  test.each([
    ['GET', 200, { failed: expect.stringContaining('content-length says 5') }],
    ['HEAD', 200, { end: [] }],
    ['GET', 304, { end: [] }],
  ])('to %s, %i, with a content-length and no body', (method, status, outcome) => {
    const guest = new HttpGuest({ exchange: new TestExchange({ method }) })
    const response = guest.made('[constructor]outgoing-response', guest.fields(['content-length', '5']))
    guest.http('[method]outgoing-response.set-status-code', response, status)
    set(guest, guest.opened().responseOut, ok(response))
    expect(guest.exchange.sink.outcome).toEqual(outcome)
  })

  test.each([
    [[], 100, 'status 100 is not of a final response'],
    [[['content-length', 'x']], 200, 'the content-length is invalid'],
  ] as [[string, string][], number, string][])('with %j and status %i it is none', (fields, status, message) => {
    const guest = new HttpGuest()
    const response = guest.made('[constructor]outgoing-response', guest.fields(...fields))
    guest.http('[method]outgoing-response.set-status-code', response, status)
    set(guest, guest.opened().responseOut, ok(response))
    expect([guest.exchange.response, guest.exchange.failure]).toEqual([
      undefined,
      { code: 'HTTP-protocol-error', message },
    ])
  })

  test('may be an error, which says what it says', () => {
    const answers = [
      [{ tag: 'connection-refused' }, undefined],
      [{ tag: 'internal-error', val: 'why' }, 'why'],
      [{ tag: 'internal-error', val: undefined }, undefined],
      [{ tag: 'HTTP-request-body-size', val: 2n ** 40n }, '1099511627776'],
      [{ tag: 'DNS-error', val: { rcode: 'NXDOMAIN', 'info-code': 3 } }, 'rcode NXDOMAIN, info-code 3'],
      [{ tag: 'TLS-alert-received', val: { 'alert-id': 40, 'alert-message': undefined } }, 'alert-id 40'],
      [{ tag: 'HTTP-request-header-size', val: { 'field-name': 'a', 'field-size': 9 } }, 'field-name a, field-size 9'],
    ] as const
    for (const [code, message] of answers) {
      const guest = new HttpGuest()
      const { responseOut } = guest.opened()
      set(guest, responseOut, err(code))
      expect(guest.exchange.failure).toEqual({ code: code.tag, message })
      expect(() => set(guest, responseOut, err(code))).toThrow(GuestTrap)
    }
  })

  test('is set once', () => {
    const guest = new HttpGuest()
    const { responseOut } = guest.opened()
    const { response } = guest.response()
    set(guest, responseOut, ok(response))
    expect(() => set(guest, responseOut, err({ tag: 'loop-detected' }))).toThrow(GuestTrap)
    expect(() => guest.dropHttp('outgoing-response', response)).toThrow(GuestTrap)
  })

  test('informational ones go before it', () => {
    const guest = new HttpGuest()
    const { responseOut } = guest.opened()
    const inform = (status: number) =>
      guest.http('[method]response-outparam.send-informational', responseOut, status, guest.fields(['Link', 'x']))
    expect(inform(103)).toEqual(OK)
    for (const status of [99, 101, 200]) expect(inform(status)).toEqual(err({ tag: 'HTTP-protocol-error' }))
    expect(guest.exchange.informed).toEqual([{ status: 103, headers: [['Link', 'x']] }])
  })
})
