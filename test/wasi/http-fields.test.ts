import { describe, expect, test } from 'vitest'
import { GuestLimit, GuestTrap } from '../../src/wasi/errors.ts'
import { TestExchange } from './bodies.ts'
import { HttpGuest, OK } from './http-support.ts'

const bytes = (text: string) => Buffer.from(text, 'latin1')
const error = (val: string) => ({ tag: 'err', val })

function get(guest: HttpGuest, fields: number, name: string): unknown {
  const values = guest.http('[method]fields.get', fields, name)
  return Array.isArray(values) ? values.map((value) => Buffer.from(value).toString('latin1')) : values
}

const has = (guest: HttpGuest, fields: number, name: string) => guest.http('[method]fields.has', fields, name)

describe('fields', () => {
  test('begin empty and can be changed', () => {
    const guest = new HttpGuest()
    const fields = guest.made('[constructor]fields')
    expect(guest.entries(fields)).toEqual([])
    expect(guest.http('[method]fields.append', fields, 'A', bytes('1'))).toEqual(OK)
    expect(guest.entries(fields)).toEqual([['A', '1']])
  })

  test('keep order, case and repetition; names are equal whatever their case', () => {
    const guest = new HttpGuest()
    const fields = guest.fields(['Set-Cookie', 'a'], ['X', ''], ['set-cookie', 'b'])
    expect(guest.entries(fields)).toEqual([
      ['Set-Cookie', 'a'],
      ['X', ''],
      ['set-cookie', 'b'],
    ])
    expect(get(guest, fields, 'SET-COOKIE')).toEqual(['a', 'b'])
    expect([get(guest, fields, 'x'), get(guest, fields, 'y'), get(guest, fields, 'no name')]).toEqual([[''], [], []])
    expect([has(guest, fields, 'x'), has(guest, fields, 'y'), has(guest, fields, '')]).toEqual([true, false, false])
  })

  test('set replaces all values of a name, where the first stood', () => {
    const guest = new HttpGuest()
    const fields = guest.fields(['a', '1'], ['b', '2'], ['A', '3'])
    expect(guest.http('[method]fields.set', fields, 'A', [bytes('4'), bytes('5')])).toEqual(OK)
    expect(guest.http('[method]fields.set', fields, 'c', [bytes('6')])).toEqual(OK)
    expect(guest.entries(fields)).toEqual([
      ['A', '4'],
      ['A', '5'],
      ['b', '2'],
      ['c', '6'],
    ])
    expect(guest.http('[method]fields.set', fields, 'a', [])).toEqual(OK)
    expect(has(guest, fields, 'a')).toBe(false)
  })

  test('delete removes all values of a name, and does nothing where there are none', () => {
    const guest = new HttpGuest()
    const fields = guest.fields(['a', '1'], ['b', '2'], ['A', '3'])
    expect(guest.http('[method]fields.delete', fields, 'a')).toEqual(OK)
    expect(guest.http('[method]fields.delete', fields, 'z')).toEqual(OK)
    expect(guest.entries(fields)).toEqual([['b', '2']])
  })

  test('a clone is another, and mutable', () => {
    const guest = new HttpGuest({ exchange: new TestExchange({ headers: [['a', '1']] }) })
    const headers = guest.made('[method]incoming-request.headers', guest.opened().request)
    const clone = guest.made('[method]fields.clone', headers)
    expect(guest.http('[method]fields.append', clone, 'b', bytes('2'))).toEqual(OK)
    expect([guest.entries(headers), guest.entries(clone)]).toEqual([
      [['a', '1']],
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ])
  })

  test('values are any bytes but controls', () => {
    const guest = new HttpGuest()
    const all = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).filter(
      (char) => char === '\t' || (char >= ' ' && char !== '\u007f'),
    )
    const fields = guest.fields(['a', all.join('')])
    expect(get(guest, fields, 'a')).toEqual([all.join('')])
  })

  test.each(['', 'a b', 'a:', 'é', 'a\n', '(a)'])('a name "%s" is invalid syntax', (name) => {
    const guest = new HttpGuest()
    const fields = guest.made('[constructor]fields')
    const invalid = error('invalid-syntax')
    expect(guest.http('[static]fields.from-list', [[name, bytes('1')]])).toEqual(invalid)
    expect(guest.http('[method]fields.append', fields, name, bytes('1'))).toEqual(invalid)
    expect(guest.http('[method]fields.set', fields, name, [bytes('1')])).toEqual(invalid)
    expect(guest.http('[method]fields.delete', fields, name)).toEqual(invalid)
    expect(guest.entries(fields)).toEqual([])
  })

  test.each(['\n', '\r', '\0', 'a\r\nb: c', '\u007f'])('a value %j is invalid syntax', (value) => {
    const guest = new HttpGuest()
    const fields = guest.fields(['a', '1'])
    const invalid = error('invalid-syntax')
    expect(
      guest.http('[static]fields.from-list', [
        ['a', bytes('1')],
        ['a', bytes(value)],
      ]),
    ).toEqual(invalid)
    expect(guest.http('[method]fields.append', fields, 'a', bytes(value))).toEqual(invalid)
    expect(guest.http('[method]fields.set', fields, 'a', [bytes('2'), bytes(value)])).toEqual(invalid)
    expect(get(guest, fields, 'a')).toEqual(['1'])
  })

  test.each([
    'Connection',
    'HOST',
    'http2-settings',
    'keep-alive',
    'proxy-authenticate',
    'proxy-authorization',
    'proxy-connection',
    'te',
    'Transfer-Encoding',
    'upgrade',
  ])('%s is the host’s to write', (name) => {
    const guest = new HttpGuest()
    const fields = guest.made('[constructor]fields')
    const forbidden = error('forbidden')
    expect(guest.http('[static]fields.from-list', [[name, bytes('1')]])).toEqual(forbidden)
    expect(guest.http('[method]fields.append', fields, name, bytes('1'))).toEqual(forbidden)
    expect(guest.http('[method]fields.set', fields, name, [])).toEqual(forbidden)
    expect(guest.http('[method]fields.delete', fields, name)).toEqual(forbidden)
  })

  test('those of a message are immutable', () => {
    const guest = new HttpGuest({ exchange: new TestExchange({ headers: [['a', '1']] }) })
    const request = guest.request('example.com', ['a', '1'])
    const { response } = guest.response(['a', '1'])
    for (const headers of [
      guest.made('[method]incoming-request.headers', guest.opened().request),
      guest.made('[method]outgoing-request.headers', request),
      guest.made('[method]outgoing-response.headers', response),
    ]) {
      const immutable = error('immutable')
      expect(guest.http('[method]fields.append', headers, 'b', bytes('1'))).toEqual(immutable)
      expect(guest.http('[method]fields.set', headers, 'a', [])).toEqual(immutable)
      expect(guest.http('[method]fields.delete', headers, 'a')).toEqual(immutable)
      expect(guest.entries(headers)).toEqual([['a', '1']])
    }
  })

  test('what comes in shows nothing of its connection, or it could be sent on', () => {
    const headers: [string, string][] = [
      ['Host', 'example.com'],
      ['A', '1'],
      ['Transfer-Encoding', 'chunked'],
    ]
    const guest = new HttpGuest({ exchange: new TestExchange({ headers }) })
    expect(guest.entries(guest.made('[method]incoming-request.headers', guest.opened().request))).toEqual([['A', '1']])
  })
})

describe('limits of fields', () => {
  const append = (guest: HttpGuest, fields: number, value: string) =>
    guest.http('[method]fields.append', fields, 'a', bytes(value))

  test('how many', () => {
    const guest = new HttpGuest({ limits: { httpFields: 2 } })
    const fields = guest.fields(['a', '1'], ['a', '2'])
    expect(() => append(guest, fields, '3')).toThrow(new GuestLimit('httpFields', '3 HTTP fields, more than 2'))
    expect(() => guest.http('[method]fields.set', fields, 'b', [bytes('3')])).toThrow('limit httpFields')
    expect(() => guest.fields(['a', '1'], ['a', '2'], ['a', '3'])).toThrow('limit httpFields')
  })

  test('how many bytes, of names and values and 32 each', () => {
    const guest = new HttpGuest({ limits: { httpFieldBytes: 100 } })
    expect(append(guest, guest.made('[constructor]fields'), 'x'.repeat(67))).toEqual(OK)
    expect(() => append(guest, guest.made('[constructor]fields'), 'x'.repeat(68))).toThrow('limit httpFieldBytes')
    expect(() => guest.fields(['a', 'x'.repeat(20)], ['a', 'x'.repeat(20)])).toThrow('limit httpFieldBytes')
  })

  test('how many bytes of all of them, those of messages too; what is dropped counts no more', () => {
    const guest = new HttpGuest({ limits: { httpHeldBytes: 300 } })
    const value = 'x'.repeat(67)
    const first = guest.fields(['a', value])
    const second = guest.made('[constructor]outgoing-request', guest.fields(['a', value]))
    guest.fields(['a', value])
    expect(() => guest.made('[method]fields.clone', first)).toThrow('limit httpHeldBytes')
    guest.dropHttp('outgoing-request', second)
    expect(guest.made('[method]fields.clone', first)).toBeGreaterThan(0)
  })

  test('what they hold is counted', () => {
    const guest = new HttpGuest()
    const before = guest.host.heldBytes
    const fields = guest.fields(['a', 'x'.repeat(1_000)])
    expect(guest.host.heldBytes - before).toBeGreaterThan(1_000)
    guest.dropHttp('fields', fields)
    expect(guest.host.heldBytes).toBe(before)
  })

  test('strings and values of one call are what one call may hand over, however often they are named', () => {
    const guest = new HttpGuest({ limits: { hostCallBytes: 5_000, httpFieldBytes: 1_000_000 } })
    const fields = guest.made('[constructor]fields')
    const large = bytes('x'.repeat(3_000))
    expect(guest.http('[method]fields.set', fields, 'a', [large])).toEqual(OK)
    expect(() => guest.http('[method]fields.set', fields, 'a', [large, large])).toThrow('limit hostCallBytes')
    expect(() => has(guest, fields, 'x'.repeat(5_001))).toThrow(GuestLimit)
    expect(has(guest, fields, 'x'.repeat(5_000))).toBe(false)
  })

  test('fields of a message must be dropped before it', () => {
    const guest = new HttpGuest()
    const request = guest.request()
    const headers = guest.made('[method]outgoing-request.headers', request)
    expect(() => guest.dropHttp('outgoing-request', request)).toThrow(GuestTrap)
    expect(() => guest.send(request)).toThrow('derived from it')
    guest.dropHttp('fields', headers)
    guest.dropHttp('outgoing-request', request)
  })

  test('fields that show those of a message, made into another message, are a copy', () => {
    const guest = new HttpGuest({ exchange: new TestExchange({ headers: [['a', '1']] }) })
    const { request } = guest.opened()
    const copy = guest.made('[constructor]outgoing-response', guest.made('[method]incoming-request.headers', request))
    guest.dropHttp('incoming-request', request)
    expect(guest.entries(guest.made('[method]outgoing-response.headers', copy))).toEqual([['a', '1']])
  })
})
