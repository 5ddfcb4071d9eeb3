/** A function's JavaScript and TypeScript as one ES module, from the files of its package and of the guest SDK alone. */
import { join, resolve, sep } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { rolldown, type InputOptions, type OutputChunk } from 'rolldown'
import { minifySync } from 'rolldown/utils'
import { ThawError } from '../../errors.ts'
import { guestSdk, offeredInterfaces } from '../guest-sdk.ts'
import { withChunkNames } from './chunk-names.ts'
import { mentionedGlobals } from './guest-globals.ts'
import { asyncContextFile, rejectionsFile, serveFile } from './guest-modules.ts'
import type { HandlerKind } from './handler-kind.ts'
import { instrument, instrumentHelper } from './instrument.ts'
import { entryId, isOfSdk, notFound, packageOnly } from './resolve.ts'
import { mainFile, ownSegments, shortPlace, taskPath, withTraceMap } from './trace-map.ts'

export interface Bundle {
  /** What its handler is called with, if it is what it seems to be. */
  kind: HandlerKind
  /** Stack traces of what it runs name the package's own files and lines. */
  code: string
  /** What `code` is called. */
  file: string
  /** By file name, what `code` imports from beside it; empty if all is in `code`. */
  modules: ReadonlyMap<string, string>
  /** The file that has the function's own code. */
  own: string
  /** If it is of the form `scripts`: the host's modules that are imported. */
  imports?: readonly string[]
  /** For the function's owner. */
  warnings: string[]
}

/**
 * One module (`single`), or several (`split`): what calls the function, the function, and parts of the guest SDK. The engine compiles one after
 * the other, and what it frees after one is there for the next: so the snapshot is half as large.
 * `scripts` are such modules as CommonJS, for an engine that is past its init (build/base/loader.ts); they cannot hold
 * top-level await. There the runtime is in one piece, as a name of another script costs more than one of the own.
 */
export type BundleForm = 'single' | 'split' | 'scripts'

/** A script cannot be made of it. */
export class TopLevelAwait extends Error {
  override readonly name = 'TopLevelAwait'
}

const functionChunk = 'function'

export interface BundledLayers {
  /** What the function knows as `/opt`, real path. */
  folder: string
  /** Who asks when a layer's package is looked for. */
  from: string
}

export interface BundleRequest {
  /** The unpacked package, real path. */
  folder: string
  layers: BundledLayers | undefined
  /** The handler's file, relative to it. */
  file: string
  /** How messages name the module, and what it exports. */
  base: string
  exported: string
  /** It is for events also where it looks otherwise. */
  only: 'event' | undefined
}

/** Of the guest SDK, what not every function needs. */
interface Extras {
  /** Files of the SDK that define globals. */
  globals: readonly string[]
  /** AsyncLocalStorage is used. */
  asyncContext: boolean
  /** The handler may be `export default { fetch }`. */
  fetchHandler: boolean
  /** There are promises besides the handler's own. */
  promises: boolean
}

const plain: Extras = { globals: [], asyncContext: false, fetchHandler: false, promises: false }

/** Errors: `Build`, with the import and its importer, or the syntax error and where it is; `TopLevelAwait`. */
export async function bundle(request: BundleRequest, form: BundleForm): Promise<Bundle> {
  // What a function needs shows only when all of it is there; most need nothing more.
  const first = await bundleWith(request, form, plain)
  const extras = extrasOf(first, request)
  const none = extras.globals.length === 0 && !extras.asyncContext && !extras.fetchHandler && !extras.promises
  const [main, ...others] = none ? first : await bundleWith(request, form, extras)
  const { folder, layers } = request
  const own = others.find(({ name }) => name === functionChunk) ?? main
  const { sources = [], mappings = '' } = own.map ?? {}
  const shown = (source: string) => taskPath(resolve(folder, 'dist', source), folder, layers?.folder)
  const { files, lines } = ownSegments({ sources, mappings }, shown)
  const { promises } = extras
  const handler = { name: exportedName(request), file: files.indexOf(join('/var/task', request.file)) }
  const made = instrument(own.code, lines, { promises, handler })
  const chunks = [main, ...others]
  const names = new Set(chunks.flatMap(({ fileName, imports }) => [`./${fileName}`, ...imports]))
  const codeOf = (chunk: OutputChunk) => {
    const plainCode = chunk === own ? made.code : chunk.code
    const code = form === 'scripts' ? withChunkNames(plainCode, names) : plainCode
    return promises && extras.asyncContext ? instrumentHelper(code) : code
  }
  const code = withTraceMap(codeOf(main), own.fileName, { files, lines: made.lines })
  const hosts = new Set(chunks.flatMap(({ imports, dynamicImports }) => imports.concat(dynamicImports)))
  const modules = others.map((chunk) => {
    return [chunk.fileName, chunk === own ? codeOf(chunk) : compact(codeOf(chunk))] as const
  })
  return {
    kind: extras.fetchHandler ? 'http' : 'event',
    code,
    file: main.fileName,
    modules: new Map(modules),
    own: own.fileName,
    ...(form === 'scripts' && { imports: [...hosts].filter((name) => /^(?:wasi|thaw):/.test(name)) }),
    warnings: missingGlobals(first, request),
  }
}

/** What the function's own files use and the engine has not. Of packages nothing is said: they tend to look first. */
function missingGlobals(chunks: readonly OutputChunk[], { folder, layers }: BundleRequest): string[] {
  return chunks
    .flatMap((chunk) => Object.entries(chunk.modules))
    .flatMap(([id, { code }]) => {
      const file = taskPath(id, folder, layers?.folder)
      if (file === undefined || file.includes('/node_modules/') || !/(?<![\w.$])Intl\.\w/.test(code ?? '')) return []
      return [`${shortPlace(file)} uses Intl, which is not available in QuickJS: it is a ReferenceError when it runs`]
    })
}

/** The engine keeps the source of every function: without white space and long local names it is the smaller for it. */
function compact(code: string): string {
  const made = minifySync('chunk.mjs', code, {
    compress: false,
    // Names of functions and classes can be seen: as `error.constructor.name`.
    mangle: { toplevel: false, keepNames: true },
    codegen: { removeWhitespace: true },
  })
  return made.errors.length === 0 ? made.code : code
}

/** What every invocation passes through. */
const coreNames =
  'bytes clock context drain failure find-handler handler http-loop init invocation timers web/serve'.split(' ')
const coreFiles = new Set(coreNames.map((name) => join(guestSdk.javascript, `${name}.js`)))

/** Bytes of a part of the SDK. */
const maxChunkBytes = 40_000

/** How every function's modules are read, whichever engine is to run them. */
export function inputOptions({ folder, file }: BundleRequest): InputOptions {
  return {
    input: entryId,
    cwd: folder,
    platform: 'neutral',
    // A tsconfig or package.json of the host's, further up, has no say.
    tsconfig: false,
    resolve: {
      // Not Node itself, nor a page: the builds that packages offer for workers.
      conditionNames: ['workerd', 'worker', 'browser', 'module', 'default'],
      mainFields: ['browser', 'module', 'main'],
      aliasFields: [['browser']],
      extensions: ['.mjs', '.js', '.cjs', '.ts', '.mts', '.cts', '.tsx', '.jsx', '.json'],
      symlinks: true,
    },
    transform: {
      define: {
        'import.meta.url': JSON.stringify(`file:///var/task/${file}`),
        'import.meta.filename': JSON.stringify(`/var/task/${file}`),
        'import.meta.dirname': '"/var/task"',
        __filename: JSON.stringify(`/var/task/${file}`),
        __dirname: '"/var/task"',
      },
    },
    // As in Node, all that is imported runs: what a bundler takes for dead, a busy wait or a bomb, is not.
    treeshake: false,
    onLog: () => undefined,
  }
}

/** The chunk that has the exports, then what it imports. */
async function bundleWith(
  request: BundleRequest,
  form: BundleForm,
  extras: Extras,
): Promise<[OutputChunk, ...OutputChunk[]]> {
  const problems: string[] = []
  const own = (id: string) => taskPath(id, request.folder, request.layers?.folder) !== undefined
  try {
    const options = inputOptions(request)
    await using build = await rolldown({
      ...options,
      // No `async` and `await` left: guest-sdk/javascript/async-context.js says why.
      transform: { ...options.transform, ...(extras.asyncContext ? { target: 'es2016' } : {}) },
      plugins: [packageOnly(request, entrySource(request, extras, form), problems)],
    })
    const group = { maxSize: maxChunkBytes, priority: 1 }
    const isCore = (id: string) => form === 'scripts' && coreFiles.has(id)
    const groups = [
      { name: functionChunk, test: own },
      { name: 'runtime', test: isCore, priority: 2 },
      { name: 'sdk', test: (id: string) => id !== entryId && !own(id) && !isCore(id), ...group },
    ]
    const { output } = await build.generate({
      format: form === 'scripts' ? 'cjs' : 'es',
      codeSplitting: form === 'single' ? false : { groups },
      strictExecutionOrder: true,
      entryFileNames: mainFile,
      chunkFileNames: '[name].mjs',
      sourcemap: 'hidden',
      // The author's code as it is, and nothing for dead that is not.
      minify: false,
      comments: false,
    })
    const problem = problems[0]
    if (problem !== undefined) throw new ThawError('Build', problem)
    const chunks = output.filter((file) => file.type === 'chunk')
    const offered = new Set([...offeredInterfaces(), ...chunks.map(({ fileName }) => fileName)])
    const imported = chunks.flatMap((chunk) => [...chunk.imports, ...chunk.dynamicImports])
    const foreign = imported.find((name) => !offered.has(name) && !isOfSdk(name))
    if (foreign !== undefined) throw new ThawError('Build', notFound(foreign, 'the package'))
    return [output[0], ...chunks.filter((chunk) => chunk !== output[0])]
  } catch (error) {
    if (problems[0] !== undefined) throw new ThawError('Build', problems[0], { cause: error })
    const text = error instanceof Error ? error.message : ''
    if (form === 'scripts' && /top-level await/i.test(text)) throw new TopLevelAwait(text, { cause: error })
    throw error instanceof ThawError ? error : syntaxError(error, request)
  }
}

/** Everything of the function is data to the engine: only this text differs between two functions. */
function entrySource({ folder, file, base, exported }: BundleRequest, extras: Extras, form: BundleForm): string {
  const quoted = JSON.stringify
  const sdk = (name: string) => quoted(join(guestSdk.javascript, name))
  const early = extras.asyncContext ? [asyncContextFile] : []
  // After the SDK's own, which knows what it does.
  const last = extras.promises ? [rejectionsFile] : []
  return `
    ${[...early, 'prelude.js', ...extras.globals, ...last].map((name) => `import ${sdk(name)}`).join('\n')}
    import { init } from ${sdk('init.js')}
    import { handle, serve, ${extras.fetchHandler ? '' : 'turn'} } from ${sdk(extras.fetchHandler ? serveFile : 'handler.js')}
    ${form === 'scripts' ? 'export const ready =' : 'await'} init(() => import(${quoted(join(folder, file))}), ${quoted(base)}, ${quoted(exported)}, serve)
    export const handler = { handle }
    ${extras.fetchHandler ? 'export const loader = { load: () => Promise.reject() }' : 'export const eventLoop = { turn }'}
  `
}

function extrasOf(chunks: readonly OutputChunk[], request: BundleRequest): Extras {
  const { folder, layers } = request
  const modules = chunks.flatMap((chunk) => Object.entries(chunk.modules))
  const own = modules.filter(([id]) => taskPath(id, folder, layers?.folder) !== undefined)
  const codes = own.map(([, { code }]) => code ?? '')
  const asyncContext = modules.some(([id]) => id === join(guestSdk.javascript, asyncContextFile))
  const handlerModule = own.find(([id]) => id === join(folder, request.file))?.[1]
  return {
    globals: [...mentionedGlobals(codes)],
    asyncContext,
    fetchHandler: request.only === undefined && mayFetch(handlerModule?.renderedExports ?? [], request, codes),
    promises: codes.some((code) => makesPromises(code === handlerModule?.code ? withoutHandler(code, request) : code)),
  }
}

const makesPromises = (code: string) =>
  /\basync\b|\bPromise\b|\.(?:then|catch|finally|fromAsync)\b|\bfetch\b/.test(code)

/** Without the one word that makes the handler async. */
const withoutHandler = (code: string, request: BundleRequest) =>
  code
    .replace(new RegExp(`((?<!\\w)${escaped(exportedName(request))}\\s*[=:]\\s*)async\\b`), '$1')
    .replace(new RegExp(`\\basync(?=\\s+function\\s+${escaped(exportedName(request))}(?!\\w))`), '')

/** The handler's outermost name. */
export const exportedName = ({ exported }: BundleRequest) => exported.split('.')[0] ?? exported
export const escaped = (name: string) => name.replaceAll(/\W/g, String.raw`\$&`)

/** Whether the handler's module has no export by the handler's name, but a default one. */
function mayFetch(exports: readonly string[], request: BundleRequest, codes: readonly string[]): boolean {
  const name = exportedName(request)
  if (exports.length > 0) return exports.includes('default') && !exports.includes(name)
  // CommonJS, whose exports show only when it runs.
  const has = (pattern: string) => codes.some((code) => new RegExp(pattern).test(code))
  const own = escaped(name)
  return (
    has(String.raw`\bexports\.default\b|\bdefault\s*:|["']default["']`) &&
    !has(String.raw`\bexports\.${own}(?!\w)|(?<!\w)${own}\s*:`)
  )
}

/** Rolldown's report without colours and host paths: the first error's text, with file, line and column. */
export function syntaxError(error: unknown, { folder, layers }: BundleRequest): ThawError {
  const text = error instanceof Error ? error.message : String(error)
  const inPackage = stripVTControlCharacters(text)
    .replaceAll(folder + sep, '')
    .replaceAll(folder, '')
  const plain = layers === undefined ? inPackage : inPackage.replaceAll(layers.folder, '/opt')
  return new ThawError('Build', `The function could not be bundled: ${plain.slice(0, 2_000).trim()}`, { cause: error })
}
