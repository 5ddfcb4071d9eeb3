/** From a pattern's JSON text to a form that can be matched without looking at the text again. */
import { ThawError } from '../../errors.ts'
import { isObject, isScalar, operatorNames, parseOperator, PatternError, type Scalar, type Test } from './operators.ts'

/** AWS: characters of a pattern (API reference, `Filter`). */
export const patternMaxLength = 4_096
/** AWS: combinations that the `$or`s of a pattern may make (EventBridge, "Or matching"). */
const maxCombinations = 1_000
/** Ours: deeper than any event is meant to be, and far from the end of the stack. */
const maxDepth = 200

/** What a field's values are held against: one of them has to fit one of these. */
export interface FieldPattern {
  kind: 'field'
  exact: ReadonlySet<Scalar>
  tests: readonly Test[]
  /** `{ "exists": true }` is in the list. */
  present: boolean
  /** `{ "exists": false }` is in the list: fits if the event has no value on this path. */
  absent: boolean
  path: readonly string[]
}

export interface ObjectPattern {
  /** One of these. */
  alternatives: readonly Conjunction[]
}

/** All of these, by the same object. */
export interface Conjunction {
  fields: ReadonlyMap<string, { values: readonly FieldPattern[]; object: ObjectPattern | undefined }>
  /** Of each one of its patterns. */
  anyOf: readonly (readonly ObjectPattern[])[]
}

/** As written. */
interface Written {
  kind: 'object'
  fields: readonly { name: string; pattern: FieldPattern | Written }[]
  ors: readonly (readonly Written[])[]
}

/** Errors: `InvalidParameterValue` with AWS's text (recorded: test_sqs_invalid_event_filter); the cause says why. */
export function compileObject(json: string): ObjectPattern {
  try {
    if (json.length > patternMaxLength) throw new PatternError('too long')
    const value: unknown = JSON.parse(json)
    if (!isObject(value)) throw new PatternError('not an object')
    const written = parseObject(value, [], false)
    if (combinations(written) > maxCombinations) throw new PatternError('too many combinations of $or')
    return compileAll([written])
  } catch (cause) {
    if (cause instanceof PatternError || cause instanceof SyntaxError)
      throw new ThawError('InvalidParameterValue', 'Invalid filter pattern definition.', { cause })
    throw cause
  }
}

function parseObject(object: Record<string, unknown>, path: readonly string[], inOr: boolean): Written {
  if (path.length > maxDepth) throw new PatternError('nested too deeply')
  const fields: { name: string; pattern: FieldPattern | Written }[] = []
  const ors: Written[][] = []
  for (const [name, value] of Object.entries(object)) {
    if (name === '$or' && isOr(value)) {
      ors.push(value.map((alternative) => parseObject(alternative, path, true)))
      continue
    }
    if (inOr && operatorNames.has(name)) throw new PatternError(`${name} cannot be a field within $or`)
    const at = [...path, name]
    if (isObject(value)) fields.push({ name, pattern: parseObject(value, at, inOr) })
    else if (Array.isArray(value)) fields.push({ name, pattern: parseField(value, at) })
    else throw new PatternError(`${name} must be an object or an array`)
  }
  if (fields.length === 0 && ors.length === 0) throw new PatternError('empty objects are not allowed')
  return { kind: 'object', fields, ors }
}

/** A field may be called `$or` too: it is the operator only before two and more objects, none of which is an operator. */
function isOr(value: unknown): value is Record<string, unknown>[] {
  return (
    Array.isArray(value) &&
    value.length >= 2 &&
    value.every(isObject) &&
    !value.some((alternative) => Object.keys(alternative).some((name) => operatorNames.has(name)))
  )
}

function parseField(list: readonly unknown[], path: readonly string[]): FieldPattern {
  if (list.length === 0) throw new PatternError('empty arrays are not allowed')
  const exact = new Set<Scalar>()
  const tests: Test[] = []
  let present = false
  let absent = false
  for (const item of list) {
    if (isScalar(item)) exact.add(item)
    else if (!isObject(item)) throw new PatternError('arrays within arrays are not allowed')
    else if ('exists' in item) {
      if (typeof item.exists !== 'boolean' || Object.keys(item).length > 1)
        throw new PatternError('exists: must be true or false')
      if (item.exists) present = true
      else absent = true
    } else tests.push(parseOperator(item))
  }
  return { kind: 'field', exact, tests, present, absent, path }
}

function combinations({ fields, ors }: Written): number {
  let product = 1
  for (const { pattern } of fields) if (pattern.kind === 'object') product *= combinations(pattern)
  for (const or of ors) product *= or.reduce((sum, alternative) => sum + combinations(alternative), 0)
  return product
}

/**
 * Several patterns for one object. If an `$or` speaks of fields that others speak of too, both have to be matched by the
 * same element of an array: then its alternatives are multiplied out, else each `$or` is decided on its own.
 */
function compileAll(all: readonly Written[]): ObjectPattern {
  const ors = all.flatMap((written) => written.ors)
  const plain = all.flatMap((written) => written.fields)
  const namesOfFields = plain.map(({ name }) => name)
  const shared = ors.find((or) => {
    const others = new Set([...namesOfFields, ...ors.filter((other) => other !== or).flatMap(namesOf)])
    return namesOf(or).some((name) => others.has(name))
  })
  if (shared !== undefined) {
    const rest: Written = { kind: 'object', fields: plain, ors: ors.filter((or) => or !== shared) }
    return { alternatives: shared.flatMap((alternative) => compileAll([rest, alternative]).alternatives) }
  }
  const fields = new Map<string, { values: readonly FieldPattern[]; object: ObjectPattern | undefined }>()
  for (const [name, patterns] of Map.groupBy(plain, (field) => field.name)) {
    const values = patterns.flatMap(({ pattern }) => (pattern.kind === 'field' ? [pattern] : []))
    const objects = patterns.flatMap(({ pattern }) => (pattern.kind === 'object' ? [pattern] : []))
    fields.set(name, { values, object: objects.length === 0 ? undefined : compileAll(objects) })
  }
  return { alternatives: [{ fields, anyOf: ors.map((or) => or.map((alternative) => compileAll([alternative]))) }] }
}

function namesOf(alternatives: readonly Written[]): string[] {
  return alternatives.flatMap(({ fields, ors }) => [...fields.map(({ name }) => name), ...ors.flatMap(namesOf)])
}
