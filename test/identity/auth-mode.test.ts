import { expect, test } from 'vitest'
import { authModeOf, devCaller } from '../../src/identity/auth-mode.ts'

test.each(['127.0.0.1', '127.8.9.10', '::1', 'localhost'])('%s is loopback: dev mode unless told otherwise', (host) => {
  expect(authModeOf({ auth: 'auto', host })).toBe('dev')
  expect(authModeOf({ auth: 'dev', host })).toBe('dev')
  expect(authModeOf({ auth: 'accounts', host })).toBe('accounts')
})

test.each([
  '0.0.0.0',
  '::',
  '10.0.0.1',
  '128.0.0.1',
  '192.168.127.0',
  '::ffff:127.0.0.1',
  'example.com',
  '127.0.0.1.example.com',
  '',
])('%s is public: accounts, and dev mode is refused', (host) => {
  expect(authModeOf({ auth: 'auto', host })).toBe('accounts')
  expect(() => authModeOf({ auth: 'dev', host })).toThrow("Dev mode takes anybody's requests")
})

test('in dev mode everybody is the one account', () => {
  const accountId = '123456789012'
  expect(devCaller({ auth: 'auto', host: 'localhost', accountId })).toEqual({ accountId, accessKeyId: undefined })
  expect(devCaller({ auth: 'accounts', host: 'localhost', accountId })).toBeUndefined()
})
