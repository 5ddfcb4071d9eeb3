/** A function as one module for StarlingMonkey: bundled as for QuickJS, with the engine's own API where it has one. */
import { existsSync, realpathSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { rolldown, type OutputChunk } from 'rolldown'
import { ThawError } from '../../errors.ts'
import { guestSdk } from '../guest-sdk.ts'
import { escaped, exportedName, inputOptions, syntaxError, type BundleRequest } from '../languages/bundle.ts'
import { mentionedGlobals } from '../languages/guest-globals.ts'
import { packageOnly, type EngineFiles } from '../languages/resolve.ts'
import { taskPath } from '../languages/trace-map.ts'
import type { Style } from './componentize.ts'

/** Of the globals that come with a function that mentions them, those that the engine lacks. */
const lacking = new Set([
  'awslambda.js',
  'node/buffer.cjs',
  'web/navigator.js',
  'web/report-error.js',
  'web/text-streams.js',
  'web/url-pattern.js',
])

/** Context across `await`, by means of QuickJS's, and clocks that init notes. */
const without: ReadonlySet<string> = new Set(['async_hooks'])

const hostModules: Readonly<Record<string, string>> = {
  'wasi:cli/environment@0.2.0': 'environment.js',
  'wasi:cli/exit@0.2.0': 'exit.js',
  'thaw:function/crypto@0.1.0': 'crypto.js',
  'thaw:function/response-stream@0.1.0': 'response-stream.js',
}

/** Errors: `Build`, as `languages/bundle.ts`. */
export async function bundleForStarlingMonkey(request: BundleRequest): Promise<{ code: string; style: Style }> {
  const found = await bundleWith(request, 'fetch', [])
  const own = Object.entries(found.modules).filter(([id]) => isOwn(id, request))
  const codes = own.map(([, { code }]) => code ?? '')
  const globals = [...mentionedGlobals(codes)].filter((file) => lacking.has(file))
  const handlerModule = own.find(([id]) => id === join(request.folder, request.file))?.[1]
  const style = styleOf(handlerModule?.renderedExports ?? [], codes, request)
  const { code } = style === 'fetch' && globals.length === 0 ? found : await bundleWith(request, style, globals)
  return { code, style }
}

const isOwn = (id: string, { folder, layers }: BundleRequest) => taskPath(id, folder, layers?.folder) !== undefined

/** Lambda style where there is an export by the handler's name. */
function styleOf(exports: readonly string[], codes: readonly string[], request: BundleRequest): Style {
  const name = exportedName(request)
  if (exports.includes(name)) return 'event'
  if (exports.length > 0) return exports.includes('default') || listens(codes) ? 'fetch' : 'event'
  // CommonJS, whose exports show only when it runs, or a module that exports nothing.
  const own = escaped(name)
  const names = codes.some((code) => new RegExp(String.raw`\bexports\.${own}(?!\w)|(?<!\w)${own}\s*[:,}]`).test(code))
  return !names && (listens(codes) || codes.some((code) => /\bexports\.default\b|\bdefault\s*:/.test(code)))
    ? 'fetch'
    : 'event'
}

const listens = (codes: readonly string[]) => codes.some((code) => /\baddEventListener\s*\(\s*["'`]fetch/.test(code))

async function bundleWith(request: BundleRequest, style: Style, globals: readonly string[]): Promise<OutputChunk> {
  const problems: string[] = []
  try {
    await using build = await rolldown({
      ...inputOptions(request),
      plugins: [packageOnly(request, entrySource(request, style, globals), problems, engineFiles())],
    })
    const { output } = await build.generate({
      format: 'es',
      codeSplitting: false,
      strictExecutionOrder: true,
      minify: false,
      comments: false,
    })
    if (problems[0] !== undefined) throw new ThawError('Build', problems[0])
    return output[0]
  } catch (error) {
    if (problems[0] !== undefined) throw new ThawError('Build', problems[0], { cause: error })
    throw error instanceof ThawError ? error : syntaxError(error, request)
  }
}

function entrySource(
  { folder, file, base, exported }: BundleRequest,
  style: Style,
  globals: readonly string[],
): string {
  const quoted = JSON.stringify
  const own = (name: string) => quoted(join(guestSdk.starlingmonkey, name))
  const shared = (name: string) => quoted(join(guestSdk.javascript, name))
  const glue = style === 'event' ? 'event.js' : 'fetch.js'
  return `
    import ${own('prelude.js')}
    ${globals.map((name) => `import ${shared(name)}`).join('\n')}
    import * as glue from ${own(glue)}
    import * as module from ${quoted(join(folder, file))}
    glue.init(module, ${quoted(base)}, ${quoted(exported)})
    ${style === 'event' ? 'export const handler = { handle: glue.handle }' : ''}
  `
}

function engineFiles(): EngineFiles {
  const folder = realpathSync(guestSdk.starlingmonkey)
  const shared = realpathSync(guestSdk.javascript)
  return {
    name: 'StarlingMonkey',
    folder,
    fileFor(path) {
      if (!path.startsWith(shared + sep)) return path
      const own = join(folder, relative(shared, path))
      return existsSync(own) ? own : path
    },
    hostModule(source) {
      const file = Object.hasOwn(hostModules, source) ? hostModules[source] : undefined
      return file === undefined ? undefined : join(folder, 'host', file)
    },
    without,
  }
}
