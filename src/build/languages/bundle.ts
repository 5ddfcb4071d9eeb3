/** A function's JavaScript and TypeScript as one ES module, from the files of its package and of the guest SDK alone. */
import { realpathSync } from 'node:fs'
import { builtinModules, type SourceMapPayload } from 'node:module'
import { join, relative, sep } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { rolldown, type Plugin } from 'rolldown'
import { ThawError } from '../../errors.ts'
import { guestSdk, offeredInterfaces } from '../guest-sdk.ts'

export interface Bundle {
  code: string
  /** From the code's lines to the package's. */
  map: SourceMapPayload
}

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

const entryId = '\0thaw:entry'
const missingPrefix = '\0thaw:missing:'
const builtins = new Set(builtinModules)

/** Errors: `Build`, with the import and its importer, or the syntax error and where it is. */
export async function bundle(request: BundleRequest): Promise<Bundle> {
  const problems: string[] = []
  try {
    await using build = await rolldown({
      input: entryId,
      cwd: request.folder,
      platform: 'neutral',
      // A tsconfig or package.json of the host's, further up, has no say.
      tsconfig: false,
      resolve: {
        // What has neither Node's built-ins nor a page: the builds that packages offer for workers.
        conditionNames: ['workerd', 'worker', 'browser', 'module', 'default'],
        mainFields: ['browser', 'module', 'main'],
        aliasFields: [['browser']],
        extensions: ['.mjs', '.js', '.cjs', '.ts', '.mts', '.cts', '.tsx', '.jsx', '.json'],
        symlinks: true,
      },
      transform: {
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
      plugins: [packageOnly(request, problems)],
      onLog: () => undefined,
    })
    const { output } = await build.generate({ format: 'es', codeSplitting: false, sourcemap: 'hidden' })
    const problem = problems[0]
    if (problem !== undefined) throw new ThawError('Build', problem)
    const chunk = output[0]
    const offered = offeredInterfaces()
    const foreign = [...chunk.imports, ...chunk.dynamicImports].find((name) => !offered.has(name))
    if (foreign !== undefined) throw new ThawError('Build', notFound(foreign, 'the package'))
    const { file = '', sources = [], sourcesContent = [], names = [], mappings = '', version = 3 } = chunk.map ?? {}
    return { code: chunk.code, map: { file, sources, sourcesContent, names, mappings, version, sourceRoot: '' } }
  } catch (error) {
    if (problems[0] !== undefined) throw new ThawError('Build', problems[0], { cause: error })
    throw error instanceof ThawError ? error : syntaxError(error, request)
  }
}

/** Resolves every import, and keeps each inside the package or the guest SDK. */
function packageOnly(request: BundleRequest, problems: string[]): Plugin {
  const { folder, layers } = request
  const offered = offeredInterfaces()
  const inside = (path: string, folder: string) => path === folder || path.startsWith(folder + sep)
  const sdk = realpathSync(guestSdk.javascript)
  const inLayers = (path: string) => layers !== undefined && inside(path, layers.folder)
  const shown = (importer: string) => {
    if (layers !== undefined && inLayers(importer)) return join('/opt', relative(layers.folder, importer))
    return inside(importer, folder) ? relative(folder, importer) : 'thaw'
  }
  const refuse = (problem: string): never => {
    // Rolldown wraps what a plugin throws in text of its own, and other imports may fail after: the first counts.
    problems.push(problem)
    throw new Error(problem)
  }
  return {
    name: 'thaw-package-only',
    async resolveId(source, importer, extra) {
      if (source === entryId) return entryId
      if (importer === entryId) return source
      if (importer === undefined) return null
      const from = `'${source}' (from ${shown(importer)})`
      if (source.startsWith('wasi:')) {
        if (offered.has(source)) return { id: source, external: true }
        return refuse(`Cannot import ${from}: Thaw offers ${[...offered].join(', ')}`)
      }
      const named = source.startsWith('node:')
      const options = { ...extra, skipSelf: true }
      const wanted = layers !== undefined && source.startsWith('/opt/') ? join(layers.folder, source.slice(5)) : source
      let resolved = named ? null : await this.resolve(wanted, importer, options)
      // As with Lambda's NODE_PATH: what the package does not have, a layer may.
      if (resolved === null && layers !== undefined && /^[^./]/.test(source) && !named)
        resolved = await this.resolve(source, layers.from, options)
      if (resolved === null || resolved.external !== false) {
        if (named || builtins.has(source)) {
          return refuse(`Cannot import ${from}: Node's built-in modules are not available in Thaw yet`)
        }
        // As in Node, a missing `require` fails when it runs: packages try for optional ones.
        if (extra.kind === 'require-call') return missingPrefix + source
        return refuse(notFound(source, shown(importer)))
      }
      // Rolldown's own helpers, and files that a package.json's "browser" field blanks out, have no path.
      if (!resolved.id.startsWith(sep)) return resolved
      const path = realpathSync(withoutQuery(resolved.id))
      if (inside(path, folder) || inLayers(path) || inside(path, sdk)) return resolved
      return refuse(`Cannot import ${from}: it is outside the function's package`)
    },
    load(id) {
      if (id === entryId) return entrySource(request)
      return id.startsWith(missingPrefix) ? missingSource(id.slice(missingPrefix.length)) : null
    },
  }
}

const withoutQuery = (id: string) => id.replace(/[?#].*$/, '')

/** Everything of the function is data to the engine: only this text differs between two functions. */
function entrySource({ folder, file, base, exported }: BundleRequest): string {
  const quoted = JSON.stringify
  return `
    import ${quoted(join(guestSdk.javascript, 'prelude.js'))}
    import { handle, init, turn } from ${quoted(join(guestSdk.javascript, 'handler.js'))}
    await init(() => import(${quoted(join(folder, file))}), ${quoted(base)}, ${quoted(exported)})
    export const handler = { handle }
    export const eventLoop = { turn }
  `
}

const missingSource = (name: string) =>
  `throw Object.assign(new Error(${JSON.stringify(`Cannot find module '${name}'`)}), { code: 'MODULE_NOT_FOUND' })
   module.exports = {}`

const notFound = (source: string, importer: string) =>
  `Runtime.ImportModuleError: Error: Cannot find module '${source}' (imported from ${importer})`

/** Rolldown's report without colours and host paths: the first error's text, with file, line and column. */
function syntaxError(error: unknown, { folder, layers }: BundleRequest): ThawError {
  const text = error instanceof Error ? error.message : String(error)
  const inPackage = stripVTControlCharacters(text)
    .replaceAll(folder + sep, '')
    .replaceAll(folder, '')
  const plain = layers === undefined ? inPackage : inPackage.replaceAll(layers.folder, '/opt')
  return new ThawError('Build', `The function could not be bundled: ${plain.slice(0, 2_000).trim()}`, { cause: error })
}
