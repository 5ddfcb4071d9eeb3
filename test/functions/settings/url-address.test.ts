import { expect, it } from 'vitest'
import { configFromEnvironment, configSchema } from '../../../src/config.ts'
import { createUrlAddress, newUrlId } from '../../../src/functions/settings/url-address.ts'

const addressOf = (config: Record<string, unknown>, publicUrl?: string) =>
  createUrlAddress({ config: configSchema.parse(config), publicUrl: () => publicUrl })('id')

it('is below localhost at the port that the server has', () => {
  expect(addressOf({ port: 0 }, 'http://127.0.0.1:4321')).toBe('http://id.lambda-url.us-east-1.localhost:4321/')
  expect(addressOf({ region: 'eu-west-1' }, 'http://[::1]:80')).toBe('http://id.lambda-url.eu-west-1.localhost/')
})

it('takes the configured port before the server listens', () => {
  expect(addressOf({ port: 9_000 })).toBe('http://id.lambda-url.us-east-1.localhost:9000/')
})

it('takes a name or a URL from the configuration', () => {
  expect(addressOf({ functionUrlBase: 'fn.test' }, 'http://127.0.0.1:4321')).toBe('http://id.fn.test:4321/')
  expect(addressOf({ functionUrlBase: 'https://fn.test' }, 'http://127.0.0.1:4321')).toBe('https://id.fn.test/')
  expect(addressOf({ functionUrlBase: 'http://fn.test:81/' })).toBe('http://id.fn.test:81/')
  expect(configFromEnvironment({ THAW_FUNCTION_URL_BASE: 'fn.test' }).functionUrlBase).toBe('fn.test')
  expect(() => configFromEnvironment({ THAW_FUNCTION_URL_BASE: 'ftp://fn.test' })).toThrow('functionUrlBase')
})

it('gives every URL an id of its own', () => {
  const ids = Array.from({ length: 1_000 }, newUrlId)
  expect(new Set(ids).size).toBe(1_000)
  for (const id of ids) expect(id).toMatch(/^[a-z0-9]{32}$/)
})
