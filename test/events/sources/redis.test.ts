import { createClient } from '@redis/client'
import { describe, expect, test } from 'vitest'
import { describeSource } from './contract.ts'
import { receiveAll, receiveNow, settingsFor } from './harness.ts'
import { redis } from './redis.harness.ts'
import { isMissingService } from './services.ts'
import { startSource } from './start.ts'

await describeSource(redis)

describe.skipIf(await isMissingService(redis.port))('Redis Streams', () => {
  const connect = async () => {
    const client = createClient({ url: `redis://127.0.0.1:${redis.port}`, RESP: 2 })
    await client.connect()
    return { client, [Symbol.asyncDispose]: async () => client.destroy() }
  }
  const keyOf = (resource: string): string => resource.replace('main/', '')
  const bodies = (records: { json: unknown }[]) => records.map(({ json }) => redis.bodyOf(json).toString())

  test('a record shows its fields; what is no text as base64', async () => {
    await using it = await startSource(redis)
    await it.publish('sensor', '{"celsius":21}')
    await it.publish('sensor', Buffer.from([255]))
    const [text, binary] = await receiveAll(it.source, 2)
    const key = keyOf(it.resource)
    expect(text).toMatchObject({ orderKey: key, filterable: { data: { key: 'sensor', body: { celsius: 21 } } } })
    expect(text?.json).toEqual({
      eventID: `${key}:${text?.id}`,
      eventName: 'thaw:redis:record',
      eventSource: 'thaw:redis',
      eventSourceARN: it.settings.eventSourceArn,
      redis: {
        stream: key,
        sequenceNumber: text?.id,
        approximateArrivalTimestamp: (text?.createdAt ?? 0) / 1_000,
        fields: { key: 'sensor', body: '{"celsius":21}' },
      },
    })
    expect(text?.id).toMatch(/^\d+-\d+$/)
    expect(binary?.json).toMatchObject({ redis: { fields: { key: 'sensor' }, binaryFields: { body: '/w==' } } })
  })

  test('LATEST begins with what comes after, AT_TIMESTAMP with what came since', async () => {
    await using latest = await startSource(redis, { changes: { startingPosition: 'LATEST' }, before: ['old'] })
    await latest.publish('k', 'new')
    expect(bodies(await receiveAll(latest.source, 1, 10))).toEqual(['new'])

    const settings = { ...latest.settings, uuid: crypto.randomUUID() }
    const at = {
      ...settings,
      startingPosition: 'AT_TIMESTAMP',
      startingPositionTimestamp: Date.now() - 60_000,
    } as const
    await using since = await latest.driver.open(at)
    expect(bodies(await receiveAll(since, 2, 10))).toEqual(['old', 'new'])
  })

  test('what another consumer of the group took and dropped is taken over; what is fresh with it is not', async () => {
    await using it = await startSource(redis)
    await it.source[Symbol.asyncDispose]()
    const key = keyOf(it.resource)
    const group = it.settings.uuid
    await it.publish('k', 'dropped')
    await it.publish('k', 'fresh')
    await using other = await connect()
    await other.client.xReadGroup(group, 'another', { key, id: '>' }, { COUNT: 2 })
    const [first] = (await other.client.xRange(key, '-', '+')) ?? []
    await other.client.sendCommand(['XCLAIM', key, group, 'another', '0', first?.id ?? '', 'IDLE', '31000', 'JUSTID'])
    await using again = await it.reopen()
    expect(bodies(await receiveAll(again, 1, 10))).toEqual(['dropped'])
    expect(await receiveNow(again)).toEqual([])
  })

  test('entries that were deleted while pending are passed over', async () => {
    await using it = await startSource(redis)
    for (const body of ['1', '2', '3']) await it.publish('k', body)
    const [, second] = await receiveAll(it.source, 3)
    await it.source[Symbol.asyncDispose]()
    await using other = await connect()
    await other.client.xDel(keyOf(it.resource), second?.id ?? '')
    await using again = await it.reopen()
    const records = await receiveAll(again, 2, 10)
    expect(bodies(records)).toEqual(['1', '3'])
    await again.acknowledge(records)
    expect(await other.client.xPending(keyOf(it.resource), it.settings.uuid)).toMatchObject({ pending: 0 })
  })

  test('a stream that is deleted and made again is read from its beginning', async () => {
    await using it = await startSource(redis)
    await it.publish('k', 'before')
    await it.source.acknowledge(await receiveAll(it.source, 1))
    await using other = await connect()
    await other.client.del(keyOf(it.resource))
    await it.publish('k', 'after')
    expect(bodies(await receiveAll(it.source, 1))).toEqual(['after'])
  })

  test('extending tells the server that the record is in work', async () => {
    await using it = await startSource(redis)
    await it.publish('k', '1')
    const records = await receiveAll(it.source, 1)
    const key = keyOf(it.resource)
    const group = it.settings.uuid
    await using other = await connect()
    const id = records[0]?.id ?? ''
    await other.client.sendCommand(['XCLAIM', key, group, 'thaw', '0', id, 'IDLE', '60000', 'JUSTID'])
    await it.source.extend(records)
    const [pending] = await other.client.xPendingRange(key, group, '-', '+', 1)
    expect(pending).toMatchObject({ id, consumer: 'thaw' })
    expect(pending?.millisecondsSinceLastDelivery).toBeLessThan(30_000)
  })

  test('a removed mapping leaves no group behind; what is no stream is refused', async () => {
    await using it = await startSource(redis)
    await using other = await connect()
    await it.source[Symbol.asyncDispose]()
    await it.driver.remove?.(it.settings)
    expect(await other.client.xInfoGroups(keyOf(it.resource))).toEqual([])
    const text = `${keyOf(it.resource)}-text`
    await other.client.set(text, 'x')
    try {
      const check = it.driver.check(settingsFor(redis, { resource: `main/${text}` }))
      await expect(check).rejects.toThrow('is no stream but a string')
    } finally {
      await other.client.del(text)
    }
  })
})
