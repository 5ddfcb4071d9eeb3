/** States as clients poll them, changes, errors of sources, the end of the server. */
import { expect, it } from 'vitest'
import { accountId, createHarness, heldFunction, input, ok, settle, throttled } from './harness.ts'
import { sourceArn } from './broker.ts'

const stateOf = async (harness: ReturnType<typeof createHarness>, uuid: string) =>
  (await harness.mappings.get(accountId, uuid)).mapping.state

it('goes from Creating to Enabled, by Disabling to Disabled and back, and by Deleting to nothing', async () => {
  const harness = createHarness()
  const { mappings } = harness
  await mappings.start()
  const { mapping } = await mappings.create(accountId, input())
  const { uuid } = mapping
  expect(mapping.state).toBe('Creating')
  await settle()
  expect(await stateOf(harness, uuid)).toBe('Enabled')
  const change = async (enabled: boolean | undefined) =>
    (await mappings.update(accountId, uuid, { ...input({ enabled }), function: undefined })).mapping.state
  expect(await change(false)).toBe('Disabling')
  await settle()
  expect(await stateOf(harness, uuid)).toBe('Disabled')
  expect(harness.broker.open).toBe(0)
  harness.broker.send('x')
  await settle()
  expect(harness.calls).toEqual([])
  expect(await change(undefined)).toBe('Updating')
  await settle()
  expect(await stateOf(harness, uuid)).toBe('Disabled')
  expect(await change(true)).toBe('Enabling')
  await settle()
  expect(await stateOf(harness, uuid)).toBe('Enabled')
  expect(harness.calls).toHaveLength(1)
  expect((await mappings.delete(accountId, uuid)).mapping.state).toBe('Deleting')
  await settle()
  await expect(mappings.get(accountId, uuid)).rejects.toMatchObject({ code: 'ResourceNotFound' })
  expect(harness.broker).toMatchObject({ open: 0, removed: [uuid] })
  expect(await harness.documents.list({ kind: 'mapping-lease' })).toEqual([])
})

it('keeps tags that were set while it was brought to its state', async () => {
  const harness = createHarness()
  const opened = Promise.withResolvers<void>()
  harness.broker.opening = opened.promise
  const uuid = await harness.map()
  const key = { kind: 'event-source-mapping', accountId, scope: '', key: uuid }
  const { value, revision } = (await harness.documents.get(key)) ?? {}
  await harness.documents.put(key, Object.assign({}, value, { tags: { a: 'b' } }), revision ?? 'absent')
  opened.resolve()
  await settle()
  expect((await harness.mappings.get(accountId, uuid)).mapping).toMatchObject({ state: 'Enabled', tags: { a: 'b' } })
})

it('can begin disabled', async () => {
  const harness = createHarness()
  const uuid = await harness.map({ enabled: false })
  expect(await stateOf(harness, uuid)).toBe('Disabled')
  expect(harness.broker.opens).toBe(0)
})

it('is Deleting until what it runs has ended, and cannot be changed then', async () => {
  const harness = createHarness()
  const held = heldFunction()
  harness.state.behaviour = held.behaviour
  harness.broker.send('x')
  harness.broker.send('y')
  const uuid = await harness.map({ batchSize: 1, maximumConcurrency: 2 })
  harness.broker.send('z')
  await harness.mappings.delete(accountId, uuid)
  await harness.advance(5_000)
  expect(await stateOf(harness, uuid)).toBe('Deleting')
  const inUse = { code: 'ResourceInUse' }
  await expect(harness.mappings.delete(accountId, uuid)).rejects.toMatchObject(inUse)
  await expect(harness.mappings.update(accountId, uuid, { ...input(), function: undefined })).rejects.toMatchObject(
    inUse,
  )
  for (const { end } of held.open) end(ok())
  await settle()
  await expect(harness.mappings.get(accountId, uuid)).rejects.toMatchObject({ code: 'ResourceNotFound' })
  expect(harness.broker.left()).toEqual(['m2'])
})

it('reads with what it was changed to, and loses nothing by it', async () => {
  const harness = createHarness()
  const uuid = await harness.map({ batchSize: 1 })
  harness.state.behaviour = () => throttled
  harness.broker.send(1)
  harness.broker.send(2)
  await harness.advance(10_000)
  harness.state.behaviour = () => ok()
  const before = harness.calls.length
  await harness.mappings.update(accountId, uuid, { ...input({ batchSize: 2 }), function: undefined })
  await settle()
  expect(harness.batches().slice(before)).toEqual([['m0', 'm1']])
  expect(harness.broker.left()).toEqual([])
})

it('is refused twice for a source and a function', async () => {
  const harness = createHarness()
  const uuid = await harness.map()
  const again = [harness.mappings.create(accountId, input()), harness.mappings.create(accountId, input())]
  for (const attempt of again)
    await expect(attempt).rejects.toMatchObject({ code: 'ResourceConflict', message: expect.stringContaining(uuid) })
  const two = await Promise.allSettled(
    [1, 2].map(() => harness.mappings.create(accountId, input({ eventSourceArn: sourceArn('other') }))),
  )
  expect(two.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
})

it('is Enabled though its source cannot be opened, shows the problem, and reads when it can', async () => {
  const harness = createHarness()
  harness.broker.outage = new Error('down')
  harness.broker.send('x')
  const uuid = await harness.map()
  expect(await stateOf(harness, uuid)).toBe('Enabled')
  await harness.advance(10_000)
  expect(harness.broker.opens).toBe(4)
  expect((await harness.mappings.get(accountId, uuid)).lastProcessingResult).toBe(
    'PROBLEM: The event source cannot be read',
  )
  harness.broker.outage = undefined
  await harness.advance(60_000)
  expect(harness.broker.left()).toEqual([])
})

it('opens a source anew that has failed for a while, and reads on', async () => {
  const harness = createHarness()
  await harness.map()
  harness.broker.outage = new Error('down')
  harness.broker.send('x')
  await harness.advance(20_000)
  expect(harness.broker.opens).toBeGreaterThan(1)
  expect(harness.broker.open).toBe(0)
  harness.broker.outage = undefined
  await harness.advance(60_000)
  expect(harness.calls).toHaveLength(1)
  expect(harness.broker.open).toBe(1)
})

it('processes again what it could not acknowledge', async () => {
  const harness = createHarness()
  const held = heldFunction()
  harness.state.behaviour = held.behaviour
  harness.broker.send('x')
  await harness.map()
  harness.broker.outage = new Error('down')
  held.open[0]?.end(ok())
  await settle()
  harness.broker.outage = undefined
  expect(harness.broker.left()).toEqual(['m0'])
  harness.state.behaviour = () => ok()
  await harness.advance(60_000)
  expect(harness.calls).toHaveLength(2)
  expect(harness.broker.left()).toEqual([])
})

it('ends what runs when the server closes, within its time, and gives back the rest', async () => {
  const harness = createHarness()
  const held = heldFunction()
  harness.state.behaviour = held.behaviour
  harness.broker.send('quick')
  harness.broker.send('slow')
  await harness.map({ batchSize: 1, maximumConcurrency: 2 })
  held.open[1]?.call.invocation.signal?.addEventListener('abort', () =>
    held.open[1]?.end({ kind: 'unavailable', message: 'aborted' }),
  )
  const closed = harness.mappings[Symbol.asyncDispose]()
  await settle()
  harness.broker.send('late')
  held.open[0]?.end(ok())
  await harness.advance(9_000)
  expect(held.open[1]?.call.invocation.signal?.aborted).toBe(false)
  await harness.advance(1_000)
  await closed
  expect(harness.broker.left()).toEqual(['m1', 'm2'])
  expect(harness.broker.messages[1]?.visibleAt).toBeLessThanOrEqual(harness.timers.now())
  expect(harness.broker.open).toBe(0)
  expect(harness.timers.pending).toBe(0)
  expect(harness.slots.used).toBe(0)
})

it('takes up its mappings when the server starts again, whatever was under way', async () => {
  const harness = createHarness()
  const { mappings } = harness
  // Not started: as if it had crashed right after the answers.
  const { mapping } = await mappings.create(accountId, input())
  const other = await mappings.create(accountId, input({ eventSourceArn: sourceArn('b') }))
  await harness.crash()
  expect(await stateOf(harness, mapping.uuid)).toBe('Enabled')
  harness.state.behaviour = heldFunction().behaviour
  harness.broker.send('x')
  await settle()
  void harness.mappings.delete(accountId, other.mapping.uuid)
  await settle()
  harness.state.behaviour = () => ok()
  await harness.crash()
  await expect(harness.mappings.get(accountId, other.mapping.uuid)).rejects.toMatchObject({ code: 'ResourceNotFound' })
  await harness.advance(60_000)
  expect(harness.broker.left()).toEqual([])
})

it('keeps trying while the function is not there, and goes on when it is back', async () => {
  const harness = createHarness({ maxReceives: 1 })
  harness.state.behaviour = () => ({ kind: 'missing', message: 'Function not found' })
  harness.broker.send('x')
  await harness.map()
  await harness.advance(300_000)
  harness.state.behaviour = () => ok()
  await harness.advance(60_000)
  expect(harness.broker.messages[0]?.state).toBe('done')
})

it('refuses what is not there, and what does not fit the source', async () => {
  const harness = createHarness()
  const create = (overrides: Parameters<typeof input>[0]) => harness.mappings.create(accountId, input(overrides))
  const refusal = (message: string) => ({ code: 'InvalidParameterValue', message })
  const unsupported = (member: string) =>
    refusal(`Unsupported ${member} parameter for given event source mapping type.`)
  await expect(create({ maximumRetryAttempts: 1 })).rejects.toMatchObject(unsupported('MaximumRetryAttempts'))
  await expect(create({ onFailure: 'arn:aws:sqs:us-east-1:111111111111:q' })).rejects.toMatchObject(
    unsupported('DestinationConfig'),
  )
  await expect(create({ startingPosition: 'LATEST' })).rejects.toMatchObject(unsupported('StartingPosition'))
  await expect(create({ filters: ['{}'] })).rejects.toMatchObject(refusal('Invalid filter pattern definition.'))
  harness.state.timeoutMs = undefined
  await expect(create({})).rejects.toMatchObject(refusal('Function does not exist'))
  await expect(create({ eventSourceArn: 'arn:aws:kinesis:us-east-1:1:stream/s' })).rejects.toMatchObject(
    refusal(
      "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.",
    ),
  )
  const stream = createHarness({ kind: 'stream' })
  await expect(stream.mappings.create(accountId, input({ maximumConcurrency: 2 }))).rejects.toMatchObject(
    unsupported('ScalingConfig'),
  )
  await expect(
    stream.mappings.create(accountId, input({ onFailure: 'arn:aws:sns:us-east-1:1:t' })),
  ).rejects.toMatchObject({ message: expect.stringContaining('is not supported as a destination') })
  await expect(stream.mappings.create(accountId, input({ startingPosition: 'AT_TIMESTAMP' }))).rejects.toMatchObject({
    message: expect.stringContaining('StartingPositionTimestamp'),
  })
  await expect(stream.mappings.create(accountId, input({ maximumRecordAgeSeconds: 30 }))).rejects.toMatchObject({
    message: expect.stringContaining('MaximumRecordAgeInSeconds'),
  })
})

it('costs next to nothing when a thousand of them wait', async () => {
  const harness = createHarness()
  await harness.mappings.start()
  for (let at = 0; at < 1_000; at++)
    await harness.mappings.create(accountId, input({ eventSourceArn: sourceArn(`q${at}`) }))
  await harness.mappings.idle()
  await settle()
  expect(harness.broker.open).toBe(1_000)
  const before = harness.broker.receives.length
  // One timer each, that of the source, and the owner's.
  expect(harness.timers.pending).toBe(1_001)
  await harness.timers.advanceTo(harness.timers.now() + 59_000, async () => {})
  await settle()
  expect(harness.broker.receives.length).toBe(before)
})
