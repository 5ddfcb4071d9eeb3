/** Every operation through the official client, waiters included. */
import {
  CreateFunctionCommand,
  DeleteFunctionCommand,
  GetAccountSettingsCommand,
  GetFunctionCommand,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  LambdaServiceException,
  ListCapacityProvidersCommand,
  ListFunctionsCommand,
  paginateListFunctions,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
  type CreateFunctionCommandInput,
} from '@aws-sdk/client-lambda'
import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { ThawError } from '../../src/errors.ts'
import { zip } from '../functions/fakes.ts'
import { startApi, type ApiServer } from './server.ts'

const arn = 'arn:aws:lambda:us-east-1:111111111111:function:f'

const input = (overrides: Partial<CreateFunctionCommandInput> = {}): CreateFunctionCommandInput => ({
  FunctionName: 'f',
  Runtime: 'nodejs24.x',
  Role: 'arn:aws:iam::111111111111:role/r',
  Handler: 'index.handler',
  Code: { ZipFile: zip() },
  ...overrides,
})

const create = (api: ApiServer, overrides?: Partial<CreateFunctionCommandInput>) =>
  api.client.send(new CreateFunctionCommand(input(overrides)))

const waiter = ({ client }: ApiServer) => ({ client, minDelay: 0.01, maxDelay: 0.02, maxWaitTime: 5 })

async function active(overrides?: Partial<CreateFunctionCommandInput>): Promise<ApiServer> {
  const api = await startApi()
  await create(api, overrides)
  await api.functions.idle()
  return api
}

const base64Digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('base64')

it('CreateFunction answers Pending, waitUntilFunctionActiveV2 sees it Active', async () => {
  await using api = await startApi()
  api.builder.gate.close()
  const created = await create(api, { Environment: { Variables: { KEY: 'b' } }, Description: 'd', Tags: { t: 'v' } })
  expect(created).toMatchObject({
    FunctionName: 'f',
    FunctionArn: arn,
    State: 'Pending',
    StateReason: 'The function is being created.',
    StateReasonCode: 'Creating',
    CodeSha256: base64Digest(zip()),
    CodeSize: zip().length,
    Environment: { Variables: { KEY: 'b' } },
    Version: '$LATEST',
  })
  expect(created.LastModified).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$/)
  const waiting = waitUntilFunctionActiveV2(waiter(api), { FunctionName: 'f' })
  api.builder.gate.open()
  expect((await waiting).state).toBe('SUCCESS')
})

it('waitUntilFunctionActiveV2 ends when the build fails', async () => {
  await using api = await startApi()
  api.builder.failure = new ThawError('Build', 'SyntaxError')
  await create(api)
  await expect(waitUntilFunctionActiveV2(waiter(api), { FunctionName: 'f' })).rejects.toThrow(/FAILURE/)
  const { Configuration } = await api.client.send(new GetFunctionCommand({ FunctionName: 'f' }))
  expect(Configuration).toMatchObject({ State: 'Failed', StateReason: 'SyntaxError', StateReasonCode: 'FunctionError' })
})

it('GetFunction gives the configuration, the tags and a place to download the package from', async () => {
  await using api = await active({ Tags: { t: 'v' } })
  const got = await api.client.send(new GetFunctionCommand({ FunctionName: `${arn}:$LATEST` }))
  expect(got.Tags).toEqual({ t: 'v' })
  expect(got.Configuration).toMatchObject({ FunctionArn: `${arn}:$LATEST`, LastUpdateStatus: 'Successful' })
  const download = await fetch(got.Code?.Location ?? '')
  expect(Buffer.from(await download.arrayBuffer())).toEqual(zip())
})

it('GetFunctionConfiguration finds the function by each of its names', async () => {
  await using api = await active()
  for (const FunctionName of ['f', 'function:f', '111111111111:function:f', arn, 'f:$LATEST']) {
    const got = await api.client.send(new GetFunctionConfigurationCommand({ FunctionName }))
    expect(got).toMatchObject({ FunctionName: 'f', State: 'Active' })
  }
})

it('ListFunctions pages', async () => {
  await using api = await startApi()
  for (const FunctionName of ['a', 'b', 'c']) await create(api, { FunctionName })
  const pages: (string | undefined)[][] = []
  for await (const page of paginateListFunctions({ client: api.client, pageSize: 2 }, {}))
    pages.push((page.Functions ?? []).map(({ FunctionName }) => FunctionName))
  expect(pages).toEqual([['a', 'b'], ['c']])
})

it('ListFunctions of all versions qualifies the ARNs', async () => {
  await using api = await active()
  const { Functions } = await api.client.send(new ListFunctionsCommand({ FunctionVersion: 'ALL' }))
  expect(Functions).toMatchObject([{ FunctionArn: `${arn}:$LATEST`, Version: '$LATEST' }])
})

it('UpdateFunctionCode goes InProgress, waitUntilFunctionUpdatedV2 sees it Successful', async () => {
  await using api = await active()
  api.builder.gate.close()
  const updated = await api.client.send(new UpdateFunctionCodeCommand({ FunctionName: 'f', ZipFile: zip('two') }))
  expect(updated).toMatchObject({
    State: 'Active',
    LastUpdateStatus: 'InProgress',
    LastUpdateStatusReasonCode: 'Creating',
    CodeSha256: base64Digest(zip('two')),
  })
  const waiting = waitUntilFunctionUpdatedV2(waiter(api), { FunctionName: 'f' })
  api.builder.gate.open()
  expect((await waiting).state).toBe('SUCCESS')
})

it('UpdateFunctionCode with DryRun changes nothing', async () => {
  await using api = await active()
  const command = new UpdateFunctionCodeCommand({ FunctionName: 'f', ZipFile: zip('two'), DryRun: true })
  expect(await api.client.send(command)).toMatchObject({ CodeSha256: base64Digest(zip('two')) })
  const { CodeSha256 } = await api.client.send(new GetFunctionConfigurationCommand({ FunctionName: 'f' }))
  expect(CodeSha256).toBe(base64Digest(zip()))
})

it('UpdateFunctionConfiguration changes what was sent and keeps the rest', async () => {
  await using api = await active({ Environment: { Variables: { KEY: 'b' } }, Description: 'kept' })
  await api.client.send(
    new UpdateFunctionConfigurationCommand({
      FunctionName: arn,
      Timeout: 900,
      MemorySize: 10_240,
      SnapStart: { ApplyOn: 'PublishedVersions' },
      Environment: {},
    }),
  )
  await waitUntilFunctionUpdatedV2(waiter(api), { FunctionName: 'f' })
  expect(await api.client.send(new GetFunctionConfigurationCommand({ FunctionName: 'f' }))).toMatchObject({
    Timeout: 900,
    MemorySize: 10_240,
    Description: 'kept',
    Handler: 'index.handler',
    SnapStart: { ApplyOn: 'PublishedVersions', OptimizationStatus: 'Off' },
    Environment: { Variables: {} },
    LastUpdateStatus: 'Successful',
  })
})

it('DeleteFunction deletes', async () => {
  await using api = await active()
  const deleted = await api.client.send(new DeleteFunctionCommand({ FunctionName: 'f' }))
  expect(deleted.$metadata.httpStatusCode).toBe(204)
  expect((await api.client.send(new ListFunctionsCommand())).Functions).toEqual([])
})

it('GetAccountSettings counts', async () => {
  await using api = await active()
  const settings = await api.client.send(new GetAccountSettingsCommand())
  expect(settings.AccountUsage).toEqual({ FunctionCount: 1, TotalCodeSize: zip().length })
  expect(settings.AccountLimit).toEqual({
    TotalCodeSize: 80_530_636_800,
    CodeSizeUnzipped: 262_144_000,
    CodeSizeZipped: 52_428_800,
    ConcurrentExecutions: 1_000,
    UnreservedConcurrentExecutions: 1_000,
  })
})

const failures: [what: string, name: string, status: number, run: (api: ApiServer) => Promise<unknown>][] = [
  ['a taken name', 'ResourceConflictException', 409, (api) => create(api)],
  [
    'a change while another is in progress',
    'ResourceConflictException',
    409,
    async (api) => {
      api.builder.gate.close()
      await api.client.send(new UpdateFunctionCodeCommand({ FunctionName: 'f', ZipFile: zip('two') }))
      await api.client.send(new UpdateFunctionConfigurationCommand({ FunctionName: 'f' }))
    },
  ],
  [
    'a stale revision',
    'PreconditionFailedException',
    412,
    (api) => api.client.send(new UpdateFunctionConfigurationCommand({ FunctionName: 'f', RevisionId: 'stale' })),
  ],
  [
    'a function that is not there',
    'ResourceNotFoundException',
    404,
    (api) => api.client.send(new GetFunctionCommand({ FunctionName: 'none' })),
  ],
  [
    'the invocation of a function that is not there',
    'ResourceNotFoundException',
    404,
    (api) => api.client.send(new InvokeCommand({ FunctionName: 'none' })),
  ],
  [
    'a package in S3',
    'InvalidParameterValueException',
    400,
    (api) => create(api, { FunctionName: 'g', Code: { S3Bucket: 'b', S3Key: 'k' } }),
  ],
  [
    'an image',
    'InvalidParameterValueException',
    400,
    (api) => create(api, { FunctionName: 'g', PackageType: 'Image' }),
  ],
  ['what is no layer', 'ValidationException', 400, (api) => create(api, { FunctionName: 'g', Layers: [arn] })],
  [
    'an operation that is not supported',
    'InvalidParameterValueException',
    400,
    (api) => api.client.send(new ListCapacityProvidersCommand({})),
  ],
  ['a broken shape', 'ValidationException', 400, (api) => create(api, { FunctionName: 'g', Timeout: 901 })],
]

it.each(failures)('the client understands the answer to %s', async (_what, name, status, run) => {
  await using api = await active()
  const error: unknown = await run(api).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(LambdaServiceException)
  expect(error).toMatchObject({ name, $metadata: { httpStatusCode: status, requestId: expect.any(String) } })
})
