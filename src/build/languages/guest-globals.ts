/** Which of the SDK's globals a function's code mentions: only those go into its snapshot. */
import { parseSync, Visitor } from 'rolldown/utils'
import { globalFiles, propertyFiles } from './guest-modules.ts'

/** Through these every global can be reached as a property. */
const globalObjects = new Set(['globalThis', 'global', 'self', 'window'])

/** The SDK's files whose globals the modules mention. `codes` are modules as the bundler renders them: JavaScript. */
export function mentionedGlobals(codes: Iterable<string>): Set<string> {
  const files = new Set<string>()
  for (const code of codes) {
    for (const name of mentionedNames(code)) {
      const file = globalFiles.get(name)
      if (file !== undefined) files.add(file)
    }
    for (const [name, file] of propertyFiles) if (new RegExp(`\\b${name}\\b`).test(code)) files.add(file)
  }
  return files
}

function mentionedNames(code: string): Set<string> {
  const candidates = [...globalFiles.keys()].filter((name) => new RegExp(`\\b${name}\\b`).test(code))
  if (candidates.length === 0) return new Set()
  const { program, errors } = parseSync('module.js', code, { lang: 'js', sourceType: 'unambiguous' })
  // Rather too much than too little.
  if (errors.length > 0) return new Set(candidates)
  const identifiers = new Set<string>()
  const properties = new Set<string>()
  const declared = new Set<string>()
  const keys = new WeakSet<object>()
  const key = (node: { computed: boolean; shorthand?: boolean }, name: object) => {
    if (!node.computed && node.shorthand !== true) keys.add(name)
  }
  new Visitor({
    MemberExpression: (node) => key(node, node.property),
    Property: (node) => key(node, node.key),
    MethodDefinition: (node) => key(node, node.key),
    PropertyDefinition: (node) => key(node, node.key),
    Literal(node) {
      if (typeof node.value === 'string') properties.add(node.value)
    },
    Identifier(node) {
      ;(keys.has(node) ? properties : identifiers).add(node.name)
    },
  }).visit(program)
  for (const statement of program.body) {
    if (statement.type === 'ClassDeclaration' || statement.type === 'FunctionDeclaration') {
      if (statement.id !== null) declared.add(statement.id.name)
    } else if (statement.type === 'VariableDeclaration') {
      for (const { id } of statement.declarations) if (id.type === 'Identifier') declared.add(id.name)
    }
  }
  const viaObject = [...globalObjects].some((name) => identifiers.has(name)) || /\bFunction\b/.test(code)
  const mentions = (name: string) =>
    (identifiers.has(name) && !declared.has(name)) || (viaObject && properties.has(name))
  return new Set(candidates.filter(mentions))
}
