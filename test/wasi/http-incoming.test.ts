import { describe, expect, test } from 'vitest'
import { GuestTrap } from '../../src/wasi/errors.ts'
import { TestExchange } from './bodies.ts'
import { CLOSED, ERR, handleIn, HttpGuest } from './http-support.ts'

const some = (val: unknown) => ({ tag: 'ok', val })

describe('an incoming request', () => {
  test('shows what came in', () => {
    const guest = new HttpGuest()
    const { request } = guest.opened()
    const ask = (what: string) => guest.http(`[method]incoming-request.${what}`, request)
    expect([ask('method'), ask('path-with-query'), ask('scheme'), ask('authority')]).toEqual([
      { tag: 'get' },
      '/a?b=c',
      { tag: 'HTTPS' },
      'example.com',
    ])
  })

  test.each([
    ['GET', { tag: 'get' }],
    ['HEAD', { tag: 'head' }],
    ['POST', { tag: 'post' }],
    ['PUT', { tag: 'put' }],
    ['DELETE', { tag: 'delete' }],
    ['CONNECT', { tag: 'connect' }],
    ['OPTIONS', { tag: 'options' }],
    ['TRACE', { tag: 'trace' }],
    ['PATCH', { tag: 'patch' }],
    ['PROPFIND', { tag: 'other', val: 'PROPFIND' }],
    ['get', { tag: 'other', val: 'get' }],
  ])('%s', (method, expected) => {
    const guest = new HttpGuest({ exchange: new TestExchange({ method, scheme: 'http' }) })
    const { request } = guest.opened()
    expect(guest.http('[method]incoming-request.method', request)).toEqual(expected)
    expect(guest.http('[method]incoming-request.scheme', request)).toEqual({ tag: 'HTTP' })
  })

  test('is consumed once, and its stream had once', () => {
    const guest = new HttpGuest()
    const { request } = guest.opened()
    const body = guest.made('[method]incoming-request.consume', request)
    expect(guest.http('[method]incoming-request.consume', request)).toEqual(ERR)
    guest.made('[method]incoming-body.stream', body)
    expect(guest.http('[method]incoming-body.stream', body)).toEqual(ERR)
  })

  test('its body may outlive it', () => {
    const guest = new HttpGuest()
    const { request } = guest.opened()
    const body = guest.made('[method]incoming-request.consume', request)
    guest.dropHttp('incoming-request', request)
    guest.exchange.body.push('abc')
    expect(guest.read(guest.made('[method]incoming-body.stream', body))).toBe('abc')
    expect(guest.exchange.body.cancelled).toBe(false)
  })

  test('dropped without being consumed, its body is cancelled', () => {
    const guest = new HttpGuest()
    guest.dropHttp('incoming-request', guest.opened().request)
    expect(guest.exchange.body.cancelled).toBe(true)
  })

  test('an invocation without a request has none to open', () => {
    const guest = new HttpGuest()
    guest.begin()
    expect(() => guest.opened()).toThrow(expect.objectContaining({ code: 'Service' }))
  })
})

describe('an incoming body', () => {
  test('may not be dropped or finished before its stream', () => {
    const guest = new HttpGuest()
    const { body, stream } = guest.requestBody()
    expect(() => guest.dropHttp('incoming-body', body)).toThrow(GuestTrap)
    expect(() => guest.made('[static]incoming-body.finish', body)).toThrow('derived from it')
    guest.dropStream('input-stream', stream)
    guest.dropHttp('incoming-body', body)
    expect(guest.exchange.body.cancelled).toBe(true)
  })

  test('its bytes that are there are counted', () => {
    const guest = new HttpGuest()
    const { stream } = guest.requestBody()
    const before = guest.host.heldBytes
    guest.exchange.body.push('x'.repeat(1_000))
    expect(guest.host.heldBytes - before).toBe(1_000)
    guest.read(stream, 400n)
    expect(guest.host.heldBytes - before).toBe(600)
  })
})

describe('trailers', () => {
  const trailersOf = (guest: HttpGuest) => {
    const { body, stream } = guest.requestBody()
    guest.dropStream('input-stream', stream)
    return guest.made('[static]incoming-body.finish', body)
  }
  const get = (guest: HttpGuest, future: number) => guest.http('[method]future-trailers.get', future)

  test('come once the body is over, whatever of it was read', async () => {
    const guest = new HttpGuest()
    const { body, stream } = guest.requestBody()
    const source = guest.exchange.body.push('read', 'not read')
    expect(guest.read(stream, 4n)).toBe('read')
    guest.dropStream('input-stream', stream)
    const future = guest.made('[static]incoming-body.finish', body)
    expect(get(guest, future)).toBeUndefined()
    const waiting = guest.block(guest.made('[method]future-trailers.subscribe', future))
    source.push('nor this')
    expect(source.listeners).toBe(1)
    source.end([['X', '1']])
    await waiting
    const fields = handleIn(get(guest, future))
    expect(guest.entries(fields)).toEqual([['X', '1']])
    expect(guest.http('[method]fields.delete', fields, 'X')).toEqual({ tag: 'err', val: 'immutable' })
    expect(() => guest.dropHttp('future-trailers', future)).toThrow(GuestTrap)
  })

  test('are none where there are none, and are had once', () => {
    const guest = new HttpGuest()
    guest.exchange.body.end()
    const future = trailersOf(guest)
    expect(get(guest, future)).toEqual(some(some(undefined)))
    expect(get(guest, future)).toEqual(ERR)
    expect(guest.isReady(guest.made('[method]future-trailers.subscribe', future))).toBe(true)
  })

  test.each([
    ['aborted', { tag: 'connection-terminated' }],
    ['too-large', { tag: 'HTTP-request-body-size', val: undefined }],
    ['timeout', { tag: 'connection-read-timeout' }],
    ['protocol', { tag: 'HTTP-protocol-error' }],
  ] as const)('of a body that is %s are an error', (kind, code) => {
    const guest = new HttpGuest()
    guest.exchange.body.fail(kind)
    expect(get(guest, trailersOf(guest))).toEqual(some({ tag: 'err', val: code }))
  })

  test('an error that was read before stays the body’s', () => {
    const guest = new HttpGuest()
    const { body, stream } = guest.requestBody()
    guest.exchange.body.fail('aborted')
    guest.read(stream)
    expect(guest.read(stream)).toEqual(CLOSED)
    guest.dropStream('input-stream', stream)
    const future = guest.made('[static]incoming-body.finish', body)
    expect(get(guest, future)).toEqual(some({ tag: 'err', val: { tag: 'connection-terminated' } }))
  })

  test('dropped, nothing more is wanted of the body', () => {
    const guest = new HttpGuest()
    guest.dropHttp('future-trailers', trailersOf(guest))
    expect(guest.exchange.body.cancelled).toBe(true)
  })
})
