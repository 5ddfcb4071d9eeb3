/** What else hangs on a function, through the official client: what the operations answer and what they refuse. */
import {
  AddPermissionCommand,
  CreateAliasCommand,
  CreateFunctionUrlConfigCommand,
  DeleteAliasCommand,
  DeleteFunctionEventInvokeConfigCommand,
  DeleteFunctionUrlConfigCommand,
  GetFunctionEventInvokeConfigCommand,
  GetFunctionRecursionConfigCommand,
  GetFunctionUrlConfigCommand,
  GetPolicyCommand,
  GetProvisionedConcurrencyConfigCommand,
  GetRuntimeManagementConfigCommand,
  ListFunctionEventInvokeConfigsCommand,
  paginateListFunctionUrlConfigs,
  PutFunctionEventInvokeConfigCommand,
  PutFunctionRecursionConfigCommand,
  PutProvisionedConcurrencyConfigCommand,
  PutRuntimeManagementConfigCommand,
  UpdateFunctionEventInvokeConfigCommand,
  UpdateFunctionUrlConfigCommand,
} from '@aws-sdk/client-lambda'
import { expect, it } from 'vitest'
import { createActive, startWithAlias } from './prepared.ts'
import { account, region } from './recorded.ts'

const FunctionName = 'f'
const arn = `arn:aws:lambda:${region}:${account}:function:f`

it('event invoke configs: put replaces, update merges, get, list and delete', async () => {
  await using api = await startWithAlias()
  await createActive(api, 'other')
  await api.queues.create({ accountId: account, queueName: 'q' }, {}, {})
  const queueArn = `arn:aws:sqs:${region}:${account}:q`
  const Destination = `arn:aws:lambda:${region}:${account}:function:other`
  const put = await api.client.send(
    new PutFunctionEventInvokeConfigCommand({
      FunctionName,
      MaximumRetryAttempts: 0,
      DestinationConfig: { OnSuccess: { Destination } },
    }),
  )
  expect(put.LastModified).toBeInstanceOf(Date)
  expect(Math.abs(Date.now() - Number(put.LastModified))).toBeLessThan(60_000)
  const updated = await api.client.send(
    new UpdateFunctionEventInvokeConfigCommand({ FunctionName, MaximumEventAgeInSeconds: 60 }),
  )
  expect(updated).toMatchObject({
    FunctionArn: `${arn}:$LATEST`,
    MaximumRetryAttempts: 0,
    MaximumEventAgeInSeconds: 60,
    DestinationConfig: { OnSuccess: { Destination }, OnFailure: {} },
  })
  await api.client.send(
    new PutFunctionEventInvokeConfigCommand({
      FunctionName,
      Qualifier: 'live',
      DestinationConfig: { OnFailure: { Destination: queueArn } },
    }),
  )
  const got = await api.client.send(new GetFunctionEventInvokeConfigCommand({ FunctionName: `${arn}:live` }))
  expect(got.DestinationConfig).toEqual({ OnSuccess: {}, OnFailure: { Destination: queueArn } })
  expect(got.MaximumRetryAttempts).toBeUndefined()
  const { FunctionEventInvokeConfigs } = await api.client.send(
    new ListFunctionEventInvokeConfigsCommand({ FunctionName }),
  )
  expect(FunctionEventInvokeConfigs?.map(({ FunctionArn }) => FunctionArn)).toEqual([`${arn}:$LATEST`, `${arn}:live`])
  await api.client.send(new DeleteFunctionEventInvokeConfigCommand({ FunctionName, Qualifier: 'live' }))
  await expect(
    api.client.send(new GetFunctionEventInvokeConfigCommand({ FunctionName, Qualifier: 'live' })),
  ).rejects.toMatchObject({ message: `The function ${arn}:live doesn't have an EventInvokeConfig` })
})

it.each<[string, object, string, RegExp]>([
  [
    '3 retries',
    { MaximumRetryAttempts: 3 },
    'ValidationException',
    /Value '3' at 'maximumRetryAttempts' .* less than or equal to 2$/,
  ],
  [
    'an age of 59 s',
    { MaximumEventAgeInSeconds: 59 },
    'ValidationException',
    /Value '59' at 'maximumEventAgeInSeconds' .* greater than or equal to 60$/,
  ],
  ['an age over 6 h', { MaximumEventAgeInSeconds: 21_601 }, 'ValidationException', /less than or equal to 21600$/],
  [
    'a queue that is not there',
    { DestinationConfig: { OnFailure: { Destination: `arn:aws:sqs:${region}:${account}:none` } } },
    'InvalidParameterValueException',
    /^The destination ARN arn:aws:sqs:\S+:none is invalid\.$/,
  ],
  [
    'a topic',
    { DestinationConfig: { OnFailure: { Destination: `arn:aws:sns:${region}:${account}:t` } } },
    'InvalidParameterValueException',
    /^Amazon SNS is not supported as a destination: .*arn:aws:sns/,
  ],
  [
    'an event bus',
    { DestinationConfig: { OnSuccess: { Destination: `arn:aws:events:${region}:${account}:event-bus/b` } } },
    'InvalidParameterValueException',
    /^Amazon EventBridge is not supported/,
  ],
  [
    'a bucket',
    { DestinationConfig: { OnFailure: { Destination: 'arn:aws:s3:::bucket' } } },
    'InvalidParameterValueException',
    /^Amazon S3 is not supported/,
  ],
  [
    'another account',
    { DestinationConfig: { OnFailure: { Destination: `arn:aws:lambda:${region}:222222222222:function:other` } } },
    'InvalidParameterValueException',
    /^The destination ARN \S+ is invalid\.$/,
  ],
  [
    'another region',
    { DestinationConfig: { OnFailure: { Destination: `arn:aws:lambda:eu-central-1:${account}:function:other` } } },
    'InvalidParameterValueException',
    /^The destination ARN \S+ is invalid\.$/,
  ],
])('PutFunctionEventInvokeConfig refuses %s', async (_what, members, name, message) => {
  await using api = await startWithAlias()
  await createActive(api, 'other')
  await expect(
    api.client.send(new PutFunctionEventInvokeConfigCommand({ FunctionName, ...members })),
  ).rejects.toMatchObject({ name, message: expect.stringMatching(message) })
})

it('function URLs: create, get, update, list and delete; the address stays', async () => {
  await using api = await startWithAlias({ config: { port: 9_000 } })
  const Cors = { AllowOrigins: ['https://example.com'], AllowMethods: ['GET', '*'], MaxAge: 60, AllowCredentials: true }
  const created = await api.client.send(
    new CreateFunctionUrlConfigCommand({ FunctionName, AuthType: 'NONE', Cors, InvokeMode: 'RESPONSE_STREAM' }),
  )
  expect(created).toMatchObject({ FunctionArn: arn, AuthType: 'NONE', Cors, InvokeMode: 'RESPONSE_STREAM' })
  expect(created.FunctionUrl).toMatch(/^http:\/\/[a-z0-9]{32}\.lambda-url\.us-east-1\.localhost:9000\/$/)
  expect(created.CreationTime).toMatch(/^\d{4}-\d\d-\d\dT/)
  await api.client.send(new UpdateFunctionUrlConfigCommand({ FunctionName, AuthType: 'AWS_IAM' }))
  const got = await api.client.send(new GetFunctionUrlConfigCommand({ FunctionName }))
  expect(got).toMatchObject({
    AuthType: 'AWS_IAM',
    Cors,
    InvokeMode: 'RESPONSE_STREAM',
    FunctionUrl: created.FunctionUrl,
  })
  await api.client.send(new UpdateFunctionUrlConfigCommand({ FunctionName, Cors: {} }))
  expect((await api.client.send(new GetFunctionUrlConfigCommand({ FunctionName }))).Cors).toEqual({})
  await api.client.send(new CreateFunctionUrlConfigCommand({ FunctionName, Qualifier: 'live', AuthType: 'NONE' }))
  const pages = []
  for await (const page of paginateListFunctionUrlConfigs({ client: api.client, pageSize: 1 }, { FunctionName }))
    pages.push(page.FunctionUrlConfigs?.map(({ FunctionArn }) => FunctionArn))
  expect(pages).toEqual([[arn], [`${arn}:live`]])
  await api.client.send(new DeleteFunctionUrlConfigCommand({ FunctionName }))
  await expect(api.client.send(new GetFunctionUrlConfigCommand({ FunctionName }))).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
    message: 'The resource you requested does not exist.',
  })
})

it.each<[string, object, RegExp]>([
  ['another auth type', { AuthType: 'OTHER' }, /Value 'OTHER' at 'authType' .*enum value set: \[NONE, AWS_IAM\]$/],
  ['another invoke mode', { AuthType: 'NONE', InvokeMode: 'X' }, /at 'invokeMode' .*\[BUFFERED, RESPONSE_STREAM\]$/],
  [
    'a method that is too long',
    { AuthType: 'NONE', Cors: { AllowMethods: ['OPTIONS'] } },
    /Value '\[OPTIONS\]' at 'cors\.allowMethods' failed to satisfy constraint: Member must satisfy constraint: \[Member must have length less than or equal to 6, /,
  ],
  ['an empty origin', { AuthType: 'NONE', Cors: { AllowOrigins: [''] } }, /at 'cors\.allowOrigins'/],
  [
    'too many headers',
    { AuthType: 'NONE', Cors: { AllowHeaders: Array.from({ length: 101 }, () => 'x') } },
    /at 'cors\.allowHeaders' .*less than or equal to 100$/,
  ],
  [
    'an age over a day',
    { AuthType: 'NONE', Cors: { MaxAge: 86_401 } },
    /Value '86401' at 'cors\.maxAge' .*less than or equal to 86400$/,
  ],
  ['nothing', {}, /Value null at 'authType' failed to satisfy constraint: Member must not be null$/],
])('CreateFunctionUrlConfig refuses %s', async (_what, body, message) => {
  await using api = await startWithAlias()
  const answer = await api.request('POST', '/2021-10-31/functions/f/url', body)
  expect(answer.status).toBe(400)
  expect(answer.headers.get('x-amzn-errortype')).toBe('ValidationException')
  expect(answer.body).toEqual({ message: expect.stringMatching(message) })
})

it('recursion config: Terminate unless it is allowed', async () => {
  await using api = await startWithAlias()
  const get = () => api.client.send(new GetFunctionRecursionConfigCommand({ FunctionName }))
  expect(await get()).toMatchObject({ RecursiveLoop: 'Terminate' })
  expect(
    await api.client.send(new PutFunctionRecursionConfigCommand({ FunctionName, RecursiveLoop: 'Allow' })),
  ).toMatchObject({ RecursiveLoop: 'Allow' })
  expect(await get()).toMatchObject({ RecursiveLoop: 'Allow' })
  const refused = await api.request('PUT', '/2024-08-31/functions/f/recursion-config', { RecursiveLoop: 'Maybe' })
  expect(refused.body).toEqual({ message: expect.stringMatching(/at 'recursiveLoop' .*\[Allow, Terminate\]$/) })
  await expect(api.client.send(new GetFunctionRecursionConfigCommand({ FunctionName: 'none' }))).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
  })
})

it('runtime management config: Auto unless it is set', async () => {
  await using api = await startWithAlias()
  const RuntimeVersionArn = `arn:aws:lambda:${region}::runtime:${'a'.repeat(64)}`
  const put = (members: object) =>
    api.client.send(new PutRuntimeManagementConfigCommand({ FunctionName, UpdateRuntimeOn: 'Manual', ...members }))
  const get = (Qualifier?: string) =>
    api.client.send(new GetRuntimeManagementConfigCommand({ FunctionName, Qualifier }))
  expect(await get()).toMatchObject({ UpdateRuntimeOn: 'Auto', FunctionArn: arn })
  await put({ RuntimeVersionArn })
  expect(await get()).toMatchObject({ UpdateRuntimeOn: 'Manual', RuntimeVersionArn })
  expect(await get('1')).toMatchObject({ UpdateRuntimeOn: 'Auto', FunctionArn: `${arn}:1` })
  await put({ UpdateRuntimeOn: 'FunctionUpdate' })
  expect((await get()).RuntimeVersionArn).toBeUndefined()
  await expect(put({})).rejects.toMatchObject({ name: 'InvalidParameterValueException' })
  await expect(put({ UpdateRuntimeOn: 'Auto', RuntimeVersionArn })).rejects.toMatchObject({
    name: 'InvalidParameterValueException',
  })
  await expect(get('live')).rejects.toMatchObject({ name: 'InvalidParameterValueException' })
})

it('what belongs to an alias goes with it', async () => {
  await using api = await startWithAlias()
  const Qualifier = 'live'
  const permission = { StatementId: 's', Action: 'lambda:InvokeFunction', Principal: 's3.amazonaws.com' }
  await api.client.send(new AddPermissionCommand({ FunctionName, Qualifier, ...permission }))
  await api.client.send(new CreateFunctionUrlConfigCommand({ FunctionName, Qualifier, AuthType: 'NONE' }))
  await api.client.send(new PutFunctionEventInvokeConfigCommand({ FunctionName, Qualifier, MaximumRetryAttempts: 0 }))
  await api.client.send(
    new PutProvisionedConcurrencyConfigCommand({ FunctionName, Qualifier, ProvisionedConcurrentExecutions: 1 }),
  )
  await api.client.send(new DeleteAliasCommand({ FunctionName, Name: Qualifier }))
  await api.client.send(new CreateAliasCommand({ FunctionName, Name: Qualifier, FunctionVersion: '1' }))
  const missing = { name: expect.stringMatching(/NotFoundException$/) }
  const input = { FunctionName, Qualifier }
  await expect(api.client.send(new GetPolicyCommand(input))).rejects.toMatchObject(missing)
  await expect(api.client.send(new GetFunctionUrlConfigCommand(input))).rejects.toMatchObject(missing)
  await expect(api.client.send(new GetFunctionEventInvokeConfigCommand(input))).rejects.toMatchObject(missing)
  await expect(api.client.send(new GetProvisionedConcurrencyConfigCommand(input))).rejects.toMatchObject(missing)
})
