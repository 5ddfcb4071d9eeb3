/**
 * Resource policies, evaluated (docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html): nothing is
 * allowed but what a statement allows. There are no roles and users here, so what names one matches nobody.
 */
import type { Principal, Statement } from '../store/policies.ts'

export interface PolicyRequest {
  /** Who asks: an account by its id, a service by its host name, or nobody who is known. */
  principal: { account: string } | { service: string } | 'anonymous'
  /** `lambda:InvokeFunction` */
  action: string
  /** An ARN, with the qualifier if the request names one. */
  resource: string
  /** Condition keys (`aws:SourceArn`, `lambda:FunctionUrlAuthType`) and what they are in this request. */
  context?: Readonly<Record<string, string>>
}

export function isAllowed(statements: readonly Statement[], request: PolicyRequest): boolean {
  return statements.some(
    (statement) =>
      matchesPrincipal(statement.Principal, request.principal) &&
      like(statement.Action.toLowerCase(), request.action.toLowerCase()) &&
      like(statement.Resource, request.resource) &&
      holds(statement.Condition ?? {}, request.context ?? {}),
  )
}

function matchesPrincipal(granted: Principal, asking: PolicyRequest['principal']): boolean {
  if (granted === '*') return true
  if ('Service' in granted)
    return typeof asking === 'object' && 'service' in asking && asking.service === granted.Service
  if (granted.AWS === '*') return true
  if (typeof asking !== 'object' || !('account' in asking)) return false
  return granted.AWS === asking.account || granted.AWS === rootArn(asking.account)
}

/** The principal that an account is. */
export const rootArn = (accountId: string): string => `arn:aws:iam::${accountId}:root`

/** All operators, and all keys of each, must hold. An operator that is not known here holds for nothing. */
function holds(
  conditions: Readonly<Record<string, Readonly<Record<string, string>>>>,
  context: Readonly<Record<string, string>>,
): boolean {
  // Names of condition keys have no case.
  const known = new Map(Object.entries(context).map(([name, value]) => [name.toLowerCase(), value]))
  return Object.entries(conditions).every(([operator, keys]) => {
    const compare = operators.get(operator)
    return Object.entries(keys).every(([name, wanted]) => {
      const value = known.get(name.toLowerCase())
      return compare !== undefined && value !== undefined && compare(wanted, value)
    })
  })
}

const operators: ReadonlyMap<string, (wanted: string, value: string) => boolean> = new Map([
  ['StringEquals', (wanted: string, value: string) => wanted === value],
  ['StringLike', like],
  ['ArnEquals', arnLike],
  ['ArnLike', arnLike],
  ['Bool', (wanted: string, value: string) => wanted.toLowerCase() === value.toLowerCase()],
])

/** Wildcards do not reach over the colons between an ARN's six parts. */
function arnLike(pattern: string, arn: string): boolean {
  const wanted = arnParts(pattern)
  const parts = arnParts(arn)
  return wanted.length === parts.length && wanted.every((part, index) => like(part, parts[index] ?? ''))
}

function arnParts(arn: string): string[] {
  const parts = arn.split(':')
  return [...parts.slice(0, 5), ...(parts.length > 5 ? [parts.slice(5).join(':')] : [])]
}

/**
 * `*` is any text, `?` one character. Only the last `*` is ever taken back, so the time is at most the product of the
 * lengths: patterns come from whoever owns the function.
 */
function like(pattern: string, text: string): boolean {
  let p = 0
  let star = -1
  let resume = 0
  for (let t = 0; t < text.length;) {
    if (pattern[p] === '*') {
      star = p++
      resume = t
    } else if (pattern[p] === '?' || (p < pattern.length && pattern[p] === text[t])) {
      p++
      t++
    } else if (star !== -1) {
      p = star + 1
      t = ++resume
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}
