/** A function's JavaScript and TypeScript as one ES module, from the files of its package and of the guest SDK alone. */
import { join, resolve, sep } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { rolldown, type OutputChunk } from 'rolldown'
import { minifySync } from 'rolldown/utils'
import { ThawError } from '../../errors.ts'
import { guestSdk, offeredInterfaces } from '../guest-sdk.ts'
import { mentionedGlobals } from './guest-globals.ts'
import { asyncContextFile, fetchHandlerFile } from './guest-modules.ts'
import { entryId, notFound, packageOnly } from './resolve.ts'
import { mainFile, ownSegments, taskPath, withTraceMap } from './trace-map.ts'

export interface Bundle {
  /** Stack traces of what it runs name the package's own files and lines. */
  code: string
  /** By file name, what `code` imports from beside it; empty if all is in `code`. */
  modules: ReadonlyMap<string, string>
}

/**
 * One module, or several: what calls the function, the function, and parts of the guest SDK. The engine compiles one after
 * the other, and what it frees after one is there for the next: so the snapshot is half as large.
 */
export type BundleForm = 'single' | 'split'

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
}

/** Of the guest SDK, what not every function needs. */
interface Extras {
  /** Files of the SDK that define globals. */
  globals: readonly string[]
  /** AsyncLocalStorage is used. */
  asyncContext: boolean
  /** The handler may be `export default { fetch }`. */
  fetchHandler: boolean
}

const plain: Extras = { globals: [], asyncContext: false, fetchHandler: false }

/** Errors: `Build`, with the import and its importer, or the syntax error and where it is. */
export async function bundle(request: BundleRequest, form: BundleForm): Promise<Bundle> {
  // What a function needs shows only when all of it is there; most need nothing more.
  const first = await bundleWith(request, form, plain)
  const extras = extrasOf(first, request)
  const none = extras.globals.length === 0 && !extras.asyncContext && !extras.fetchHandler
  const [main, ...others] = none ? first : await bundleWith(request, form, extras)
  const { folder, layers } = request
  const own = others.find(({ name }) => name === functionChunk) ?? main
  const { sources = [], mappings = '' } = own.map ?? {}
  const shown = (source: string) => taskPath(resolve(folder, 'dist', source), folder, layers?.folder)
  const code = withTraceMap(main.code, own.fileName, ownSegments({ sources, mappings }, shown))
  const modules = others.map((chunk) => [chunk.fileName, chunk === own ? chunk.code : compact(chunk.code)] as const)
  return { code, modules: new Map(modules) }
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

/** Bytes of a part of the SDK. */
const maxChunkBytes = 40_000

/** The chunk that has the exports, then what it imports. */
async function bundleWith(
  request: BundleRequest,
  form: BundleForm,
  extras: Extras,
): Promise<[OutputChunk, ...OutputChunk[]]> {
  const problems: string[] = []
  const own = (id: string) => taskPath(id, request.folder, request.layers?.folder) !== undefined
  try {
    await using build = await rolldown({
      input: entryId,
      cwd: request.folder,
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
        // No `async` and `await` left: guest-sdk/javascript/async-context.js says why.
        ...(extras.asyncContext ? { target: 'es2016' } : {}),
        define: {
          'import.meta.url': JSON.stringify(`file:///var/task/${request.file}`),
          'import.meta.filename': JSON.stringify(`/var/task/${request.file}`),
          'import.meta.dirname': '"/var/task"',
          __filename: JSON.stringify(`/var/task/${request.file}`),
          __dirname: '"/var/task"',
        },
      },
      // As in Node, all that is imported runs: what a bundler takes for dead, a busy wait or a bomb, is not.
      treeshake: false,
      plugins: [packageOnly(request, entrySource(request, extras), problems)],
      onLog: () => undefined,
    })
    const groups = [
      { name: functionChunk, test: own },
      { name: 'sdk', test: (id: string) => id !== entryId && !own(id), maxSize: maxChunkBytes, priority: 1 },
    ]
    const { output } = await build.generate({
      format: 'es',
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
    const foreign = imported.find((name) => !offered.has(name))
    if (foreign !== undefined) throw new ThawError('Build', notFound(foreign, 'the package'))
    return [output[0], ...chunks.filter((chunk) => chunk !== output[0])]
  } catch (error) {
    if (problems[0] !== undefined) throw new ThawError('Build', problems[0], { cause: error })
    throw error instanceof ThawError ? error : syntaxError(error, request)
  }
}

/** Everything of the function is data to the engine: only this text differs between two functions. */
function entrySource({ folder, file, base, exported }: BundleRequest, extras: Extras): string {
  const quoted = JSON.stringify
  const sdk = (name: string) => quoted(join(guestSdk.javascript, name))
  const early = extras.asyncContext ? [asyncContextFile] : []
  return `
    ${[...early, 'prelude.js', ...extras.globals].map((name) => `import ${sdk(name)}`).join('\n')}
    import { handle, init, turn } from ${sdk('handler.js')}
    ${extras.fetchHandler ? `import { fetchHandler } from ${sdk(fetchHandlerFile)}` : 'const fetchHandler = undefined'}
    await init(() => import(${quoted(join(folder, file))}), ${quoted(base)}, ${quoted(exported)}, fetchHandler)
    export const handler = { handle }
    export const eventLoop = { turn }
  `
}

function extrasOf(chunks: readonly OutputChunk[], request: BundleRequest): Extras {
  const { folder, layers } = request
  const modules = chunks.flatMap((chunk) => Object.entries(chunk.modules))
  const own = modules.filter(([id]) => taskPath(id, folder, layers?.folder) !== undefined)
  const codes = own.map(([, { code }]) => code ?? '')
  const asyncContext = modules.some(([id]) => id === join(guestSdk.javascript, asyncContextFile))
  const exports = own.find(([id]) => id === join(folder, request.file))?.[1].renderedExports ?? []
  return { globals: [...mentionedGlobals(codes)], asyncContext, fetchHandler: mayFetch(exports, request, codes) }
}

/** Whether the handler's module has no export by the handler's name, but a default one. */
function mayFetch(exports: readonly string[], { exported }: BundleRequest, codes: readonly string[]): boolean {
  const name = exported.split('.')[0] ?? exported
  if (exports.length > 0) return exports.includes('default') && !exports.includes(name)
  // CommonJS, whose exports show only when it runs.
  const has = (pattern: string) => codes.some((code) => new RegExp(pattern).test(code))
  const own = name.replaceAll(/\W/g, String.raw`\$&`)
  return (
    has(String.raw`\bexports\.default\b|\bdefault\s*:|["']default["']`) &&
    !has(String.raw`\bexports\.${own}(?!\w)|(?<!\w)${own}\s*:`)
  )
}

/** Rolldown's report without colours and host paths: the first error's text, with file, line and column. */
function syntaxError(error: unknown, { folder, layers }: BundleRequest): ThawError {
  const text = error instanceof Error ? error.message : String(error)
  const inPackage = stripVTControlCharacters(text)
    .replaceAll(folder + sep, '')
    .replaceAll(folder, '')
  const plain = layers === undefined ? inPackage : inPackage.replaceAll(layers.folder, '/opt')
  return new ThawError('Build', `The function could not be bundled: ${plain.slice(0, 2_000).trim()}`, { cause: error })
}
