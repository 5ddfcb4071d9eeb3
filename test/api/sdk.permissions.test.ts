/** AddPermission, GetPolicy and RemovePermission through the official client. */
import {
  AddPermissionCommand,
  DeleteFunctionCommand,
  GetPolicyCommand,
  RemovePermissionCommand,
  type AddPermissionCommandInput,
} from '@aws-sdk/client-lambda'
import { expect, it } from 'vitest'
import { startWithAlias } from './prepared.ts'
import { account, region } from './recorded.ts'

const FunctionName = 'f'
const arn = `arn:aws:lambda:${region}:${account}:function:f`

const permission = (overrides: Partial<AddPermissionCommandInput> = {}) =>
  new AddPermissionCommand({
    FunctionName,
    StatementId: 's',
    Action: 'lambda:InvokeFunction',
    Principal: 's3.amazonaws.com',
    ...overrides,
  })

it('AddPermission makes statements as AWS writes them', async () => {
  await using api = await startWithAlias()
  const added = async (overrides: Partial<AddPermissionCommandInput>): Promise<unknown> => {
    const { Statement = '' } = await api.client.send(permission(overrides))
    return JSON.parse(Statement)
  }
  expect(await added({ SourceArn: 'arn:aws:s3:::bucket', SourceAccount: account })).toEqual({
    Sid: 's',
    Effect: 'Allow',
    Principal: { Service: 's3.amazonaws.com' },
    Action: 'lambda:InvokeFunction',
    Resource: arn,
    Condition: {
      StringEquals: { 'AWS:SourceAccount': account },
      ArnLike: { 'AWS:SourceArn': 'arn:aws:s3:::bucket' },
    },
  })
  expect(await added({ StatementId: 'account', Principal: '222222222222', Qualifier: 'live' })).toMatchObject({
    Principal: { AWS: 'arn:aws:iam::222222222222:root' },
    Resource: `${arn}:live`,
  })
  const role = 'arn:aws:iam::222222222222:role/r'
  expect(await added({ StatementId: 'role', Principal: role })).toMatchObject({ Principal: { AWS: role } })
  const url = { Action: 'lambda:InvokeFunctionUrl', Principal: '*', PrincipalOrgID: 'o-1234567890' }
  expect(await added({ StatementId: 'url', ...url, FunctionUrlAuthType: 'NONE' })).toMatchObject({
    Principal: '*',
    Condition: { StringEquals: { 'lambda:FunctionUrlAuthType': 'NONE', 'aws:PrincipalOrgID': 'o-1234567890' } },
  })
  expect(await added({ StatementId: 'via', Principal: '*', InvokedViaFunctionUrl: true })).toMatchObject({
    Condition: { Bool: { 'lambda:InvokedViaFunctionUrl': 'true' } },
  })
  expect(await added({ StatementId: 'skill', Principal: '*', EventSourceToken: 'amzn1.ask.skill.x' })).toMatchObject({
    Condition: { StringEquals: { 'lambda:EventSourceToken': 'amzn1.ask.skill.x' } },
  })
})

it.each<[string, Partial<AddPermissionCommandInput>, string, string]>([
  [
    'a statement id with a dot',
    { StatementId: 'example.com' },
    'ValidationException',
    "1 validation error detected: Value 'example.com' at 'statementId' failed to satisfy constraint: Member must satisfy regular expression pattern: ([a-zA-Z0-9-_]+)",
  ],
  [
    '$LATEST',
    { Qualifier: '$LATEST' },
    'InvalidParameterValueException',
    'We currently do not support adding policies for $LATEST.',
  ],
  [
    'a principal that is none',
    { Principal: 'invalid.nonaws.com' },
    'InvalidParameterValueException',
    'The provided principal was invalid. Please check the principal and try again.',
  ],
  [
    'a URL condition of another action',
    { FunctionUrlAuthType: 'NONE' },
    'InvalidParameterValueException',
    'FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action',
  ],
  [
    'a function that is not there',
    { FunctionName: 'doesnotexist' },
    'ResourceNotFoundException',
    `Function not found: arn:aws:lambda:${region}:${account}:function:doesnotexist`,
  ],
  [
    'an alias that is not there',
    { FunctionName: 'f:alias-doesnotexist' },
    'ResourceNotFoundException',
    `Cannot find alias arn: ${arn}:alias-doesnotexist`,
  ],
  ['a version that is not there', { Qualifier: '42' }, 'ResourceNotFoundException', `Function not found: ${arn}:42`],
  [
    'a revision that is not the last',
    { RevisionId: 'wrong' },
    'PreconditionFailedException',
    'The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id',
  ],
])('AddPermission refuses %s', async (_what, overrides, name, message) => {
  await using api = await startWithAlias()
  await expect(api.client.send(permission(overrides))).rejects.toMatchObject({ name, message })
})

it('AddPermission refuses a statement id that is taken, and a policy that is too long', async () => {
  await using api = await startWithAlias({ limits: { policyBytes: 400 } })
  await api.client.send(permission())
  await expect(api.client.send(permission())).rejects.toMatchObject({
    name: 'ResourceConflictException',
    message:
      'The statement id (s) provided already exists. Please provide a new statement id, or remove the existing statement.',
  })
  await api.client.send(permission({ Qualifier: 'live' }))
  await api.client.send(permission({ StatementId: 'two' }))
  await expect(api.client.send(permission({ StatementId: 'three' }))).rejects.toMatchObject({
    name: 'PolicyLengthExceededException',
    message: expect.stringMatching(/^The final policy size \(\d{3}\) is bigger than the limit \(400\)\.$/),
  })
})

it('GetPolicy shows the statements in order, of each qualifier its own; RemovePermission takes them away', async () => {
  await using api = await startWithAlias()
  const policyOf = async (Qualifier?: string) => {
    const { Policy = '', RevisionId } = await api.client.send(new GetPolicyCommand({ FunctionName, Qualifier }))
    const parsed: unknown = JSON.parse(Policy)
    return { RevisionId, policy: parsed }
  }
  const noSuch = { name: 'ResourceNotFoundException', message: 'The resource you requested does not exist.' }
  await expect(policyOf()).rejects.toMatchObject(noSuch)
  await api.client.send(permission({ StatementId: 'one' }))
  await api.client.send(permission({ StatementId: 'two', RevisionId: (await policyOf()).RevisionId }))
  const { policy, RevisionId } = await policyOf()
  expect(policy).toMatchObject({ Version: '2012-10-17', Id: 'default', Statement: [{ Sid: 'one' }, { Sid: 'two' }] })
  await expect(policyOf('live')).rejects.toMatchObject(noSuch)

  const remove = (StatementId: string, revision?: string, Qualifier?: string) =>
    api.client.send(new RemovePermissionCommand({ FunctionName, StatementId, RevisionId: revision, Qualifier }))
  await expect(remove('three')).rejects.toMatchObject({
    message: 'Statement three is not found in resource policy.',
  })
  await expect(remove('one', 'wrong')).rejects.toMatchObject({ name: 'PreconditionFailedException' })
  await expect(remove('one', undefined, 'live')).rejects.toMatchObject({
    message: 'No policy is associated with the given resource.',
  })
  await expect(remove('one', undefined, 'none')).rejects.toMatchObject({
    message: `Cannot find alias arn: ${arn}:none`,
  })
  await remove('one', RevisionId)
  expect((await policyOf()).policy).toMatchObject({ Statement: [{ Sid: 'two' }] })
  await remove('two')
  await expect(policyOf()).rejects.toMatchObject(noSuch)
  await api.client.send(new DeleteFunctionCommand({ FunctionName }))
  await expect(remove('two')).rejects.toMatchObject({ message: `No policy found for: ${arn}` })
  await expect(policyOf()).rejects.toMatchObject({ message: `Function not found: ${arn}` })
})
