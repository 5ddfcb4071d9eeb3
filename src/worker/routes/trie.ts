/** The routes of one host by path: each segment of a request is looked at once, unless a less specific pattern has to be tried. */
import type { HttpRoute } from '../../functions/collaborators.ts'
import { patternSegments, type PatternSegment } from '../../functions/routes/paths.ts'

/** Routes with one pattern, by method. */
interface Leaf {
  pattern: readonly PatternSegment[]
  forAll: HttpRoute | undefined
  byMethod: Map<string, HttpRoute>
}

interface Node {
  literals: Map<string, Node>
  any: Node | undefined
  /** Of patterns that end here, and of those that go on with all the rest. */
  end: Leaf | undefined
  rest: Leaf | undefined
}

export interface RouteMatch {
  route: HttpRoute
  pattern: readonly PatternSegment[]
}

export interface RouteTrie {
  /** The most specific: segment by segment a literal before `*`, and any segment before the rest; then by method. */
  find(method: string, segments: readonly string[]): RouteMatch | undefined
}

const newNode = (): Node => ({ literals: new Map(), any: undefined, end: undefined, rest: undefined })

export function buildTrie(routes: Iterable<HttpRoute>): RouteTrie {
  const root = newNode()
  for (const route of routes) insert(root, route)
  return { find: (method, segments) => findBelow(root, method, segments, 0) }
}

function insert(root: Node, route: HttpRoute): void {
  const pattern = patternSegments(route.path)
  const newLeaf = (): Leaf => ({ pattern, forAll: undefined, byMethod: new Map() })
  let node = root
  let leaf: Leaf | undefined
  for (const segment of pattern) {
    if (segment.kind === 'rest') leaf = node.rest ??= newLeaf()
    else if (segment.kind === 'any') node = node.any ??= newNode()
    else {
      const next = node.literals.get(segment.text) ?? newNode()
      node.literals.set(segment.text, next)
      node = next
    }
  }
  leaf ??= node.end ??= newLeaf()
  if (route.methods.length === 0) leaf.forAll = route
  else for (const method of route.methods) leaf.byMethod.set(method, route)
}

/** As deep as the deepest pattern, however long the request's path is; no node is visited twice. */
function findBelow(node: Node, method: string, segments: readonly string[], at: number): RouteMatch | undefined {
  const segment = segments[at]
  if (segment === undefined) return pick(node.end, method) ?? pick(node.rest, method)
  const literal = node.literals.get(segment)
  return (
    (literal && findBelow(literal, method, segments, at + 1)) ??
    (node.any && findBelow(node.any, method, segments, at + 1)) ??
    pick(node.rest, method)
  )
}

function pick(leaf: Leaf | undefined, method: string): RouteMatch | undefined {
  if (leaf === undefined) return undefined
  const route = leaf.byMethod.get(method) ?? leaf.forAll
  return route && { route, pattern: leaf.pattern }
}
