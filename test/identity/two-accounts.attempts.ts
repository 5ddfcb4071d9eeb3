/** What account B tries on A's things: each of it is to be refused. */
import { zip } from '../functions/fakes.ts'
import type { Account, Answer } from './two-accounts.support.ts'

/** Names of what A has. */
export interface Property {
  functionArn: string
  mappingUuid: string
  layerArn: string
  layerVersionArn: string
  queueUrl: string
  queueArn: string
  sourceQueueArn: string
  /** From GetFunction: a link that holds. */
  codeLocation: string
}

export interface Attempt {
  name: string
  /** Besides 403 and 404. */
  refusedBy?: number
  make(b: Account, property: Property): Promise<Answer>
}

const destination = (arn: string) => ({ DestinationConfig: { OnFailure: { Destination: arn } } })
const permission = {
  StatementId: 'own',
  Action: 'lambda:InvokeFunction',
  Principal: '222222222222',
}

/** Operations on a function, with what they need besides its name. */
const onFunction: [operation: string, input?: Record<string, unknown>][] = [
  ['GetFunction'],
  ['GetFunctionConfiguration'],
  ['UpdateFunctionCode', { ZipFile: zip('another') }],
  ['UpdateFunctionConfiguration', { Description: 'taken' }],
  ['PublishVersion'],
  ['ListVersionsByFunction'],
  ['CreateAlias', { Name: 'mine', FunctionVersion: '1' }],
  ['GetAlias', { Name: 'live' }],
  ['UpdateAlias', { Name: 'live', Description: 'taken' }],
  ['DeleteAlias', { Name: 'live' }],
  ['ListAliases'],
  ['AddPermission', permission],
  ['GetPolicy'],
  ['RemovePermission', { StatementId: 'service' }],
  ['PutFunctionConcurrency', { ReservedConcurrentExecutions: 0 }],
  ['GetFunctionConcurrency'],
  ['DeleteFunctionConcurrency'],
  ['PutProvisionedConcurrencyConfig', { Qualifier: 'live', ProvisionedConcurrentExecutions: 2 }],
  ['GetProvisionedConcurrencyConfig', { Qualifier: 'live' }],
  ['DeleteProvisionedConcurrencyConfig', { Qualifier: 'live' }],
  ['ListProvisionedConcurrencyConfigs'],
  ['PutFunctionEventInvokeConfig', { MaximumRetryAttempts: 0 }],
  ['UpdateFunctionEventInvokeConfig', { MaximumRetryAttempts: 0 }],
  ['GetFunctionEventInvokeConfig'],
  ['DeleteFunctionEventInvokeConfig'],
  ['ListFunctionEventInvokeConfigs'],
  ['CreateFunctionUrlConfig', { Qualifier: 'live', AuthType: 'NONE' }],
  ['GetFunctionUrlConfig'],
  ['UpdateFunctionUrlConfig', { AuthType: 'NONE' }],
  ['DeleteFunctionUrlConfig'],
  ['ListFunctionUrlConfigs'],
  ['GetFunctionRecursionConfig'],
  ['PutFunctionRecursionConfig', { RecursiveLoop: 'Allow' }],
  ['GetRuntimeManagementConfig'],
  ['PutRuntimeManagementConfig', { UpdateRuntimeOn: 'FunctionUpdate' }],
  ['Invoke', { Payload: '{}' }],
  ['Invoke', { Payload: '{}', Qualifier: 'live' }],
  ['Invoke', { Payload: '{}', InvocationType: 'Event' }],
  ['Invoke', { Payload: '{}', InvocationType: 'DryRun' }],
  ['InvokeAsync', { InvokeArgs: '{}' }],
  ['InvokeWithResponseStream', { Payload: '{}' }],
  ['DeleteFunction', { Qualifier: '1' }],
  ['DeleteFunction'],
]

/** A function of A's, as B may name it. By its name alone it is a function of B's, who has none. */
const forms: [form: string, name: (arn: string) => string][] = [
  ['ARN', (arn) => arn],
  ['partial ARN', () => '111111111111:function:target'],
  ['name', () => 'target'],
]

const functionAttempts: Attempt[] = forms.flatMap(([form, name]) =>
  onFunction.map(([operation, input = {}]) => ({
    name: `${operation} ${Object.values(input)
      .filter((value) => value === 'live' || value === 'Event')
      .join(' ')} by ${form}`,
    make: (b, { functionArn }) => b.lambda(operation, { ...input, FunctionName: name(functionArn) }),
  })),
)

const paths: [name: string, path: (arn: string) => string][] = [
  ['an ARN percent-encoded in the path', (arn) => `/2015-03-31/functions/${encodeURIComponent(arn)}`],
  ['an ARN encoded twice', (arn) => `/2015-03-31/functions/${encodeURIComponent(encodeURIComponent(arn))}`],
  ['an ARN not encoded', (arn) => `/2015-03-31/functions/${arn}`],
  ['every byte of an ARN encoded', (arn) => `/2015-03-31/functions/${everyByte(arn)}`],
  ['an ARN with a trailing slash', (arn) => `/2015-03-31/functions/${encodeURIComponent(arn)}/`],
  ['an ARN with $LATEST', (arn) => `/2015-03-31/functions/${encodeURIComponent(`${arn}:$LATEST`)}/configuration`],
  ['account and name', () => '/2015-03-31/functions/111111111111%3Atarget'],
  ['region, account and name', () => '/2015-03-31/functions/us-east-1%3A111111111111%3Afunction%3Atarget'],
  ['the path of the package by ARN', (arn) => `/_thaw/functions/${encodeURIComponent(arn)}/code`],
  ['the path of the package by name', () => '/_thaw/functions/target/code'],
]

const everyByte = (text: string): string => [...Buffer.from(text)].map((byte) => `%${byte.toString(16)}`).join('')

const rawAttempts: Attempt[] = paths.map(([name, path]) => ({
  name: `GetFunction, ${name}`,
  // Where what B sends is no name at all.
  refusedBy: 400,
  make: (b, { functionArn }) => b.raw({ path: path(functionArn) }),
}))

const headerAttempts: Attempt[] = ['x-thaw-account', 'x-amz-account-id', 'x-amz-source-account'].map((header) => ({
  name: `GetFunction with ${header}`,
  make: (b) => b.raw({ path: '/2015-03-31/functions/target', headers: { [header]: '111111111111' } }),
}))

const queryAttempts: Attempt[] = ['Account', 'accountId'].map((parameter) => ({
  name: `the package with the parameter ${parameter}`,
  make: (b) => b.raw({ path: '/_thaw/functions/target/code', query: { [parameter]: '111111111111' } }),
}))

const otherAttempts: Attempt[] = [
  { name: 'ListTags', make: (b, { functionArn }) => b.lambda('ListTags', { Resource: functionArn }) },
  {
    name: 'TagResource',
    make: (b, { functionArn }) => b.lambda('TagResource', { Resource: functionArn, Tags: { team: 'theirs' } }),
  },
  {
    name: 'UntagResource',
    make: (b, { functionArn }) => b.lambda('UntagResource', { Resource: functionArn, TagKeys: ['team'] }),
  },
  {
    name: 'ListTags of a mapping',
    make: (b, { mappingUuid }) =>
      b.lambda('ListTags', { Resource: `arn:aws:lambda:us-east-1:111111111111:event-source-mapping:${mappingUuid}` }),
  },
  {
    name: 'GetEventSourceMapping',
    make: (b, { mappingUuid }) => b.lambda('GetEventSourceMapping', { UUID: mappingUuid }),
  },
  {
    name: 'UpdateEventSourceMapping',
    make: (b, { mappingUuid }) => b.lambda('UpdateEventSourceMapping', { UUID: mappingUuid, Enabled: true }),
  },
  {
    name: 'DeleteEventSourceMapping',
    make: (b, { mappingUuid }) => b.lambda('DeleteEventSourceMapping', { UUID: mappingUuid }),
  },
  {
    name: "CreateEventSourceMapping of A's function",
    // As for one that is not there.
    refusedBy: 400,
    make: (b, { functionArn }) =>
      b.lambda('CreateEventSourceMapping', {
        FunctionName: functionArn,
        EventSourceArn: 'arn:aws:sqs:us-east-1:222222222222:own',
      }),
  },
  {
    name: 'GetLayerVersionByArn',
    make: (b, { layerVersionArn }) => b.lambda('GetLayerVersionByArn', { Arn: layerVersionArn }),
  },
  {
    name: 'GetLayerVersion',
    make: (b, { layerArn }) => b.lambda('GetLayerVersion', { LayerName: layerArn, VersionNumber: 1 }),
  },
  {
    name: 'GetLayerVersionPolicy',
    make: (b, { layerArn }) => b.lambda('GetLayerVersionPolicy', { LayerName: layerArn, VersionNumber: 1 }),
  },
  { name: 'ListLayerVersions', make: (b, { layerArn }) => b.lambda('ListLayerVersions', { LayerName: layerArn }) },
  {
    name: 'DeleteLayerVersion',
    make: (b, { layerArn }) => b.lambda('DeleteLayerVersion', { LayerName: layerArn, VersionNumber: 1 }),
  },
  {
    name: 'AddLayerVersionPermission',
    make: (b, { layerArn }) =>
      b.lambda('AddLayerVersionPermission', {
        LayerName: layerArn,
        VersionNumber: 1,
        StatementId: 'own',
        Action: 'lambda:GetLayerVersion',
        Principal: '222222222222',
      }),
  },
  {
    name: 'GetLayerVersion by name',
    make: (b) => b.lambda('GetLayerVersion', { LayerName: 'layer', VersionNumber: 1 }),
  },
  ...sqsAttempts(),
]

function sqsAttempts(): Attempt[] {
  const operations: [string, Record<string, unknown>?][] = [
    ['SendMessage', { MessageBody: 'x' }],
    ['SendMessageBatch', { Entries: [{ Id: 'a', MessageBody: 'x' }] }],
    ['ReceiveMessage'],
    ['DeleteMessage', { ReceiptHandle: 'x' }],
    ['DeleteMessageBatch', { Entries: [{ Id: 'a', ReceiptHandle: 'x' }] }],
    ['ChangeMessageVisibility', { ReceiptHandle: 'x', VisibilityTimeout: 0 }],
    ['GetQueueAttributes', { AttributeNames: ['All'] }],
    ['SetQueueAttributes', { Attributes: { VisibilityTimeout: '1' } }],
    ['PurgeQueue'],
    ['DeleteQueue'],
  ]
  return [
    ...operations.map(([operation, input = {}]): Attempt => ({
      name: `${operation} by A's queue URL`,
      make: (b, { queueUrl }) => b.sqs(operation, { ...input, QueueUrl: queueUrl }),
    })),
    {
      name: 'GetQueueUrl with A as the owner',
      // As for one that is not there.
      refusedBy: 400,
      make: (b) => b.sqs('GetQueueUrl', { QueueName: 'queue', QueueOwnerAWSAccountId: '111111111111' }),
    },
  ]
}

export const attempts: Attempt[] = [
  ...functionAttempts,
  ...rawAttempts,
  ...headerAttempts,
  ...queryAttempts,
  ...otherAttempts,
]

/** What B does with its own things must not reach A's either. Refused as AWS refuses it: 400, 403 or 404. */
export const detours: Attempt[] = [
  {
    name: "a function with A's layer",
    make: (b, { layerVersionArn }) =>
      b.lambda('UpdateFunctionConfiguration', { FunctionName: 'own', Layers: [layerVersionArn] }),
  },
  {
    name: "a destination that is A's queue",
    make: (b, { queueArn }) =>
      b.lambda('PutFunctionEventInvokeConfig', { FunctionName: 'own', ...destination(queueArn) }),
  },
  {
    name: "a destination that is A's function",
    make: (b, { functionArn }) =>
      b.lambda('PutFunctionEventInvokeConfig', { FunctionName: 'own', ...destination(functionArn) }),
  },
  {
    name: "a dead-letter queue that is A's",
    // It may be said, as on AWS: what is sent there finds no queue of this account (events/destinations.ts).
    refusedBy: 200,
    make: (b, { queueArn }) =>
      b.lambda('UpdateFunctionConfiguration', { FunctionName: 'own', DeadLetterConfig: { TargetArn: queueArn } }),
  },
  {
    name: "a mapping of A's queue",
    make: (b, { sourceQueueArn }) =>
      b.lambda('CreateEventSourceMapping', { FunctionName: 'own', EventSourceArn: sourceQueueArn }),
  },
  {
    name: "a redrive policy to A's queue",
    make: (b, { queueArn }) =>
      b.sqs('CreateQueue', {
        QueueName: 'redriving',
        Attributes: { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: queueArn, maxReceiveCount: 1 }) },
      }),
  },
]
