/**
 * The pattern language once more, written to be obviously right and not to be fast: the event is a list of values, each
 * with its path and the array elements it is in; a pattern is a list of combinations, each from paths to lists of what
 * may be there; a combination matches if one value can be chosen for each path so that no two chosen ones are in
 * different elements of one array.
 */

interface Value {
  path: string
  value: unknown
  elements: Map<string, number>
}

function flatten(value: unknown, path: string, elements: Map<string, number>, into: Value[], nesting = ''): Value[] {
  if (Array.isArray(value)) {
    const array = `${path}|${nesting}`
    value.forEach((element: unknown, at) =>
      flatten(element, path, new Map(elements).set(array, at), into, `${nesting}[${at}]`),
    )
  } else if (typeof value === 'object' && value !== null)
    for (const [name, member] of Object.entries(value)) flatten(member, `${path}/${name}`, elements, into, '')
  else if (value !== undefined) into.push({ path, value, elements })
  return into
}

type Combination = { path: string; list: unknown[] }[]

function combinationsOf(pattern: object, path: string): Combination[] {
  let all: Combination[] = [[]]
  for (const [name, member] of Object.entries(pattern)) {
    const more =
      name === '$or'
        ? (member as object[]).flatMap((alternative) => combinationsOf(alternative, path))
        : Array.isArray(member)
          ? [[{ path: `${path}/${name}`, list: member as unknown[] }]]
          : combinationsOf(member as object, `${path}/${name}`)
    all = all.flatMap((combination) => more.map((other) => combination.concat(other)))
  }
  return all
}

export function naive(pattern: object, event: unknown): boolean {
  const values = flatten(event, '', new Map(), [])
  return combinationsOf(pattern, '').some((combination) => choose(combination, values, new Map()))
}

function choose([first, ...rest]: Combination, values: Value[], chosen: Map<string, number>): boolean {
  if (first === undefined) return true
  const here = values.filter(({ path }) => path === first.path)
  if (here.length === 0 && first.list.some((item) => isOperator(item) && item.exists === false))
    return choose(rest, values, chosen)
  return here.some(
    ({ value, elements }) =>
      first.list.some((item) => fits(item, value)) &&
      [...elements].every(([array, at]) => (chosen.get(array) ?? at) === at) &&
      choose(rest, values, new Map([...chosen, ...elements])),
  )
}

const isOperator = (item: unknown): item is Record<string, unknown> => typeof item === 'object' && item !== null

function fits(item: unknown, value: unknown): boolean {
  if (!isOperator(item)) return item === value
  const [name, operand] = Object.entries(item)[0] ?? ['', undefined]
  if (name === 'anything-but') {
    const list = (inner: unknown): unknown[] => (Array.isArray(inner) ? inner : [inner])
    if (!isOperator(operand) || Array.isArray(operand)) return !list(operand).includes(value)
    const [inner = '', operands] = Object.entries(operand)[0] ?? []
    return !list(operands).some((one) => fits({ [inner]: one }, value))
  }
  if (name === 'exists') return operand === true
  if (name === 'numeric') {
    const terms = operand as (string | number)[]
    if (typeof value !== 'number') return false
    const holds = (operator: unknown, bound: unknown) =>
      operator === '='
        ? value === bound
        : operator === '<'
          ? value < Number(bound)
          : operator === '<='
            ? value <= Number(bound)
            : operator === '>'
              ? value > Number(bound)
              : value >= Number(bound)
    return holds(terms[0], terms[1]) && (terms.length === 2 || holds(terms[2], terms[3]))
  }
  if (typeof value !== 'string') return false
  if (isOperator(operand))
    return fits({ [name]: String(operand['equals-ignore-case']).toLowerCase() }, value.toLowerCase())
  const text = String(operand)
  switch (name) {
    case 'prefix':
      return value.slice(0, text.length) === text
    case 'suffix':
      return text === '' || value.slice(-text.length) === text
    case 'equals-ignore-case':
      return value.toLowerCase() === text.toLowerCase()
    case 'wildcard':
      return wild(text, value)
    default:
      throw new Error(`no model of ${name}`)
  }
}

/** By trying everything. */
function wild(pattern: string, value: string): boolean {
  if (pattern === '') return value === ''
  if (pattern[0] === '*')
    return Array.from({ length: value.length + 1 }, (_, at) => value.slice(at)).some((rest) =>
      wild(pattern.slice(1), rest),
    )
  const escaped = pattern[0] === '\\'
  const [character, rest] = escaped ? [pattern[1], pattern.slice(2)] : [pattern[0], pattern.slice(1)]
  return value[0] === character && wild(rest, value.slice(1))
}
