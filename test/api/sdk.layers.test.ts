/** Layers through the official client. */
import {
  AddLayerVersionPermissionCommand,
  CreateFunctionCommand,
  DeleteLayerVersionCommand,
  GetAccountSettingsCommand,
  GetFunctionConfigurationCommand,
  GetLayerVersionByArnCommand,
  GetLayerVersionCommand,
  GetLayerVersionPolicyCommand,
  ListLayersCommand,
  ListLayerVersionsCommand,
  paginateListLayers,
  PublishLayerVersionCommand,
  PublishVersionCommand,
  RemoveLayerVersionPermissionCommand,
  UpdateFunctionConfigurationCommand,
  type ListLayersCommandInput,
  type PublishLayerVersionCommandInput,
} from '@aws-sdk/client-lambda'
import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { layerScope, layersOf, versionKey, type LayerVersion } from '../../src/store/layers.ts'
import { accountId, zip } from '../functions/fakes.ts'
import { startApi, type ApiServer } from './server.ts'

const LayerName = 'lib'
const layerArn = `arn:aws:lambda:us-east-1:${accountId}:layer:lib`
const FunctionName = 'f'

const publish = (api: ApiServer, overrides: Partial<PublishLayerVersionCommandInput> = {}) =>
  api.client.send(new PublishLayerVersionCommand({ LayerName, Content: { ZipFile: zip('layer') }, ...overrides }))
const create = (api: ApiServer, Layers: string[], name = FunctionName) =>
  api.client.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Runtime: 'nodejs24.x',
      Role: 'arn:aws:iam::111111111111:role/r',
      Handler: 'index.handler',
      Code: { ZipFile: zip() },
      Layers,
    }),
  )
const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

it('a layer version is published, read by name and by ARN, downloaded, listed and deleted', async () => {
  await using api = await startApi()
  const { client } = api
  const described = { Description: 'd', LicenseInfo: 'MIT', CompatibleRuntimes: ['nodejs24.x', 'python3.12'] } as const
  const first = await publish(api, {
    ...described,
    CompatibleRuntimes: [...described.CompatibleRuntimes],
    CompatibleArchitectures: ['arm64'],
  })
  expect(first).toMatchObject({
    ...described,
    LayerArn: layerArn,
    LayerVersionArn: `${layerArn}:1`,
    Version: 1,
    CompatibleArchitectures: ['arm64'],
    Content: { CodeSize: zip('layer').length, CodeSha256: Buffer.from(digest(zip('layer')), 'hex').toString('base64') },
  })
  expect(first.CreatedDate).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$/)
  const second = await publish(api, { LayerName: layerArn, Content: { ZipFile: zip('other') } })
  expect([second.Version, second.Description, second.LicenseInfo]).toEqual([2, '', undefined])

  const read = await client.send(new GetLayerVersionCommand({ LayerName, VersionNumber: 1 }))
  expect(read).toMatchObject({ LayerVersionArn: `${layerArn}:1`, Description: 'd' })
  const byArn = await client.send(new GetLayerVersionByArnCommand({ Arn: `${layerArn}:2` }))
  const content = await fetch(byArn.Content?.Location ?? '')
  expect(Buffer.from(await content.arrayBuffer())).toEqual(zip('other'))

  const { LayerVersions = [] } = await client.send(new ListLayerVersionsCommand({ LayerName }))
  expect(LayerVersions.map(({ Version }) => Version)).toEqual([2, 1])
  const { Layers } = await client.send(new ListLayersCommand({}))
  expect(Layers).toMatchObject([{ LayerName, LayerArn: layerArn, LatestMatchingVersion: { Version: 2 } }])

  for (let time = 0; time < 2; time++) await client.send(new DeleteLayerVersionCommand({ LayerName, VersionNumber: 2 }))
  await expect(client.send(new GetLayerVersionCommand({ LayerName, VersionNumber: 2 }))).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
    message: 'The resource you requested does not exist.',
  })
  expect(await publish(api)).toMatchObject({ Version: 3 })
})

it('layers are listed by name, page by page, with what matches a runtime or architecture', async () => {
  await using api = await startApi()
  for (const name of ['c', 'a', 'b']) await publish(api, { LayerName: name, CompatibleRuntimes: ['nodejs24.x'] })
  await publish(api, { LayerName: 'a', CompatibleRuntimes: ['nodejs22.x'], CompatibleArchitectures: ['arm64'] })
  const pages: (string | undefined)[][] = []
  for await (const { Layers = [] } of paginateListLayers({ client: api.client, pageSize: 2 }, {}))
    pages.push(Layers.map((layer) => layer.LayerName))
  expect(pages).toEqual([['a', 'b'], ['c']])
  const found = async (filter: ListLayersCommandInput) =>
    (await api.client.send(new ListLayersCommand(filter))).Layers?.map(
      ({ LayerName: name, LatestMatchingVersion }) => `${name} ${LatestMatchingVersion?.Version}`,
    )
  expect(await found({ CompatibleRuntime: 'nodejs24.x' })).toEqual(['a 1', 'b 1', 'c 1'])
  expect(await found({ CompatibleArchitecture: 'arm64' })).toEqual(['a 2'])
})

it('functions are built with their layers, in order, and keep them when they are deleted', async () => {
  await using api = await startApi()
  await publish(api)
  await publish(api, { LayerName: 'more', Content: { ZipFile: zip('more') } })
  const more = layerArn.replace('lib', 'more')
  const created = await create(api, [`${layerArn}:1`, `${more}:1`])
  expect(created.Layers).toEqual([
    { Arn: `${layerArn}:1`, CodeSize: zip('layer').length },
    { Arn: `${more}:1`, CodeSize: zip('more').length },
  ])
  await api.functions.idle()
  const paths = [zip('layer'), zip('more')].map((bytes) => api.artifacts.codePath(digest(bytes)))
  expect(api.builder.requests.at(-1)?.layerPaths).toEqual(paths)

  const change = (Layers: string[]) => api.client.send(new UpdateFunctionConfigurationCommand({ FunctionName, Layers }))
  await change([`${more}:1`, `${layerArn}:1`])
  await api.functions.idle()
  expect(api.builder.requests.at(-1)?.layerPaths).toEqual(paths.toReversed())
  await api.client.send(new UpdateFunctionConfigurationCommand({ FunctionName, Timeout: 9 }))
  await api.functions.idle()
  expect(api.builder.requests).toHaveLength(2)

  await api.client.send(new DeleteLayerVersionCommand({ LayerName, VersionNumber: 1 }))
  await api.start()
  expect(await api.client.send(new PublishVersionCommand({ FunctionName }))).toMatchObject({
    Layers: [{ Arn: `${more}:1` }, { Arn: `${layerArn}:1` }],
  })
  await expect(api.artifacts.verifyCode(digest(zip('layer')))).resolves.toBeUndefined()
  expect((await change([])).Layers).toBeUndefined()
  await api.functions.idle()
  const after = await api.client.send(new GetFunctionConfigurationCommand({ FunctionName }))
  expect(after.Layers).toBeUndefined()
})

it('packages of layers are kept while there is a version, and count against the code storage', async () => {
  await using api = await startApi({ limits: { codeStorageBytes: zip('layer').length } })
  await publish(api)
  await api.start()
  await expect(api.artifacts.verifyCode(digest(zip('layer')))).resolves.toBeUndefined()
  const { AccountUsage } = await api.client.send(new GetAccountSettingsCommand({}))
  expect(AccountUsage).toEqual({ FunctionCount: 0, TotalCodeSize: zip('layer').length })
  await expect(publish(api)).rejects.toMatchObject({ name: 'CodeStorageExceededException' })
  await api.client.send(new DeleteLayerVersionCommand({ LayerName, VersionNumber: 1 }))
  await api.start()
  await expect(api.artifacts.verifyCode(digest(zip('layer')))).rejects.toMatchObject({ code: 'Artifact' })
})

const refusedLayers: [what: string, arns: string[], name: string, message: string][] = [
  [
    'more than five',
    Array.from({ length: 6 }, (_, index) => `${layerArn}${index}:1`),
    'InvalidParameterValueException',
    'Cannot reference more than 5 layers.',
  ],
  [
    'one that is not there',
    [`${layerArn}:9`],
    'InvalidParameterValueException',
    `Layer version ${layerArn}:9 does not exist.`,
  ],
  [
    'two versions of one',
    [`${layerArn}:1`, `${layerArn}:2`],
    'InvalidParameterValueException',
    `Two different versions of the same layer are not allowed to be referenced in the same function. ${layerArn}:1 and ${layerArn}:2 are versions of the same layer.`,
  ],
  [
    'one of another region',
    [`${layerArn.replace('us-east-1', 'eu-west-1')}:1`],
    'InvalidParameterValueException',
    'Layers are not in the same region as the function. Layers are expected to be in region us-east-1.',
  ],
  ['what names no version', [layerArn], 'ValidationException', `Value '[${layerArn}]' at 'layers' failed to satisfy`],
  [
    "another account's",
    ['arn:aws:lambda:us-east-1:222222222222:layer:theirs:1'],
    'AccessDeniedException',
    'is not authorized to perform: lambda:GetLayerVersion on resource: arn:aws:lambda:us-east-1:222222222222:layer:theirs:1',
  ],
]

it.each(refusedLayers)('a function cannot have %s', async (_what, arns, name, message) => {
  await using api = await startApi()
  await publish(api)
  await publish(api)
  await expect(create(api, arns)).rejects.toMatchObject({ name, message: expect.stringContaining(message) })
})

it('a component takes no layers', async () => {
  await using api = await startApi()
  await publish(api)
  const body = {
    FunctionName,
    Runtime: 'provided.component',
    Role: 'arn:aws:iam::111111111111:role/r',
    Handler: 'any',
    Code: { ZipFile: zip().toString('base64') },
    Layers: [`${layerArn}:1`],
  }
  const { status, body: answer } = await api.request('POST', '/2015-03-31/functions', body)
  expect([status, answer]).toMatchObject([
    400,
    { message: expect.stringContaining('Layers are not supported for Runtime provided.component') },
  ])
})

it("another account's layer can be used as far as its policy goes", async () => {
  await using api = await startApi()
  const theirs = { region: 'us-east-1', accountId: '222222222222', layerName: 'theirs', version: 1 }
  const arn = 'arn:aws:lambda:us-east-1:222222222222:layer:theirs:1'
  const { sha256, sizeBytes } = await api.artifacts.putCode(zip('theirs'))
  const { versions } = layersOf(api.documents)
  const admit = async (principal: string, organizationId?: string) => {
    const before = await versions.get(theirs.accountId, layerScope('theirs'), versionKey(1))
    const policy = { revisionId: 'r', statements: [{ sid: 's', principal, organizationId }] }
    const value: LayerVersion = {
      layerName: 'theirs',
      version: 1,
      description: '',
      created: 0,
      sha256,
      sizeBytes,
      policy,
    }
    const { accountId: owner } = theirs
    await versions.put(owner, layerScope('theirs'), versionKey(1), value, before?.revision ?? 'absent')
  }
  const read = () => api.client.send(new GetLayerVersionByArnCommand({ Arn: arn }))
  for (const [principal, organization] of [['333333333333'], ['*', 'o-1234567890']] as const) {
    await admit(principal, organization)
    await expect(read()).rejects.toMatchObject({ name: 'AccessDeniedException' })
    await expect(create(api, [arn])).rejects.toMatchObject({ name: 'AccessDeniedException' })
  }
  for (const [index, principal] of [accountId, '*', `arn:aws:iam::${accountId}:root`].entries()) {
    await admit(principal)
    const { Content } = await read()
    expect(await (await fetch(Content?.Location ?? '')).text()).toBe(zip('theirs').toString())
    expect((await create(api, [arn], `f${index}`)).Layers).toEqual([{ Arn: arn, CodeSize: sizeBytes }])
  }
  // It is theirs to change.
  const name = encodeURIComponent(arn.slice(0, -2))
  for (const [method, path, body] of [
    ['DELETE', '/versions/1'],
    ['GET', '/versions/1/policy'],
    ['DELETE', '/versions/1/policy/s'],
    ['GET', '/versions'],
    ['POST', '/versions', { Content: { ZipFile: zip().toString('base64') } }],
  ] as const) {
    const { status, headers } = await api.request(method, `/2018-10-31/layers/${name}${path}`, body)
    expect([status, headers.get('x-amzn-errortype')]).toEqual([403, 'AccessDeniedException'])
  }
})

it('permissions of a layer version are added, shown as a policy, and removed', async () => {
  await using api = await startApi()
  await publish(api)
  const { client } = api
  const version = { LayerName, VersionNumber: 1 }
  const noPolicy = { name: 'ResourceNotFoundException', message: 'No policy is associated with the given resource.' }
  const policy = () => client.send(new GetLayerVersionPolicyCommand(version))
  await expect(policy()).rejects.toMatchObject(noPolicy)
  const Action = 'lambda:GetLayerVersion'
  const add = (StatementId: string, Principal: string, more = {}) =>
    client.send(new AddLayerVersionPermissionCommand({ ...version, StatementId, Action, Principal, ...more }))
  const all = await add('all', '*')
  const Resource = `${layerArn}:1`
  const statement = { Sid: 'all', Effect: 'Allow', Principal: '*', Action, Resource }
  expect(JSON.parse(all.Statement ?? '')).toEqual(statement)
  await expect(add('all', '*')).rejects.toMatchObject({
    name: 'ResourceConflictException',
    message:
      'The statement id (all) provided already exists. Please provide a new statement id, or remove the existing statement.',
  })
  await expect(add('two', '*', { RevisionId: 'stale' })).rejects.toMatchObject({ name: 'PreconditionFailedException' })
  await add('two', '222222222222', { RevisionId: all.RevisionId })
  const shown = await policy()
  expect(JSON.parse(shown.Policy ?? '')).toEqual({
    Version: '2012-10-17',
    Id: 'default',
    Statement: [statement, { ...statement, Sid: 'two', Principal: { AWS: 'arn:aws:iam::222222222222:root' } }],
  })
  const remove = (StatementId: string, RevisionId?: string) =>
    client.send(new RemoveLayerVersionPermissionCommand({ ...version, StatementId, RevisionId }))
  await expect(remove('three')).rejects.toMatchObject({ message: 'Statement three is not found in resource policy.' })
  await expect(remove('two', 'stale')).rejects.toMatchObject({ name: 'PreconditionFailedException' })
  await remove('two', shown.RevisionId)
  await remove('all')
  await expect(policy()).rejects.toMatchObject(noPolicy)
  await expect(remove('all')).rejects.toMatchObject(noPolicy)
  await expect(client.send(new GetLayerVersionPolicyCommand({ LayerName, VersionNumber: 7 }))).rejects.toMatchObject({
    message: `Layer version ${layerArn}:7 does not exist.`,
  })
})

const badRequests: [what: string, run: (api: ApiServer) => Promise<unknown>, name: string, message: string][] = [
  [
    'a package in S3',
    (api) => publish(api, { Content: { S3Bucket: 'b', S3Key: 'k' } }),
    'InvalidParameterValueException',
    'S3Bucket is not supported',
  ],
  [
    'no zip',
    (api) => publish(api, { Content: { ZipFile: Buffer.from('text') } }),
    'InvalidParameterValueException',
    'Could not unzip uploaded file',
  ],
  [
    'version 0',
    (api) => api.client.send(new GetLayerVersionCommand({ LayerName, VersionNumber: 0 })),
    'InvalidParameterValueException',
    'Layer Version Cannot be less than 1.',
  ],
  [
    'an ARN without a version',
    (api) => api.client.send(new GetLayerVersionByArnCommand({ Arn: layerArn })),
    'ValidationException',
    `Value '${layerArn}' at 'arn' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:`,
  ],
  [
    'a bad name',
    (api) => publish(api, { LayerName: 'no spaces' }),
    'ValidationException',
    "Value 'no spaces' at 'layerName' failed to satisfy constraint",
  ],
  [
    'another action',
    (api) =>
      api.client.send(
        new AddLayerVersionPermissionCommand({
          LayerName,
          VersionNumber: 1,
          StatementId: 's',
          Principal: '*',
          Action: '*',
        }),
      ),
    'ValidationException',
    "Value '*' at 'action' failed to satisfy constraint: Member must satisfy regular expression pattern: lambda:Get",
  ],
]

it.each(badRequests)('refuses %s', async (_what, run, name, message) => {
  await using api = await startApi()
  await expect(run(api)).rejects.toMatchObject({ name, message: expect.stringContaining(message) })
})

it('refuses runtimes that nobody knows', async () => {
  await using api = await startApi()
  const listed = await api.request('GET', '/2018-10-31/layers?CompatibleRuntime=cobol')
  expect([listed.status, listed.body]).toEqual([
    400,
    { message: expect.stringContaining("Value 'cobol' at 'compatibleRuntime' failed to satisfy constraint") },
  ])
  const body = { Content: { ZipFile: zip().toString('base64') }, CompatibleRuntimes: ['cobol'] }
  const published = await api.request('POST', '/2018-10-31/layers/lib/versions', body)
  expect([published.status, published.body]).toEqual([
    400,
    {
      message: expect.stringContaining("Value '[cobol]' at 'compatibleRuntimes' failed to satisfy constraint: Member"),
    },
  ])
})
