/** Lambda's ValidationException: one message for all that breaks the shape of a request. */
import { ThawError } from '../errors.ts'

export interface Violation {
  /** The member's path, as Lambda writes it: `snapStart.applyOn`. */
  path: string
  /** As sent; `undefined` where a required member is missing. */
  value: unknown
  /** `Member must …` */
  constraint: string
}

/** Text from aws-recorded.json: one error is "1 validation error detected", more are joined by "; ". */
export function describeViolations(violations: readonly Violation[]): string {
  const noun = violations.length === 1 ? 'error' : 'errors'
  const each = violations.map(
    ({ path, value, constraint }) => `Value ${quote(value)} at '${path}' failed to satisfy constraint: ${constraint}`,
  )
  return `${violations.length} validation ${noun} detected: ${each.join('; ')}`
}

export function assertNoViolations(violations: readonly Violation[]): void {
  if (violations.length > 0) throw new ThawError('Validation', describeViolations(violations))
}

export const constraints = {
  notNull: 'Member must not be null',
  minLength: (length: number) => `Member must have length greater than or equal to ${length}`,
  maxLength: (length: number) => `Member must have length less than or equal to ${length}`,
  min: (value: number) => `Member must have value greater than or equal to ${value}`,
  max: (value: number) => `Member must have value less than or equal to ${value}`,
  pattern: (pattern: string) => `Member must satisfy regular expression pattern: ${pattern}`,
  oneOf: (values: readonly string[]) => `Member must satisfy enum value set: [${values.join(', ')}]`,
}

const quote = (value: unknown): string => (value === undefined || value === null ? 'null' : `'${javaText(value)}'`)

/** Lambda's messages show lists and maps as Java does: `[a, b]`, `{a=b}`. */
function javaText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(javaText).join(', ')}]`
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .map(([key, member]) => `${key}=${javaText(member)}`)
      .join(', ')}}`
  return String(value)
}
