/** Event source mappings through the official SDK, over real queues. */
import {
  CreateEventSourceMappingCommand,
  DeleteEventSourceMappingCommand,
  GetEventSourceMappingCommand,
  ListEventSourceMappingsCommand,
  ListTagsCommand,
  paginateListEventSourceMappings,
  UpdateEventSourceMappingCommand,
  type CreateEventSourceMappingCommandInput,
} from '@aws-sdk/client-lambda'
import { expect, it, vi } from 'vitest'
import type { EventInvocation, InvokeFunction } from '../../src/events/invoking.ts'
import type { Mapping } from '../../src/events/mappings/record.ts'
import { presentMapping } from '../../src/api/present-mapping.ts'
import { createActive, createAlias, publishVersion } from './prepared.ts'
import { account, region } from './recorded.ts'
import { startApi } from './server.ts'

/** A busy machine's. */
const patience = { timeout: 20_000 }

const queueArn = (name: string) => `arn:aws:sqs:${region}:${account}:${name}`
const functionArn = `arn:aws:lambda:${region}:${account}:function:f`

async function start(queues = ['q'], settings: { invoke?: InvokeFunction } = {}) {
  const invocations: EventInvocation[] = []
  const invoke: InvokeFunction = async (invocation) => {
    invocations.push(invocation)
    return { kind: 'success', payload: Buffer.from('null'), executedVersion: '1' }
  }
  const api = await startApi({ invoke, ...settings })
  await createActive(api, 'f')
  for (const queueName of queues) await api.queues.create({ accountId: account, queueName }, {}, {})
  await api.start()
  const { client } = api
  const create = (input: Partial<CreateEventSourceMappingCommandInput> = {}) =>
    client.send(new CreateEventSourceMappingCommand({ FunctionName: 'f', EventSourceArn: queueArn('q'), ...input }))
  const get = (UUID: string | undefined) => client.send(new GetEventSourceMappingCommand({ UUID }))
  const reaches = (UUID: string | undefined, State: string) =>
    vi.waitFor(async () => {
      const mapping = await get(UUID)
      expect(mapping.State).toBe(State)
      return mapping
    }, patience)
  const send = (body: string) =>
    api.queues.send(queueArn('q'), {
      body,
      attributes: {},
      delaySeconds: undefined,
      groupId: undefined,
      deduplicationId: undefined,
      hops: 0,
    })
  return {
    api,
    client,
    invocations,
    create,
    get,
    reaches,
    send,
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  }
}

const notFound = { name: 'ResourceNotFoundException', message: 'The resource you requested does not exist.' }

it('creates, shows, changes and deletes', async () => {
  await using bench = await start()
  const { client, create, get, reaches } = bench
  const before = Date.now()
  const created = await create({ Tags: { a: 'b' } })
  expect(created).toMatchObject({
    $metadata: { httpStatusCode: 202 },
    BatchSize: 10,
    MaximumBatchingWindowInSeconds: 0,
    EventSourceArn: queueArn('q'),
    FunctionArn: functionArn,
    EventSourceMappingArn: `arn:aws:lambda:${region}:${account}:event-source-mapping:${created.UUID}`,
    State: 'Creating',
    StateTransitionReason: 'USER_INITIATED',
    FunctionResponseTypes: [],
  })
  expect(Math.abs((created.LastModified?.getTime() ?? 0) - before)).toBeLessThan(10_000)
  const { UUID } = created
  await reaches(UUID, 'Enabled')
  expect(await client.send(new ListTagsCommand({ Resource: created.EventSourceMappingArn }))).toMatchObject({
    Tags: { a: 'b' },
  })
  const FilterCriteria = { Filters: [{ Pattern: '{"body":{"a":[1]}}' }] }
  const updated = await client.send(
    new UpdateEventSourceMappingCommand({
      UUID,
      BatchSize: 5,
      FilterCriteria,
      ScalingConfig: { MaximumConcurrency: 2 },
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    }),
  )
  expect(updated).toMatchObject({ State: 'Updating', BatchSize: 5, FilterCriteria, $metadata: { httpStatusCode: 202 } })
  expect(await reaches(UUID, 'Enabled')).toMatchObject({
    ScalingConfig: { MaximumConcurrency: 2 },
    FunctionResponseTypes: ['ReportBatchItemFailures'],
  })
  const cleared = await client.send(
    new UpdateEventSourceMappingCommand({ UUID, FilterCriteria: {}, ScalingConfig: {}, FunctionResponseTypes: [] }),
  )
  expect(cleared).not.toHaveProperty('FilterCriteria')
  expect(cleared).not.toHaveProperty('ScalingConfig')
  expect(cleared).toMatchObject({ FunctionResponseTypes: [] })
  await reaches(UUID, 'Enabled')
  const disabled = await client.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: false }))
  expect(disabled.State).toBe('Disabling')
  await reaches(UUID, 'Disabled')
  const deleted = await client.send(new DeleteEventSourceMappingCommand({ UUID }))
  expect(deleted).toMatchObject({ State: 'Deleting', UUID, $metadata: { httpStatusCode: 202 } })
  await vi.waitFor(() => expect(get(UUID)).rejects.toMatchObject(notFound), patience)
})

it('hands messages to the function that is named, with its qualifier', async () => {
  await using bench = await start()
  const { api, client, create, reaches, send, invocations } = bench
  await publishVersion(api, 'f')
  await createAlias(api, 'f', 'live')
  const { UUID, FunctionArn } = await create({ FunctionName: 'f:live' })
  expect(FunctionArn).toBe(`${functionArn}:live`)
  await reaches(UUID, 'Enabled')
  await send('one')
  await vi.waitFor(() => expect(invocations).toHaveLength(1), patience)
  expect(invocations[0]).toMatchObject({ accountId: account, functionName: 'f', qualifier: 'live', hops: 1 })
  await client.send(new UpdateEventSourceMappingCommand({ UUID, FunctionName: `${functionArn}:1` }))
  expect(await reaches(UUID, 'Enabled')).toMatchObject({ FunctionArn: `${functionArn}:1` })
  await send('two')
  await vi.waitFor(() => expect(invocations[1]).toMatchObject({ qualifier: '1' }), patience)
})

it('lists by function and by source, page by page', async () => {
  const queues = Array.from({ length: 5 }, (_, at) => `q${at}`)
  await using bench = await start(queues)
  const { api, client, create } = bench
  await createActive(api, 'g')
  for (const name of queues) await create({ EventSourceArn: queueArn(name) })
  const { UUID } = await create({ FunctionName: 'g', EventSourceArn: queueArn('q0') })
  const list = async (input: { FunctionName?: string; EventSourceArn?: string; MaxItems?: number }) => {
    const { EventSourceMappings: found = [] } = await client.send(new ListEventSourceMappingsCommand(input))
    return found
  }
  expect(await list({})).toHaveLength(6)
  expect(await list({ FunctionName: 'f' })).toHaveLength(5)
  expect(await list({ FunctionName: functionArn })).toHaveLength(5)
  expect(await list({ FunctionName: 'f:1' })).toEqual([])
  expect(await list({ FunctionName: 'nobody' })).toEqual([])
  expect(await list({ EventSourceArn: queueArn('q0') })).toHaveLength(2)
  expect((await list({ EventSourceArn: queueArn('q0'), FunctionName: 'g' })).map((one) => one.UUID)).toEqual([UUID])
  const seen: (string | undefined)[] = []
  let pages = 0
  for await (const page of paginateListEventSourceMappings({ client, pageSize: 4 }, {})) {
    pages++
    seen.push(...(page.EventSourceMappings ?? []).map((one) => one.UUID))
  }
  expect([pages, new Set(seen).size, seen.length]).toEqual([2, 6, 6])
})

it('refuses in Lambda’s words', async () => {
  await using bench = await start()
  const { client, create, get, reaches } = bench
  const invalid = (message: string) => ({ name: 'InvalidParameterValueException', message })
  const none = '00000000-0000-4000-8000-000000000000'
  await expect(get(none)).rejects.toMatchObject(notFound)
  await expect(client.send(new DeleteEventSourceMappingCommand({ UUID: none }))).rejects.toMatchObject(notFound)
  await expect(client.send(new UpdateEventSourceMappingCommand({ UUID: none }))).rejects.toMatchObject(notFound)
  await expect(create({ FunctionName: 'nobody' })).rejects.toMatchObject(invalid('Function does not exist'))
  await expect(create({ FunctionName: 'f:nothing' })).rejects.toMatchObject(invalid('Function does not exist'))
  await expect(create({ FunctionName: 'arn:aws:lambda:us-east-1:222222222222:function:f' })).rejects.toMatchObject(
    invalid('Function does not exist'),
  )
  await expect(create({ EventSourceArn: undefined })).rejects.toMatchObject(invalid('Unrecognized event source.'))
  const OnSuccess = { Destination: queueArn('q') }
  await expect(create({ DestinationConfig: { OnSuccess } })).rejects.toMatchObject(
    invalid('Unsupported DestinationConfig parameter for given event source mapping type.'),
  )
  await expect(create({ TumblingWindowInSeconds: 1 })).rejects.toMatchObject({
    message: expect.stringContaining('TumblingWindowInSeconds is not supported'),
  })
  await expect(create({ KMSKeyArn: 'arn:aws:kms:us-east-1:1:key/k' })).rejects.toMatchObject({
    message: 'KMSKeyArn is not supported: there is no KMS here.',
  })
  await expect(create({ Queues: ['x'] })).rejects.toMatchObject({ message: expect.stringContaining('Queues') })
  await expect(create({ BatchSize: 0 })).rejects.toMatchObject({
    name: 'ValidationException',
    message:
      "1 validation error detected: Value '0' at 'batchSize' failed to satisfy constraint: Member must have value greater than or equal to 1",
  })
  const Pattern = `{"a":["${'x'.repeat(4_096)}"]}`
  await expect(create({ FilterCriteria: { Filters: [{ Pattern: '{"a":[1]}' }, { Pattern }] } })).rejects.toMatchObject({
    message: `1 validation error detected: Value '${Pattern}' at 'filterCriteria.filters.2.member.pattern' failed to satisfy constraint: Member must have length less than or equal to 4096`,
  })
  await expect(create({ FilterCriteria: { Filters: [{}] } })).rejects.toMatchObject(
    invalid('Invalid filter pattern definition.'),
  )
  const { UUID } = await create()
  await reaches(UUID, 'Enabled')
  await expect(create()).rejects.toMatchObject({
    name: 'ResourceConflictException',
    message: `An event source mapping with SQS arn (" ${queueArn('q')} ") and function (" f ") already exists. Please update or delete the existing mapping with UUID ${UUID}`,
  })
  await expect(client.send(new ListEventSourceMappingsCommand({ Marker: 'x' }))).rejects.toMatchObject(
    invalid('Invalid Marker: pass the NextMarker of the page before unchanged.'),
  )
})

it('holds queue and function to each other’s timeouts', async () => {
  await using bench = await start()
  const { api, create } = bench
  await createActive(api, 'slow', { Timeout: 60 })
  await expect(create({ FunctionName: 'slow' })).rejects.toMatchObject({
    message: 'Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds',
  })
})

it('cannot be changed while it is being deleted', async () => {
  const held = Promise.withResolvers<void>()
  const invoke: InvokeFunction = async () => {
    await held.promise
    return { kind: 'success', payload: Buffer.from('null'), executedVersion: '1' }
  }
  await using bench = await start(['q'], { invoke })
  const { client, create, get, reaches, send } = bench
  const { UUID } = await create()
  await reaches(UUID, 'Enabled')
  await send('x')
  await vi.waitFor(
    async () => expect(await bench.api.queues.counts(queueArn('q'))).toMatchObject({ inFlight: 1 }),
    patience,
  )
  await client.send(new DeleteEventSourceMappingCommand({ UUID }))
  const inUse = (what: string) => ({
    name: 'ResourceInUseException',
    message: `Cannot ${what} the event source mapping because it is in use.`,
  })
  await expect(client.send(new DeleteEventSourceMappingCommand({ UUID }))).rejects.toMatchObject(inUse('delete'))
  const update = new UpdateEventSourceMappingCommand({ UUID, Enabled: false })
  await expect(client.send(update)).rejects.toMatchObject(inUse('update'))
  held.resolve()
  await vi.waitFor(() => expect(get(UUID)).rejects.toMatchObject(notFound), patience)
  expect(await bench.api.queues.counts(queueArn('q'))).toMatchObject({ visible: 0, inFlight: 0 })
})

it('shows what belongs to streams as AWS does for Kinesis', () => {
  const mapping: Mapping = {
    uuid: 'u',
    eventSourceArn: `arn:aws:nats:${region}:${account}:main/s/x`,
    queues: [],
    functionName: 'f',
    qualifier: '$LATEST',
    functionArn,
    enabled: true,
    state: 'Enabled',
    lastModified: 1_767_225_600_500,
    batchSize: 100,
    batchingWindowSeconds: 0,
    filters: [],
    reportsBatchItemFailures: false,
    startingPosition: 'AT_TIMESTAMP',
    startingPositionTimestamp: 1_767_225_600_000,
    parallelizationFactor: 1,
    bisectBatchOnFunctionError: false,
    maximumRetryAttempts: -1,
    maximumRecordAgeSeconds: -1,
    onFailure: queueArn('failed'),
    tags: {},
  }
  const view = { accountId: account, mapping, kind: 'stream', lastProcessingResult: 'OK' } as const
  expect(presentMapping(view, region)).toEqual({
    UUID: 'u',
    StartingPosition: 'AT_TIMESTAMP',
    StartingPositionTimestamp: 1_767_225_600,
    ParallelizationFactor: 1,
    DestinationConfig: { OnFailure: { Destination: queueArn('failed') } },
    MaximumRecordAgeInSeconds: -1,
    BisectBatchOnFunctionError: false,
    MaximumRetryAttempts: -1,
    TumblingWindowInSeconds: 0,
    BatchSize: 100,
    MaximumBatchingWindowInSeconds: 0,
    EventSourceArn: mapping.eventSourceArn,
    FunctionArn: functionArn,
    LastModified: 1_767_225_600.5,
    LastProcessingResult: 'OK',
    State: 'Enabled',
    StateTransitionReason: 'User action',
    FunctionResponseTypes: [],
    EventSourceMappingArn: `arn:aws:lambda:${region}:${account}:event-source-mapping:u`,
  })
})
