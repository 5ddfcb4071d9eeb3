import { expect, test } from 'vitest'
import { createBrokerAddresses, credentialsOf, parseSourceArn } from '../../../src/events/sources/broker-arn.ts'

const arn = (accountId: string) => `arn:aws:nats:us-east-1:${accountId}:main/stream/>`
const by = (accountId: string) => ({ accountId, eventSourceArn: arn(accountId) })

test('an ARN has its parts, the resource with all its colons and slashes', () => {
  expect(parseSourceArn('arn:aws:mq:us-gov-west-1:111111111111:broker:main:b-1')).toEqual({
    service: 'mq',
    region: 'us-gov-west-1',
    accountId: '111111111111',
    resource: 'broker:main:b-1',
  })
  expect(parseSourceArn('arn:aws:nats:us-east-1:1:main')).toBeUndefined()
  expect(parseSourceArn('nats://host')).toBeUndefined()
})

test('a broker is found by its name, for the accounts that it is for', () => {
  const brokers = createBrokerAddresses(
    { main: 'nats://u:p@host:4222#accounts=111111111111,222222222222', all: 'nats://other' },
    'us-east-1',
  )
  expect(brokers.locate('main', by('111111111111'), ['nats:']).href).toBe('nats://u:p@host:4222')
  expect(brokers.locate('main', by('222222222222'), ['nats:']).host).toBe('host:4222')
  expect(brokers.locate('all', by('333333333333'), ['nats:']).host).toBe('other')
  const refused = [
    () => brokers.locate('main', by('333333333333'), ['nats:']),
    () => brokers.locate('none', by('111111111111'), ['nats:']),
    () => brokers.locate('main', by('111111111111'), ['mqtt:']),
  ].map((locate) => {
    try {
      return locate()
    } catch (error) {
      return String(error).replace('none', 'main')
    }
  })
  // One cannot be told from another.
  expect(new Set(refused)).toEqual(
    new Set(['ThawError: The event source ARN names the broker "main", which is not available to this account.']),
  )
})

test('an address that is given out is the taker’s to change', () => {
  const brokers = createBrokerAddresses({ main: 'mqtt://u:p%40@host' }, 'us-east-1')
  const url = brokers.locate('main', by('111111111111'), ['mqtt:'])
  expect(credentialsOf(url)).toEqual({ username: 'u', password: 'p@' })
  url.username = ''
  expect(credentialsOf(brokers.locate('main', by('111111111111'), ['mqtt:'])).username).toBe('u')
})
