import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { describe, expect, test } from 'vitest'
import { configFromEnvironment } from '../../../src/config.ts'
import { createClientOf, createProxyTest, type ClientView } from '../../../src/worker/edge/client-address.ts'

interface Sent {
  peer: string | undefined
  headers?: IncomingHttpHeaders
  proxies?: string
}

const incoming = ({ peer, headers = {} }: Sent): IncomingMessage =>
  ({ headers: { host: 'thaw.test', ...headers }, socket: { remoteAddress: peer, localPort: 9_000 } }) as IncomingMessage

const configOf = (proxies = '') => configFromEnvironment({ THAW_TRUSTED_PROXIES: proxies })

const view = (sent: Sent): ClientView => createClientOf(configOf(sent.proxies))(incoming(sent))

const claims: IncomingHttpHeaders = {
  'x-forwarded-for': '198.51.100.7',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'shop.test',
  forwarded: 'for=198.51.100.8;proto=https;host=shop.test',
}

describe('without trusted proxies', () => {
  test('the peer is the client, whatever it says', () => {
    expect(view({ peer: '203.0.113.9', headers: claims })).toEqual({
      clientAddress: '203.0.113.9',
      scheme: 'http',
      host: 'thaw.test',
      port: '9000',
      forwardedFor: ['198.51.100.7', '203.0.113.9'],
      isProxied: false,
    })
  })

  test('an IPv4 address is told as one, also by a socket of both families', () => {
    expect(view({ peer: '::ffff:203.0.113.9' }).clientAddress).toBe('203.0.113.9')
  })

  test('by a Unix socket, the worker that handed it on says who it was', () => {
    expect(view({ peer: undefined, headers: { 'x-thaw-peer': '203.0.113.9' } }).clientAddress).toBe('203.0.113.9')
    expect(view({ peer: '203.0.113.1', headers: { 'x-thaw-peer': '203.0.113.9' } }).clientAddress).toBe('203.0.113.1')
    expect(view({ peer: undefined })).toMatchObject({ clientAddress: '', forwardedFor: [] })
  })
})

describe('from a trusted proxy', () => {
  const proxies = 'loopback, 10.0.0.0/8, 2001:db8::1'
  const address = (header: string, peer = '127.0.0.1') =>
    view({ peer, proxies, headers: { 'x-forwarded-for': header } }).clientAddress

  test.each([
    ['one hop', '198.51.100.7', '198.51.100.7'],
    ['a prefix that the client forged', '1.1.1.1, 198.51.100.7', '198.51.100.7'],
    ['more trusted proxies', '1.1.1.1, 198.51.100.7, 10.1.2.3, 10.9.9.9', '198.51.100.7'],
    ['trusted proxies only', '10.1.2.3', '10.1.2.3'],
    ['nobody', '', '127.0.0.1'],
    ['a port', '198.51.100.7:4711', '198.51.100.7'],
    ['IPv6', '2001:db8::7', '2001:db8::7'],
    ['IPv6 with a port', '[2001:db8::7]:4711', '2001:db8::7'],
    ['what is no address', 'unknown', '127.0.0.1'],
    ['what is no address behind a trusted one', 'shop.test, 10.1.2.3', '10.1.2.3'],
    ['IPv4 inside IPv6', '1.1.1.1, ::ffff:10.1.2.3', '1.1.1.1'],
  ])('the rightmost address that is not trusted is the client: %s', (_case, header, client) => {
    expect(address(header)).toBe(client)
  })

  test.each([['127.8.8.8'], ['::1'], ['::ffff:10.0.0.1'], ['2001:db8::1']])('%s is one', (peer) => {
    expect(address('198.51.100.7', peer)).toBe('198.51.100.7')
  })

  test.each([['11.0.0.1'], ['2001:db8::2'], ['::2']])('%s is none', (peer) => {
    expect(address('198.51.100.7', peer)).toBe(peer)
  })

  test('scheme, host and port are believed', () => {
    const seen = view({ peer: '127.0.0.1', proxies, headers: { ...claims, 'x-forwarded-port': '8443' } })
    expect(seen).toEqual({
      clientAddress: '198.51.100.7',
      scheme: 'https',
      host: 'shop.test',
      port: '8443',
      forwardedFor: ['198.51.100.7', '127.0.0.1'],
      isProxied: true,
    })
  })

  test('what was said of the hop that the client made counts, not of one before or behind', () => {
    const headers = {
      'x-forwarded-for': '1.1.1.1, 198.51.100.7, 10.1.2.3',
      'x-forwarded-proto': 'http, https, http',
      'x-forwarded-host': 'forged.test, shop.test, inner.test',
    }
    expect(view({ peer: '127.0.0.1', proxies, headers })).toMatchObject({ scheme: 'https', host: 'shop.test' })
  })

  test.each([
    ['x-forwarded-proto', 'gopher', { scheme: 'http' }],
    ['x-forwarded-host', 'a b', { host: 'thaw.test' }],
    ['x-forwarded-port', '80; x', { port: '9000' }],
  ])('%s is not believed where it is none', (name, value, expected) => {
    expect(view({ peer: '127.0.0.1', proxies, headers: { [name]: value } })).toMatchObject(expected)
  })

  test('the port follows from the host or the scheme', () => {
    const port = (headers: IncomingHttpHeaders) => view({ peer: '127.0.0.1', proxies, headers }).port
    expect(port({ 'x-forwarded-proto': 'https' })).toBe('443')
    expect(port({ 'x-forwarded-proto': 'https', 'x-forwarded-host': 'shop.test:8443' })).toBe('8443')
  })

  test.each([
    ['for=198.51.100.7', '198.51.100.7'],
    ['for=1.1.1.1, for="198.51.100.7:4711";proto=https, for=10.0.0.2', '198.51.100.7'],
    ['For="[2001:db8::7]:4711"', '2001:db8::7'],
    ['for=_hidden', '127.0.0.1'],
    ['proto=https', '127.0.0.1'],
  ])('Forwarded is read: %s', (forwarded, client) => {
    expect(view({ peer: '127.0.0.1', proxies, headers: { forwarded } }).clientAddress).toBe(client)
  })

  test('Forwarded says scheme and host of the same hop', () => {
    const forwarded = 'for=198.51.100.7;proto=https;host="shop.test:8443", for=10.0.0.2;proto=http;host=inner.test'
    expect(view({ peer: '127.0.0.1', proxies, headers: { forwarded } })).toMatchObject({
      scheme: 'https',
      host: 'shop.test:8443',
      port: '8443',
      forwardedFor: ['198.51.100.7', '10.0.0.2', '127.0.0.1'],
    })
  })

  test('a Forwarded that cannot be read is refused: the proxy is not taken for the client', () => {
    const seen = () => view({ peer: '127.0.0.1', proxies, headers: { forwarded: 'for="1.1.1.1, for=198.51.100.7' } })
    expect(seen).toThrow(expect.objectContaining({ code: 'Validation', message: expect.stringContaining('Forwarded') }))
  })

  test('X-Forwarded-For wins over a Forwarded, which its proxy may have handed on unread', () => {
    expect(view({ peer: '127.0.0.1', proxies, headers: claims }).clientAddress).toBe('198.51.100.7')
  })
})

test('whether a request comes from a trusted proxy', () => {
  const isProxy = createProxyTest(configOf('loopback'))
  expect(isProxy(incoming({ peer: '127.0.0.1' }))).toBe(true)
  expect(isProxy(incoming({ peer: '203.0.113.9' }))).toBe(false)
})

test.each([['10.0.0.0/33'], ['proxy.test'], ['10'], ['loopback, x']])('%s is no list of proxies', (proxies) => {
  expect(() => configOf(proxies)).toThrow(/trustedProxies/)
})
