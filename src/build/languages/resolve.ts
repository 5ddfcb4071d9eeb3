/** Finds every module a function imports, and keeps each inside the package, its layers or the guest SDK. */
import { realpathSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join, relative, sep } from 'node:path'
import type { Plugin } from 'rolldown'
import { guestSdk, offeredInterfaces } from '../guest-sdk.ts'
import type { BundleRequest } from './bundle.ts'
import { withStaticRequires } from './create-require.ts'
import { nodeModuleFile, replacementFile, sdkPackageFolders, thawModules } from './guest-modules.ts'

export const entryId = '\0thaw:entry'
const missingPrefix = '\0thaw:missing:'
const builtins = new Set(builtinModules)

const inside = (path: string, folder: string) => path === folder || path.startsWith(folder + sep)
const withoutQuery = (id: string) => id.replace(/[?#].*$/, '')

/** What an engine that is not QuickJS has in place of the guest SDK's parts. */
export interface EngineFiles {
  /** As messages have it. */
  name: string
  /** Real path of its own folder of the SDK. */
  folder: string
  /** What is taken for a file of the SDK's: itself or the engine's. */
  fileFor(path: string): string
  /** The file that stands for a module of the host's; undefined if it is imported as it is. */
  hostModule(source: string): string | undefined
  /** By name without `node:`: of Node's modules, those that are not to be had. */
  without: ReadonlySet<string>
}

/** `problems` gets what a build fails for: rolldown wraps what a plugin throws in text of its own. The first counts. */
export function packageOnly(request: BundleRequest, entry: string, problems: string[], engine?: EngineFiles): Plugin {
  const { folder, layers } = request
  const offered = offeredInterfaces()
  const sdk = realpathSync(guestSdk.javascript)
  const packages = sdkPackageFolders()
  const inOwn = (path: string) => engine !== undefined && inside(path, engine.folder)
  const inSdk = (path: string) => inside(path, sdk) || inOwn(path) || packages.some((root) => inside(path, root))
  const fileFor = (path: string) => (engine === undefined ? path : engine.fileFor(path))
  const inLayers = (path: string) => layers !== undefined && inside(path, layers.folder)
  const shown = (importer: string) => {
    if (layers !== undefined && inLayers(importer)) return join('/opt', relative(layers.folder, importer))
    return inside(importer, folder) ? relative(folder, importer) : 'thaw'
  }
  const refuse = (problem: string): never => {
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
      // A module of the host's under the name that the engine knows it by.
      if (inOwn(importer) && /^(?:wasi|thaw):/.test(source)) return { id: source, external: true }
      const hostModule = engine?.hostModule(source)
      if (hostModule !== undefined && (source.startsWith('wasi:') || inSdk(importer))) return hostModule
      // The host's own, and WASI's that belongs to them.
      if (isOfSdk(source) && inSdk(importer)) return { id: source, external: true }
      if (source.startsWith('wasi:')) {
        if (offered.has(source)) return { id: source, external: true }
        return refuse(`Cannot import ${from}: Thaw offers ${[...offered].join(', ')}`)
      }
      if (source.startsWith('thaw:')) {
        if (engine !== undefined) return refuse(`Cannot import ${from}: it is not available in ${engine.name}`)
        return (
          thawModules.get(source) ?? refuse(`Cannot import ${from}: Thaw offers ${[...thawModules.keys()].join(', ')}`)
        )
      }
      const named = source.startsWith('node:')
      const missing = engine?.without.has(source.replace(/^node:/, '')) === true
      const builtinFile = missing ? undefined : nodeModuleFile(source)
      const builtin = builtinFile === undefined ? undefined : fileFor(builtinFile)
      const replacement = inSdk(importer) ? replacementFile(source) : undefined
      if (replacement !== undefined) return fileFor(replacement)
      const options = { ...extra, skipSelf: true }
      const wanted = layers !== undefined && source.startsWith('/opt/') ? join(layers.folder, source.slice(5)) : source
      let resolved = named ? null : await this.resolve(wanted, importer, options)
      // As with Lambda's NODE_PATH: what the package does not have, a layer may.
      if (resolved === null && layers !== undefined && /^[^./]/.test(source) && !named)
        resolved = await this.resolve(source, layers.from, options)
      // As in Node, its own modules go before packages of their names; not before what a package puts in their place.
      const shadowed = resolved === null || resolved.id.includes(`${sep}node_modules${sep}${source}${sep}`)
      if (builtin !== undefined && (shadowed || resolved?.external !== false)) return builtin
      if (resolved === null || resolved.external !== false) {
        if (named || builtins.has(source)) {
          return refuse(
            `Cannot import ${from}: Node's built-in module ${source} is not available in ${missing ? (engine?.name ?? 'Thaw') : 'Thaw'}`,
          )
        }
        // As in Node, a missing `require` fails when it runs: packages try for optional ones.
        if (extra.kind === 'require-call') return missingPrefix + source
        return refuse(notFound(source, shown(importer)))
      }
      // Rolldown's own helpers, and files that a package.json's "browser" field blanks out, have no path.
      if (!resolved.id.startsWith(sep)) return resolved
      const path = realpathSync(withoutQuery(resolved.id))
      if (inside(path, folder) || inLayers(path)) return resolved
      if (inside(path, sdk)) return { ...resolved, id: fileFor(path) }
      if (inSdk(importer) && inSdk(path)) return resolved
      return refuse(`Cannot import ${from}: it is outside the function's package`)
    },
    transform(code, id) {
      const path = withoutQuery(id)
      if (!inside(path, folder) && !inLayers(path)) return null
      return withStaticRequires(code, path) ?? null
    },
    load(id) {
      if (id === entryId) return entry
      return id.startsWith(missingPrefix) ? missingSource(id.slice(missingPrefix.length)) : null
    },
  }
}

/** Interfaces that the guest SDK may import and a function may not. */
export const isOfSdk = (name: string): boolean => name.startsWith('thaw:function/') || name === 'wasi:http/types@0.3.0'

const missingSource = (name: string) =>
  `throw Object.assign(new Error(${JSON.stringify(`Cannot find module '${name}'`)}), { code: 'MODULE_NOT_FOUND' })
   module.exports = {}`

export const notFound = (source: string, importer: string) =>
  `Runtime.ImportModuleError: Error: Cannot find module '${source}' (imported from ${importer})`
