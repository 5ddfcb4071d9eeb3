import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { describe, expect, test } from 'vitest'
import { isSubjectFilter, subjectsOverlap } from '../../../src/events/sources/nats-record.ts'
import { describeSource } from './contract.ts'
import { receiveAll, receiveNow, settingsFor } from './harness.ts'
import { nats } from './nats.harness.ts'
import { isMissingService } from './services.ts'
import { startSource } from './start.ts'

await describeSource(nats)

describe.skipIf(await isMissingService(nats.port))('NATS JetStream', () => {
  const manage = async () => {
    const connection = await connect({ servers: `127.0.0.1:${nats.port}` })
    const manager = await jetstreamManager(connection)
    return { ...manager, [Symbol.asyncDispose]: () => connection.close() }
  }
  const streamOf = (resource: string): string => resource.split('/')[1] ?? ''
  const bodies = (records: { json: unknown }[]) => records.map(({ json }) => nats.bodyOf(json).toString())

  test('a record shows where it comes from, and its headers', async () => {
    await using it = await startSource(nats)
    await it.publish('temperature', '{"celsius":21}')
    const [record] = await receiveAll(it.source, 1)
    const stream = streamOf(it.resource)
    expect(record).toMatchObject({
      id: '1',
      orderKey: `${stream}.temperature`,
      filterable: { subject: `${stream}.temperature`, data: { celsius: 21 } },
    })
    expect(record?.json).toEqual({
      eventID: `${stream}:1`,
      eventName: 'thaw:nats:record',
      eventSource: 'thaw:nats',
      eventSourceARN: it.settings.eventSourceArn,
      nats: {
        stream,
        subject: `${stream}.temperature`,
        sequenceNumber: '1',
        approximateArrivalTimestamp: expect.any(Number),
        headers: {},
        data: Buffer.from('{"celsius":21}').toString('base64'),
      },
    })
  })

  test('LATEST begins with what comes after, AT_TIMESTAMP with what came since', async () => {
    await using latest = await startSource(nats, { changes: { startingPosition: 'LATEST' }, before: ['old'] })
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

  test('only subjects that the filter matches are read', async () => {
    await using it = await startSource(nats)
    const stream = streamOf(it.resource)
    await using one = await it.driver.open(settingsFor(nats, { resource: `main/${stream}/${stream}.a.*` }))
    await it.publish('a', 'no')
    await it.publish('a.b', 'yes')
    await it.publish('b', 'no')
    expect(bodies(await receiveAll(one, 1, 10))).toEqual(['yes'])
    expect(await receiveNow(one)).toEqual([])
    const check = (resource: string) => it.driver.check(settingsFor(nats, { resource }))
    await check(`main/${stream}/${stream}.a.*`)
    await expect(check(`main/${stream}/elsewhere.>`)).rejects.toThrow('has no subjects that "elsewhere.>" matches')
    await expect(check(`main/${stream}/a..b`)).rejects.toThrow('of the form arn:aws:nats:')
  })

  test('a removed mapping leaves no consumer behind', async () => {
    await using it = await startSource(nats)
    await using manager = await manage()
    const names = async () => (await manager.consumers.list(streamOf(it.resource)).next()).map(({ name }) => name)
    expect(await names()).toEqual([it.settings.uuid])
    await it.source[Symbol.asyncDispose]()
    await it.driver.remove?.(it.settings)
    expect(await names()).toEqual([])
    // Once more, and without a broker: neither is an error.
    await it.driver.remove?.(it.settings)
  })

  test('says so when the stream is deleted', async () => {
    await using it = await startSource(nats)
    await it.publish('k', '1')
    const records = await receiveAll(it.source, 1)
    await using manager = await manage()
    await manager.streams.delete(streamOf(it.resource))
    const read = async () => {
      const signal = AbortSignal.timeout(20_000)
      while (!signal.aborted) await it.source.receive({ max: 1, waitMs: 100, signal })
    }
    await expect(read()).rejects.toMatchObject({ code: 'ResourceNotFound' })
    // There is nobody left to tell.
    await it.source.acknowledge(records)
    await manager.streams.add({ name: streamOf(it.resource), subjects: [`${streamOf(it.resource)}.>`] })
  })

  test('the consumer is left as a mapping that works wants it, also after a recovery', async () => {
    await using it = await startSource(nats)
    await it.publish('k', '1')
    await receiveAll(it.source, 1)
    await it.source[Symbol.asyncDispose]()
    await using again = await it.reopen()
    await receiveAll(again, 1)
    await it.publish('k', '2')
    await receiveAll(again, 1)
    await using manager = await manage()
    const { config } = await manager.consumers.info(streamOf(it.resource), it.settings.uuid)
    expect(config).toMatchObject({ ack_wait: 30_000_000_000, max_ack_pending: -1, ack_policy: 'explicit' })
  })
})

describe('subjects', () => {
  test.each(['>', 'a', 'a.*', '*.b.>'])('%s is a filter', (subject) => expect(isSubjectFilter(subject)).toBe(true))
  test.each(['', 'a..b', 'a.', '>.a', 'a b', 'a.\n'])('%j is none', (subject) =>
    expect(isSubjectFilter(subject)).toBe(false),
  )
  test.each([
    ['a', 'a', true],
    ['a', 'b', false],
    ['a.*', 'a.b', true],
    ['a.*', 'a.b.c', false],
    ['a.>', 'a', false],
    ['a.>', 'a.b.c', true],
    ['*.b', 'a.*', true],
    ['*.b', 'a.c', false],
    ['>', 'x.y', true],
  ])('%s and %s overlap: %s', (one, other, expected) => {
    expect(subjectsOverlap(one, other)).toBe(expected)
    expect(subjectsOverlap(other, one)).toBe(expected)
  })
})
