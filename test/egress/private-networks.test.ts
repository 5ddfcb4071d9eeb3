import { expect, test } from 'vitest'
import { parseAllowList } from '../../src/egress/allow-list.ts'
import { forbiddenRule, parseNetwork, permittedRules } from '../../src/egress/private-networks.ts'

const permitted = ['10.1.0.0/16', 'fd00:1::/32'].flatMap((text) => parseNetwork(text) ?? [])

test.each([
  ['api.example.com', true],
  ['*.example.com', true],
  ['*', true],
  ['1.1.1.1', true],
  ['2606:4700::/32', true],
  ['10.1.2.3:80', true],
  ['10.1.2.0/24', true],
  ['fd00:1:2::1', true],
  ['10.2.0.1', false],
  ['10.0.0.0/8', false],
  ['0.0.0.0/0', false],
  ['8.0.0.0/6', false],
  ['169.254.169.254', false],
  ['0xa9fea9fe', false],
  ['[::ffff:10.2.0.1]', false],
  ['fd00::/8', false],
  ['::/0', false],
  ['2000::/3', false],
  ['localhost', false],
  ['tcp://127.0.0.1:25', false],
])('with 10.1.0.0/16 and fd00:1::/32 opened, %s is permitted: %s', (entry, isPermitted) => {
  const text = entry.includes('::') && !entry.includes('[') && !entry.includes('/') ? `[${entry}]` : entry
  const rules = parseAllowList([text])
  expect(forbiddenRule(rules, permitted) === undefined).toBe(isPermitted)
  expect(permittedRules(rules, permitted)).toEqual(isPermitted ? rules : { http: [], sockets: [] })
  expect(permittedRules(rules, 'all')).toBe(rules)
})

test('localhost is permitted where both loopback addresses are', () => {
  const loopback = ['127.0.0.0/8', '::1'].flatMap((text) => parseNetwork(text) ?? [])
  expect(forbiddenRule(parseAllowList(['localhost:8080']), loopback)).toBeUndefined()
})

test.each(['', '10.0.0.0/33', '10.0.0.0/', '10.0.0', 'fd00::/129', 'example.com', '10.0.0.0/-1'])(
  '%j is no network',
  (text) => {
    expect(parseNetwork(text)).toBeUndefined()
  },
)
