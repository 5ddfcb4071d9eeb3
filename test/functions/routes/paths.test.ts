import { expect, test } from 'vitest'
import {
  parseRoutePath,
  pathParameters,
  patternSegments,
  requestSegments,
} from '../../../src/functions/routes/paths.ts'

test.each([
  ['/', '/'],
  ['/*', '/*'],
  ['/users/', '/users'],
  ['//users///*', '/users/*'],
  ['/users/*/posts', '/users/*/posts'],
  ['/café', '/caf%C3%A9'],
  ['/caf%c3%a9', '/caf%C3%A9'],
  ['/%61%2Ab', '/a%2Ab'],
  ["/@scope/a+b:c,d;e=f$g&h!i'j(k)", "/@scope/a+b:c,d;e=f$g&h!i'j(k)"],
])('%s is written %s', (text, path) => {
  expect(parseRoutePath(text)).toBe(path)
  expect(parseRoutePath(path)).toBe(path)
})

test.each([
  ['users', 'begin with a slash'],
  ['', 'begin with a slash'],
  ['/users/{id}', 'no named parameters'],
  ['/a?b', 'no query'],
  ['/a#b', 'no query'],
  ['/a*', 'whole segment'],
  ['/**', 'whole segment'],
  ['/%zz', 'percent-decoded'],
  ['/a/../b', 'no request'],
  ['/a/%2e/b', 'no request'],
  ['/a%2Fb', 'no request'],
  ['/a%00b', 'no request'],
  [`/${'a'.repeat(512)}`, 'at most 512 characters'],
  ['/a'.repeat(33), 'at most 32 segments'],
])('%j is refused: %s', (text, rule) => {
  const message = expect.stringContaining(rule)
  expect(() => parseRoutePath(text)).toThrow(expect.objectContaining({ code: 'InvalidParameterValue', message }))
})

test.each([
  ['/', []],
  ['/a/b/', ['a', 'b']],
  ['//a//b', ['a', 'b']],
  ['/caf%C3%A9/%2A', ['café', '*']],
  ['/a%2Fb', ['a/b']],
  ['/a..b/.c/...', ['a..b', '.c', '...']],
])('a request for %s has segments %j', (path, segments) => expect(requestSegments(path)).toEqual(segments))

test.each(['*', 'http://a/b', '/a/../b', '/.', '/a/%2e%2E', '/a/x%2f..%2fadmin', '/..%5cadmin', '/%ff'])(
  'a request for %s is for no route',
  (path) => expect(requestSegments(path)).toBeUndefined(),
)

test.each([
  ['/users/*', '/users/a%20b/c', { proxy: 'a b/c' }],
  ['/users/*', '/users', undefined],
  ['/*/posts/*/x', '/u/posts/p/x', { 1: 'u', 2: 'p' }],
  ['/*/posts/*', '/u/posts/p/x', { 1: 'u', proxy: 'p/x' }],
  ['/users', '/users', undefined],
])('the wildcards of %s in %s', (pattern, path, expected) => {
  expect(pathParameters(patternSegments(pattern), requestSegments(path) ?? [])).toEqual(expected)
})
