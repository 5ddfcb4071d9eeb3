/** Thaw's own queues as a source, over the real ones. */
import { createHash } from 'node:crypto'
import { expect, it, onTestFinished } from 'vitest'
import { pino } from 'pino'
import { configSchema } from '../../../src/config.ts'
import { createQueues } from '../../../src/events/queues/queues.ts'
import type { OutgoingMessage } from '../../../src/events/queues.ts'
import { createSqsDriver } from '../../../src/events/sources/sqs.ts'
import type { EventSource, SourceSettings } from '../../../src/events/sources/source.ts'
import { openDatabase } from '../../../src/store/database.ts'
import { createSqliteQueues } from '../../../src/store/sqlite-queues.ts'

const accountId = '111111111111'
const region = 'us-east-1'
const arnOf = (name: string) => `arn:aws:sqs:${region}:${accountId}:${name}`

async function open(name = 'q', attributes: Record<string, string> = {}) {
  const database = openDatabase({ path: ':memory:' })
  let now = new Date('2026-01-01T00:00:00Z')
  const config = configSchema.parse({ accountId, region })
  const clock = { now: () => now }
  const queues = createQueues({ store: createSqliteQueues(database), config, clock, logger: pino({ level: 'silent' }) })
  onTestFinished(async () => {
    await queues[Symbol.asyncDispose]()
    database[Symbol.dispose]()
  })
  await queues.create({ accountId, queueName: name }, attributes, {})
  const driver = createSqsDriver({ queues, region })
  const settings: SourceSettings = {
    uuid: 'u',
    accountId,
    functionArn: `arn:aws:lambda:${region}:${accountId}:function:f`,
    eventSourceArn: arnOf(name),
    queues: [],
    functionTimeoutMs: 30_000,
    startingPosition: undefined,
    startingPositionTimestamp: undefined,
  }
  return {
    queues,
    driver,
    settings,
    source: await driver.open(settings),
    advance: (seconds: number) => {
      now = new Date(now.getTime() + seconds * 1_000)
    },
    now: () => now,
    send: (body: string, more: Partial<OutgoingMessage> = {}) =>
      queues.send(arnOf(name), {
        body,
        attributes: {},
        delaySeconds: undefined,
        groupId: undefined,
        deduplicationId: undefined,
        hops: 0,
        ...more,
      }),
  }
}

const receive = (source: EventSource, max = 10) =>
  source.receive({ max, waitMs: 0, signal: new AbortController().signal })
const bodies = (records: { json: unknown }[]) => records.map(({ json }) => (json as { body: string }).body)

it('shows messages as Lambda does', async () => {
  const { source, send, now } = await open()
  const sent = await send('{"a":1}', {
    hops: 3,
    traceHeader: 'Root=1',
    attributes: {
      name: { dataType: 'String', stringValue: 'x', binaryValue: undefined },
      raw: { dataType: 'Binary', stringValue: undefined, binaryValue: 'AAE=' },
    },
  })
  const [record] = await receive(source)
  const time = String(now().getTime())
  expect(record?.json).toEqual({
    messageId: sent.messageId,
    receiptHandle: expect.any(String),
    body: '{"a":1}',
    attributes: {
      ApproximateReceiveCount: '1',
      AWSTraceHeader: 'Root=1',
      SentTimestamp: time,
      SenderId: accountId,
      ApproximateFirstReceiveTimestamp: time,
    },
    messageAttributes: {
      name: { stringValue: 'x', stringListValues: [], binaryListValues: [], dataType: 'String' },
      raw: { binaryValue: 'AAE=', stringListValues: [], binaryListValues: [], dataType: 'Binary' },
    },
    md5OfMessageAttributes: sent.md5OfAttributes,
    md5OfBody: createHash('md5').update('{"a":1}').digest('hex'),
    eventSource: 'aws:sqs',
    eventSourceARN: arnOf('q'),
    awsRegion: region,
  })
  expect(record).toMatchObject({ id: sent.messageId, orderKey: undefined, hops: 3, attempt: 1 })
  expect(record).toMatchObject({ sizeBytes: JSON.stringify(record?.json).length, createdAt: now().getTime() })
  expect(record?.filterable).toMatchObject({ body: { a: 1 }, eventSource: 'aws:sqs' })
  expect(source.event(record === undefined ? [] : [record])).toEqual({ Records: [record?.json] })
})

it('shows filters a body that is no JSON as text', async () => {
  const { source, send } = await open()
  await send('plain')
  expect((await receive(source))[0]?.filterable).toMatchObject({ body: 'plain' })
})

it('leaves what is released to the visibility timeout, unless it is told a time', async () => {
  const { source, send, advance } = await open()
  await send('x')
  await source.release(await receive(source), undefined)
  expect(await receive(source)).toEqual([])
  advance(29)
  expect(await receive(source)).toEqual([])
  advance(1)
  const again = await receive(source)
  expect(again[0]?.attempt).toBe(2)
  await source.release(again, 0)
  const third = await receive(source)
  expect(third).toHaveLength(1)
  await source.acknowledge(third)
  advance(60)
  expect(await receive(source)).toEqual([])
})

it('hides for as long again what is extended', async () => {
  const { source, send, advance } = await open()
  await send('x')
  const records = await receive(source)
  advance(20)
  await source.extend(records)
  advance(20)
  expect(await receive(source)).toEqual([])
  advance(10)
  expect(await receive(source)).toHaveLength(1)
})

it('keeps groups in order, also when they are given back', async () => {
  const { source, send } = await open('q.fifo', { FifoQueue: 'true' })
  for (const [body, groupId] of [
    ['1', 'a'],
    ['2', 'a'],
    ['3', 'b'],
    ['4', 'a'],
  ] as const)
    await send(body, { groupId, deduplicationId: body })
  const records = await receive(source, 3)
  expect(records[0]).toMatchObject({
    orderKey: 'a',
    json: { attributes: { MessageGroupId: 'a', MessageDeduplicationId: '1', SequenceNumber: expect.any(String) } },
  })
  await source.acknowledge(records.slice(0, 1))
  await source.release(records.slice(1), 0)
  const again = await receive(source)
  expect(bodies(again).filter((body) => body !== '3')).toEqual(['2', '4'])
})

it('waits for a message, and stops when it is aborted', async () => {
  const { source, send } = await open()
  const abort = new AbortController()
  const waiting = source.receive({ max: 1, waitMs: 60_000, signal: abort.signal })
  await send('x')
  expect(bodies(await waiting)).toEqual(['x'])
  const idle = source.receive({ max: 1, waitMs: 60_000, signal: abort.signal })
  abort.abort()
  expect(await idle).toEqual([])
})

it('refuses a queue that is not there, is another account’s, or hides messages for too short', async () => {
  const { driver, settings } = await open('q', { VisibilityTimeout: '29' })
  const missing = /SQS Error Code: AWS.SimpleQueueService.NonExistentQueue/
  await expect(driver.check({ ...settings, eventSourceArn: arnOf('other') })).rejects.toThrow(missing)
  await expect(driver.check({ ...settings, accountId: '222222222222' })).rejects.toThrow(missing)
  await expect(driver.open({ ...settings, accountId: '222222222222' })).rejects.toThrow(missing)
  await expect(driver.check(settings)).rejects.toMatchObject({
    code: 'InvalidParameterValue',
    message: 'Queue visibility timeout: 29 seconds is less than Function timeout: 30 seconds',
  })
  await driver.check({ ...settings, functionTimeoutMs: 29_000 })
})
