/**
 * A JavaScript function whose code comes after init: its first call evaluates what it is sent, and puts that code's
 * exports in the place of its own. So a bundle gets into an engine that is compiled already, in milliseconds.
 */

/** How traces name the bundle in an ordinary build (languages/javascript.ts); evaluated code is called `<input>`. */
const bundlePath = '/var/task/bundle.mjs'

/** The module to be componentized. Answers nothing; what the code throws is its error's message. */
export const loaderSource = `
export const eventLoop = { turn: () => Promise.resolve(null) }
export const handler = {
  async handle(event) {
    try {
      const made = await (0, eval)(decodeURIComponent(escape(atob(event.toBase64()))))
      Object.assign(handler, made.handler)
      Object.assign(eventLoop, made.eventLoop)
    } catch (thrown) {
      const { name, message } = thrown ?? {}
      throw { errorType: String(name), errorMessage: String(message), trace: [] }
    }
    globalThis.__cqjs.runGc()
    return new Uint8Array(0)
  },
}
Error.prepareStackTrace = (_, frames) => frames
const frame = Object.getPrototypeOf(new Error().stack[0])
Error.prepareStackTrace = undefined
const { getFileName } = frame
frame.getFileName = function () {
  const name = getFileName.call(this)
  return name === '<input>' ? '${bundlePath}' : name
}
`

/** A bundle or its evaluation has a form that is not known here: an ordinary build is to decide. */
export class UnsuitableBundle extends Error {
  override readonly name = 'UnsuitableBundle'
}

const importLine = /^import\s+(?:([\w$]+)\s*,?\s*)?(?:\{([^}]*)\}|\*\s+as\s+([\w$]+))?\s*from\s*"(wasi:[^"]+)";?$/
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
