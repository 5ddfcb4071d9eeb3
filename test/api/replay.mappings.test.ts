/**
 * Event source mappings as AWS answered and handed over events. What the functions did is told to the fake data plane.
 * In the events AWS put `md5OfMessageAttributes: null` from some time on; where a recording is older, it is left out here.
 */
import { expect, it } from 'vitest'
import { z } from 'zod'
import {
  eventually,
  expectEvent,
  mappingsPath,
  names,
  queueArn,
  received,
  sqsEvent,
  start,
  type Bench,
} from './mapping-bench.ts'
import { account, cases, recorded, recordedValue, region, replaysAllOf, seen } from './recorded.ts'

const suite = 'TestSQSEventSourceMapping::'

it('test_create_event_source_validation', async () => {
  const test = 'TestLambdaEventSourceMappings::test_create_event_source_validation'
  await using bench = await start()
  const EventSourceArn = `arn:aws:dynamodb:${region}:${account}:table/t/stream/s`
  const dynamo = { '<table-name>': 't', '<stream-name>': 's' }
  const create = (more: object) => bench.create({ EventSourceArn, ...more })
  expect(seen(await create({}))).toEqual(recorded(test, 'no_starting_position', dynamo))
  expect(seen(await create({ StartingPosition: 'invalid' }))).toEqual(
    recorded(test, 'invalid_starting_position', dynamo),
  )
  expect(seen(await create({ StartingPosition: 'AT_TIMESTAMP', StartingPositionTimestamp: 1_741_010_802 }))).toEqual(
    recorded(test, 'incompatible_starting_position', dynamo),
  )
})

it('test_event_source_mapping_default_batch_size', async () => {
  const test = `${suite}test_event_source_mapping_default_batch_size`
  await using bench = await start()
  await bench.api.queues.create({ accountId: account, queueName: 'q2' }, {}, {})
  const created = await bench.create()
  expect(seen(created)).toEqual(recorded(test, 'create-event-source-mapping', names))
  const { UUID } = z.object({ UUID: z.string() }).parse((await bench.enabled(created)).body)
  const update = await bench.api.request('PUT', `${mappingsPath}${UUID}`, { FunctionName: 'f', BatchSize: 11 })
  expect(seen(update)).toEqual(recorded(test, 'invalid-update-event-source-mapping'))
  const other = await bench.create({ BatchSize: 11 }, 'q2')
  expect(seen(other)).toEqual(recorded(test, 'invalid-create-event-source-mapping'))
})

it('test_sqs_event_source_mapping', async () => {
  const test = `${suite}test_sqs_event_source_mapping`
  await using bench = await start()
  const created = await bench.create({ MaximumBatchingWindowInSeconds: 1 })
  expect(seen(created)).toEqual(recorded(test, 'create-event-source-mapping-response', names))
  await bench.enabled(created)
  await bench.send('{"foo":"bar"}')
  const [event] = await received(bench, 1)
  const [like] = z.array(z.unknown()).parse(recordedValue(test, 'events'))
  expectEvent(event, like)
  await eventually(async () =>
    expect(await bench.api.queues.counts(queueArn('q'))).toMatchObject({ visible: 0, inFlight: 0 }),
  )
})

const filterTests = Object.keys(cases).filter((name) => name.startsWith(`${suite}test_sqs_event_filter`))
const filtered = z.object({ FilterCriteria: z.object({ Filters: z.array(z.object({ Pattern: z.unknown() })) }) })
/** The recordings have what matched; of the rest only that it did not come. */
const notMatching: Record<string, unknown> = {
  'numeric-bigger': { 'my-number': 100 },
  'numeric-smaller': { 'my-number': 100 },
  'numeric-range': { 'my-number': 200 },
  'numeric-prefix': { test2: 'eu-1' },
  single: { 'my-key': 'other-value' },
  'single-filter': { testItem: 'tesWER' },
  'valid-json-filter': 'plain-string',
  'exists-filter': { test3: 'us-1-48454' },
  'filter2-item_matching2-item_not_matching2': { test2: 'go', testItem: 'other' },
  'filter3-item_matching3-item_not_matching3': { test: '7411' },
  'filter6-item_matching6-item_not_matching6': { test2: 200 },
}

// Each waits for its window: side by side.
it.concurrent.each(filterTests)('%s', async (test) => {
  const [, id = ''] = /\[(.*)\]/.exec(test) ?? []
  const other = notMatching[id]
  if (other === undefined) throw new Error(`nothing that does not match for ${test}`)
  await using bench = await start()
  const created = recorded(test, 'create_event_source_mapping_response', names)
  const { FilterCriteria: criteria } = filtered.parse(recordedValue(test, 'create_event_source_mapping_response'))
  const [like] = z.array(sqsEvent).parse(recordedValue(test, 'invocation_events'))
  await bench.send(JSON.stringify(like?.Records[0]?.body))
  await bench.send(typeof other === 'string' ? other : JSON.stringify(other))
  const Filters = criteria.Filters.map(({ Pattern }) => ({ Pattern: JSON.stringify(Pattern) }))
  const answer = await bench.create({ MaximumBatchingWindowInSeconds: 1, FilterCriteria: { Filters } })
  // The recorder shows patterns parsed.
  expect(seen(answer)).toEqual({ ...created, body: Object.assign({}, created.body, { FilterCriteria: { Filters } }) })
  await eventually(async () =>
    expect(await bench.api.queues.counts(queueArn('q'))).toMatchObject({ visible: 0, inFlight: 0 }),
  )
  expect(bench.events).toHaveLength(1)
  expectEvent(bench.events[0], like)
})

it.each([
  ['invalid_filter2', { eventSource: 'aws:sqs' }],
  ['invalid_filter3', { eventSource: [] }],
])('test_sqs_invalid_event_filter[%s]', async (id, pattern) => {
  await using bench = await start()
  const FilterCriteria = { Filters: [{ Pattern: JSON.stringify(pattern) }] }
  const answer = await bench.create({ MaximumBatchingWindowInSeconds: 1, FilterCriteria })
  const test = `${suite}test_sqs_invalid_event_filter[${id}]`
  expect(seen(answer)).toEqual(recorded(test, 'create_event_source_mapping_exception'))
})

const bodyOf = (record: Record<string, unknown>): string => String(record.body)
const byBody = (a: Record<string, unknown>, b: Record<string, unknown>): number => (bodyOf(a) < bodyOf(b) ? -1 : 1)

it.concurrent.each([100, 1_000])('test_sqs_event_source_mapping_batch_size[%i]', async (BatchSize) => {
  const test = `${suite}test_sqs_event_source_mapping_batch_size[${BatchSize}]`
  await using bench = await start()
  const created = await bench.create({ BatchSize, MaximumBatchingWindowInSeconds: 1 })
  const like = recorded(test, 'create-event-source-mapping-response', names)
  // The recorder hid the window.
  expect(seen(created)).toEqual({ ...like, body: Object.assign({}, like.body, { MaximumBatchingWindowInSeconds: 1 }) })
  await bench.enabled(created)
  for (let at = 0; at < 10; at++) await bench.send(`${at}-0-message-${at}`)
  for (let at = 0; at < 5; at++) await bench.send(`${at}-1-message-${at}`)
  const records = await eventually(async () => {
    const all = bench.events.flatMap((event) => sqsEvent.parse(event).Records)
    expect(all).toHaveLength(15)
    return all
  })
  expect(bench.events).toHaveLength(1)
  expectEvent({ Records: records.toSorted(byBody) }, { Records: recordedValue(test, 'Records') })
})

it('test_sqs_event_source_mapping_batching_reserved_concurrency', async () => {
  const test = `${suite}test_sqs_event_source_mapping_batching_reserved_concurrency`
  await using bench = await start()
  const reserve = await bench.api.request('PUT', '/2017-10-31/functions/f/concurrency', {
    ReservedConcurrentExecutions: 2,
  })
  expect(seen(reserve)).toEqual(recorded(test, 'put_concurrency_resp'))
  const settings = { MaximumBatchingWindowInSeconds: 1, BatchSize: 20, ScalingConfig: { MaximumConcurrency: 2 } }
  const created = await bench.create(settings)
  expect(seen(created)).toEqual(recorded(test, 'create-event-source-mapping-response', names))
  await bench.enabled(created)
  for (let batch = 0; batch < 3; batch++) for (let at = 0; at < 10; at++) await bench.send(`${at}-${batch}-message`)
  const records = await eventually(async () => {
    const all = bench.events.flatMap((event) => sqsEvent.parse(event).Records)
    expect(all).toHaveLength(30)
    return all
  })
  expect({ total_batches_received: bench.events.length }).toEqual(recordedValue(test, 'batch_info'))
  expectEvent({ Records: records.toSorted(byBody) }, { Records: recordedValue(test, 'Records') })
})

it('test_esm_with_not_existing_sqs_queue', async () => {
  await using bench = await start()
  const answer = await bench.create({}, 'nothing')
  expect(seen(answer)).toEqual(recorded('test_esm_with_not_existing_sqs_queue', 'error'))
})

const told = z.object({ Messages: z.tuple([z.object({ Body: z.record(z.string(), z.unknown()) })]) })
/** What the recorded function sent to its queue: the event it was given, and what it returned. */
const toldOf = (test: string, step: string) => told.parse(recordedValue(test, step)).Messages[0].Body

/** Received from a queue, as SQS's API shows it. */
async function fromQueue(bench: Bench, queue: string) {
  const messages = await bench.api.queues.receive(queueArn(queue), {
    max: 1,
    visibilityTimeoutSeconds: undefined,
    waitMs: 20_000,
    signal: undefined,
  })
  return messages.map(({ body, md5OfBody, messageId, receiptHandle }) => ({
    Body: JSON.parse(body),
    MD5OfBody: md5OfBody,
    MessageId: messageId,
    ReceiptHandle: receiptHandle,
  }))
}

it('test_failing_lambda_retries_after_visibility_timeout', async () => {
  const test = 'test_failing_lambda_retries_after_visibility_timeout'
  await using bench = await start({ timeout: 1, fail: 1 }, { VisibilityTimeout: '1' })
  const mapping = await bench.enabled(await bench.create({ BatchSize: 1 }))
  expect(seen(mapping)).toEqual(recorded(test, 'event_source_mapping', names))
  const sentAt = Date.now()
  await bench.send('{"destination": "<queue-url:1>", "fail_attempts": 1}')
  const [first] = await received(bench, 1)
  const firstTold = toldOf(test, 'first_attempt')
  // The recorder's placeholder was in the body.
  const plain = (event: unknown) => ({
    Records: sqsEvent.parse(event).Records.map((record) => Object.assign(record, { body: '' })),
  })
  expectEvent(plain(first), plain(firstTold.event))
  const [, second] = await received(bench, 2)
  expect(Date.now() - sentAt).toBeGreaterThanOrEqual(1_000)
  expectEvent(plain(second), plain(toldOf(test, 'second_attempt').event))
})

const redrive = (maxReceiveCount: number, to: string) =>
  JSON.stringify({ deadLetterTargetArn: queueArn(to), maxReceiveCount })

it('test_report_batch_item_failures', async () => {
  const test = 'test_report_batch_item_failures'
  const fifo = { FifoQueue: 'true' }
  const queue = 'q.fifo'
  const answers: unknown[] = []
  await using bench = await start({ timeout: 1, answers }, { ...fifo, VisibilityTimeout: '1' }, queue)
  await bench.api.queues.create({ accountId: account, queueName: 'dead.fifo' }, fifo, {})
  await bench.api.queues.setAttributes(queueArn(queue), { RedrivePolicy: redrive(2, 'dead.fifo') })
  const like = toldOf(test, 'first_invocation')
  const ids: string[] = []
  for (const record of sqsEvent.parse(like.event).Records) {
    const deduplicationId = `dedup-${ids.length + 1}`
    ids.push((await bench.send(JSON.stringify(record.body), { groupId: '1', deduplicationId })).messageId)
  }
  const failures = (...at: number[]) => ({ batchItemFailures: at.map((index) => ({ itemIdentifier: ids[index] })) })
  // As recorded: all but the first, then the last.
  answers.push(failures(1, 2, 3), failures(3))
  const placeholders = { '<resource:1>': queue, '<resource:2>': 'f' }
  const created = await bench.create({ BatchSize: 10, FunctionResponseTypes: ['ReportBatchItemFailures'] })
  expect(seen(created)).toEqual(recorded(test, 'create_event_source_mapping', placeholders))
  const [first, second] = await received(bench, 2)
  const named = (event: unknown): unknown => JSON.parse(JSON.stringify(event).replaceAll('<resource:1>', queue))
  expectEvent(first, named(like.event))
  expectEvent(second, named(toldOf(test, 'second_invocation').event))
  const Messages = await fromQueue(bench, 'dead.fifo')
  expect({ Messages }).toEqual(recorded(test, 'dlq_response').body)
  expect(Messages[0]?.MessageId).toBe(ids[3])
  expect(bench.events).toHaveLength(2)
})

it('test_report_batch_item_failures_empty_json_batch_succeeds', async () => {
  const test = 'test_report_batch_item_failures_empty_json_batch_succeeds'
  const like = toldOf(test, 'first_invocation')
  await using bench = await start({ timeout: 1, answers: [like.result] }, { VisibilityTimeout: '1' })
  await bench.enabled(await bench.create({ FunctionResponseTypes: ['ReportBatchItemFailures'] }))
  await bench.send('{"message": 1, "fail_attempts": 0}')
  const [event] = await received(bench, 1)
  expectEvent(event, like.event)
  await eventually(async () =>
    expect(await bench.api.queues.counts(queueArn('q'))).toMatchObject({ visible: 0, inFlight: 0 }),
  )
  expect(bench.events).toHaveLength(1)
})

it('test_report_batch_item_failures_invalid_result_json_batch_fails', async () => {
  const test = 'test_report_batch_item_failures_invalid_result_json_batch_fails'
  const like = toldOf(test, 'first_invocation')
  await using bench = await start({ timeout: 1, answers: [like.result, like.result] }, { VisibilityTimeout: '1' })
  await bench.api.queues.create({ accountId: account, queueName: 'dead' }, {}, {})
  await bench.api.queues.setAttributes(queueArn('q'), { RedrivePolicy: redrive(2, 'dead') })
  await bench.enabled(await bench.create({ FunctionResponseTypes: ['ReportBatchItemFailures'] }))
  await bench.send('{"message": 1, "fail_attempts": 0}')
  const [first, second] = await received(bench, 2)
  expectEvent(first, like.event)
  expectEvent(second, toldOf(test, 'second_invocation').event)
  const Messages = await fromQueue(bench, 'dead')
  expect({ Messages }).toEqual(recorded(test, 'dlq_response').body)
})

replaysAllOf('mappings')
