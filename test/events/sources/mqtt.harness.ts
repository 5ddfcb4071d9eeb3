import { connectAsync } from 'mqtt'
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { createMqttDriver } from '../../../src/events/sources/mqtt.ts'
import type { BrokerHarness } from './harness.ts'

const record = z.object({ mqtt: z.object({ data: z.string() }) })

export const mqtt: BrokerHarness = {
  name: 'MQTT',
  service: 'mqtt',
  scheme: 'mqtt',
  port: 1883,
  create: createMqttDriver,
  keyed: true,
  bodyOf: (json) => Buffer.from(record.parse(json).mqtt.data, 'base64'),
  async prepare(port, broker) {
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 100 })
    client.on('error', () => {})
    const topic = `thaw-test/${randomUUID()}`
    return {
      resource: `${broker}/${topic}/#`,
      async publish(key, body) {
        await client.publishAsync(`${topic}/${key}`, body, { qos: 1 })
      },
      async [Symbol.asyncDispose]() {
        await client.endAsync(!client.connected)
      },
    }
  },
}
