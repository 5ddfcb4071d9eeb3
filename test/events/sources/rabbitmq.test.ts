import { connect } from 'amqplib'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { SourceRecord } from '../../../src/events/sources/source.ts'
import { describeSource } from './contract.ts'
import { driverAt, numbers, receiveAll, receiveNow, settingsFor } from './harness.ts'
import { startProxy } from './proxy.ts'
import { rabbitmq } from './rabbitmq.harness.ts'
import { isMissingService } from './services.ts'

await describeSource(rabbitmq)

describe.skipIf(await isMissingService(rabbitmq.port))('RabbitMQ', () => {
  /** A queue of the test's own, and how to fill it. */
  const queueOf = async (queueArguments: Record<string, unknown> = {}) => {
    const connection = await connect(`amqp://guest:guest@127.0.0.1:${rabbitmq.port}`)
    const channel = await connection.createConfirmChannel()
    const queue = `thaw-test-${randomUUID()}`
    await channel.assertQueue(queue, { durable: true, arguments: queueArguments })
    const settings = settingsFor(rabbitmq, { resource: 'broker:main', queues: [queue] })
    return {
      channel,
      queue,
      settings,
      open: (port = rabbitmq.port) => driverAt(rabbitmq, port).open(settings),
      async send(body: string, options: Parameters<typeof channel.sendToQueue>[2] = {}) {
        channel.sendToQueue(queue, Buffer.from(body), options)
        await channel.waitForConfirms()
      },
      async [Symbol.asyncDispose]() {
        await channel.deleteQueue(queue)
        await connection.close()
      },
    }
  }
  const bodies = (records: readonly SourceRecord[]) => records.map(({ json }) => rabbitmq.bodyOf(json).toString())

  test("the event has the shape of Lambda's for Amazon MQ", async () => {
    await using queue = await queueOf()
    await queue.send('{"timeout":0,"data":"CZrmf0Gw8Ov4bqLQxD4E"}', {
      contentType: 'text/plain',
      persistent: true,
      priority: 34,
      expiration: '60000',
      timestamp: 45_221,
      userId: 'guest',
      headers: { header1: 'value1', numberInHeader: 10, nested: { list: ['a', 1, true] } },
    })
    await using source = await queue.open()
    const records = await receiveAll(source, 1)
    expect(source.event(records)).toEqual({
      eventSource: 'aws:rmq',
      eventSourceArn: 'arn:aws:mq:us-east-1:111111111111:broker:main',
      rmqMessagesByQueue: {
        [`${queue.queue}::/`]: [
          {
            basicProperties: {
              contentType: 'text/plain',
              contentEncoding: null,
              headers: {
                header1: { bytes: [118, 97, 108, 117, 101, 49] },
                numberInHeader: 10,
                nested: { list: [{ bytes: [97] }, 1, true] },
              },
              deliveryMode: 2,
              priority: 34,
              correlationId: null,
              replyTo: null,
              expiration: '60000',
              messageId: null,
              timestamp: 'Jan 1, 1970, 12:33:41 PM',
              type: null,
              userId: 'guest',
              appId: null,
              clusterId: null,
              bodySize: 43,
            },
            redelivered: false,
            data: Buffer.from('{"timeout":0,"data":"CZrmf0Gw8Ov4bqLQxD4E"}').toString('base64'),
          },
        ],
      },
    })
    expect(records[0]).toMatchObject({
      orderKey: undefined,
      createdAt: 45_221_000,
      filterable: { data: { timeout: 0, data: 'CZrmf0Gw8Ov4bqLQxD4E' } },
    })
  })

  test('messages that are alike are told apart, also when the connection is lost', async () => {
    await using proxy = await startProxy(rabbitmq.port)
    await using queue = await queueOf()
    for (let sent = 0; sent < 4; sent++) await queue.send('same')
    await using source = await queue.open(proxy.port)
    const records = await receiveAll(source, 3, 3)
    expect(new Set(records.map(({ id }) => id)).size).toBe(3)
    await source.acknowledge(records.slice(0, 1))
    proxy.cut()
    proxy.restore()
    // The fourth may be with us already, the second and third come again and are known.
    const [fourth] = await receiveAll(source, 1)
    expect(bodies(fourth === undefined ? [] : [fourth])).toEqual(['same'])
    expect(await receiveNow(source)).toEqual([])
    await source.acknowledge([...records.slice(1), ...(fourth === undefined ? [] : [fourth])])
    await source[Symbol.asyncDispose]()
    expect(await queue.channel.checkQueue(queue.queue)).toMatchObject({ messageCount: 0 })
  })

  test('as many messages as are asked for are with the mapping at once', async () => {
    await using queue = await queueOf()
    for (const number of numbers(1, 300)) queue.channel.sendToQueue(queue.queue, Buffer.from(number))
    await queue.channel.waitForConfirms()
    await using source = await queue.open()
    const first = await receiveAll(source, 10, 10)
    const rest = await receiveAll(source, 290, 290)
    expect(bodies([...first, ...rest]).toSorted()).toEqual(numbers(1, 300).toSorted())
    await source.acknowledge([...first, ...rest])
    await source[Symbol.asyncDispose]()
    expect(await queue.channel.checkQueue(queue.queue)).toMatchObject({ messageCount: 0 })
  })

  test('a quorum queue counts attempts for every consumer', async () => {
    await using queue = await queueOf({ 'x-queue-type': 'quorum' })
    await queue.send('one')
    await using source = await queue.open()
    const attempts: number[] = []
    for (let round = 0; round < 3; round++) {
      const records = await receiveAll(source, 1)
      attempts.push(...records.map(({ attempt }) => attempt))
      await source.release(records, 0)
    }
    await source[Symbol.asyncDispose]()
    await using again = await queue.open()
    expect(attempts).toEqual([1, 2, 3])
    expect((await receiveAll(again, 1)).map(({ attempt }) => attempt)).toEqual([4])
  })

  test('a message that fails again and again does not come back at once', async () => {
    await using queue = await queueOf()
    await queue.send('poison')
    await using source = await queue.open()
    const since = performance.now()
    await source.release(await receiveAll(source, 1), undefined)
    expect(await receiveAll(source, 1)).toMatchObject([{ attempt: 2 }])
    expect(performance.now() - since).toBeGreaterThan(990)
  })

  test('says so when the queue is deleted, and finds it when it is there again', async () => {
    await using queue = await queueOf()
    await using source = await queue.open()
    expect(await receiveNow(source, 50)).toEqual([])
    await queue.channel.deleteQueue(queue.queue)
    const read = async () => {
      const signal = AbortSignal.timeout(20_000)
      while (!signal.aborted) await source.receive({ max: 1, waitMs: 100, signal })
    }
    await expect(read()).rejects.toMatchObject({ code: 'ResourceNotFound' })
    await queue.channel.assertQueue(queue.queue, { durable: true })
    await queue.send('again')
    const until = AbortSignal.timeout(20_000)
    let records: SourceRecord[] = []
    while (records.length === 0 && !until.aborted)
      records = await source.receive({ max: 1, waitMs: 100, signal: until }).catch(async () => {
        await sleep(20)
        return []
      })
    expect(bodies(records)).toEqual(['again'])
  })

  test("Amazon's own ARNs are understood; exactly one queue has to be named", async () => {
    await using queue = await queueOf()
    const { settings } = queue
    const driver = driverAt(rabbitmq, rabbitmq.port)
    await driver.check({
      ...settings,
      eventSourceArn: `${settings.eventSourceArn}:b-9bcfa592-423a-4942-879d-eb284b418fc8`,
    })
    await expect(driver.check({ ...settings, queues: [] })).rejects.toThrow('exactly one queue')
    await expect(driver.check({ ...settings, queues: ['a', 'b'] })).rejects.toThrow('exactly one queue')
  })
})
