/** Small readers of an ESTree, for `link-plan.ts`. Everything they do not expect is `undefined`, never a guess. */
import type { AnyNode, Expression, ObjectExpression, Property } from 'acorn'

export type Visit = (node: AnyNode) => void

/** Depth-first over every node. */
export function walk(node: AnyNode, visit: Visit): void {
  visit(node)
  for (const value of Object.values(node)) {
    if (Array.isArray(value)) {
      for (const item of value) if (isNode(item)) walk(item, visit)
    } else if (isNode(value)) walk(value, visit)
  }
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}

export function identifier(node: AnyNode | null | undefined): string | undefined {
  return node?.type === 'Identifier' ? node.name : undefined
}

export function literal(node: AnyNode | null | undefined): string | number | boolean | null | undefined {
  if (node?.type !== 'Literal') return undefined
  const { value } = node
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null
    ? value
    : undefined
}

/** `{ key: value }` as a map; spreads, methods and computed keys make it unreadable. */
export function properties(node: AnyNode | null | undefined): Map<string, Expression> | undefined {
  if (node?.type !== 'ObjectExpression') return undefined
  const map = new Map<string, Expression>()
  for (const property of (node satisfies ObjectExpression).properties) {
    if (property.type !== 'Property' || property.computed || property.kind !== 'init') return undefined
    const key = propertyKey(property)
    if (key === undefined) return undefined
    map.set(key, property.value)
  }
  return map
}

function propertyKey(property: Property): string | undefined {
  const name = identifier(property.key)
  if (name !== undefined) return name
  const value = literal(property.key)
  return value === undefined ? undefined : String(value)
}

/** `exports3.memory`, `exports3['x#y']` → { object: 'exports3', property: 'memory' }. */
export function member(node: AnyNode | null | undefined): { object: string; property: string } | undefined {
  if (node?.type !== 'MemberExpression') return undefined
  const object = identifier(node.object)
  const property = node.computed ? literal(node.property) : identifier(node.property)
  if (object === undefined || typeof property !== 'string') return undefined
  return { object, property }
}

/** `callee(...)` → the callee as `a` or `a.b`, with its arguments. */
export function call(node: AnyNode | null | undefined): { callee: string; args: AnyNode[] } | undefined {
  if (node?.type !== 'CallExpression') return undefined
  const name = identifier(node.callee)
  if (name !== undefined) return { callee: name, args: node.arguments }
  const path = member(node.callee)
  return path === undefined ? undefined : { callee: `${path.object}.${path.property}`, args: node.arguments }
}
