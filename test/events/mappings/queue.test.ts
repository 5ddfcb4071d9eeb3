/** Mappings of queues: batches, concurrency, results. */
import { expect, it } from 'vitest'
import { createHarness, failed, failing, heldFunction, ok, settle, throttled } from './harness.ts'

const send = (harness: ReturnType<typeof createHarness>, count: number, options?: { key?: string }) => {
  for (let at = 0; at < count; at++) harness.broker.send(at, options)
}

it('hands over what is there, in batches, and acknowledges what succeeded', async () => {
  const harness = createHarness()
  send(harness, 25)
  await harness.map({ batchSize: 10 })
  expect(harness.batches().map(({ length }) => length)).toEqual([10, 10, 5])
  expect(harness.broker.left()).toEqual([])
  harness.broker.send('later')
  await settle()
  expect(harness.calls.at(-1)?.bodies).toEqual(['later'])
})

it('collects for the window, from the first record on', async () => {
  const harness = createHarness()
  await harness.map({ batchSize: 20, batchingWindowSeconds: 10 })
  harness.broker.send(1)
  await harness.advance(9_000)
  harness.broker.send(2)
  await settle()
  expect(harness.calls).toEqual([])
  await harness.advance(1_000)
  expect(harness.batches()).toEqual([['m0', 'm1']])
  send(harness, 20)
  await settle()
  expect(harness.batches()[1]).toHaveLength(20)
})

it('ends a batch before it has more than a payload may', async () => {
  const harness = createHarness({ limits: { payloadBytes: 11_024 } })
  for (const sizeBytes of [6_000, 6_000, 3_000, 20_000, 1]) harness.broker.send('x', { sizeBytes })
  await harness.map({ batchSize: 10, batchingWindowSeconds: 5 })
  await harness.advance(5_000)
  expect(harness.batches()).toEqual([['m0'], ['m1', 'm2'], ['m3'], ['m4']])
})

it('acknowledges what no filter passes, and gives the function the rest', async () => {
  const harness = createHarness()
  harness.broker.send({ a: 1 })
  harness.broker.send({ a: 2 })
  harness.broker.send('plain')
  await harness.map({ filters: ['{"body":{"a":[2]}}'] })
  expect(harness.calls.map(({ bodies }) => bodies)).toEqual([[{ a: 2 }]])
  expect(harness.broker.left()).toEqual([])
})

it('leaves records of a failed call to the visibility timeout, and to the dead-letter queue in the end', async () => {
  const harness = createHarness({ maxReceives: 3 })
  harness.state.behaviour = failed
  harness.broker.send('x')
  await harness.map()
  expect(harness.calls).toHaveLength(1)
  await harness.advance(29_000)
  expect(harness.calls).toHaveLength(1)
  await harness.advance(1_000)
  expect(harness.calls).toHaveLength(2)
  await harness.advance(120_000)
  expect(harness.calls).toHaveLength(3)
  expect(harness.broker.messages[0]?.state).toBe('dead')
})

it.each<[name: string, answer: unknown, left: string[]]>([
  ['nothing', undefined, []],
  ['null', null, []],
  ['an empty string', '', []],
  ['an empty object', {}, []],
  ['an empty list', { batchItemFailures: [] }, []],
  ['null for the list', { batchItemFailures: null }, []],
  ['one', { batchItemFailures: [{ itemIdentifier: 'm1' }] }, ['m1']],
  [
    'two, one twice',
    { batchItemFailures: ['m1', 'm2', 'm1'].map((itemIdentifier) => ({ itemIdentifier })) },
    ['m1', 'm2'],
  ],
  ['an empty identifier', { batchItemFailures: [{ itemIdentifier: '' }] }, ['m0', 'm1', 'm2']],
  ['a null identifier', { batchItemFailures: [{ itemIdentifier: null }] }, ['m0', 'm1', 'm2']],
  ['an unknown identifier', { batchItemFailures: [{ itemIdentifier: 'm9' }] }, ['m0', 'm1', 'm2']],
  ['no identifier', { batchItemFailures: [{ foo: 'notvalid' }] }, ['m0', 'm1', 'm2']],
  ['no list', { batchItemFailures: 'm1' }, ['m0', 'm1', 'm2']],
  ['text', 'm1', ['m0', 'm1', 'm2']],
])('reported failures: %s', async (_name, answer, left) => {
  const harness = createHarness()
  send(harness, 3)
  harness.state.behaviour = () => ok(answer)
  await harness.map({ reportsBatchItemFailures: true })
  expect(harness.broker.left()).toEqual(left)
})

it('takes an answer that is no JSON for a failure of all, and no answer at all for none', async () => {
  const harness = createHarness()
  send(harness, 2)
  harness.state.behaviour = () => ({ kind: 'success', payload: Buffer.from('{'), executedVersion: '1' })
  await harness.map({ reportsBatchItemFailures: true })
  expect(harness.broker.left()).toHaveLength(2)
})

it('does not look at answers unless it is told to', async () => {
  const harness = createHarness()
  send(harness, 2)
  harness.state.behaviour = () => failing('m0')
  await harness.map()
  expect(harness.broker.left()).toEqual([])
})

it('keeps the order of groups: one batch at a time, and nothing overtakes what failed', async () => {
  const harness = createHarness()
  for (const [body, key] of [
    [0, 'a'],
    [1, 'a'],
    [2, 'b'],
    [3, 'a'],
    [4, 'b'],
  ] as const)
    harness.broker.send(body, { key })
  harness.state.behaviour = ({ ids }) => (ids.includes('m1') && harness.calls.length === 1 ? failing('m1') : ok())
  await harness.map({ reportsBatchItemFailures: true, batchSize: 10 })
  // m3 succeeded, but it is behind m1.
  expect(harness.batches()).toEqual([['m0', 'm1', 'm2', 'm3', 'm4']])
  expect(harness.broker.left()).toEqual(['m1', 'm3'])
  await harness.advance(30_000)
  expect(harness.batches()[1]).toEqual(['m1', 'm3'])
  expect(harness.broker.left()).toEqual([])
})

it('runs groups side by side, and each alone', async () => {
  const harness = createHarness()
  const held = heldFunction()
  harness.state.behaviour = held.behaviour
  await harness.map({ batchSize: 1 })
  for (const key of ['a', 'a', 'b', 'b', 'c']) harness.broker.send(key, { key })
  await settle()
  expect(harness.calls.map(({ bodies }) => bodies[0])).toEqual(['a', 'b', 'c'])
  held.open[1]?.end(ok())
  await settle()
  expect(harness.calls.map(({ bodies }) => bodies[0])).toEqual(['a', 'b', 'c', 'b'])
})

it('has no more batches in work than MaximumConcurrency, and begins with five and grows without', async () => {
  const limited = createHarness()
  const held = heldFunction()
  limited.state.behaviour = held.behaviour
  send(limited, 30)
  await limited.map({ batchSize: 1, maximumConcurrency: 2 })
  expect(held.open).toHaveLength(2)
  held.open[0]?.end(ok())
  await settle()
  expect(held.open).toHaveLength(3)

  const free = createHarness()
  const more = heldFunction()
  free.state.behaviour = more.behaviour
  send(free, 30)
  await free.map({ batchSize: 1 })
  expect(more.open).toHaveLength(5)
  for (const { end } of more.open.slice(0, 5)) end(ok())
  await settle()
  expect(more.open.length).toBeGreaterThan(10)
})

it('does not take from the queue what it has no place for', async () => {
  const harness = createHarness()
  const held = heldFunction()
  harness.state.behaviour = held.behaviour
  send(harness, 30)
  await harness.map({ batchSize: 2, maximumConcurrency: 2 })
  expect(harness.broker.messages.filter(({ receives }) => receives > 0)).toHaveLength(4)
})

it('waits out throttles with the records in its hands, and counts no attempt', async () => {
  const harness = createHarness({ maxReceives: 1 })
  const answers = [throttled, { kind: 'unavailable', message: 'no worker' } as const, throttled, ok()]
  harness.state.behaviour = () => answers[harness.calls.length - 1] ?? ok()
  harness.broker.send('x')
  await harness.map()
  const start = harness.timers.now()
  await harness.advance(60_000)
  expect(harness.calls.map(({ at }) => at - start)).toEqual([0, 1_000, 3_000, 7_000])
  expect(new Set(harness.calls.map(({ invocation }) => invocation.requestId)).size).toBe(1)
  expect(harness.broker.messages[0]).toMatchObject({ state: 'done', receives: 1 })
})

it('gives back a batch whose invocation is lost three times in a row: the queue counts it', async () => {
  const harness = createHarness({ maxReceives: 2 })
  harness.state.behaviour = () => ({ kind: 'unavailable', message: 'the worker is gone' })
  harness.broker.send('kills')
  await harness.map()
  await harness.advance(120_000)
  expect(harness.calls).toHaveLength(6)
  expect(harness.broker.messages[0]).toMatchObject({ state: 'dead', receives: 2 })
})

it('keeps hiding what the function still works on', async () => {
  const harness = createHarness({ functionTimeoutMs: 30_000 })
  const held = heldFunction()
  harness.state.behaviour = held.behaviour
  harness.broker.send('x')
  await harness.map()
  await harness.advance(100_000)
  expect(harness.calls).toHaveLength(1)
  expect(harness.broker.extended.length).toBeGreaterThan(5)
  held.open[0]?.end(ok())
  await settle()
  expect(harness.broker.left()).toEqual([])
  await harness.advance(60_000)
  // Nothing but the wait of `receive` and the lease is left to wake up for.
  expect(harness.timers.pending).toBe(2)
})

it('stops chains of invocations, unless the function allows them', async () => {
  const harness = createHarness({ limits: { recursionHops: 4 } })
  harness.broker.send('short', { hops: 2 })
  harness.broker.send('long', { hops: 3 })
  await harness.map()
  expect(harness.calls.map(({ bodies }) => bodies)).toEqual([['short']])
  expect(harness.calls[0]?.invocation.hops).toBe(3)
  expect(harness.broker.left()).toEqual(['m1'])
  harness.state.allowsRecursion = true
  await harness.advance(30_000)
  expect(harness.calls.at(-1)).toMatchObject({ bodies: ['long'], invocation: { hops: 4 } })
  expect(harness.broker.left()).toEqual([])
})

it('shares the slots of events', async () => {
  const harness = createHarness({ limits: { eventConcurrency: 1 } })
  const held = heldFunction()
  harness.state.behaviour = held.behaviour
  await harness.slots.acquire()
  send(harness, 2)
  await harness.map({ batchSize: 1 })
  expect(held.open).toHaveLength(0)
  harness.slots.release()
  await settle()
  expect(held.open).toHaveLength(1)
  held.open[0]?.end(ok())
  await settle()
  held.open[1]?.end(ok())
  await settle()
  expect(harness.slots.used).toBe(0)
})
