import { createClient } from '@redis/client'
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { createRedisDriver } from '../../../src/events/sources/redis.ts'
import type { BrokerHarness } from './harness.ts'

const values = z.record(z.string(), z.string())
const record = z.object({ redis: z.object({ fields: values, binaryFields: values.optional() }) })

export const redis: BrokerHarness = {
  name: 'Redis Streams',
  service: 'redis',
  scheme: 'redis',
  port: 6379,
  create: createRedisDriver,
  missing: { resource: 'main/no-such-stream' },
  keyed: false,
  bodyOf(json) {
    const { fields, binaryFields } = record.parse(json).redis
    return fields.body === undefined ? Buffer.from(binaryFields?.body ?? '', 'base64') : Buffer.from(fields.body)
  },
  async prepare(port, broker) {
    const client = createClient({ url: `redis://127.0.0.1:${port}` })
    client.on('error', () => {})
    await client.connect()
    const key = `thaw-test-${randomUUID()}`
    // There has to be a stream before a mapping is made.
    await client.xAdd(key, '*', { none: '' })
    await client.xTrim(key, 'MAXLEN', 0)
    return {
      resource: `${broker}/${key}`,
      async publish(orderKey, body) {
        await client.xAdd(key, '*', { key: orderKey, body })
      },
      async [Symbol.asyncDispose]() {
        await client.del(key)
        client.destroy()
      },
    }
  },
}
