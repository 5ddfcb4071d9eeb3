/** An account reaches nothing of another's but what that grants it. */
import { expect, test } from 'vitest'
import type { EventInvocation } from '../../src/events/invoking.ts'
import { attempts, detours, type Attempt, type Property } from './two-accounts.attempts.ts'
import {
  accountOf,
  answerOf,
  createFunction,
  done,
  startWorld,
  type Account,
  type Answer,
  type World,
} from './two-accounts.support.ts'

const functionArn = 'arn:aws:lambda:us-east-1:111111111111:function:target'

/** Everything an account can have. */
async function furnish(a: Account): Promise<Property> {
  await createFunction(a, 'target')
  const FunctionName = 'target'
  const queue = async (QueueName: string): Promise<string> =>
    String((await done(a.sqs('CreateQueue', { QueueName }))).QueueUrl)
  const queueUrl = await queue('queue')
  const sourceUrl = await queue('source')
  for (const QueueUrl of [queueUrl, sourceUrl]) await done(a.sqs('SendMessage', { QueueUrl, MessageBody: 'secret' }))
  await done(a.lambda('PublishVersion', { FunctionName }))
  await done(a.lambda('CreateAlias', { FunctionName, Name: 'live', FunctionVersion: '1' }))
  const service = { StatementId: 'service', Action: 'lambda:InvokeFunction', Principal: 's3.amazonaws.com' }
  await done(a.lambda('AddPermission', { FunctionName, ...service }))
  await done(a.lambda('PutFunctionConcurrency', { FunctionName, ReservedConcurrentExecutions: 10 }))
  const provisioned = { FunctionName, Qualifier: 'live', ProvisionedConcurrentExecutions: 1 }
  await done(a.lambda('PutProvisionedConcurrencyConfig', provisioned))
  await done(a.lambda('PutFunctionEventInvokeConfig', { FunctionName, MaximumRetryAttempts: 1 }))
  await done(a.lambda('CreateFunctionUrlConfig', { FunctionName, AuthType: 'AWS_IAM' }))
  const queueArn = 'arn:aws:sqs:us-east-1:111111111111:queue'
  const sourceQueueArn = 'arn:aws:sqs:us-east-1:111111111111:source'
  const mapping = { FunctionName, EventSourceArn: sourceQueueArn, Enabled: false }
  const layer = await done(
    a.lambda('PublishLayerVersion', { LayerName: 'layer', Content: { ZipFile: Buffer.from('PKlayer') } }),
  )
  const found = await done(a.lambda('GetFunction', { FunctionName }))
  const { Location } = Object(found.Code)
  return {
    functionArn,
    mappingUuid: String((await done(a.lambda('CreateEventSourceMapping', mapping))).UUID),
    layerArn: String(layer.LayerArn),
    layerVersionArn: String(layer.LayerVersionArn),
    queueUrl,
    queueArn,
    sourceQueueArn,
    codeLocation: String(Location),
  }
}

/** What A sees of what it has, but for what each look makes anew. */
async function look(a: Account, { mappingUuid, queueUrl }: Property): Promise<Record<string, unknown>> {
  const FunctionName = 'target'
  const asked: [string, Record<string, unknown>][] = [
    ['ListFunctions', { FunctionVersion: 'ALL' }],
    ['GetFunctionConfiguration', { FunctionName }],
    ['ListVersionsByFunction', { FunctionName }],
    ['ListAliases', { FunctionName }],
    ['GetPolicy', { FunctionName }],
    ['GetFunctionConcurrency', { FunctionName }],
    ['ListProvisionedConcurrencyConfigs', { FunctionName }],
    ['GetFunctionEventInvokeConfig', { FunctionName }],
    ['ListFunctionUrlConfigs', { FunctionName }],
    ['GetFunctionRecursionConfig', { FunctionName }],
    ['GetRuntimeManagementConfig', { FunctionName }],
    ['ListTags', { Resource: functionArn }],
    ['GetEventSourceMapping', { UUID: mappingUuid }],
    ['ListEventSourceMappings', {}],
    ['ListLayerVersions', { LayerName: 'layer' }],
  ]
  const seen: Record<string, unknown> = {}
  for (const [operation, input] of asked) {
    const { $metadata: _, ...answer } = await done(a.lambda(operation, input))
    seen[operation] = answer
  }
  const attributes = await done(a.sqs('GetQueueAttributes', { QueueUrl: queueUrl, AttributeNames: ['All'] }))
  return { ...seen, queue: attributes.Attributes, queues: (await done(a.sqs('ListQueues', {}))).QueueUrls }
}

/** A has everything, B a function and a queue of its own. */
async function furnishedWorld(settings?: Parameters<typeof startWorld>[0]): Promise<World & { property: Property }> {
  const world = await startWorld(settings)
  const property = await furnish(world.a)
  await createFunction(world.b, 'own')
  await done(world.b.sqs('CreateQueue', { QueueName: 'own' }))
  return { ...world, property }
}

const isRefused = ({ status }: Answer, { refusedBy }: Attempt): boolean =>
  status === 403 || status === 404 || (refusedBy !== undefined && status === refusedBy)

async function makeAll(
  list: readonly Attempt[],
  { b, property }: { b: Account; property: Property },
  refused: (answer: Answer, attempt: Attempt) => boolean,
): Promise<string[]> {
  const letIn: string[] = []
  for (const attempt of list) {
    const answer = await attempt.make(b, property)
    if (!refused(answer, attempt))
      letIn.push(`${attempt.name}: ${answer.status} ${answer.error} ${answer.body.message}`)
  }
  return letIn
}

test(`${attempts.length} attempts to reach what is another account's, each refused`, async () => {
  const invoked: EventInvocation[] = []
  await using world = await furnishedWorld({
    invoke: async (invocation) => {
      invoked.push(invocation)
      return { kind: 'success', payload: Buffer.from('{}'), executedVersion: '1' }
    },
  })
  const before = await look(world.a, world.property)
  expect(await makeAll(attempts, world, isRefused)).toEqual([])
  expect(await look(world.a, world.property)).toEqual(before)
  expect(invoked).toEqual([])
})

test("no detour by an account's own things reaches another's", async () => {
  await using world = await furnishedWorld()
  const before = await look(world.a, world.property)
  const refused = (answer: Answer, attempt: Attempt): boolean => answer.status === 400 || isRefused(answer, attempt)
  expect(await makeAll(detours, world, refused)).toEqual([])
  expect(await look(world.a, world.property)).toEqual(before)
})

test('lists are of what is ones own', async () => {
  await using world = await furnishedWorld()
  const { b } = world
  const ofB = [
    await done(b.lambda('ListFunctions', { FunctionVersion: 'ALL' })),
    await done(b.lambda('ListLayers', {})),
    await done(b.lambda('ListEventSourceMappings', {})),
    await done(b.lambda('GetAccountSettings', {})),
    await done(b.sqs('ListQueues', {})),
  ]
  expect(JSON.stringify(ofB)).not.toMatch(/target|111111111111|"layer"|source/)
  expect(ofB[3]).toMatchObject({ AccountUsage: { FunctionCount: 1 } })
  const arn = 'arn:aws:sqs:us-east-1:111111111111:source'
  for (const filter of [{ EventSourceArn: arn }, { FunctionName: 'target' }])
    expect(await b.lambda('ListEventSourceMappings', filter)).not.toMatchObject({ body: { EventSourceMappings: [{}] } })
})

test('the same name is another function in each account', async () => {
  await using world = await startWorld()
  const { a, b } = world
  for (const account of [a, b]) await createFunction(account, 'same')
  await done(b.lambda('UpdateFunctionConfiguration', { FunctionName: 'same', Description: "B's" }))
  expect(await a.lambda('GetFunctionConfiguration', { FunctionName: 'same' })).toMatchObject({
    body: { Description: '', FunctionArn: 'arn:aws:lambda:us-east-1:111111111111:function:same' },
  })
  await done(b.lambda('DeleteFunction', { FunctionName: 'same' }))
  expect(await a.lambda('GetFunction', { FunctionName: 'same' })).toMatchObject({ status: 200 })
})

test('what is refused is refused in the words of AWS, whether or not it is there', async () => {
  await using world = await startWorld()
  await createFunction(world.a, 'target')
  const denied = (arn: string, action: string) => ({
    status: 403,
    error: 'AccessDeniedException',
    body: {
      message: `User: arn:aws:iam::222222222222:root is not authorized to perform: lambda:${action} on resource: ${arn} because no resource-based policy allows the lambda:${action} action`,
    },
  })
  expect(await world.b.lambda('GetFunction', { FunctionName: functionArn })).toEqual(denied(functionArn, 'GetFunction'))
  const nobody = 'arn:aws:lambda:us-east-1:111111111111:function:nobody'
  expect(await world.b.lambda('Invoke', { FunctionName: nobody })).toEqual(denied(nobody, 'InvokeFunction'))
  const live = `${functionArn}:live`
  expect(await world.b.lambda('Invoke', { FunctionName: live })).toEqual(denied(live, 'InvokeFunction'))
})

test('a permission lets do what it names, until it is taken back', async () => {
  const invoked: string[] = []
  await using world = await furnishedWorld({
    invoke: async ({ accountId, functionName, qualifier }) => {
      invoked.push(`${accountId} ${functionName} ${qualifier}`)
      return { kind: 'success', payload: Buffer.from('{}'), executedVersion: '1' }
    },
  })
  const { a, b } = world
  const mayInvoke = async (by: Account, input: Record<string, unknown> = {}): Promise<boolean> => {
    const { status, error } = await by.lambda('Invoke', { FunctionName: functionArn, Payload: '{}', ...input })
    expect(error).toBe(status === 200 ? undefined : 'AccessDeniedException')
    return status === 200
  }
  expect(await mayInvoke(b)).toBe(false)
  const permission = { StatementId: 'b', Action: 'lambda:InvokeFunction', Principal: '222222222222' }
  await done(a.lambda('AddPermission', { FunctionName: 'target', ...permission }))
  expect(await mayInvoke(b)).toBe(true)
  expect(await mayInvoke(b, { Qualifier: 'live' })).toBe(false)
  const others = attempts.filter(({ name }) => !name.startsWith('Invoke'))
  expect(await makeAll(others, world, isRefused)).toEqual([])

  const { accountId } = await world.api.accounts.create({})
  const c = accountOf(world.api.url, await world.api.accounts.createKey(accountId))
  expect(await mayInvoke(c)).toBe(false)

  await done(a.lambda('AddPermission', { FunctionName: 'target', Qualifier: 'live', ...permission }))
  expect(await mayInvoke(b, { Qualifier: 'live' })).toBe(true)
  await done(a.lambda('RemovePermission', { FunctionName: 'target', StatementId: 'b' }))
  expect(await mayInvoke(b)).toBe(false)
  expect(await mayInvoke(b, { Qualifier: 'live' })).toBe(true)
  expect(invoked).toEqual(['111111111111 target $LATEST', '111111111111 target live', '111111111111 target live'])
  c.client.destroy()
})

test('the link to a package is read by a plain GET, and by nobody who has another link', async () => {
  await using world = await startWorld()
  const { a, b, api } = world
  await createFunction(a, 'target')
  await createFunction(b, 'own')
  const locationOf = async (account: Account, FunctionName: string): Promise<string> => {
    const { Code } = await done(account.lambda('GetFunction', { FunctionName }))
    return String(Object(Code).Location)
  }
  const location = await locationOf(a, 'target')
  const package_ = await fetch(location)
  expect([package_.status, await package_.text()]).toEqual([200, 'PKtarget'])

  const refused = async (url: string): Promise<Answer> => {
    const answer = await answerOf(await fetch(url))
    expect(answer).toMatchObject({ status: 403 })
    return answer
  }
  expect((await refused(new URL('/_thaw/functions/target/code', api.url).href)).error).toBe(
    'MissingAuthenticationTokenException',
  )
  expect((await refused((await locationOf(b, 'own')).replace('/own/', '/target/'))).error).toBe('AccessDeniedException')
  await refused((await locationOf(b, 'own')).replace('222222222222', '111111111111'))
  await refused(location.replace(/Expires=\d/, 'Expires=9'))
  await refused(location.slice(0, -1))
})

test('a key that is removed, and one of a disabled account, counts for nothing at once', async () => {
  await using world = await startWorld()
  const { a, b, api } = world
  expect(await a.lambda('ListFunctions', {})).toMatchObject({ status: 200 })
  await api.accounts.deleteKey(a.key.accessKeyId)
  const refused = {
    status: 403,
    error: 'UnrecognizedClientException',
    body: { message: 'The security token included in the request is invalid.' },
  }
  expect(await a.lambda('ListFunctions', {})).toEqual(refused)
  await api.accounts.setDisabled(b.accountId, true)
  expect(await b.lambda('ListFunctions', {})).toEqual(refused)
  await api.accounts.setDisabled(b.accountId, false)
  expect(await b.lambda('ListFunctions', {})).toMatchObject({ status: 200 })
})

test('without a signature nothing is answered', async () => {
  await using world = await startWorld()
  const answer = await world.api.request('GET', '/2015-03-31/functions')
  expect([answer.status, answer.body]).toEqual([403, { message: 'Missing Authentication Token' }])
})

test('workers are told of keys, and again when they start', async () => {
  await using world = await startWorld()
  const { api, a, b } = world
  const told = [{ putKey: a.key }, { putKey: b.key }]
  expect(api.dataPlane.changes.filter((change) => 'putKey' in change)).toEqual(told)
  expect((await api.served()).filter((change) => 'putKey' in change)).toEqual(told)
})
