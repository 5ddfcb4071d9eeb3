/**
 * What a bundle's chunks call each other by, where they are functions and not modules: `require` and `exports` are names
 * that a function's own code may ask for, and is to find as it would in a module.
 */
import { parseSync, Visitor } from 'rolldown/utils'
import { edited, Places, type Edit } from './text-edits.ts'

/** As long as the names in whose place they stand, so that no column moves. */
export const chunkRequire = '__thawR'
export const chunkExports = '__thawE'

/** A CommonJS chunk as rolldown writes it, whose own `require(...)` and `exports` are called otherwise. */
export function withChunkNames(code: string, imported: ReadonlySet<string>): string {
  const { program, errors } = parseSync('chunk.js', code, { lang: 'js', sourceType: 'module' })
  // The engine says what is wrong.
  if (errors.length > 0) return code
  const edits: Edit[] = []
  const rename = ({ start, end }: { start: number; end: number }, text: string) =>
    void edits.push({ at: start, length: end - start, text, kind: 'open', from: start })
  for (const statement of program.body) {
    if (statement.type !== 'ExpressionStatement') continue
    const { expression } = statement
    const target =
      expression.type === 'AssignmentExpression' && expression.left.type === 'MemberExpression'
        ? expression.left.object
        : expression.type === 'CallExpression'
          ? expression.arguments[0]
          : undefined
    if (target?.type === 'Identifier' && target.name === 'exports') rename(target, chunkExports)
  }
  new Visitor({
    CallExpression({ callee, arguments: [name, second] }) {
      if (callee.type !== 'Identifier' || callee.name !== 'require' || second !== undefined) return
      if (name?.type === 'Literal' && typeof name.value === 'string' && imported.has(name.value))
        rename(callee, chunkRequire)
    },
  }).visit(program)
  return edited(code, [], new Places(code, []), edits).code
}
