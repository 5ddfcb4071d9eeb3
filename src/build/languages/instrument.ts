/**
 * Edits in a function's bundled code, for what the engine tells nobody: the promises that async functions and `new Promise`
 * make go through `__thawAsync` (guest-sdk/javascript/rejections.js), and before each `new Date()` there is a `__thawClock()`
 * (init-reads.js).
 *
 * An async function becomes one that calls it: inside it the code is as it was, and its promise can be had.
 *
 *     async (a, { b } = c) => BODY
 *     (__thaw0, __thaw1 = undefined) => { const $async_f = async (a, { b } = c) => BODY; return __thawAsync($async_f(__thaw0, __thaw1)); }
 */
import { parseSync, Visitor, type ESTree } from 'rolldown/utils'
import { edited, Places, type Edit, type Edited } from './text-edits.ts'
import type { Segment } from './trace-map.ts'

export interface InstrumentOptions {
  /** Watch promises. */
  promises: boolean
  /** An async function of this name in the file of this number needs no watching: its promise goes to the runtime. */
  handler: { name: string; file: number }
}

/** `lines`: the segments of each line of `code` that is the function's own; other lines are left alone. */
export function instrument(code: string, lines: Segment[][], options: InstrumentOptions): Edited {
  if (!/\basync\b|\bPromise\b|\bDate\b/.test(code)) return { code, lines }
  const { program, errors } = parseSync('bundle.js', code, { lang: 'js', sourceType: 'module' })
  // The engine says what is wrong.
  if (errors.length > 0) return { code, lines }
  const places = new Places(code, lines)
  const edits: Edit[] = []
  const around = ({ start, end }: { start: number; end: number }, before: string, after: string) => {
    if (places.isOwn(start)) edits.push(opening(start, before, start), closing(end, after, start))
  }
  const known = new Map<object, Known>()
  const name = (node: object | null, target: NamedNode) => {
    if (node !== null) known.set(node, { name: nameOf(target) })
  }
  const method = (value: object, start: number, key: NamedNode & { start: number }) => {
    const asyncAt = start + code.slice(start, key.start).search(/\basync\b/)
    known.set(value, { asyncAt, name: nameOf(key) })
  }
  const visit = (node: FunctionNode) => {
    if (!options.promises || !node.async || node.generator || !places.isOwn(node.start)) return
    const { name: inferred, asyncAt = node.start } = known.get(node) ?? {}
    const given = node.id?.name ?? inferred ?? ''
    const { handler } = options
    // The bundler numbers names that there are twice.
    if (given.replace(/\$\d+$/, '') === handler.name && places.fileAt(node.start) === handler.file) return
    const made = wrapped(code, node, given)
    if (made.length === 0) return
    edits.push({ ...opening(asyncAt, ' '.repeat(keyword.length), node.start), length: keyword.length }, ...made)
  }
  new Visitor({
    VariableDeclarator: (node) => name(node.init, node.id),
    AssignmentExpression: ({ left, right }) =>
      name(right, left.type === 'MemberExpression' && !left.computed ? left.property : left),
    Property(node) {
      if (node.method) method(node.value, node.start, node.key)
      else if (!node.computed) name(node.value, node.key)
    },
    MethodDefinition: (node) => method(node.value, node.start, node.key),
    PropertyDefinition: (node) => name(node.value, node.key),
    FunctionDeclaration: visit,
    FunctionExpression: visit,
    ArrowFunctionExpression: visit,
    NewExpression(node) {
      if (nameOf(node.callee) === 'Promise' && options.promises) around(node, '__thawAsync(', ')')
      if (nameOf(node.callee) === 'Date' && node.arguments.length === 0) around(node, '(__thawClock(), ', ')')
    },
  }).visit(program)
  return edited(code, lines, places, edits)
}

/**
 * Rolldown's helper in the place of `async` (bundle.ts says when): the promises of all lowered functions are made in it.
 * `code` as the bundler writes it, one statement a line.
 */
export function instrumentHelper(code: string): string {
  const from = code.search(/^function _asyncToGenerator\(/m)
  if (from === -1) return code
  const to = code.indexOf('\n}', from)
  const [first, last] = [from, to].map((at) => code.slice(0, at).split('\n').length - 1)
  const lines = code.split('\n').map((_, line): Segment[] => {
    return line >= (first ?? 0) && line <= (last ?? 0) ? [[0, 0, 0, 0]] : []
  })
  return instrument(code, lines, { promises: true, handler: { name: '', file: -1 } }).code
}

type FunctionNode = ESTree.Function | ESTree.ArrowFunctionExpression
type NamedNode = { type: string; name?: unknown }

/** Of a function: its name, and where its `async` is, if not where it begins. */
interface Known {
  name: string
  asyncAt?: number
}

const keyword = 'async'
const nameOf = (node: NamedNode): string =>
  node.type === 'Identifier' && typeof node.name === 'string' ? node.name : ''
const opening = (at: number, text: string, from: number): Edit => ({ at, length: 0, text, kind: 'open', from })
const closing = (at: number, text: string, from: number): Edit => ({ at, length: 0, text, kind: 'close', from })

/** The edits that make `node` one that calls what it was; none if that cannot be written. */
function wrapped(code: string, node: FunctionNode, name: string): Edit[] {
  const { start, end, body, params } = node
  if (body === null) return []
  const outer = params.map(({ type }, index) => {
    if (type === 'RestElement') return `...__thaw${index}`
    return type === 'AssignmentPattern' ? `__thaw${index} = undefined` : `__thaw${index}`
  })
  const passed = params.map(({ type }, index) => `${type === 'RestElement' ? '...' : ''}__thaw${index}`)
  const inner = `$async_${/^[\w$]*$/.test(name) ? name : ''}`
  const close = closing(end, `; return __thawAsync(${inner}(${passed.join(', ')})); }`, start)
  if (node.type !== 'ArrowFunctionExpression') {
    const paren = code.indexOf('(', node.id?.end ?? start)
    const text = `${outer.join(', ')}) { const ${inner} = async (`
    return [opening(paren + 1, text, start), opening(body.start, '=> ', start), close]
  }
  const before = /^async\s*\(/.exec(code.slice(start, start + 100))?.[0].length
  const text = `${outer.join(', ')}) => { const ${inner} = async `
  if (before !== undefined) return [opening(start + before, `${text}(`, start), close]
  // `async x => …`
  const first = params[0]
  return first === undefined ? [] : [opening(first.start, `(${text}`, start), close]
}
