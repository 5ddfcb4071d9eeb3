import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isAllowed, type PolicyRequest } from '../../src/identity/policy.ts'
import type { Statement } from '../../src/store/policies.ts'

const resource = 'arn:aws:lambda:us-east-1:111111111111:function:f'
const statement = (changes: Partial<Statement> = {}): Statement => ({
  Sid: 's',
  Effect: 'Allow',
  Principal: { AWS: '222222222222' },
  Action: 'lambda:InvokeFunction',
  Resource: resource,
  ...changes,
})
const request = (changes: Partial<PolicyRequest> = {}): PolicyRequest => ({
  principal: { account: '222222222222' },
  action: 'lambda:InvokeFunction',
  resource,
  ...changes,
})
const allowed = (changes: Partial<Statement>, asked: Partial<PolicyRequest> = {}): boolean =>
  isAllowed([statement(changes)], request(asked))

test('nothing is allowed but what a statement allows', () => {
  expect(isAllowed([], request())).toBe(false)
  expect(isAllowed([statement()], request())).toBe(true)
  expect(isAllowed([statement({ Action: 'lambda:GetFunction' }), statement()], request())).toBe(true)
})

const account = { account: '222222222222' }
const service = { service: 's3.amazonaws.com' }
test.each<[Statement['Principal'], PolicyRequest['principal'], boolean]>([
  ['*', account, true],
  ['*', service, true],
  ['*', 'anonymous', true],
  [{ AWS: '*' }, account, true],
  [{ AWS: '222222222222' }, account, true],
  [{ AWS: 'arn:aws:iam::222222222222:root' }, account, true],
  [{ AWS: 'arn:aws:iam::333333333333:root' }, account, false],
  [{ AWS: '333333333333' }, account, false],
  // There are no roles and users here: nobody is one.
  [{ AWS: 'arn:aws:iam::222222222222:role/r' }, account, false],
  [{ AWS: '222222222222' }, 'anonymous', false],
  [{ AWS: '222222222222' }, { service: '222222222222' }, false],
  [{ Service: 's3.amazonaws.com' }, service, true],
  [{ Service: 'sns.amazonaws.com' }, service, false],
  [{ Service: '222222222222' }, account, false],
])('principal %j, asked by %j: %s', (Principal, principal, expected) => {
  expect(allowed({ Principal }, { principal })).toBe(expected)
})

test.each([
  ['lambda:InvokeFunction', 'lambda:InvokeFunction', true],
  ['lambda:*', 'lambda:GetFunction', true],
  ['lambda:Get*', 'lambda:GetPolicy', true],
  ['lambda:Get*', 'lambda:InvokeFunction', false],
  ['lambda:invokefunction', 'lambda:InvokeFunction', true],
  ['lambda:InvokeFunction', 'lambda:InvokeFunctionUrl', false],
  ['*', 'lambda:DeleteFunction', true],
])('action %s, asked for %s: %s', (Action, action, expected) => {
  expect(allowed({ Action }, { action })).toBe(expected)
})

test.each([
  [resource, resource, true],
  [resource, `${resource}:1`, false],
  [`${resource}:1`, resource, false],
  [`${resource}:live`, `${resource}:live`, true],
  [`${resource}*`, `${resource}:1`, true],
])('resource %s, asked for %s: %s', (Resource, asked, expected) => {
  expect(allowed({ Resource }, { resource: asked })).toBe(expected)
})

describe('conditions', () => {
  const sourceArn = 'arn:aws:s3:us-east-1:111111111111:bucket:a'
  test.each([
    ['StringEquals', 'aws:SourceAccount', '111111111111', '111111111111', true],
    ['StringEquals', 'aws:SourceAccount', '111111111111', '222222222222', false],
    ['StringEquals', 'lambda:FunctionUrlAuthType', 'NONE', 'NONE', true],
    ['StringEquals', 'lambda:FunctionUrlAuthType', 'NONE', 'AWS_IAM', false],
    ['StringEquals', 'aws:SourceAccount', '1*', '111111111111', false],
    ['StringLike', 'aws:SourceAccount', '1*', '111111111111', true],
    ['ArnLike', 'aws:SourceArn', sourceArn, sourceArn, true],
    ['ArnLike', 'aws:SourceArn', 'arn:aws:s3:*:*:bucket:*', sourceArn, true],
    ['ArnLike', 'aws:SourceArn', 'arn:aws:*', sourceArn, false],
    ['ArnEquals', 'aws:SourceArn', 'arn:aws:s3:us-east-?:111111111111:*', sourceArn, true],
    ['ArnLike', 'aws:SourceArn', 'arn:aws:sns:*:*:bucket:*', sourceArn, false],
    ['Bool', 'lambda:InvokedViaFunctionUrl', 'true', 'true', true],
    ['Bool', 'lambda:InvokedViaFunctionUrl', 'true', 'false', false],
    ['StringEqualsMaybe', 'aws:SourceAccount', '1', '1', false],
  ])('%s %s %s, where it is %s: %s', (operator, name, wanted, value, expected) => {
    const Condition = { [operator]: { [name]: wanted } }
    expect(allowed({ Condition }, { context: { [name]: value } })).toBe(expected)
    expect(allowed({ Condition }, { context: { [name.toLowerCase()]: value } })).toBe(expected)
    expect(allowed({ Condition })).toBe(false)
  })

  test('must all hold', () => {
    const Condition = {
      StringEquals: { 'AWS:SourceAccount': '1', 'aws:PrincipalOrgID': 'o' },
      ArnLike: { 'AWS:SourceArn': sourceArn },
    }
    const context = { 'aws:SourceAccount': '1', 'aws:PrincipalOrgID': 'o', 'aws:SourceArn': sourceArn }
    expect(allowed({ Condition }, { context })).toBe(true)
    for (const name of Object.keys(context))
      expect(allowed({ Condition }, { context: { ...context, [name]: 'x' } })).toBe(false)
  })
})

test('wildcards match what the same pattern matches as a regular expression', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 })
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 })
  fc.assert(
    fc.property(pattern, letters, (Resource, text) => {
      const expected = new RegExp(`^${Resource.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(text)
      expect(allowed({ Resource }, { resource: text })).toBe(expected)
    }),
    { numRuns: 5_000 },
  )
})

test('a pattern of many wildcards costs no more than its length times the text', () => {
  const text = 'a'.repeat(20_000)
  expect(allowed({ Resource: `${'*a'.repeat(5_000)}b` }, { resource: text })).toBe(false)
})
