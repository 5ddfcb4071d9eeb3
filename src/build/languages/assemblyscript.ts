/** `assemblyscript`: source compiled with asc, or a component somebody compiled already. */
import { componentEmbed, componentNew } from '@bytecodealliance/jco'
import { libraryFiles, main as compileModule } from 'assemblyscript/asc'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ThawError } from '../../errors.ts'
import { guestSdk, witDocument } from '../guest-sdk.ts'
import { handlerFile, parseHandlerName, type HandlerName } from '../handler-name.ts'
import { importsOf, renameExport } from './core-module.ts'
import type { LayerFiles } from '../layers.ts'
import type { BuiltComponent, SourcePackage } from './language.ts'

const entryFile = '__thaw_entry__.ts'
const handleName = 'thaw:function/handler@0.1.0#handle'

/**
 * Pages the guest starts with, 4 MiB. The stub runtime never frees, and an instance whose memory has grown cannot be
 * reset: room for ordinary invocations is had up front, and costs nothing until it is touched.
 */
const initialPages = '64'

const identifier = /^[A-Za-z_$][\w$]*$/

/** Errors: `Build`, with asc's diagnostics. */
export async function buildAssemblyScript({ files, layers, handler }: SourcePackage): Promise<BuiltComponent> {
  const name = parseHandlerName(handler)
  handlerFile(name, ['.ts'], (path) => files.has(path))
  if (!identifier.test(name.exported)) throw notExported(name)
  const core = renameExport(await compile(withLayers(files, layers), name), 'handle', handleName)
  const foreign = importsOf(core).find(({ module }) => !module.startsWith('wasi:'))
  if (foreign !== undefined) {
    throw new ThawError('Build', `AssemblyScript: nothing here provides the import ${foreign.module} ${foreign.name}`)
  }
  try {
    const embedded = await componentEmbed({ binary: core, witSource: witDocument(), world: 'function' })
    return { component: await componentNew(embedded), initMs: 0, warnings: [] }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n').slice(0, 3).join(' ') : String(cause)
    throw new ThawError('Build', `AssemblyScript: no component could be made of the module: ${reason}`, { cause })
  }
}

/** Packages in a layer are where Lambda's JavaScript has them. */
function withLayers(files: SourcePackage['files'], layers: LayerFiles | undefined): SourcePackage['files'] {
  if (layers === undefined || layers.size === 0) return files
  const packages = [...layers].flatMap(([path, content]): [string, Uint8Array][] =>
    path.startsWith('nodejs/node_modules/') ? [[path.slice('nodejs/'.length), content]] : [],
  )
  return new Map([...packages, ...files])
}

async function compile(files: ReadonlyMap<string, Uint8Array>, name: HandlerName): Promise<Uint8Array> {
  provideBindings()
  const entry = entrySource(name)
  let binary: Uint8Array | undefined
  let diagnostics = ''
  const { error } = await compileModule(
    [
      entryFile,
      '--outFile=out.wasm',
      '--runtime=stub',
      '--optimizeLevel=3',
      `--initialMemory=${initialPages}`,
      '--use=abort=thaw_abort',
      '--use=trace=thaw_trace',
      '--use=seed=thaw_seed',
    ],
    {
      // No file of the host: the package's, the SDK's, nothing else. An asconfig.json could name code to load.
      readFile(path) {
        if (path === entryFile) return entry
        const sdk = /^node_modules\/thaw\/(\w+\.ts)$/.exec(path)?.[1]
        if (sdk !== undefined) return readSdk(sdk)
        const content = path.endsWith('.ts') || path.endsWith('package.json') ? files.get(path) : undefined
        return content === undefined ? null : new TextDecoder().decode(content)
      },
      writeFile(path, content) {
        if (path === 'out.wasm' && content instanceof Uint8Array) binary = content
      },
      listFiles: () => [],
      stderr: {
        write(chunk) {
          diagnostics += typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk)
        },
      },
    },
  )
  if (error === null && binary !== undefined) return binary
  throw failure(diagnostics, error, name)
}

/** asc's standard library asks a JavaScript host for console, clock and randomness: it gets them from WASI instead. */
function provideBindings(): void {
  const source = readSdk('bindings.ts') ?? ''
  libraryFiles['bindings/dom'] = source
  libraryFiles['bindings/node'] = source
}

function readSdk(name: string): string | null {
  try {
    return readFileSync(join(guestSdk.assemblyscript, name), 'utf8')
  } catch {
    return null
  }
}

function entrySource({ module, exported }: HandlerName): string {
  return `
    import { invoke, invokeWithoutContext } from "thaw/abi"
    import { ${exported} as handler } from ${JSON.stringify(`./${module}`)}
    export { cabi_realloc } from "thaw/abi"
    export function handle(args: usize): usize {
      if (lengthof(handler) == 1) return invokeWithoutContext(handler, args)
      return invoke(handler, args)
    }
  `
}

function failure(diagnostics: string, error: Error | null, name: HandlerName): ThawError {
  if (diagnostics.includes(`has no exported member '${name.exported}'`) && diagnostics.includes(entryFile)) {
    return notExported(name)
  }
  const text = diagnostics.trim() === '' ? (error?.message ?? 'no output') : diagnostics.trim()
  return new ThawError('Build', `AssemblyScript: the function could not be compiled: ${text.slice(0, 2_000)}`)
}

const notExported = ({ base, exported }: HandlerName) =>
  new ThawError('Build', `Runtime.HandlerNotFound: ${base}.${exported} is undefined or not exported`)
