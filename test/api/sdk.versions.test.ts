/** Versions, aliases and their kin through the official client. */
import {
  CreateAliasCommand,
  CreateFunctionCommand,
  DeleteAliasCommand,
  DeleteFunctionCommand,
  GetAccountSettingsCommand,
  GetAliasCommand,
  GetFunctionCodeSigningConfigCommand,
  GetFunctionCommand,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  ListAliasesCommand,
  ListFunctionsCommand,
  ListVersionsByFunctionCommand,
  paginateListAliases,
  paginateListVersionsByFunction,
  PublishVersionCommand,
  UpdateAliasCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilPublishedVersionActive,
  type CreateFunctionCommandInput,
} from '@aws-sdk/client-lambda'
import { expect, it } from 'vitest'
import { ThawError } from '../../src/errors.ts'
import { accountId, zip } from '../functions/fakes.ts'
import { startApi, type ApiServer } from './server.ts'

const arn = `arn:aws:lambda:us-east-1:${accountId}:function:f`
const FunctionName = 'f'

const create = (api: ApiServer, overrides: Partial<CreateFunctionCommandInput> = {}) =>
  api.client.send(
    new CreateFunctionCommand({
      FunctionName,
      Runtime: 'nodejs24.x',
      Role: 'arn:aws:iam::111111111111:role/r',
      Handler: 'index.handler',
      Code: { ZipFile: zip() },
      ...overrides,
    }),
  )

async function active(overrides?: Partial<CreateFunctionCommandInput>, settings?: Parameters<typeof startApi>[0]) {
  const api = await startApi(settings)
  await create(api, overrides)
  await api.functions.idle()
  return api
}

const publish = (api: ApiServer) => api.client.send(new PublishVersionCommand({ FunctionName }))

/** Each with code of its own: 1, 2, and so on. */
async function withVersions(count: number): Promise<ApiServer> {
  const api = await active()
  for (let version = 1; version <= count; version++) {
    const code = { ZipFile: zip(`code ${version}`), Publish: true }
    await api.client.send(new UpdateFunctionCodeCommand({ FunctionName, ...code }))
    await api.functions.idle()
  }
  return api
}

it('PublishVersion publishes what runs, without a build, under a deployment of its own', async () => {
  await using api = await active({ Environment: { Variables: { KEY: 'a' } } })
  const version = await publish(api)
  expect(version).toMatchObject({ Version: '1', FunctionArn: `${arn}:1`, State: 'Active' })
  expect(api.builder.requests).toHaveLength(1)
  const [latest, published] = api.dataPlane.changes.flatMap((change) => ('put' in change ? [change.put] : []))
  expect(published).toEqual({ ...latest, version: '1', deployment: 2 })
  expect(await api.served()).toContainEqual({ put: published })
})

it('waitUntilPublishedVersionActive sees a version published with its function', async () => {
  await using api = await startApi()
  api.builder.gate.close()
  expect(await create(api, { Publish: true })).toMatchObject({ Version: '1', State: 'Pending' })
  const waiter = { client: api.client, minDelay: 0.01, maxDelay: 0.02, maxWaitTime: 5 }
  const waiting = waitUntilPublishedVersionActive(waiter, { FunctionName, Qualifier: '1' })
  api.builder.gate.open()
  expect((await waiting).state).toBe('SUCCESS')
  expect(api.builder.requests).toHaveLength(1)
})

it('a version whose build fails is Failed, and what was published before stays', async () => {
  await using api = await withVersions(1)
  api.builder.failure = new ThawError('Build', 'SyntaxError')
  await api.client.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile: zip('bad'), Publish: true }))
  await api.functions.idle()
  const get = (Qualifier: string) => api.client.send(new GetFunctionConfigurationCommand({ FunctionName, Qualifier }))
  expect(await get('2')).toMatchObject({ State: 'Failed', StateReason: 'SyntaxError', LastUpdateStatus: 'Failed' })
  expect(await get('1')).toMatchObject({ State: 'Active' })
  await expect(publish(api)).rejects.toMatchObject({
    name: 'ResourceConflictException',
    message: 'The operation cannot be performed at this time. The last update of the function failed: SyntaxError',
  })
})

it('versions stay as they are when the function changes', async () => {
  await using api = await withVersions(2)
  const get = (Qualifier: string) => api.client.send(new GetFunctionCommand({ FunctionName, Qualifier }))
  const before = await get('1')
  await api.client.send(new UpdateFunctionConfigurationCommand({ FunctionName, Timeout: 99, MemorySize: 512 }))
  await api.functions.idle()
  expect((await get('1')).Configuration).toEqual(before.Configuration)
  expect((await get('$LATEST')).Configuration).toMatchObject({ Timeout: 99, FunctionArn: `${arn}:$LATEST` })
  const code = await fetch((await get('1')).Code?.Location ?? '')
  expect(Buffer.from(await code.arrayBuffer())).toEqual(zip('code 1'))
})

it('UpdateFunctionCode with Publish answers with the version there is, if nothing new comes of it', async () => {
  await using api = await withVersions(1)
  const code = { ZipFile: zip('code 1'), Publish: true }
  const again = await api.client.send(new UpdateFunctionCodeCommand({ FunctionName, ...code }))
  expect(again).toMatchObject({ Version: '1', FunctionArn: `${arn}:1`, State: 'Active' })
  await api.functions.idle()
  const latest = await api.client.send(new GetFunctionConfigurationCommand({ FunctionName }))
  expect(latest).toMatchObject({ LastUpdateStatus: 'Successful' })
})

it('PublishVersion while a change is in progress is refused', async () => {
  await using api = await active()
  api.builder.gate.close()
  await api.client.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile: zip('two') }))
  await expect(publish(api)).rejects.toMatchObject({
    name: 'ResourceConflictException',
    message: `The operation cannot be performed at this time. An update is in progress for resource: ${arn}`,
  })
})

it('a publication changes the revision of $LATEST, one that publishes nothing new does not', async () => {
  await using api = await active()
  const revision = async () => (await api.client.send(new GetFunctionConfigurationCommand({ FunctionName }))).RevisionId
  const before = await revision()
  await publish(api)
  const after = await revision()
  await publish(api)
  expect([after === before, (await revision()) === after]).toEqual([false, true])
})

it('ListVersionsByFunction pages, ListFunctions has all versions when asked for', async () => {
  await using api = await withVersions(4)
  const pages: (string | undefined)[][] = []
  const paging = paginateListVersionsByFunction({ client: api.client, pageSize: 2 }, { FunctionName })
  for await (const { Versions = [] } of paging) pages.push(Versions.map(({ Version }) => Version))
  expect(pages).toEqual([['$LATEST', '1'], ['2', '3'], ['4']])
  const { Functions = [] } = await api.client.send(new ListFunctionsCommand({ FunctionVersion: 'ALL' }))
  expect(Functions.map(({ FunctionArn }) => FunctionArn)).toEqual(
    ['$LATEST', '1', '2', '3', '4'].map((version) => `${arn}:${version}`),
  )
  const missing = api.client.send(new ListVersionsByFunctionCommand({ FunctionName: 'none' }))
  await expect(missing).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
})

it('DeleteFunction deletes one version, and its number is not used again', async () => {
  await using api = await withVersions(2)
  const remove = (Qualifier: string) => api.client.send(new DeleteFunctionCommand({ FunctionName, Qualifier }))
  await remove('2')
  await remove('2')
  await remove('77')
  expect(api.dataPlane.changes.at(-1)).toEqual({ remove: { accountId, functionName: 'f', version: '2' } })
  expect(await publish(api)).toMatchObject({ Version: '3' })
})

it('DeleteFunction takes versions and aliases with it, in one change to the data plane', async () => {
  await using api = await withVersions(2)
  await api.client.send(new CreateAliasCommand({ FunctionName, Name: 'live', FunctionVersion: '1' }))
  api.dataPlane.changes.length = 0
  await api.client.send(new DeleteFunctionCommand({ FunctionName }))
  expect(api.dataPlane.changes).toEqual([{ removeFunction: { accountId, functionName: 'f' } }])
  await create(api)
  await api.functions.idle()
  expect(await publish(api)).toMatchObject({ Version: '1' })
  expect((await api.client.send(new ListAliasesCommand({ FunctionName }))).Aliases).toEqual([])
})

it('SnapStart is On for published versions of functions that ask for it', async () => {
  await using api = await active({ SnapStart: { ApplyOn: 'PublishedVersions' } })
  const { SnapStart } = await publish(api)
  expect(SnapStart).toEqual({ ApplyOn: 'PublishedVersions', OptimizationStatus: 'On' })
  const latest = await api.client.send(new GetFunctionConfigurationCommand({ FunctionName }))
  expect(latest.SnapStart).toEqual({ ApplyOn: 'PublishedVersions', OptimizationStatus: 'Off' })
})

it('an alias is created, read, moved, shared between two versions, and deleted', async () => {
  await using api = await withVersions(2)
  const { client, dataPlane } = api
  const named = { FunctionName, Name: 'live' }
  const created = await client.send(new CreateAliasCommand({ ...named, FunctionVersion: '1', Description: 'd' }))
  expect(created).toMatchObject({ AliasArn: `${arn}:live`, Name: 'live', FunctionVersion: '1', Description: 'd' })
  const { $metadata: _first, ...shown } = await client.send(new GetAliasCommand(named))
  const { $metadata: _second, ...given } = created
  expect(shown).toEqual(given)

  const RoutingConfig = { AdditionalVersionWeights: { 2: 0.25 } }
  const shared = await client.send(new UpdateAliasCommand({ ...named, RoutingConfig, RevisionId: created.RevisionId }))
  expect(shared).toMatchObject({ FunctionVersion: '1', Description: 'd', RoutingConfig })
  const route = { accountId, functionName: 'f', alias: 'live', version: '1' }
  const additional = { version: '2', weight: 0.25 }
  expect(dataPlane.changes.at(-1)).toEqual({ putAlias: { ...route, additional } })
  expect(await api.served()).toContainEqual({ putAlias: { ...route, additional } })

  await expect(
    client.send(new UpdateAliasCommand({ ...named, FunctionVersion: '2', RevisionId: created.RevisionId })),
  ).rejects.toMatchObject({ name: 'PreconditionFailedException' })
  // What it is shared with stays, unless that is changed too.
  await expect(client.send(new UpdateAliasCommand({ ...named, FunctionVersion: '2' }))).rejects.toMatchObject({
    name: 'InvalidParameterValueException',
    message: 'Invalid function version 2. Function version 2 is already included in routing configuration.',
  })
  const moved = await client.send(new UpdateAliasCommand({ ...named, FunctionVersion: '2', RoutingConfig: {} }))
  expect([moved.FunctionVersion, moved.RoutingConfig]).toEqual(['2', undefined])
  expect(dataPlane.changes.at(-1)).toEqual({ putAlias: { ...route, version: '2', additional: undefined } })

  await client.send(new DeleteAliasCommand(named))
  await client.send(new DeleteAliasCommand(named))
  expect(dataPlane.changes.at(-1)).toEqual({ removeAlias: { accountId, functionName: 'f', alias: 'live' } })
  await expect(client.send(new GetAliasCommand(named))).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
    message: `Cannot find alias arn: ${arn}:live`,
  })
})

it('an alias is a qualifier: GetFunction answers for its version, under its name', async () => {
  await using api = await withVersions(2)
  await api.client.send(new CreateAliasCommand({ FunctionName, Name: 'live', FunctionVersion: '1' }))
  const get = (name: string, Qualifier?: string) =>
    api.client.send(new GetFunctionCommand({ FunctionName: name, Qualifier }))
  for (const { Configuration } of [await get('f', 'live'), await get('f:live'), await get(`${arn}:live`)])
    expect(Configuration).toMatchObject({ Version: '1', FunctionArn: `${arn}:live` })
  const missing = api.client.send(new InvokeCommand({ FunctionName, Qualifier: 'nope' }))
  await expect(missing).rejects.toMatchObject({ message: `Function not found: ${arn}:nope` })
  const update = api.client.send(new UpdateFunctionConfigurationCommand({ FunctionName: 'f:live', Timeout: 9 }))
  await expect(update).rejects.toMatchObject({
    message: expect.stringMatching(/^This operation is permitted on Lambda functions only/),
  })
})

it('a version that an alias points to, or shares with, cannot be deleted', async () => {
  await using api = await withVersions(3)
  const { client } = api
  await client.send(new CreateAliasCommand({ FunctionName, Name: 'live', FunctionVersion: '1' }))
  const RoutingConfig = { AdditionalVersionWeights: { 2: 0.1 } }
  await client.send(new CreateAliasCommand({ FunctionName, Name: 'beta', FunctionVersion: '1', RoutingConfig }))
  const remove = (Qualifier: string) => client.send(new DeleteFunctionCommand({ FunctionName, Qualifier }))
  const refusal = 'Unable to delete version because the following aliases reference it:'
  await expect(remove('1')).rejects.toMatchObject({
    name: 'ResourceConflictException',
    message: `${refusal} [beta, live]`,
  })
  await expect(remove('2')).rejects.toMatchObject({ message: `${refusal} [beta]` })
  await remove('3')
})

it('ListAliases pages by name, and finds those of a version', async () => {
  await using api = await withVersions(2)
  for (const [Name, FunctionVersion] of [
    ['c', '1'],
    ['a', '2'],
    ['b', '1'],
  ])
    await api.client.send(new CreateAliasCommand({ FunctionName, Name, FunctionVersion }))
  const pages: (string | undefined)[][] = []
  for await (const { Aliases = [] } of paginateListAliases({ client: api.client, pageSize: 2 }, { FunctionName }))
    pages.push(Aliases.map(({ Name }) => Name))
  expect(pages).toEqual([['a', 'b'], ['c']])
  const { Aliases = [] } = await api.client.send(new ListAliasesCommand({ FunctionName, FunctionVersion: '1' }))
  expect(Aliases.map(({ Name }) => Name)).toEqual(['b', 'c'])
})

it('an alias the data plane refuses is as it was', async () => {
  await using api = await withVersions(2)
  const { client, dataPlane } = api
  const named = { FunctionName, Name: 'live' }
  await client.send(new CreateAliasCommand({ ...named, FunctionVersion: '1' }))
  dataPlane.failure = new ThawError('Unavailable', 'worker 2 did not acknowledge')
  await expect(client.send(new UpdateAliasCommand({ ...named, FunctionVersion: '2' }))).rejects.toMatchObject({
    message: 'worker 2 did not acknowledge',
  })
  expect(dataPlane.changes.at(-1)).toMatchObject({ putAlias: { version: '1' } })
  expect(await client.send(new GetAliasCommand(named))).toMatchObject({ FunctionVersion: '1' })
})

type Weights = Record<string, number>
const badAliases: [what: string, version: string, weights: Weights | undefined, name: string, message: string][] = [
  ['two more versions', '1', { 2: 0.1, 3: 0.1 }, 'InvalidParameterValueException', 'cannot be greater than 1'],
  ['a weight over 1', '1', { 2: 2 }, 'ValidationException', "Value '{2=2.0}' at 'routingConfig.additionalVersionWe"],
  ['a weight below 0', '1', { 2: -1 }, 'ValidationException', 'must have value greater than or equal to 0.0'],
  ['a share for its own version', '1', { 1: 0.5 }, 'InvalidParameterValueException', 'Function version 1 is already'],
  ['a share for $LATEST', '1', { $LATEST: 0.5 }, 'ValidationException', 'expression pattern: [0-9]+, Member must not'],
  ['a share of $LATEST', '$LATEST', { 1: 0.5 }, 'InvalidParameterValueException', '$LATEST is not supported for an'],
  ['a share for nothing', '1', { 10: 0.5 }, 'ResourceNotFoundException', `Function not found: ${arn}:10`],
  ['a version that is not there', '10', undefined, 'ResourceNotFoundException', `Function not found: ${arn}:10`],
  ['no version', 'x', undefined, 'ValidationException', "Value 'x' at 'functionVersion' failed to satisfy constraint"],
]

it.each(badAliases)('CreateAlias refuses %s', async (_what, FunctionVersion, weights, name, message) => {
  await using api = await withVersions(2)
  const RoutingConfig = weights === undefined ? undefined : { AdditionalVersionWeights: weights }
  const creation = api.client.send(new CreateAliasCommand({ FunctionName, Name: 'a', FunctionVersion, RoutingConfig }))
  await expect(creation).rejects.toMatchObject({ name, message: expect.stringContaining(message) })
})

it('CreateAlias refuses numbers for names, a name twice, and functions that are not there', async () => {
  await using api = await withVersions(1)
  const aliased = (Name: string, name = 'f') =>
    api.client.send(new CreateAliasCommand({ FunctionName: name, Name, FunctionVersion: '1' }))
  await expect(aliased('1')).rejects.toMatchObject({ name: 'ValidationException' })
  await aliased('live')
  await expect(aliased('live')).rejects.toMatchObject({
    name: 'ResourceConflictException',
    message: `Alias already exists: ${arn}:live`,
  })
  await expect(aliased('live', 'none')).rejects.toMatchObject({
    message: `Function not found: ${arn.replace(/f$/, 'none')}:1`,
  })
  const update = api.client.send(new UpdateAliasCommand({ FunctionName, Name: 'none' }))
  await expect(update).rejects.toMatchObject({ message: `Alias not found: ${arn}:none` })
})

it('an alias for $LATEST alone is fine', async () => {
  await using api = await active()
  const created = await api.client.send(
    new CreateAliasCommand({ FunctionName, Name: 'dev', FunctionVersion: '$LATEST', RoutingConfig: {} }),
  )
  expect(created).toMatchObject({ FunctionVersion: '$LATEST' })
  const got = await api.client.send(new GetFunctionCommand({ FunctionName, Qualifier: 'dev' }))
  expect(got.Configuration).toMatchObject({ Version: '$LATEST' })
})

it('packages of versions count against the code storage', async () => {
  await using api = await active({}, { limits: { codeStorageBytes: zip().length * 2 } })
  await publish(api)
  const { AccountUsage } = await api.client.send(new GetAccountSettingsCommand({}))
  expect(AccountUsage).toEqual({ FunctionCount: 1, TotalCodeSize: zip().length * 2 })
  const exceeded = { name: 'CodeStorageExceededException' }
  await api.client.send(new UpdateFunctionConfigurationCommand({ FunctionName, Timeout: 9 }))
  await api.functions.idle()
  await expect(publish(api)).rejects.toMatchObject(exceeded)
  await expect(create(api, { FunctionName: 'g' })).rejects.toMatchObject(exceeded)
})

it('a dead-letter queue is kept, shown, published and taken away again', async () => {
  const TargetArn = `arn:aws:sqs:us-east-1:${accountId}:failed`
  await using api = await active({ DeadLetterConfig: { TargetArn } })
  expect(await publish(api)).toMatchObject({ DeadLetterConfig: { TargetArn } })
  const change = (target: string) =>
    api.client.send(new UpdateFunctionConfigurationCommand({ FunctionName, DeadLetterConfig: { TargetArn: target } }))
  expect((await change('')).DeadLetterConfig).toBeUndefined()
  await api.functions.idle()
  await expect(change('arn:aws:sns:us-east-1:111111111111:topic')).rejects.toMatchObject({
    name: 'InvalidParameterValueException',
    message: expect.stringContaining('must be the ARN of an SQS queue'),
  })
  const elsewhere = 'arn:aws:sqs:us-east-1:222222222222:failed'
  const notOwn = {
    name: 'InvalidParameterValueException',
    message: expect.stringContaining('must be a queue of account'),
  }
  await expect(change(elsewhere)).rejects.toMatchObject(notOwn)
  await expect(create(api, { FunctionName: 'g', DeadLetterConfig: { TargetArn: elsewhere } })).rejects.toMatchObject(
    notOwn,
  )
})

it('a function has no code signing configuration', async () => {
  await using api = await active()
  const { $metadata: _metadata, ...answer } = await api.client.send(
    new GetFunctionCodeSigningConfigCommand({ FunctionName }),
  )
  expect(answer).toEqual({ FunctionName: 'f' })
})
