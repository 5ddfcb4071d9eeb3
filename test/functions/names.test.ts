import { describe, expect, it } from 'vitest'
import { functionArn, parseFunctionRef } from '../../src/functions/names.ts'

const scope = { accountId: '111111111111', region: 'us-east-1' }
const arn = 'arn:aws:lambda:us-east-1:111111111111:function:f'

describe('parseFunctionRef', () => {
  it.each([
    ['f', undefined, 'f', undefined, '111111111111'],
    ['f', '$LATEST', 'f', '$LATEST', '111111111111'],
    ['f', '7', 'f', '7', '111111111111'],
    ['f:7', undefined, 'f', '7', '111111111111'],
    ['f:7', '7', 'f', '7', '111111111111'],
    ['f:$LATEST', undefined, 'f', '$LATEST', '111111111111'],
    ['function:f', undefined, 'f', undefined, '111111111111'],
    ['function:f:prod', undefined, 'f', 'prod', '111111111111'],
    ['222222222222:function:f', undefined, 'f', undefined, '222222222222'],
    ['222222222222:f', undefined, 'f', undefined, '222222222222'],
    ['us-east-1:111111111111:function:f', undefined, 'f', undefined, '111111111111'],
    [arn, undefined, 'f', undefined, '111111111111'],
    [`${arn}:prod`, undefined, 'f', 'prod', '111111111111'],
    [arn, 'prod', 'f', 'prod', '111111111111'],
    // AWS: an ARN without a name has the name "function".
    ['arn:aws:lambda:us-east-1:111111111111:function', undefined, 'function', undefined, '111111111111'],
    ['a'.repeat(65), undefined, 'a'.repeat(65), undefined, '111111111111'],
  ])('reads %s with qualifier %s', (raw, qualifier, functionName, explicitQualifier, accountId) => {
    expect(parseFunctionRef(raw, qualifier, scope)).toEqual({
      functionName,
      qualifier: explicitQualifier ?? '$LATEST',
      explicitQualifier,
      accountId,
    })
  })

  it('refuses two qualifiers that differ', () => {
    expect(() => parseFunctionRef('f:1', '2', scope)).toThrow(
      'The derived qualifier from the function name does not match the specified qualifier.',
    )
  })

  it('refuses other regions', () => {
    const other = 'arn:aws:lambda:eu-west-1:111111111111:function:f'
    expect(() => parseFunctionRef(other, undefined, scope)).toThrow(
      "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
    )
  })

  it.each(['', 'a b', 'f:1:2', 'ünï', '../f', 'f\n', 'arn:aws:s3:::bucket', 'f:$LATES', 'f:', ':f'])(
    'refuses %j',
    (raw) => {
      expect(() => parseFunctionRef(raw, undefined, scope)).toThrow(/^1 validation error detected: Value '/)
    },
  )

  it.each(['', 'a b', 'é', 'a'.repeat(129), 'x\n'])('refuses the qualifier %j', (qualifier) => {
    expect(() => parseFunctionRef('f', qualifier, scope)).toThrow(/at 'qualifier' failed to satisfy constraint/)
  })

  it('is not slowed down by long nonsense', () => {
    const started = performance.now()
    for (const raw of ['a:'.repeat(50_000), '-'.repeat(100_000), `arn:aws${'-a'.repeat(50_000)}`])
      expect(() => parseFunctionRef(raw, undefined, scope)).toThrow(/validation error/)
    expect(performance.now() - started).toBeLessThan(500)
  })
})

it('writes ARNs with and without qualifier', () => {
  expect(functionArn(scope, 'f')).toBe(arn)
  expect(functionArn(scope, 'f', 'prod')).toBe(`${arn}:prod`)
})
