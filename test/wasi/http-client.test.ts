import { describe, expect, test } from 'vitest'
import { EgressError } from '../../src/http/egress.ts'
import type { EgressErrorCode } from '../../src/http/egress.ts'
import { GuestTrap, InvocationAborted } from '../../src/wasi/errors.ts'
import { CLOSED, ERR, handleIn, HttpGuest, OK } from './http-support.ts'

const ok = (val: unknown) => ({ tag: 'ok', val })
const err = (val: unknown) => ({ tag: 'err', val })
const get = (guest: HttpGuest, future: number) => guest.http('[method]future-incoming-response.get', future)

/** The future of a request that is under way. */
function sent(guest: HttpGuest, request = guest.request()): number {
  return handleIn(guest.send(request))
}

async function answered(guest: HttpGuest, future: number): Promise<unknown> {
  const pollable = guest.made('[method]future-incoming-response.subscribe', future)
  await guest.block(pollable)
  guest.drop('wasi:io/poll', 'pollable', pollable)
  return get(guest, future)
}

describe('a request', () => {
  test('goes out as it was made', () => {
    const guest = new HttpGuest()
    const request = guest.request('example.com:81', ['X', '1'])
    guest.http('[method]outgoing-request.set-method', request, { tag: 'put' })
    guest.http('[method]outgoing-request.set-path-with-query', request, '/a?b')
    guest.http('[method]outgoing-request.set-scheme', request, { tag: 'HTTP' })
    sent(guest, request)
    expect(guest.egress.last.head).toEqual({
      method: 'PUT',
      scheme: 'http',
      authority: 'example.com:81',
      pathWithQuery: '/a?b',
      headers: [['X', '1']],
    })
    expect(guest.egress.last.options.hasBody).toBe(false)
    expect(guest.egress.last.body.outcome).toEqual({ end: [] })
    expect(() => guest.dropHttp('outgoing-request', request)).toThrow(GuestTrap)
  })

  test.each([
    [undefined, '/'],
    ['?a', '/?a'],
    ['*', '*'],
  ])('of the path %s and no scheme goes to %s by https', (path, expected) => {
    const guest = new HttpGuest()
    const request = guest.request()
    guest.http('[method]outgoing-request.set-path-with-query', request, path)
    sent(guest, request)
    expect(guest.egress.last.head).toMatchObject({ scheme: 'https', pathWithQuery: expected })
  })

  test('its body follows, written before and after', () => {
    const guest = new HttpGuest()
    const request = guest.request()
    const body = guest.made('[method]outgoing-request.body', request)
    const stream = guest.made('[method]outgoing-body.write', body)
    guest.write(stream, 'before ')
    sent(guest, request)
    guest.write(stream, 'after')
    guest.dropStream('output-stream', stream)
    expect(guest.http('[static]outgoing-body.finish', body, undefined)).toEqual(OK)
    expect(guest.egress.last).toMatchObject({
      options: { hasBody: true },
      body: { text: 'before after', outcome: { end: [] } },
    })
  })

  test('a body that was finished empty is none', () => {
    const guest = new HttpGuest()
    const request = guest.request()
    guest.http('[static]outgoing-body.finish', guest.made('[method]outgoing-request.body', request), undefined)
    sent(guest, request)
    expect(guest.egress.last).toMatchObject({ options: { hasBody: false }, body: { outcome: { end: [] } } })
  })

  test('its timeouts are milliseconds, rounded up, never 0', () => {
    const guest = new HttpGuest()
    const options = guest.made('[constructor]request-options')
    guest.http('[method]request-options.set-connect-timeout', options, 1_500_001n)
    guest.http('[method]request-options.set-first-byte-timeout', options, 0n)
    guest.send(guest.request(), options)
    expect(guest.egress.last.options.timeouts).toEqual({ connectMs: 2, firstByteMs: 1, betweenBytesMs: undefined })
    expect(() => guest.dropHttp('request-options', options)).toThrow(GuestTrap)
  })

  test.each([
    ['with another scheme', 'HTTP-protocol-error', ['set-scheme', { tag: 'other', val: 'ftp' }]],
    ['without an authority', 'HTTP-request-URI-invalid', ['set-authority', undefined]],
  ])('%s is %s', (_name, tag, [func, value]) => {
    const guest = new HttpGuest()
    const request = guest.request()
    guest.http(`[method]outgoing-request.${String(func)}`, request, value)
    expect(guest.send(request)).toEqual(err({ tag }))
    expect(guest.egress.exchanges).toEqual([])
  })

  test('with a content-length and no body is refused', () => {
    const guest = new HttpGuest()
    expect(guest.send(guest.request('a', ['content-length', '1']))).toEqual(
      err({ tag: 'HTTP-request-body-size', val: 0n }),
    )
    expect(guest.send(guest.request('a', ['content-length', 'x']))).toEqual(err({ tag: 'HTTP-protocol-error' }))
  })

  test('is denied where there is no egress', () => {
    const guest = new HttpGuest()
    guest.begin()
    expect(guest.send(guest.request())).toEqual(err({ tag: 'HTTP-request-denied' }))
  })

  test('that is refused has a body that goes nowhere', () => {
    const guest = new HttpGuest()
    guest.egress.refusal = new EgressError('destination-IP-prohibited', 'no')
    const request = guest.request()
    const body = guest.made('[method]outgoing-request.body', request)
    const stream = guest.made('[method]outgoing-body.write', body)
    expect(guest.send(request)).toEqual(err({ tag: 'destination-IP-prohibited' }))
    expect(guest.errorOf(guest.out('check-write', stream))).toMatchObject({ code: { tag: 'connection-terminated' } })
  })
})

describe('a response', () => {
  test('comes when it comes, and is had once', async () => {
    const guest = new HttpGuest()
    const future = sent(guest)
    expect(get(guest, future)).toBeUndefined()
    const pollable = guest.made('[method]future-incoming-response.subscribe', future)
    expect(guest.isReady(pollable)).toBe(false)
    const waiting = guest.block(pollable)
    guest.egress.last.respond(203, [['X', '1']])
    await waiting
    const response = handleIn(get(guest, future))
    expect(get(guest, future)).toEqual(ERR)
    expect(guest.isReady(pollable)).toBe(true)
    expect(guest.http('[method]incoming-response.status', response)).toBe(203)
    const headers = guest.made('[method]incoming-response.headers', response)
    expect(guest.entries(headers)).toEqual([['X', '1']])
    expect(() => guest.dropHttp('incoming-response', response)).toThrow(GuestTrap)
  })

  test('its body is read and its trailers had', async () => {
    const guest = new HttpGuest()
    const future = sent(guest)
    const { source } = guest.egress.last
    guest.egress.last.respond(200)
    const response = handleIn(await answered(guest, future))
    const body = guest.made('[method]incoming-response.consume', response)
    expect(guest.http('[method]incoming-response.consume', response)).toEqual(ERR)
    guest.dropHttp('incoming-response', response)
    guest.dropHttp('future-incoming-response', future)
    const stream = guest.made('[method]incoming-body.stream', body)
    source.push('abc').end([['T', '1']])
    expect([guest.read(stream), guest.read(stream)]).toEqual(['abc', CLOSED])
    guest.dropStream('input-stream', stream)
    const trailers = guest.made('[static]incoming-body.finish', body)
    expect(guest.entries(handleIn(guest.http('[method]future-trailers.get', trailers)))).toEqual([['T', '1']])
    expect([source.cancelled, guest.egress.last.cancelled]).toEqual([false, false])
  })

  test.each([
    ['aborted', { tag: 'HTTP-response-incomplete' }],
    ['too-large', { tag: 'HTTP-response-body-size', val: undefined }],
    ['timeout', { tag: 'connection-read-timeout' }],
    ['protocol', { tag: 'HTTP-protocol-error' }],
  ] as const)('whose body is %s says so once', async (kind, code) => {
    const guest = new HttpGuest()
    const future = sent(guest)
    guest.egress.last.respond(200)
    const body = guest.made('[method]incoming-response.consume', handleIn(await answered(guest, future)))
    const stream = guest.made('[method]incoming-body.stream', body)
    guest.egress.last.source.push('part').fail(kind)
    expect(guest.read(stream)).toBe('part')
    expect(guest.errorOf(guest.read(stream))).toEqual({ text: `it was ${kind}`, code })
    expect(guest.read(stream)).toEqual(CLOSED)
  })

  const codes: [EgressErrorCode, unknown][] = [
    ['DNS-timeout', { tag: 'DNS-timeout' }],
    ['DNS-error', { tag: 'DNS-error', val: { rcode: undefined, 'info-code': undefined } }],
    ['connection-limit-reached', { tag: 'connection-limit-reached' }],
    ['HTTP-request-body-size', { tag: 'HTTP-request-body-size', val: undefined }],
    ['HTTP-request-header-section-size', { tag: 'HTTP-request-header-section-size', val: undefined }],
    ['HTTP-response-header-section-size', { tag: 'HTTP-response-header-section-size', val: undefined }],
    ['HTTP-response-body-size', { tag: 'HTTP-response-body-size', val: undefined }],
    ['HTTP-response-timeout', { tag: 'HTTP-response-timeout' }],
    ['configuration-error', { tag: 'configuration-error' }],
    ['internal-error', { tag: 'internal-error', val: 'why' }],
  ]
  test.each(codes)('may be the error %s', async (code, expected) => {
    const guest = new HttpGuest()
    const future = sent(guest)
    guest.egress.last.fail(new EgressError(code, 'why'))
    expect(await answered(guest, future)).toEqual(ok(err(expected)))
    expect(get(guest, future)).toEqual(ERR)
  })

  test('that nobody wants is cancelled, before it is there and after', async () => {
    const guest = new HttpGuest()
    const early = sent(guest)
    const first = guest.egress.last
    guest.dropHttp('future-incoming-response', early)
    expect(first.cancelled).toBe(true)
    const late = sent(guest)
    const second = guest.egress.last
    second.respond(200)
    const pollable = guest.made('[method]future-incoming-response.subscribe', late)
    await guest.block(pollable)
    guest.drop('wasi:io/poll', 'pollable', pollable)
    guest.dropHttp('future-incoming-response', late)
    expect(second.source.cancelled).toBe(true)
  })

  test('dropped without being consumed, its body is cancelled', async () => {
    const guest = new HttpGuest()
    const future = sent(guest)
    guest.egress.last.respond(200)
    guest.dropHttp('incoming-response', handleIn(await answered(guest, future)))
    expect(guest.egress.last.source.cancelled).toBe(true)
  })
})

test('what a call took and then trapped over is not held for good', () => {
  const guest = new HttpGuest()
  expect(() => guest.send(guest.request('a', ['b', 'c']), 99)).toThrow(GuestTrap)
  guest.host.end()
  expect(guest.host.heldBytes).toBe(0)
})

test('a response that no handle is left for is cancelled', async () => {
  const guest = new HttpGuest({ limits: { handles: 2 } })
  const future = sent(guest)
  guest.egress.last.respond(200)
  const pollable = guest.made('[method]future-incoming-response.subscribe', future)
  await guest.block(pollable)
  expect(() => get(guest, future)).toThrow('limit handles')
  expect(guest.egress.last.source.cancelled).toBe(true)
})

test('when the invocation ends, all that is under way does', async () => {
  const guest = new HttpGuest()
  const request = guest.request()
  guest.made('[method]outgoing-request.body', request)
  const waiting = guest.block(guest.made('[method]future-incoming-response.subscribe', sent(guest, request)))
  const answeredFuture = sent(guest)
  const second = guest.egress.last
  second.respond(200)
  const body = guest.made('[method]incoming-response.consume', handleIn(await answered(guest, answeredFuture)))
  const reading = guest.read(guest.made('[method]incoming-body.stream', body), 1n, 'blocking-read')
  guest.host.end()
  await expect(waiting).rejects.toThrow(InvocationAborted)
  await expect(reading).rejects.toThrow(InvocationAborted)
  const [first] = guest.egress.exchanges
  expect(guest.egress.closed).toBe(true)
  expect(first?.body.outcome).toEqual({ failed: 'the guest ended before the body was finished' })
  expect([second.source.cancelled, second.source.listeners, guest.exchange.body.cancelled]).toEqual([true, 0, true])
  expect([guest.host.openHandles, guest.host.heldBytes, guest.host.pendingWaits]).toEqual([0, 0, 0])
})
