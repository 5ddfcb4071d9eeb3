/** `assemblyscript`: source compiled with asc, or a component somebody compiled already. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { componentEmbed, componentNew } from '@bytecodealliance/jco'
import { ThawError } from '../../errors.ts'
import { guestSdk, witDocument } from '../guest-sdk.ts'
import { handlerFile, parseHandlerName } from '../handler-name.ts'
import { compileAssemblyScript, notExported, type ModuleStyle } from './asc.ts'
import { importsOf, renameExport } from './core-module.ts'
import type { LayerFiles } from '../layers.ts'
import type { BuiltComponent, SourcePackage } from './language.ts'

/** What `handle` is called in the component, of which world that is, and in which file beside function.wit the world is. */
const styles: Record<ModuleStyle, { handle: string; world: string; file: string }> = {
  event: { handle: 'thaw:function/handler@0.1.0#handle', world: 'assemblyscript', file: 'assemblyscript.wit' },
  http: { handle: 'wasi:http/incoming-handler@0.2.0#handle', world: 'http', file: 'http.wit' },
}

const identifier = /^[A-Za-z_$][\w$]*$/

/** Errors: `Build`, with asc's diagnostics. */
export async function buildAssemblyScript({ files, layers, handler }: SourcePackage): Promise<BuiltComponent> {
  const name = parseHandlerName(handler)
  handlerFile(name, ['.ts'], (path) => files.has(path))
  if (!identifier.test(name.exported)) throw notExported(name)
  const { binary, style } = await compileAssemblyScript({ files: withLayers(files, layers), name })
  const { handle, world, file } = styles[style]
  const core = renameExport(binary, 'handle', handle)
  const foreign = importsOf(core).find(({ module }) => !module.startsWith('wasi:'))
  if (foreign !== undefined) {
    throw new ThawError('Build', `AssemblyScript: nothing here provides the import ${foreign.module} ${foreign.name}`)
  }
  try {
    const embedded = await componentEmbed({ binary: core, witSource: witWith(file), world })
    return { component: await componentNew(embedded), initMs: 0, warnings: [] }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n').slice(0, 3).join(' ') : String(cause)
    throw new ThawError('Build', `AssemblyScript: no component could be made of the module: ${reason}`, { cause })
  }
}

/** `witDocument` with the worlds of another file of the same package. */
function witWith(file: string): string {
  const worlds = readFileSync(join(guestSdk.wit, file), 'utf8').replace(/^package [^;]+;/m, '')
  return `${witDocument()}\n${worlds}`
}

/** Packages in a layer are where Lambda's JavaScript has them. */
function withLayers(files: SourcePackage['files'], layers: LayerFiles | undefined): SourcePackage['files'] {
  if (layers === undefined || layers.size === 0) return files
  const packages = [...layers].flatMap(([path, content]): [string, Uint8Array][] =>
    path.startsWith('nodejs/node_modules/') ? [[path.slice('nodejs/'.length), content]] : [],
  )
  return new Map([...packages, ...files])
}
