import { connect } from 'amqplib'
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { createRabbitDriver } from '../../../src/events/sources/rabbitmq.ts'
import type { BrokerHarness } from './harness.ts'

const record = z.object({ data: z.string() })

export const rabbitmq: BrokerHarness = {
  name: 'RabbitMQ',
  service: 'mq',
  scheme: 'amqp',
  credentials: 'guest:guest',
  port: 5672,
  create: createRabbitDriver,
  missing: { resource: 'broker:main', queues: ['no-such-queue'] },
  keyed: false,
  bodyOf: (json) => Buffer.from(record.parse(json).data, 'base64'),
  async prepare(port, broker) {
    const url = `amqp://guest:guest@127.0.0.1:${port}`
    const dial = async () => {
      const connection = await connect(url)
      connection.on('error', () => {})
      const channel = await connection.createConfirmChannel()
      channel.on('error', () => {})
      return { connection, channel }
    }
    let current = await dial()
    const queue = `thaw-test-${randomUUID()}`
    await current.channel.assertQueue(queue, { durable: true })
    return {
      resource: `broker:${broker}`,
      queues: [queue],
      async publish(key, body) {
        const messageId = randomUUID()
        const send = async () => {
          current.channel.sendToQueue(queue, Buffer.from(body), { headers: { key }, persistent: true, messageId })
          await current.channel.waitForConfirms()
        }
        // The broker may have been away; a second attempt may make it twice, which publishers have to live with.
        await send().catch(async () => {
          current = await dial()
          await send()
        })
      },
      async [Symbol.asyncDispose]() {
        await current.connection.close().catch(() => {})
        const { connection, channel } = await dial()
        await channel.deleteQueue(queue)
        await connection.close()
      },
    }
  },
}
