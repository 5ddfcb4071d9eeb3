import { assert as assertProperty, array, constantFrom, property, record } from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { HttpRoute } from '../../../src/functions/collaborators.ts'
import { createRouteHostTest } from '../../../src/worker/routes/host-test.ts'
import { RouteTable } from '../../../src/worker/routes/table.ts'

let ids = 0
function route(host: string, path: string, overrides: Partial<HttpRoute> = {}): HttpRoute {
  return {
    routeId: `route${++ids}`,
    accountId: '000000000000',
    functionName: 'f',
    qualifier: '$LATEST',
    host,
    path,
    methods: [],
    authType: 'NONE',
    statements: [],
    invokeMode: 'BUFFERED',
    ...overrides,
  }
}

function tableOf(...routes: HttpRoute[]): RouteTable {
  const table = new RouteTable()
  for (const one of routes) table.put(one)
  return table
}

describe('the most specific route', () => {
  const byHost = [route('a.b.com', '/x'), route('*.a.b.com', '/*'), route('*.b.com', '/*'), route('*.b.com', '/x')]
  test.each([
    ['a.b.com', '/x', 0],
    // Nothing of the host's own matches, so what is wider does.
    ['a.b.com', '/y', 2],
    ['z.a.b.com', '/x', 1],
    ['y.z.a.b.com', '/x', 1],
    ['c.b.com', '/x', 3],
    ['c.b.com:9000', '/y', 2],
    ['C.B.com.', '/y', 2],
    ['b.com', '/x', undefined],
    ['xb.com', '/x', undefined],
  ])('of %s%s', (host, path, index) => {
    const found = tableOf(...byHost.toReversed()).find(host, 'GET', path)
    expect(found?.route).toBe(index === undefined ? undefined : byHost[index])
  })

  const byPath = ['/a/b', '/a/*', '/a/*/c', '/*/b/c', '/*', '/a/b/*', '/', '/a/*/c/*/e'].map((path) =>
    route('h.com', path),
  )
  test.each([
    ['/a/b', '/a/b'],
    ['/a/b/', '/a/b'],
    ['//a//b', '/a/b'],
    ['/a/%62', '/a/b'],
    ['/a/b/c', '/a/b/*'],
    ['/a/x/c', '/a/*/c'],
    ['/a/x/c/d', '/a/*'],
    ['/a/x/c/d/e', '/a/*/c/*/e'],
    ['/a', '/a/*'],
    ['/x/b/c', '/*/b/c'],
    ['/x/b/d', '/*'],
    ['/A/b', '/*'],
    ['/', '/'],
  ])('of path %s is %s', (path, pattern) => {
    expect(tableOf(...byPath).find('h.com', 'GET', path)?.route.path).toBe(pattern)
  })

  test('is that of the method, then the one for all, then a wider path', () => {
    const all = route('h.com', '/a')
    const get = route('h.com', '/a', { methods: ['GET', 'HEAD'] })
    const post = route('h.com', '/a/*', { methods: ['POST'] })
    const table = tableOf(all, get, post)
    const found = (method: string) => table.find('h.com', method, '/a')?.route
    expect([found('GET'), found('HEAD'), found('POST')]).toEqual([get, get, all])
    table.remove(all.routeId)
    expect([found('GET'), found('POST'), found('PUT')]).toEqual([get, post, undefined])
  })
})

test('any set of routes finds what the definition says', () => {
  const segment = constantFrom('a', 'b', '*')
  const path = array(segment, { maxLength: 4 }).map((segments) => `/${segments.join('/')}`)
  const host = constantFrom('x.y.com', '*.y.com', '*.x.y.com')
  const request = record({
    host: constantFrom('x.y.com', 'z.x.y.com', 'q.y.com'),
    path: path.map((text) => text.replaceAll('*', 'c')),
  })
  const one = record({ host, path, methods: constantFrom([], ['GET'], ['POST']) })
  assertProperty(
    property(array(one, { maxLength: 12 }), request, (routes, asked) => {
      const unique = new Map(routes.map((it) => [`${it.host}${it.path}${it.methods}`, route(it.host, it.path, it)]))
      const expected = [...unique.values()]
        .filter((it) => matches(it, asked))
        .toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1))[0]
      expect(tableOf(...unique.values()).find(asked.host, 'GET', asked.path)?.route).toBe(expected)
    }),
  )
})

/** By definition, one route at a time. */
function matches({ host, path, methods }: HttpRoute, asked: { host: string; path: string }): boolean {
  if (methods.length > 0 && !methods.includes('GET')) return false
  if (!(host.startsWith('*') ? asked.host.endsWith(host.slice(1)) : asked.host === host)) return false
  const parts = path.split('/').filter(Boolean)
  const source = parts.map((part, index) =>
    part !== '*' ? `/${part}` : index === parts.length - 1 ? '(/.*)?' : '/[^/]+',
  )
  return new RegExp(`^${source.join('')}/?$`).test(asked.path)
}

/** Less is more specific: host, then segment by segment, then method. */
function rank({ host, path, methods }: HttpRoute): string {
  const parts = path.split('/').filter(Boolean)
  const segments = parts.map((part, index) => (part !== '*' ? '0' : index < parts.length - 1 ? '1' : '3'))
  return [
    host.startsWith('*') ? 9 - host.split('.').length : 0,
    `${segments.join('')}2`,
    methods.length === 0 ? 1 : 0,
  ].join(' ')
}

test('a route put again is where it is now, and nowhere once removed', () => {
  const first = route('a.com', '/x')
  const table = tableOf(first)
  const moved = { ...first, host: '*.b.com', path: '/y' }
  table.put(moved)
  expect([table.hasHost('a.com'), table.hasHost('q.b.com')]).toEqual([false, true])
  expect(table.find('q.b.com', 'GET', '/y')?.route).toBe(moved)
  expect(table.find('q.b.com', 'GET', '/x')).toBeUndefined()
  table.remove(first.routeId)
  expect([table.isEmpty, table.hasHost('q.b.com')]).toEqual([true, false])
})

test('a request is for a route by its host alone, and never if the host is the server’s own', () => {
  const table = new RouteTable()
  const isRoute = createRouteHostTest({ host: '127.0.0.1', apiHosts: ['api.a.com'], functionUrlBase: undefined }, table)
  expect(isRoute('w.a.com')).toBe(false)
  const one = route('*.a.com', '/x')
  table.put(one)
  // In this order: what the test keeps of one host must not hold for the next, or after a change.
  expect(
    ['w.a.com', 'w.a.com:80', 'api.a.com', 'localhost:9000', 'localhost:9000', 'W.a.com'].map((host) => isRoute(host)),
  ).toEqual([true, true, false, false, false, true])
  expect(isRoute('b.com')).toBe(false)
  table.put(route('b.com', '/'))
  expect(isRoute('b.com')).toBe(true)
  expect(isRoute(undefined)).toBe(false)
})

test('ten thousand routes do not make it slow', () => {
  const table = new RouteTable()
  const hosts = Array.from({ length: 100 }, (_, index) => `h${index}.example.com`)
  for (const host of hosts) for (let index = 0; index < 100; index++) table.put(route(host, `/a/${index}/*`))
  const find = (count: number): number => {
    const began = performance.now()
    for (let index = 0; index < count; index++)
      if (table.find(hosts[index % 100] ?? '', 'GET', `/a/${index % 100}/x`) === undefined) throw new Error('not found')
    return performance.now() - began
  }
  find(10_000)
  // 2 us each on a quiet machine; a scan of the routes would take 100 times as long.
  expect(find(10_000)).toBeLessThan(1_000)
})
