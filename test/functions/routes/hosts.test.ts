import { describe, expect, test } from 'vitest'
import { createOwnHostTest, hostNameOf, overlap, parseRouteHost } from '../../../src/functions/routes/hosts.ts'

test.each([
  ['api.example.com', 'api.example.com'],
  ['API.Example.com', 'api.example.com'],
  ['*.example.com', '*.example.com'],
  ['xn--caf-dma.example', 'xn--caf-dma.example'],
])('%s is a host', (text, host) => expect(parseRouteHost(text)).toBe(host))

test.each([
  '',
  'localhost',
  '*',
  '*.com',
  'a.*.example.com',
  'a*.example.com',
  'café.example',
  'example.com:80',
  'http://example.com',
  'example.com/',
  'example..com',
  '-a.example.com',
  'a_b.example.com',
  '127.0.0.1',
  '*.0.0.1',
  '[::1]',
  `${'a.'.repeat(126)}ab`,
  `${'a'.repeat(64)}.com`,
])('%j is none', (text) => {
  expect(() => parseRouteHost(text)).toThrow(expect.objectContaining({ code: 'InvalidParameterValue' }))
})

test.each([
  ['API.example.com:8080', 'api.example.com'],
  ['api.example.com.', 'api.example.com'],
  ['api.example.com.:80', 'api.example.com'],
  ['[::1]:80', '[::1]'],
])('the header %s names %s', (header, name) => expect(hostNameOf(header)).toBe(name))

test.each([
  ['a.b.c', 'a.b.c', true],
  ['a.b.c', '*.b.c', true],
  ['x.a.b.c', '*.b.c', true],
  ['*.a.b.c', '*.b.c', true],
  ['b.c', '*.b.c', false],
  ['ab.c', '*.b.c', false],
  ['*.ab.c', '*.b.c', false],
  ['*.a.c', '*.b.c', false],
  ['a.b.c', 'b.b.c', false],
])('%s and %s overlap: %s', (a, b, expected) => {
  expect([overlap(a, b), overlap(b, a)]).toEqual([expected, expected])
})

describe("the server's own hosts", () => {
  const base = { host: 'thaw.internal', apiHosts: ['api.thaw.dev'], functionUrlBase: undefined }

  test.each([
    ['localhost', true],
    ['thaw.internal', true],
    ['api.thaw.dev', true],
    ['lambda-url.us-east-1.localhost', true],
    ['x.lambda-url.example.com', true],
    ['*.lambda-url.example.com', true],
    // What it stands for does not have the name itself; and what it has is the server's all the same (worker/routes).
    ['*.thaw.dev', false],
    ['example.localhost', false],
    ['www.thaw.dev', false],
  ])('%s: %s', (host, expected) => expect(createOwnHostTest(base)(host)).toBe(expected))

  test.each(['fn.example.com', 'https://fn.example.com:8443'])('with function URLs below %s', (functionUrlBase) => {
    const isOwn = createOwnHostTest({ ...base, functionUrlBase })
    const hosts = ['fn.example.com', 'x.fn.example.com', '*.fn.example.com', '*.example.com', 'xfn.example.com']
    expect(hosts.map((host) => isOwn(host))).toEqual([true, true, true, false, false])
  })
})
