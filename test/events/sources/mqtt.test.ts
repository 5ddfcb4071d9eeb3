import { connectAsync } from 'mqtt'
import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { isTopicFilter } from '../../../src/events/sources/mqtt-target.ts'
import { describeSource } from './contract.ts'
import { receiveAll, receiveNow, settingsFor } from './harness.ts'
import { mqtt } from './mqtt.harness.ts'
import { isMissingService } from './services.ts'
import { startSource } from './start.ts'

await describeSource(mqtt)

describe.skipIf(await isMissingService(mqtt.port))('MQTT', () => {
  const connect = async () => {
    const client = await connectAsync(`mqtt://127.0.0.1:${mqtt.port}`)
    return { client, [Symbol.asyncDispose]: () => client.endAsync() }
  }
  const topicOf = (resource: string): string => resource.replace('main/', '').replace('/#', '')
  const bodies = (records: { json: unknown }[]) => records.map(({ json }) => mqtt.bodyOf(json).toString())

  test('a record shows its topic', async () => {
    await using it = await startSource(mqtt)
    await it.publish('kitchen/temperature', '{"celsius":21}')
    const [record] = await receiveAll(it.source, 1)
    const topic = `${topicOf(it.resource)}/kitchen/temperature`
    expect(record).toMatchObject({ orderKey: topic, filterable: { topic, data: { celsius: 21 } } })
    expect(record?.json).toEqual({
      eventID: record?.id,
      eventName: 'thaw:mqtt:record',
      eventSource: 'thaw:mqtt',
      eventSourceARN: it.settings.eventSourceArn,
      mqtt: {
        topic,
        sequenceNumber: record?.id,
        approximateArrivalTimestamp: (record?.createdAt ?? 0) / 1_000,
        qos: 1,
        retain: false,
        duplicate: false,
        data: Buffer.from('{"celsius":21}').toString('base64'),
      },
    })
  })

  test('what is published while nobody is there waits for the mapping', async () => {
    await using it = await startSource(mqtt)
    await it.source[Symbol.asyncDispose]()
    await it.publish('k', 'meanwhile')
    await using again = await it.reopen()
    expect(bodies(await receiveAll(again, 1))).toEqual(['meanwhile'])
  })

  test('a message that is in work holds up no other, though it was first', async () => {
    await using it = await startSource(mqtt)
    // More than a broker sends ahead of its acknowledgements (Mosquitto: 20).
    for (let number = 0; number < 60; number++) await it.publish(`k${number}`, String(number))
    const [slow] = await receiveAll(it.source, 1, 1)
    const seen: string[] = []
    while (seen.length < 59) {
      const records = await receiveAll(it.source, 1, 10)
      await it.source.acknowledge(records)
      seen.push(...bodies(records))
    }
    await it.source[Symbol.asyncDispose]()
    await using again = await it.reopen()
    expect(await receiveAll(again, 1, 10)).toMatchObject([{ id: slow?.id, attempt: 2 }])
    expect(await receiveNow(again)).toEqual([])
  })

  test('messages that are alike are told apart', async () => {
    await using it = await startSource(mqtt)
    for (let sent = 0; sent < 3; sent++) await it.publish('k', 'same')
    const records = await receiveAll(it.source, 3)
    expect(new Set(records.map(({ id }) => id)).size).toBe(3)
    await it.source.acknowledge(records.slice(0, 2))
    await it.source[Symbol.asyncDispose]()
    await using again = await it.reopen()
    expect(bodies(await receiveAll(again, 1, 10))).toEqual(['same'])
    expect(await receiveNow(again)).toEqual([])
  })

  test('QoS 0 is taken as it comes; retained messages come once', async () => {
    await using publisher = await connect()
    const topic = `thaw-test/${randomUUID()}`
    await publisher.client.publishAsync(`${topic}/retained`, 'kept', { qos: 1, retain: true })
    try {
      await using it = await startSource(mqtt)
      const settings = settingsFor(mqtt, { resource: `main/${topic}/+` })
      const source = await it.driver.open(settings)
      try {
        await publisher.client.publishAsync(`${topic}/now`, 'passing', { qos: 0 })
        const records = await receiveAll(source, 2)
        expect(bodies(records)).toEqual(['kept', 'passing'])
        await source.acknowledge(records)
        await source[Symbol.asyncDispose]()
        await using again = await it.driver.open(settings)
        expect(await receiveNow(again)).toEqual([])
      } finally {
        await source[Symbol.asyncDispose]()
        await it.driver.remove?.(settings)
      }
    } finally {
      await publisher.client.publishAsync(`${topic}/retained`, '', { qos: 1, retain: true })
    }
  })

  test('a removed mapping leaves no session behind', async () => {
    await using it = await startSource(mqtt)
    await it.source[Symbol.asyncDispose]()
    await it.driver.remove?.(it.settings)
    // Kept for a session, if there were one.
    await it.publish('k', 'meanwhile')
    await using again = await it.reopen()
    await it.publish('k', 'after')
    expect(bodies(await receiveAll(again, 1))).toEqual(['after'])
  })

  test('goes on when the broker has lost the session', async () => {
    await using it = await startSource(mqtt)
    await it.publish('k', 'before')
    const held = await receiveAll(it.source, 1)
    // Another with its name and a clean session: the broker forgets what it kept for this one and ends its connection.
    const thief = await connectAsync(`mqtt://127.0.0.1:${mqtt.port}`, {
      clientId: `thaw-${it.settings.uuid}`,
      clean: true,
    })
    thief.options.reconnectPeriod = 0
    if (thief.connected) await new Promise((resolve) => thief.on('close', () => resolve(undefined)))
    await thief.endAsync(true)
    await it.source.acknowledge(held)
    const seen: string[] = []
    const until = AbortSignal.timeout(20_000)
    // Until the mapping has subscribed anew, what is published has nobody to wait for.
    while (!seen.includes('after') && !until.aborted) {
      await it.publish('k', 'after')
      seen.push(...bodies(await receiveNow(it.source, 100)))
    }
    expect(seen).toContain('after')
    expect(seen).not.toContain('before')
  })

  test.each(['main/', 'main/a/#/b', 'main/a+', 'main/a/b#'])('%s is refused', async (resource) => {
    await using it = await startSource(mqtt)
    await expect(it.driver.check(settingsFor(mqtt, { resource }))).rejects.toThrow('of the form arn:aws:mqtt:')
  })
})

describe('topic filters', () => {
  test.each(['#', '+', 'a/+/b', '/a', 'a/#', 'a//b'])('%s is one', (filter) => expect(isTopicFilter(filter)).toBe(true))
  test.each(['a#', '#/a', 'a+/b', '\0'])('%j is none', (filter) => expect(isTopicFilter(filter)).toBe(false))
})
