/**
 * Every operation of the Lambda API and of SQS through the official clients, in one life of a function against a whole
 * server: each does its work, or says in a clear error that Thaw does not have it. What the table in docs/lambda-api.md
 * says of each is what happens.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as lambdaModule from '@aws-sdk/client-lambda'
import { LambdaServiceException, waitUntilFunctionActiveV2, waitUntilFunctionUpdatedV2 } from '@aws-sdk/client-lambda'
import * as sqsModule from '@aws-sdk/client-sqs'
import { SQSClient, SQSServiceException } from '@aws-sdk/client-sqs'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { role, startQuickServer, zipOf } from './server.ts'

const account = '000000000000'
const lambdaArn = `arn:aws:lambda:us-east-1:${account}`
const source = (text: string) => zipOf({ 'index.mjs': `export const handler = async () => '${text}'` })

interface Step {
  operation: string
  input: Record<string, unknown>
  /** What later steps need of the answer. */
  keep?: (answer: Record<string, unknown>) => void
}

/** Sends by the operation's name. A new command of a new client is an error here until it is thought of. */
const commandsOf = (module: object): Map<string, new (input: unknown) => never> =>
  new Map(
    Object.entries(module)
      .filter(([name, value]) => name.endsWith('Command') && !name.startsWith('$') && typeof value === 'function')
      .map(([name, value]) => [name.slice(0, -'Command'.length), value]),
  )

/** By operation, from the table: `yes`, or `no` for what is refused. */
function documented(heading: string): Map<string, string> {
  const text = readFileSync(join(import.meta.dirname, '../../docs/lambda-api.md'), 'utf8')
  const section = text.slice(text.indexOf(heading)).split(/\n## /)[0] ?? ''
  const rows = [...section.matchAll(/^\| `(\w+)` \| (yes|no) \|/gm)]
  return new Map(rows.map(([, name = '', state = '']) => [name, state]))
}

const anyObject = z.record(z.string(), z.unknown())

/** `isRefusal`: whether the service says that Thaw does not have it; undefined for what is no error of the service. */
function sender(
  commands: ReturnType<typeof commandsOf>,
  client: { send(command: never): Promise<unknown> },
  isRefusal: (error: unknown) => boolean | undefined,
) {
  const done = new Map<string, string>()
  const send = async ({ operation, input, keep }: Step): Promise<void> => {
    const Command = commands.get(operation)
    if (Command === undefined) throw new Error(`the client has no ${operation}`)
    try {
      const answer = await client.send(new Command(input))
      done.set(operation, 'yes')
      keep?.(anyObject.parse(answer))
    } catch (error) {
      const refused = isRefusal(error)
      if (refused === undefined || !(error instanceof Error)) throw error
      done.set(operation, refused ? 'no' : `${error.name}: ${error.message}`)
    }
  }
  return { done, send }
}

it('the Lambda API', async () => {
  await using server = await startQuickServer()
  const { client } = server
  const commands = commandsOf(lambdaModule)
  const table = documented('## Lambda')
  expect([...table.keys()].toSorted()).toEqual([...commands.keys()].toSorted())

  const sqs = new SQSClient({
    endpoint: server.thaw.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    maxAttempts: 1,
  })
  await sqs.send(new sqsModule.CreateQueueCommand({ QueueName: 'source' }))
  await sqs.send(new sqsModule.CreateQueueCommand({ QueueName: 'results' }))
  const queueArn = (name: string) => `arn:aws:sqs:us-east-1:${account}:${name}`

  const { done, send } = sender(commands, client, (error) =>
    error instanceof LambdaServiceException
      ? error.name === 'InvalidParameterValueException' && / not supported/.test(error.message)
      : undefined,
  )
  const FunctionName = 'f'
  const Layer = { uuid: '', layer: '', layerVersion: 1 }
  const settled = async () => {
    await waitUntilFunctionActiveV2({ client, maxWaitTime: 60, minDelay: 0.1, maxDelay: 0.3 }, { FunctionName })
    await waitUntilFunctionUpdatedV2({ client, maxWaitTime: 60, minDelay: 0.1, maxDelay: 0.3 }, { FunctionName })
  }

  await send({
    operation: 'CreateFunction',
    input: {
      FunctionName,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: role,
      Code: { ZipFile: await source('one') },
    },
  })
  await settled()
  const Code = { FunctionName, ZipFile: await source('two') }
  const firstLife: Step[] = [
    { operation: 'GetFunction', input: { FunctionName } },
    { operation: 'GetFunctionConfiguration', input: { FunctionName } },
    { operation: 'ListFunctions', input: {} },
    { operation: 'GetAccountSettings', input: {} },
    { operation: 'Invoke', input: { FunctionName } },
    { operation: 'InvokeAsync', input: { FunctionName, InvokeArgs: '{}' } },
    { operation: 'InvokeWithResponseStream', input: { FunctionName } },
    { operation: 'PublishVersion', input: { FunctionName } },
    { operation: 'ListVersionsByFunction', input: { FunctionName } },
    { operation: 'CreateAlias', input: { FunctionName, Name: 'live', FunctionVersion: '1' } },
    { operation: 'UpdateAlias', input: { FunctionName, Name: 'live', Description: 'd' } },
    { operation: 'GetAlias', input: { FunctionName, Name: 'live' } },
    { operation: 'ListAliases', input: { FunctionName } },
    {
      operation: 'AddPermission',
      input: { FunctionName, StatementId: 's', Action: 'lambda:InvokeFunction', Principal: '222222222222' },
    },
    { operation: 'GetPolicy', input: { FunctionName } },
    { operation: 'RemovePermission', input: { FunctionName, StatementId: 's' } },
    { operation: 'TagResource', input: { Resource: `${lambdaArn}:function:f`, Tags: { a: 'b' } } },
    { operation: 'ListTags', input: { Resource: `${lambdaArn}:function:f` } },
    { operation: 'UntagResource', input: { Resource: `${lambdaArn}:function:f`, TagKeys: ['a'] } },
    { operation: 'PutFunctionConcurrency', input: { FunctionName, ReservedConcurrentExecutions: 5 } },
    { operation: 'GetFunctionConcurrency', input: { FunctionName } },
    {
      operation: 'PutProvisionedConcurrencyConfig',
      input: { FunctionName, Qualifier: 'live', ProvisionedConcurrentExecutions: 1 },
    },
    { operation: 'GetProvisionedConcurrencyConfig', input: { FunctionName, Qualifier: 'live' } },
    { operation: 'ListProvisionedConcurrencyConfigs', input: { FunctionName } },
    { operation: 'DeleteProvisionedConcurrencyConfig', input: { FunctionName, Qualifier: 'live' } },
    { operation: 'DeleteFunctionConcurrency', input: { FunctionName } },
    {
      operation: 'PutFunctionEventInvokeConfig',
      input: { FunctionName, DestinationConfig: { OnSuccess: { Destination: queueArn('results') } } },
    },
    { operation: 'UpdateFunctionEventInvokeConfig', input: { FunctionName, MaximumRetryAttempts: 1 } },
    { operation: 'GetFunctionEventInvokeConfig', input: { FunctionName } },
    { operation: 'ListFunctionEventInvokeConfigs', input: { FunctionName } },
    { operation: 'DeleteFunctionEventInvokeConfig', input: { FunctionName } },
    { operation: 'CreateFunctionUrlConfig', input: { FunctionName, AuthType: 'NONE' } },
    { operation: 'UpdateFunctionUrlConfig', input: { FunctionName, AuthType: 'AWS_IAM' } },
    { operation: 'GetFunctionUrlConfig', input: { FunctionName } },
    { operation: 'ListFunctionUrlConfigs', input: { FunctionName } },
    { operation: 'DeleteFunctionUrlConfig', input: { FunctionName } },
    { operation: 'GetFunctionRecursionConfig', input: { FunctionName } },
    { operation: 'PutFunctionRecursionConfig', input: { FunctionName, RecursiveLoop: 'Allow' } },
    { operation: 'GetRuntimeManagementConfig', input: { FunctionName } },
    { operation: 'PutRuntimeManagementConfig', input: { FunctionName, UpdateRuntimeOn: 'Auto' } },
    { operation: 'GetFunctionCodeSigningConfig', input: { FunctionName } },
    {
      operation: 'CreateEventSourceMapping',
      input: { FunctionName, EventSourceArn: queueArn('source') },
      keep: ({ UUID }) => (Layer.uuid = z.string().parse(UUID)),
    },
    { operation: 'ListEventSourceMappings', input: { FunctionName } },
    {
      operation: 'PublishLayerVersion',
      input: {
        LayerName: 'l',
        Content: { ZipFile: await zipOf({ 'nodejs/node_modules/x/index.js': 'module.exports=1' }) },
      },
      keep: ({ LayerVersionArn }) => (Layer.layer = z.string().parse(LayerVersionArn)),
    },
    { operation: 'GetLayerVersion', input: { LayerName: 'l', VersionNumber: 1 } },
    { operation: 'ListLayers', input: {} },
    { operation: 'ListLayerVersions', input: { LayerName: 'l' } },
    {
      operation: 'AddLayerVersionPermission',
      input: { LayerName: 'l', VersionNumber: 1, StatementId: 's', Action: 'lambda:GetLayerVersion', Principal: '*' },
    },
    { operation: 'GetLayerVersionPolicy', input: { LayerName: 'l', VersionNumber: 1 } },
    { operation: 'RemoveLayerVersionPermission', input: { LayerName: 'l', VersionNumber: 1, StatementId: 's' } },
    { operation: 'UpdateFunctionConfiguration', input: { FunctionName, Description: 'changed' } },
  ]
  for (const step of firstLife) await send(step)
  await settled()
  await send({ operation: 'UpdateFunctionCode', input: Code })
  await settled()
  const { uuid, layer } = Layer
  const secondLife: Step[] = [
    { operation: 'GetEventSourceMapping', input: { UUID: uuid } },
    { operation: 'UpdateEventSourceMapping', input: { UUID: uuid, BatchSize: 5 } },
    { operation: 'DeleteEventSourceMapping', input: { UUID: uuid } },
    { operation: 'GetLayerVersionByArn', input: { Arn: layer } },
    { operation: 'DeleteLayerVersion', input: { LayerName: 'l', VersionNumber: 1 } },
    { operation: 'DeleteAlias', input: { FunctionName, Name: 'live' } },
  ]
  for (const step of secondLife) await send(step)

  // What Thaw does not have: any well-formed input.
  const anything: Record<string, unknown> = {
    FunctionName,
    CodeSigningConfigArn: `${lambdaArn}:code-signing-config:csc-0123456789abcdef0`,
    AllowedPublishers: {
      SigningProfileVersionArns: [`arn:aws:signer:us-east-1:${account}:/signing-profiles/p/0123456789`],
    },
    CapacityProviderName: 'c',
    VpcConfig: { SubnetIds: [], SecurityGroupIds: [] },
    PermissionsConfig: { CapacityProviderOperatorRoleArn: role },
    DurableExecutionArn: `${lambdaArn}:function:f:1/durable-execution/e/i`,
    CheckpointToken: 't',
    CallbackId: 'c',
    Qualifier: '1',
    ResourceArn: `${lambdaArn}:function:f`,
    Policy: '{}',
  }
  for (const operation of commands.keys())
    if (!done.has(operation) && operation !== 'DeleteFunction') await send({ operation, input: anything })
  await send({ operation: 'DeleteFunction', input: { FunctionName } })

  expect(Object.fromEntries(done)).toEqual(Object.fromEntries(table))
  client.destroy()
  sqs.destroy()
})

it('SQS', async () => {
  await using server = await startQuickServer({ workers: 1 })
  const commands = commandsOf(sqsModule)
  const table = documented('## SQS')
  expect([...table.keys()].toSorted()).toEqual([...commands.keys()].toSorted())
  const client = new SQSClient({
    endpoint: server.thaw.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    maxAttempts: 1,
  })
  const { done, send } = sender(commands, client, (error) =>
    error instanceof SQSServiceException ? /UnsupportedOperation/.test(error.name) : undefined,
  )
  let QueueUrl = ''
  let ReceiptHandle = ''
  const QueueName = 'q'
  const keepHandle = ({ Messages }: Record<string, unknown>) => {
    const [first] = z.array(z.object({ ReceiptHandle: z.string() })).parse(Messages)
    ReceiptHandle = first?.ReceiptHandle ?? ''
  }
  await send({
    operation: 'CreateQueue',
    input: { QueueName },
    keep: (answer) => (QueueUrl = z.string().parse(answer.QueueUrl)),
  })
  const early: Step[] = [
    { operation: 'GetQueueUrl', input: { QueueName } },
    { operation: 'ListQueues', input: {} },
    { operation: 'SetQueueAttributes', input: { QueueUrl, Attributes: { VisibilityTimeout: '60' } } },
    { operation: 'GetQueueAttributes', input: { QueueUrl, AttributeNames: ['All'] } },
    { operation: 'TagQueue', input: { QueueUrl, Tags: { a: 'b' } } },
    { operation: 'ListQueueTags', input: { QueueUrl } },
    { operation: 'UntagQueue', input: { QueueUrl, TagKeys: ['a'] } },
    { operation: 'ListDeadLetterSourceQueues', input: { QueueUrl } },
    { operation: 'SendMessage', input: { QueueUrl, MessageBody: 'one' } },
    { operation: 'SendMessageBatch', input: { QueueUrl, Entries: [{ Id: 'a', MessageBody: 'two' }] } },
    { operation: 'ReceiveMessage', input: { QueueUrl }, keep: keepHandle },
  ]
  for (const step of early) await send(step)
  const late: Step[] = [
    { operation: 'ChangeMessageVisibility', input: { QueueUrl, ReceiptHandle, VisibilityTimeout: 30 } },
    {
      operation: 'ChangeMessageVisibilityBatch',
      input: { QueueUrl, Entries: [{ Id: 'a', ReceiptHandle, VisibilityTimeout: 30 }] },
    },
    { operation: 'DeleteMessage', input: { QueueUrl, ReceiptHandle } },
    { operation: 'DeleteMessageBatch', input: { QueueUrl, Entries: [{ Id: 'a', ReceiptHandle }] } },
    { operation: 'PurgeQueue', input: { QueueUrl } },
  ]
  for (const step of late) await send(step)
  const anything = {
    QueueUrl,
    Label: 'l',
    AWSAccountIds: [account],
    Actions: ['SendMessage'],
    SourceArn: `arn:aws:sqs:us-east-1:${account}:q`,
    TaskHandle: 't',
  }
  for (const operation of commands.keys())
    if (!done.has(operation) && operation !== 'DeleteQueue') await send({ operation, input: anything })
  await send({ operation: 'DeleteQueue', input: { QueueUrl } })
  expect(Object.fromEntries(done)).toEqual(Object.fromEntries(table))
  client.destroy()
})
