/**
 * How a request names a function: by name, `name:qualifier`, partial ARN or ARN, with or without a `Qualifier`
 * parameter. On the path of every invocation, so a plain name costs one test of a compiled pattern.
 */
import { ThawError } from '../errors.ts'
import { latest } from '../store/records.ts'
import { assertNoViolations, constraints, type Violation } from './violations.ts'

export interface Scope {
  accountId: string
  region: string
}

export interface FunctionRef {
  functionName: string
  /** `$LATEST` unless the request says otherwise. */
  qualifier: string
  /** What the request said, in the name or beside it. Lambda's answers carry it in the ARN. */
  explicitQualifier: string | undefined
  /** The caller's account, or the one an ARN names. */
  accountId: string
}

/** Patterns and lengths as AWS words them (aws-recorded.json, test_function_name_and_qualifier_validation). */
const prefix =
  '(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?'
/** Of operations that make or change a function. */
export const functionNameRule = {
  pattern: `${prefix}([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?`,
  maxLength: 140,
}
/** Of operations that also take versions. 256: AWS lets 234 characters pass where it once said 170. */
export const namespacedFunctionNameRule = {
  pattern: `${prefix}([a-zA-Z0-9-_\\.]+)(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?`,
  maxLength: 256,
}
export const qualifierRule = { pattern: '\\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+', maxLength: 128 }

/** AWS: a function's name without account and region, 64 characters. */
export const functionNameMaxLength = 64

const plainName = /^[a-zA-Z0-9_-]{1,64}$/
const namespacedName = whole(namespacedFunctionNameRule.pattern)
const qualifierName = whole(qualifierRule.pattern)
/** The same language as the rules above, with its parts named. */
const parts =
  /^(?:arn:(?:aws[a-zA-Z-]*)?:lambda:)?(?:(?<region>(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?(?:(?<account>\d{12}):)?(?:function:)?(?<name>[a-zA-Z0-9._-]+)(?::(?<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9_-]+))?$/

/**
 * @param raw the name, percent-decoded
 * @param qualifierParam the `Qualifier` parameter
 * @throws `Validation` for what AWS's patterns refuse, `InvalidParameterValue` if the two qualifiers differ,
 *   `ResourceNotFound` for another region's ARN
 */
export function parseFunctionRef(raw: string, qualifierParam: string | undefined, scope: Scope): FunctionRef {
  if (qualifierParam === undefined && plainName.test(raw))
    return { functionName: raw, qualifier: latest, explicitQualifier: undefined, accountId: scope.accountId }
  assertNoViolations([...qualifierViolations(qualifierParam), ...nameViolations(raw)])
  const { region, account, name, qualifier } = parts.exec(raw)?.groups ?? {}
  if (name === undefined) throw new ThawError('ResourceNotFound', `Function not found: ${raw}`)
  if (qualifier !== undefined && qualifierParam !== undefined && qualifier !== qualifierParam)
    throw new ThawError(
      'InvalidParameterValue',
      'The derived qualifier from the function name does not match the specified qualifier.',
    )
  if (region !== undefined && region !== scope.region)
    throw new ThawError(
      'ResourceNotFound',
      `Functions from '${region}' are not reachable in this region ('${scope.region}')`,
    )
  const explicitQualifier = qualifierParam ?? qualifier
  return {
    functionName: name,
    qualifier: explicitQualifier ?? latest,
    explicitQualifier,
    accountId: account ?? scope.accountId,
  }
}

/** `arn:aws:lambda:<region>:<account>:function:<name>[:<qualifier>]` */
export function functionArn(scope: Scope, functionName: string, qualifier?: string): string {
  const arn = `arn:aws:lambda:${scope.region}:${scope.accountId}:function:${functionName}`
  return qualifier === undefined ? arn : `${arn}:${qualifier}`
}

/** Lambda's answer for a function, version or alias that is not there. Operations differ in the `qualifier` they show. */
export function functionNotFound(region: string, ref: FunctionRef, qualifier: string | undefined): ThawError {
  const arn = functionArn({ accountId: ref.accountId, region }, ref.functionName, qualifier)
  return new ThawError('ResourceNotFound', `Function not found: ${arn}`)
}

function nameViolations(value: string): Violation[] {
  const { pattern, maxLength } = namespacedFunctionNameRule
  const broken: string[] = []
  if (value.length === 0) broken.push(constraints.minLength(1))
  if (value.length > maxLength) broken.push(constraints.maxLength(maxLength))
  if (value.length > 0 && !namespacedName.test(value)) broken.push(constraints.pattern(pattern))
  return broken.map((constraint) => ({ path: 'functionName', value, constraint }))
}

function qualifierViolations(value: string | undefined): Violation[] {
  if (value === undefined) return []
  const broken: string[] = []
  if (value.length === 0) broken.push(constraints.minLength(1))
  if (value.length > qualifierRule.maxLength) broken.push(constraints.maxLength(qualifierRule.maxLength))
  if (value.length > 0 && !qualifierName.test(value)) broken.push(constraints.pattern(qualifierRule.pattern))
  return broken.map((constraint) => ({ path: 'qualifier', value, constraint }))
}

/** AWS matches patterns against the whole value. */
export function whole(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`)
}
