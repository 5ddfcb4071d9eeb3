/**
 * Building blocks for request schemas. Each rule's message is AWS's constraint text; a value of the wrong JSON type is
 * another kind of error (AWS cannot even deserialize it). A member sent as null counts as not sent.
 */
import { z } from 'zod'
import { ThawError } from '../errors.ts'
import { whole } from '../functions/names.ts'
import { assertNoViolations, constraints, type Violation } from '../functions/violations.ts'

export interface TextRule {
  minLength?: number
  maxLength?: number
  pattern?: string
}

export function text({ minLength = 0, maxLength, pattern }: TextRule = {}) {
  let schema = z.string()
  if (minLength > 0) schema = schema.min(minLength, constraints.minLength(minLength))
  if (maxLength !== undefined) schema = schema.max(maxLength, constraints.maxLength(maxLength))
  if (pattern !== undefined) schema = schema.regex(whole(pattern), constraints.pattern(pattern))
  return schema
}

export const integer = (min: number, max: number) =>
  z.int().min(min, constraints.min(min)).max(max, constraints.max(max))

/** Compared after the type check, so that a wrong word is a violation and a wrong type is not. */
export const word = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.string().pipe(z.enum(values, constraints.oneOf(values)))

/** Absent or null. */
export const optional = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined)

/** Throws `Validation` with AWS's text, or `InvalidRequestContent` if a member has the wrong type. */
export function parseRequest<T>(schema: z.ZodType<T>, request: unknown): T {
  const parsed = schema.safeParse(request, { reportInput: true })
  if (parsed.success) return parsed.data
  const violations = parsed.error.issues.map((issue): Violation => {
    const path = issue.path.map((step) => lowerFirst(String(step))).join('.')
    const missing = issue.code === 'invalid_type' && (issue.input === undefined || issue.input === null)
    if (missing) return { path, value: undefined, constraint: constraints.notNull }
    if (issue.code === 'invalid_type' || issue.code === 'invalid_key' || issue.code === 'unrecognized_keys')
      throw new ThawError('InvalidRequestContent', `Could not parse request body into json: ${path}: ${issue.message}`)
    return { path, value: issue.input, constraint: issue.message }
  })
  assertNoViolations(violations)
  throw new ThawError('InvalidRequestContent', 'Could not parse request body into json.')
}

const lowerFirst = (name: string): string => name.slice(0, 1).toLowerCase() + name.slice(1)
