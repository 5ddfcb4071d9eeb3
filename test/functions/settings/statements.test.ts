import { describe, expect, it } from 'vitest'
import {
  isPublicUrl,
  newStatement,
  policyText,
  type PermissionInput,
} from '../../../src/functions/settings/statements.ts'
import { principalSchema, statementSchema } from '../../../src/store/policies.ts'

const resource = 'arn:aws:lambda:us-east-1:111111111111:function:f'

const input = (overrides: Partial<PermissionInput> = {}): PermissionInput => ({
  statementId: 's',
  action: 'lambda:InvokeFunctionUrl',
  principal: '*',
  sourceArn: undefined,
  sourceAccount: undefined,
  eventSourceToken: undefined,
  principalOrgId: undefined,
  functionUrlAuthType: undefined,
  invokedViaFunctionUrl: undefined,
  ...overrides,
})

it('writes the members in the order in which AWS does', () => {
  const statement = newStatement(input({ functionUrlAuthType: 'NONE' }), resource)
  expect(policyText([statement])).toBe(
    `{"Version":"2012-10-17","Id":"default","Statement":[{"Sid":"s","Effect":"Allow","Principal":"*",` +
      `"Action":"lambda:InvokeFunctionUrl","Resource":"${resource}",` +
      `"Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}}]}`,
  )
})

it('can be stored as it is', () => {
  const statement = newStatement(input({ sourceArn: 'arn:aws:s3:::b', principal: '222222222222' }), resource)
  expect(statementSchema.parse(JSON.parse(JSON.stringify(statement)))).toEqual(statement)
})

it.each([
  ['*', '*'],
  ['222222222222', { AWS: 'arn:aws:iam::222222222222:root' }],
  ['arn:aws:iam::222222222222:user/u', { AWS: 'arn:aws:iam::222222222222:user/u' }],
  ['arn:aws:sts::222222222222:assumed-role/r/s', { AWS: 'arn:aws:sts::222222222222:assumed-role/r/s' }],
  ['events.amazonaws.com', { Service: 'events.amazonaws.com' }],
  ['logs.us-east-1.amazonaws.com', { Service: 'logs.us-east-1.amazonaws.com' }],
  ['alexa-appkit.amazon.com', { Service: 'alexa-appkit.amazon.com' }],
])('principal %s', (principal, expected) => {
  expect(principalSchema.parse(newStatement(input({ principal }), resource).Principal)).toEqual(expected)
})

it.each([
  '22222222222',
  'invalid.nonaws.com',
  'amazonaws.com',
  '.amazonaws.com',
  'evilamazonaws.com',
  'arn:aws:s3:::b',
])('refuses the principal %s', (principal) => {
  expect(() => newStatement(input({ principal }), resource)).toThrow(/^The provided principal was invalid/)
})

it('refuses an event source token beside a source', () => {
  const both = input({ action: 'lambda:InvokeFunction', eventSourceToken: 't', sourceAccount: '111111111111' })
  expect(() => newStatement(both, resource)).toThrow('EventSourceToken cannot be combined')
  expect(() => newStatement(input({ invokedViaFunctionUrl: true }), resource)).toThrow('InvokedViaFunctionUrl is only')
})

describe('a URL is public', () => {
  const isPublic = (overrides: Partial<PermissionInput>): boolean =>
    isPublicUrl({ revisionId: 'r', statements: [newStatement(input(overrides), resource)] }, resource)

  it.each<[string, Partial<PermissionInput>]>([
    ['to everybody, whatever the auth type', {}],
    ['to everybody, without authentication', { functionUrlAuthType: 'NONE' }],
    ['to everybody, all actions', { action: 'lambda:*' }],
  ])('by a statement %s', (_what, overrides) => expect(isPublic(overrides)).toBe(true))

  it.each<[string, Partial<PermissionInput>]>([
    ['for signed requests', { functionUrlAuthType: 'AWS_IAM' }],
    ['to one account', { principal: '222222222222' }],
    ['to a service', { principal: 's3.amazonaws.com' }],
    ['for another action', { action: 'lambda:InvokeFunction' }],
    ['from one account', { sourceAccount: '111111111111' }],
    ['to an organization', { principalOrgId: 'o-1234567890' }],
  ])('not by a statement %s', (_what, overrides) => expect(isPublic(overrides)).toBe(false))

  it('not without a policy, and not by that of another resource', () => {
    expect(isPublicUrl(undefined, resource)).toBe(false)
    const policy = { revisionId: 'r', statements: [newStatement(input(), resource)] }
    expect(isPublicUrl(policy, `${resource}:live`)).toBe(false)
  })
})
