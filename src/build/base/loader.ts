/**
 * A JavaScript function whose code comes after init: it is called with scripts, evaluates them, and puts their exports in
 * the place of its own. So a bundle gets into an engine that is compiled already, in milliseconds.
 */
import type { Bundle } from '../languages/bundle.ts'
import { chunkExports, chunkRequire } from '../languages/chunk-names.ts'
import type { HandlerKind } from '../languages/handler-kind.ts'
import { mainFile } from '../languages/trace-map.ts'

/** How traces name the scripts in an ordinary build (languages/javascript.ts); evaluated code is called `<input>`. */
const bundleFolder = '/var/task'

/** A call of the loader: `load`, or `handle` with the step in `functionName` and the text in `awsRequestId`. */
export interface LoaderCall {
  /** `define <name>` is given a script, `run` a `Program` as JSON, `module` one script instead of both; then `tidy`. */
  step: string
  text: string
}

/** What `run` is to do with the scripts. */
interface Program {
  /** Modules of the host, which are imported before. */
  imports: readonly string[]
  main: string
  /** The function's own script, and how many lines the others begin after its last. */
  own: string
  ownLines: number
}

/** What each exports, and how what was loaded takes its place. */
const entries: Readonly<Record<HandlerKind, string>> = {
  event: `
export const eventLoop = { turn: () => Promise.resolve(null) }
export const handler = { handle: (event, { functionName: step, awsRequestId: text }) => load(step, text) }
function replace(made) {
  handler.handle = made.handler.handle
  eventLoop.turn = made.eventLoop.turn
}`,
  http: `
export const handler = { handle: () => Promise.reject(new Error('nothing was loaded')) }
export const loader = { load }
function replace(made) {
  handler.handle = made.handler.handle
}`,
}

/**
 * The module to be componentized. Answers nothing; what the code throws is its error's message. The last step leaves
 * zeros where sources and what was made of them have been: that would be stored (guest-sdk/javascript/heap.js).
 */
export const loaderSource = (kind: HandlerKind): string => `
const scripts = new Map()
let own = { file: '${mainFile}', lines: Infinity }
let made
function foreign(name) {
  throw new Error('Calling \`require\` for "' + name + '" in an environment that doesn\\'t expose the \`require\` function. See https://rolldown.rs/in-depth/bundling-cjs#require-external-modules for more details.')
}
async function run({ imports, main, own: file, ownLines: lines }) {
  own = { file, lines }
  const modules = new Map()
  for (const name of imports) modules.set(name, await import(name))
  const require = (name) => {
    let exports = modules.get(name)
    if (exports === undefined) {
      modules.set(name, (exports = {}))
      const script = scripts.get(name)
      scripts.delete(name)
      script(require, exports, foreign)
    }
    return exports
  }
  const exports = require(main)
  await exports.ready
  return exports
}
function tidy() {
  globalThis.__cqjs.runGc()
  for (const bytes of [16384, 131072, 1572864]) {
    const blocks = []
    for (let taken = 0; taken < 1572864; taken += bytes) blocks.push(new ArrayBuffer(bytes))
  }
}
async function load(step, text) {
  try {
    if (step === 'run') made = await run(JSON.parse(text))
    else if (step === 'module') made = await (0, eval)(text)
    else if (step !== 'tidy') scripts.set(step.slice('define '.length), (0, eval)(text))
    else {
      replace(made)
      made = undefined
      tidy()
    }
  } catch (thrown) {
    const { name, message } = thrown ?? {}
    throw { errorType: String(name), errorMessage: String(message), trace: [] }
  }
  return new Uint8Array(0)
}
${entries[kind]}
Error.prepareStackTrace = (_, frames) => frames
const frame = Object.getPrototypeOf(new Error().stack[0])
Error.prepareStackTrace = undefined
const { getFileName, getLineNumber } = frame
frame.getFileName = function () {
  const name = getFileName.call(this)
  if (name !== '<input>') return name
  return '${bundleFolder}/' + (getLineNumber.call(this) <= own.lines ? own.file : 'sdk.mjs')
}
`

/** A bundle or its evaluation has a form that is not known here: an ordinary build is to decide. */
export class UnsuitableBundle extends Error {
  override readonly name = 'UnsuitableBundle'
}

/** What the loader is called with, in order. Throws `UnsuitableBundle`. */
export function loaderCalls({ code, file, modules, own, imports }: Bundle): LoaderCall[] {
  if (imports === undefined) {
    return [
      { step: 'module', text: scriptOf(code) },
      { step: 'tidy', text: '' },
    ]
  }
  const scripts = [...modules, [file, code] as const]
  const ownLines = scripts.find(([name]) => name === own)?.[1].split('\n').length ?? 0
  const program: Program = { imports, main: `./${file}`, own, ownLines }
  return [
    ...scripts.map(([name, text]) => {
      // All are called the same in a trace, but they have different lines.
      const before = name === own ? '' : '\n'.repeat(ownLines)
      return { step: `define ./${name}`, text: before + functionOf(text) }
    }),
    { step: 'run', text: JSON.stringify(program) },
    { step: 'tidy', text: '' },
  ]
}

/** An arrow function: it has no `arguments` and no `this` of its own, as a module has none. */
const functionOf = (script: string): string =>
  `((${chunkRequire}, ${chunkExports}, require) => { "use strict"; ${script}\n})`

const importLine =
  /^import\s+(?:([\w$]+)\s*,?\s*)?(?:\{([^}]*)\}|\*\s+as\s+([\w$]+))?\s*from\s*"((?:wasi|thaw):[^"]+)";?$/
const exportLine = /^export\s*\{([^}]*)\};?$/

/**
 * A bundle as a script whose value is a promise of its exports; each line stays where it is. The bundler writes imports
 * first and exports last, a line each. Throws `UnsuitableBundle` if not.
 */
export function scriptOf(bundle: string): string {
  const lines = bundle.split('\n')
  let first = 0
  for (; first < lines.length; first++) {
    const line = lines[first] ?? ''
    const match = importLine.exec(line)
    if (match !== null) lines[first] = asDeclaration(match)
    else if (line !== '' && !line.startsWith('//')) break
  }
  const last = lines.findLastIndex((line) => line !== '' && !line.startsWith('//'))
  const exported = exportLine.exec(lines[last] ?? '')?.[1]
  if (exported === undefined) throw new UnsuitableBundle('the bundle has no exports at its end')
  lines[last] = `return { ${renamed(exported, 'export')} };`
  return `(async function () { "use strict"; ${lines.join('\n')}\n}).call(undefined)`
}

function asDeclaration([, fallback, named, namespace, module]: RegExpExecArray): string {
  const source = `await import("${module ?? ''}")`
  if (namespace !== undefined) return `const ${namespace} = ${source};`
  const members = [
    ...(fallback === undefined ? [] : [`default: ${fallback}`]),
    ...(named === undefined ? [] : [renamed(named, 'import')]),
  ]
  return `const { ${members.join(', ')} } = ${source};`
}

/** `a as b, c`: to a pattern's `a: b, c`, or to a literal's `b: a, c`. */
function renamed(list: string, kind: 'import' | 'export'): string {
  return list
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const [inner = '', outer = inner] = part.split(/\s+as\s+/)
      return kind === 'import' ? `${inner}: ${outer}` : `${outer}: ${inner}`
    })
    .join(', ')
}
