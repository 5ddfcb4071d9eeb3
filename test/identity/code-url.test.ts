import { beforeEach, expect, test } from 'vitest'
import { ThawError } from '../../src/errors.ts'
import { createCodeUrls, type CodeUrls } from '../../src/identity/code-url.ts'

let now: Date
let urls: CodeUrls
beforeEach(() => {
  now = new Date('2026-01-31T12:00:00Z')
  urls = createCodeUrls({ derive: () => Buffer.alloc(32, 1) }, { now: () => now })
})

const path = '/_thaw/functions/f/code'
const get = (url: string) => urls.callerOf({ method: 'GET', url })
/** Undefined too if it is refused. */
const callerOf = (url: string) => {
  try {
    return get(url)
  } catch (error) {
    if (error instanceof ThawError) return undefined
    throw error
  }
}
const later = (ms: number) => new Date(now.getTime() + ms)

test('whoever has it acts as the account that it was made for, for ten minutes', () => {
  const url = urls.sign(path, '111111111111', 'live')
  expect(url).toMatch(
    /^\/_thaw\/functions\/f\/code\?Account=111111111111&Qualifier=live&Expires=\d+&Signature=[0-9a-f]{64}$/,
  )
  expect(get(url)).toEqual({ accountId: '111111111111', accessKeyId: undefined })
  expect(urls.callerOf({ method: 'HEAD', url })).toBeDefined()
  now = later(600_000)
  expect(get(url)).toBeDefined()
  now = later(1)
  expect(() => get(url)).toThrow('Request has expired')
})

test('is for reading only', () => {
  expect(() => urls.callerOf({ method: 'POST', url: urls.sign(path, '1', undefined) })).toThrow('Access Denied')
})

test('does not hold with any byte of it changed', () => {
  const url = urls.sign(path, '111111111111', '$LATEST')
  for (let index = '/_thaw/'.length; index < url.length; index++) {
    const altered = `${url.slice(0, index)}${url[index] === '1' ? '2' : '1'}${url.slice(index + 1)}`
    expect(callerOf(altered)).toBeUndefined()
  }
  expect(() => get(`${url}0`)).toThrow('Access Denied')
  expect(() => get(url.replace('&Signature', '&Account=222222222222&Signature'))).toThrow('Access Denied')
})

test('is made with the key of this server', () => {
  const other = createCodeUrls({ derive: () => Buffer.alloc(32, 2) }, { now: () => now })
  expect(() => get(other.sign(path, '111111111111', undefined))).toThrow('Access Denied')
})

test.each([
  '/_thaw/functions/f/code',
  '/2015-03-31/functions/f?Signature=x',
  '/2015-03-31/functions/f?a=1&Signature=x',
])('a request that is no such link is left to its own signature: %s', (url) => {
  expect(get(url)).toBeUndefined()
})
