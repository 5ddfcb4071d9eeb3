/** Mappings of streams: order, retries in place, limits, what is given up. */
import { expect, it } from 'vitest'
import { createHarness, failed, failing, heldFunction, ok, settle, throttled } from './harness.ts'

const destination = 'arn:aws:sqs:us-east-1:111111111111:failed'

const stream = (count = 0, options: Parameters<typeof createHarness>[0] = {}) => {
  const harness = createHarness({ kind: 'stream', ...options })
  for (let at = 0; at < count; at++) harness.broker.send(at, { key: 'k' })
  return harness
}

it('is in order, one batch at a time, and goes on only when a batch is done with', async () => {
  const harness = stream(5)
  const held = heldFunction()
  harness.state.behaviour = held.behaviour
  await harness.map({ batchSize: 2 })
  expect(harness.batches()).toEqual([['m0', 'm1']])
  held.open[0]?.end(failed())
  await harness.advance(1_000)
  expect(harness.batches()).toEqual([
    ['m0', 'm1'],
    ['m0', 'm1'],
  ])
  held.open[1]?.end(ok())
  await settle()
  expect(harness.batches()[2]).toEqual(['m2', 'm3'])
  expect(harness.broker.left()).toEqual(['m2', 'm3', 'm4'])
})

it('retries for ever if it is not told otherwise, with a growing pause', async () => {
  const harness = stream(1)
  harness.state.behaviour = failed
  await harness.map()
  await harness.advance(600_000)
  const gaps = harness.calls.slice(1).map(({ at }, index) => at - (harness.calls[index]?.at ?? 0))
  expect(gaps.slice(0, 8)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000])
  expect(harness.broker.left()).toEqual(['m0'])
})

it('gives a batch up after MaximumRetryAttempts, to the destination, and goes on', async () => {
  const harness = stream(3)
  harness.state.behaviour = ({ ids }) => (ids.includes('m0') ? failed() : ok())
  await harness.map({ batchSize: 2, maximumRetryAttempts: 2, onFailure: destination })
  await harness.advance(10_000)
  expect(harness.batches()).toEqual([['m0', 'm1'], ['m0', 'm1'], ['m0', 'm1'], ['m2']])
  expect(harness.broker.left()).toEqual([])
  const created = new Date(harness.broker.messages[0]?.createdAt ?? 0).toISOString()
  expect(harness.failures).toEqual([
    {
      arn: destination,
      hops: 1,
      body: {
        requestContext: {
          requestId: harness.calls[0]?.invocation.requestId,
          functionArn: 'arn:aws:lambda:us-east-1:111111111111:function:f',
          condition: 'RetryAttemptsExhausted',
          approximateInvokeCount: 3,
        },
        responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
        version: '1.0',
        timestamp: new Date(harness.calls[2]?.at ?? 0).toISOString(),
        batchInfo: {
          startRecordId: 'm0',
          endRecordId: 'm1',
          approximateArrivalOfFirstRecord: created,
          approximateArrivalOfLastRecord: created,
          batchSize: 2,
          eventSourceArn: 'arn:aws:fake:us-east-1:111111111111:q',
        },
        payload: '{"Records":[{"messageId":"m0","body":0},{"messageId":"m1","body":1}]}',
      },
    },
  ])
})

it('makes one attempt with MaximumRetryAttempts 0, and gives up in silence without a destination', async () => {
  const harness = stream(2)
  harness.state.behaviour = failed
  await harness.map({ batchSize: 1, maximumRetryAttempts: 0 })
  await harness.advance(1_000)
  expect(harness.batches()).toEqual([['m0'], ['m1']])
  expect(harness.broker.left()).toEqual([])
})

it('gives up what is older than MaximumRecordAgeInSeconds', async () => {
  const harness = stream(1)
  harness.state.behaviour = failed
  await harness.map({ maximumRecordAgeSeconds: 60, onFailure: destination })
  await harness.advance(50_000)
  harness.broker.send('young', { key: 'k' })
  harness.state.behaviour = () => ok()
  await harness.advance(20_000)
  expect(harness.failures).toMatchObject([
    { body: { requestContext: { condition: 'RecordAgeExceeded' }, batchInfo: { startRecordId: 'm0', batchSize: 1 } } },
  ])
  expect(harness.calls.at(-1)?.ids).toEqual(['m1'])
  expect(harness.broker.left()).toEqual([])
})

it('splits a batch that failed, at no cost, and finds the bad record', async () => {
  const harness = stream(8)
  harness.state.behaviour = ({ ids }) => (ids.includes('m5') ? failed() : ok())
  await harness.map({ bisectBatchOnFunctionError: true, maximumRetryAttempts: 1, onFailure: destination })
  await harness.advance(10_000)
  expect(harness.batches()).toEqual([
    ['m0', 'm1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7'],
    ['m0', 'm1', 'm2', 'm3'],
    ['m4', 'm5', 'm6', 'm7'],
    ['m4', 'm5'],
    ['m4'],
    ['m5'],
    ['m5'],
    ['m6', 'm7'],
  ])
  expect(harness.failures).toMatchObject([{ body: { batchInfo: { startRecordId: 'm5', endRecordId: 'm5' } } }])
})

it('goes on from the first record that was reported', async () => {
  const harness = stream(5)
  harness.state.behaviour = ({ ids }) => (harness.calls.length === 1 ? failing('m4', 'm2') : ok(ids.length))
  await harness.map({ reportsBatchItemFailures: true })
  expect(harness.broker.left()).toEqual(['m2', 'm3', 'm4'])
  harness.state.behaviour = () => ok()
  await harness.advance(1_000)
  expect(harness.batches()).toEqual([
    ['m0', 'm1', 'm2', 'm3', 'm4'],
    ['m2', 'm3', 'm4'],
  ])
  expect(harness.broker.left()).toEqual([])
})

it('splits where the function said, and in the middle when it said the first', async () => {
  const harness = stream(4)
  harness.state.behaviour = ({ ids }) => (ids.includes('m1') ? failing('m1') : ok())
  await harness.map({ reportsBatchItemFailures: true, bisectBatchOnFunctionError: true, maximumRetryAttempts: 0 })
  await harness.advance(1_000)
  expect(harness.batches()).toEqual([
    ['m0', 'm1', 'm2', 'm3'],
    ['m1', 'm2', 'm3'],
    ['m1', 'm2'],
    ['m1'],
    ['m2'],
    ['m3'],
  ])
})

it('tells a destination that a function reported what it failed', async () => {
  const harness = stream(2)
  harness.state.behaviour = () => failing('m1')
  await harness.map({ reportsBatchItemFailures: true, maximumRetryAttempts: 0, onFailure: destination })
  expect(harness.failures).toMatchObject([
    { body: { responseContext: { statusCode: 200 }, batchInfo: { batchSize: 1 } } },
  ])
  expect(harness.failures[0]?.body).not.toHaveProperty('responseContext.functionError')
})

it('counts no attempt for throttles', async () => {
  const harness = stream(1)
  harness.state.behaviour = () => (harness.calls.length <= 5 ? throttled : failed())
  await harness.map({ maximumRetryAttempts: 1, onFailure: destination })
  await harness.advance(120_000)
  expect(harness.calls).toHaveLength(7)
  expect(harness.failures).toMatchObject([{ body: { requestContext: { approximateInvokeCount: 2 } } }])
})

it('runs ParallelizationFactor batches side by side, a key always in the same one', async () => {
  const harness = stream()
  const held = heldFunction()
  harness.state.behaviour = held.behaviour
  for (let at = 0; at < 40; at++) harness.broker.send(at, { key: `k${at % 10}` })
  await harness.map({ parallelizationFactor: 3, batchSize: 4 })
  expect(held.open).toHaveLength(3)
  const keys = held.open.map(({ call }) => new Set(call.bodies.map((body) => Number(body) % 10)))
  const [one = new Set(), two = new Set(), three = new Set()] = keys
  expect(new Set([...one, ...two, ...three]).size).toBe(one.size + two.size + three.size)
  for (let at = 0; at < 40 && harness.broker.left().length > 0; at++) {
    for (const { end } of held.open.splice(0)) end(ok())
    await settle()
  }
  expect(harness.broker.left()).toEqual([])
})

it('holds the batch until the destination takes it', async () => {
  const harness = stream(1)
  harness.state.behaviour = failed
  harness.state.destinationDown = true
  const uuid = await harness.map({ maximumRetryAttempts: 0, onFailure: destination })
  await harness.advance(10_000)
  expect(harness.broker.left()).toEqual(['m0'])
  const { lastProcessingResult } = await harness.mappings.get('111111111111', uuid)
  expect(lastProcessingResult).toBe('PROBLEM: The on-failure destination cannot be reached')
  harness.state.destinationDown = false
  await harness.advance(10_000)
  expect(harness.failures).toHaveLength(1)
  expect(harness.broker.left()).toEqual([])
})

it('divides what does not fit into one message of the destination', async () => {
  const harness = stream(0, { limits: { queueMessageBytes: 6_000 } })
  for (let at = 0; at < 4; at++) harness.broker.send('x'.repeat(600), { key: 'k' })
  harness.broker.send('y'.repeat(3_000), { key: 'k' })
  harness.state.behaviour = failed
  await harness.map({ maximumRetryAttempts: 0, onFailure: destination })
  expect(harness.failures.map(({ body }) => body)).toMatchObject([
    { batchInfo: { batchSize: 2 }, payload: expect.any(String) },
    { batchInfo: { batchSize: 1 }, payload: expect.any(String) },
    { batchInfo: { batchSize: 1 }, payload: expect.any(String) },
    { batchInfo: { batchSize: 1 } },
  ])
  expect(harness.failures[3]?.body).not.toHaveProperty('payload')
})

it('gives up records of a chain that is too long, but tells no function of it', async () => {
  const queue = stream(0, { limits: { recursionHops: 2 } })
  queue.broker.send('long', { hops: 1 })
  queue.broker.send('short')
  await queue.map({ onFailure: destination })
  expect(queue.calls.map(({ bodies }) => bodies)).toEqual([['short']])
  expect(queue.failures).toMatchObject([{ hops: 2, body: { requestContext: { condition: 'RecursiveInvocation' } } }])
  const loop = stream(0, { limits: { recursionHops: 2 } })
  loop.broker.send('long', { hops: 1 })
  await loop.map({ onFailure: 'arn:aws:lambda:us-east-1:111111111111:function:f' })
  expect(loop.failures).toEqual([])
  expect(loop.broker.left()).toEqual([])
})

it('shows what became of the last batch', async () => {
  const harness = stream()
  const result = async () => (await harness.mappings.get('111111111111', uuid)).lastProcessingResult
  const uuid = await harness.map()
  expect(await result()).toBe('No records processed')
  harness.broker.send(1)
  await settle()
  expect(await result()).toBe('OK')
  harness.state.behaviour = failed
  harness.broker.send(2)
  await settle()
  expect(await result()).toBe('PROBLEM: Function call failed')
  harness.state.behaviour = () => ({ kind: 'missing', message: 'Function not found: f' })
  await harness.advance(1_000)
  expect(await result()).toBe('PROBLEM: Function not found: f')
})
