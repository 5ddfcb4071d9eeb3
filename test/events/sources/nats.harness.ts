import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { createNatsDriver } from '../../../src/events/sources/nats.ts'
import type { BrokerHarness } from './harness.ts'

const record = z.object({ nats: z.object({ data: z.string() }) })

export const nats: BrokerHarness = {
  name: 'NATS JetStream',
  service: 'nats',
  scheme: 'nats',
  port: 4222,
  create: createNatsDriver,
  missing: { resource: 'main/no-such-stream/>' },
  keyed: true,
  bodyOf: (json) => Buffer.from(record.parse(json).nats.data, 'base64'),
  async prepare(port, broker) {
    const connection = await connect({ servers: `127.0.0.1:${port}`, maxReconnectAttempts: -1, reconnectTimeWait: 100 })
    const stream = `thaw-test-${randomUUID()}`
    await (await jetstreamManager(connection)).streams.add({ name: stream, subjects: [`${stream}.>`] })
    return {
      resource: `${broker}/${stream}/>`,
      async publish(key, body) {
        await jetstream(connection).publish(`${stream}.${key}`, body)
      },
      async [Symbol.asyncDispose]() {
        await (await jetstreamManager(connection)).streams.delete(stream)
        await connection.close()
      },
    }
  },
}
