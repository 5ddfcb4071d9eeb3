/** AssemblyScript sources to a core module, by asc, with the guest SDK as the package `thaw`. */
import { libraryFiles, main as compileModule } from 'assemblyscript/asc'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ThawError } from '../../errors.ts'
import { guestSdk } from '../guest-sdk.ts'
import type { HandlerName } from '../handler-name.ts'

const entryFile = '__thaw_entry__.ts'

/**
 * Pages the guest starts with, 4 MiB. The stub runtime never frees, and an instance whose memory has grown cannot be
 * reset: room for ordinary invocations is had up front, and costs nothing until it is touched.
 */
const initialPages = '64'

export interface CompileRequest {
  files: ReadonlyMap<string, Uint8Array>
  name: HandlerName
  /** Also export what the handler's file exports, and asc's runtime: for tests in the process of the tester. */
  forTests?: boolean
}

/** What the module is called with: an event, or an HTTP request. */
export type ModuleStyle = 'event' | 'http'

export interface CompiledModule {
  /** Exports `handle` and `cabi_realloc`. */
  binary: Uint8Array<ArrayBuffer>
  style: ModuleStyle
}

const httpExport = 'fetch'

/**
 * An export named `fetch` answers HTTP; a module without the handler that is asked for is taken by its `fetch`.
 * Errors: `Build`, with asc's diagnostics.
 */
export async function compileAssemblyScript(request: CompileRequest): Promise<CompiledModule> {
  const style = request.name.exported === httpExport ? 'http' : 'event'
  try {
    return { binary: await compileStyle(request, style), style }
  } catch (error) {
    if (style === 'http' || !(error instanceof HandlerMissing)) throw error
    const name = { ...request.name, exported: httpExport }
    try {
      return { binary: await compileStyle({ ...request, name }, 'http'), style: 'http' }
    } catch (second) {
      throw second instanceof HandlerMissing ? error : second
    }
  }
}

async function compileStyle(
  { files, name, forTests = false }: CompileRequest,
  style: ModuleStyle,
): Promise<Uint8Array<ArrayBuffer>> {
  provideBindings()
  const entry = entrySource(name, style, forTests)
  let binary: Uint8Array<ArrayBuffer> | undefined
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
      ...(forTests ? ['--exportRuntime'] : []),
    ],
    {
      // No file of the host: the package's, the SDK's, nothing else. An asconfig.json could name code to load.
      readFile(path) {
        if (path === entryFile) return entry
        const sdk = /^node_modules\/thaw\/([\w-]+\.ts)$/.exec(path)?.[1]
        if (sdk !== undefined) return readSdk(sdk)
        const content = path.endsWith('.ts') || path.endsWith('package.json') ? files.get(path) : undefined
        return content === undefined ? null : new TextDecoder().decode(content)
      },
      writeFile(path, content) {
        if (path === 'out.wasm' && content instanceof Uint8Array) binary = new Uint8Array(content)
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

function entrySource({ module, exported }: HandlerName, style: ModuleStyle, forTests: boolean): string {
  const file = JSON.stringify(`./${module}`)
  return `
    import "thaw/hooks"
    import { ${exported} as handler } from ${file}
    export { cabi_realloc } from "thaw/memory"
    ${forTests ? `export * from ${file}` : ''}
    ${style === 'http' ? serveRequest : handleEvent}
  `
}

const handleEvent = `
    import { invoke, invokeWithoutContext } from "thaw/abi"
    export function handle(args: usize): usize {
      if (lengthof(handler) == 1) return invokeWithoutContext(handler, args)
      return invoke(handler, args)
    }
`

const serveRequest = `
    import { serve } from "thaw/serve"
    export function handle(request: i32, responseOut: i32): void {
      serve(handler, request, responseOut)
    }
`

function failure(diagnostics: string, error: Error | null, name: HandlerName): ThawError {
  if (diagnostics.includes(`has no exported member '${name.exported}'`) && diagnostics.includes(entryFile)) {
    return notExported(name)
  }
  const text = diagnostics.trim() === '' ? (error?.message ?? 'no output') : diagnostics.trim()
  return new ThawError('Build', `AssemblyScript: the function could not be compiled: ${text.slice(0, 2_000)}`)
}

class HandlerMissing extends ThawError {
  /** As Lambda words it. */
  constructor({ base, exported }: HandlerName) {
    super('Build', `Runtime.HandlerNotFound: ${base}.${exported} is undefined or not exported`)
  }
}

export const notExported = (name: HandlerName): ThawError => new HandlerMissing(name)
