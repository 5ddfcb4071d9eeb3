/**
 * `const require = createRequire(import.meta.url)` in an ES module: a bundle has no files to look in when it runs, so what
 * such a function is called with as a literal becomes a `require` that the bundler follows. Anything else it is asked for
 * is an error when it runs (guest-sdk/javascript/node/module.cjs).
 */
import { parseSync, Visitor } from 'rolldown/utils'

/** What is called `require` must be called otherwise: the bundler follows the global one only. */
const renamed = (name: string): string => (name === 'require' ? '__thawRequire' : name)

/** The code with such calls as the bundler understands them, on the same lines; undefined if there are none. */
export function withStaticRequires(code: string, file: string): string | undefined {
  if (!code.includes('createRequire')) return undefined
  const { program, errors } = parseSync(file, code)
  if (errors.length > 0) return undefined
  const names = new Set<string>()
  const literals = new Set<object>()
  const identifiers: { name: string; start: number; end: number }[] = []
  const keys = new Set<object>()
  new Visitor({
    VariableDeclarator({ id, init }) {
      if (id.type !== 'Identifier' || init?.type !== 'CallExpression') return
      const { callee } = init
      const called = callee.type === 'MemberExpression' ? callee.property : callee
      if (called.type === 'Identifier' && called.name === 'createRequire') names.add(id.name)
    },
    CallExpression({ callee, arguments: [first, second] }) {
      if (callee.type !== 'Identifier' || first?.type !== 'Literal' || second !== undefined) return
      if (typeof first.value === 'string') literals.add(callee)
    },
    MemberExpression: (node) => void (!node.computed && keys.add(node.property)),
    Property: (node) => void (!node.computed && !node.shorthand && keys.add(node.key)),
    Identifier: (node) => void identifiers.push(node),
  }).visit(program)
  if (names.size === 0) return undefined
  let made = ''
  let from = 0
  for (const node of identifiers.toSorted((one, other) => one.start - other.start)) {
    if (!names.has(node.name) || keys.has(node)) continue
    made += code.slice(from, node.start) + (literals.has(node) ? 'require' : renamed(node.name))
    from = node.start + node.name.length
  }
  return made + code.slice(from)
}
