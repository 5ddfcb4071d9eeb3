/** What may stand in the list of a field: exact values and operators (`{ "prefix": "a" }`). */
import { isInBlock, parseBlock } from './addresses.ts'
import { comparable, isWithin, parseNumericRange } from './numbers.ts'
import { matchesWildcard, parseWildcard } from './wildcard.ts'

export type Scalar = string | number | boolean | null

export interface Test {
  matches(value: Scalar): boolean
  /** Work done for one value, in steps: what a match is charged with. */
  cost(value: Scalar): number
}

/** Why a pattern is refused. For logs: clients are told what AWS tells them. */
export class PatternError extends Error {}

export const isScalar = (value: unknown): value is Scalar =>
  value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Names that cannot be fields within `$or`, for there they would be taken for operators. */
export const operatorNames: ReadonlySet<string> = new Set([
  'exactly',
  'prefix',
  'suffix',
  'anything-but',
  'numeric',
  'cidr',
  'exists',
  'equals-ignore-case',
  'wildcard',
])

const constantCost = () => 1

/** Of strings only: no operator on text holds for a number. */
const onText = (holds: (value: string) => boolean, cost: Test['cost'] = constantCost): Test => ({
  matches: (value) => typeof value === 'string' && holds(value),
  cost,
})

/** All operators but `exists`, which is about fields and not about values. */
export function parseOperator(expression: Record<string, unknown>): Test {
  const [name, operand] = onlyMember(expression)
  switch (name) {
    case 'exactly': {
      const wanted = text(name, operand)
      return onText((value) => value === wanted)
    }
    case 'prefix':
      return isObject(operand) ? ignoringCase(name, operand) : affix(name, text(name, operand))
    case 'suffix':
      return isObject(operand) ? ignoringCase(name, operand) : affix(name, text(name, operand))
    case 'equals-ignore-case':
      return equalsIgnoringCase(text(name, operand))
    case 'wildcard':
      return wildcard(text(name, operand))
    case 'numeric': {
      const range = Array.isArray(operand) ? parseNumericRange(operand) : undefined
      if (range === undefined) throw new PatternError('numeric: not a range')
      return { matches: (value) => typeof value === 'number' && isWithin(range, value), cost: constantCost }
    }
    case 'cidr': {
      const block = parseBlock(text(name, operand))
      if (block === undefined) throw new PatternError('cidr: not a block of addresses')
      return onText((value) => isInBlock(block, value))
    }
    case 'anything-but':
      return anythingBut(operand)
    default:
      throw new PatternError(`unknown operator ${name}`)
  }
}

function anythingBut(operand: unknown): Test {
  const tests = isObject(operand) ? anythingButOperator(operand) : [anyOf(listOf(operand, 'anything-but'))]
  return {
    matches: (value) => !tests.some((test) => test.matches(value)),
    cost: (value) => tests.reduce((sum, test) => sum + test.cost(value), 0),
  }
}

/** Strings only or numbers only: the rest AWS refuses. */
function anyOf(values: readonly unknown[]): Test {
  const strings = new Set(values.filter((value) => typeof value === 'string'))
  const numbers = new Set(values.filter((value) => typeof value === 'number').map(requireComparable))
  if (strings.size > 0 === numbers.size > 0 || !values.every((value) => typeof value === typeof values[0]))
    throw new PatternError('anything-but: strings or numbers')
  return {
    matches: (value) =>
      typeof value === 'string'
        ? strings.has(value)
        : typeof value === 'number' && numbers.has(comparable(value) ?? Number.NaN),
    cost: constantCost,
  }
}

function anythingButOperator(expression: Record<string, unknown>): Test[] {
  const [name, operand] = onlyMember(expression)
  const values = listOf(operand, name).map((value) => text(name, value))
  if (values.includes('')) throw new PatternError(`anything-but: empty ${name}`)
  switch (name) {
    case 'prefix':
    case 'suffix':
      return values.map((value) => affix(name, value))
    case 'equals-ignore-case':
      return values.map(equalsIgnoringCase)
    case 'wildcard':
      return values.map(wildcard)
    default:
      throw new PatternError(`anything-but: unknown operator ${name}`)
  }
}

const affix = (name: 'prefix' | 'suffix', part: string): Test =>
  onText(name === 'prefix' ? (value) => value.startsWith(part) : (value) => value.endsWith(part))

/** Lower case may be longer or shorter than the text it is of, by up to three times: more need not be looked at. */
const longestCased = (text: string): number => 3 * text.length

function equalsIgnoringCase(wanted: string): Test {
  const lower = wanted.toLowerCase()
  return onText((value) => value.length <= longestCased(wanted) && value.toLowerCase() === lower)
}

function ignoringCase(name: 'prefix' | 'suffix', expression: Record<string, unknown>): Test {
  const [inner, operand] = onlyMember(expression)
  if (inner !== 'equals-ignore-case') throw new PatternError(`${name}: unknown operator ${inner}`)
  const wanted = text(inner, operand)
  const lower = wanted.toLowerCase()
  const length = longestCased(wanted)
  return onText(
    name === 'prefix'
      ? (value) => value.slice(0, length).toLowerCase().startsWith(lower)
      : (value) =>
          value
            .slice(Math.max(0, value.length - length))
            .toLowerCase()
            .endsWith(lower),
  )
}

function wildcard(pattern: string): Test {
  const parsed = parseWildcard(pattern)
  if (parsed === undefined) throw new PatternError('wildcard: consecutive stars or an unknown escape')
  return onText(
    (value) => matchesWildcard(parsed, value),
    (value) => (typeof value === 'string' ? 1 + value.length : 1),
  )
}

function requireComparable(value: number): number {
  const millionths = comparable(value)
  if (millionths === undefined) throw new PatternError('a number out of range')
  return millionths
}

function onlyMember(expression: Record<string, unknown>): [string, unknown] {
  const [first, ...more] = Object.entries(expression)
  if (first === undefined || more.length > 0) throw new PatternError('exactly one key is allowed in an operator')
  return first
}

function text(name: string, operand: unknown): string {
  if (typeof operand === 'string') return operand
  throw new PatternError(`${name}: must be a string`)
}

function listOf(operand: unknown, name: string): readonly unknown[] {
  const values = Array.isArray(operand) ? operand : [operand]
  if (values.length === 0) throw new PatternError(`${name}: empty list`)
  return values
}
