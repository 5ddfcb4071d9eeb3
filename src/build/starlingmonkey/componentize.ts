/**
 * JavaScript to a component that has StarlingMonkey in it (the engine of componentize-js). Of that package the engine
 * and its splicer are used; the step between them, which it has an executable for, is `initialize.ts`.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { readdirSync, readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { ThawError } from '../../errors.ts'
import { guestSdk } from '../guest-sdk.ts'
import { initialize } from './initialize.ts'

/** What handles requests or events. The embedding of componentize-js 0.22 was built for this version of WASI. */
const wasi = '0.2.10'
export type Style = 'fetch' | 'event'
const environment = `import wasi:cli/environment@${wasi}; import wasi:cli/exit@${wasi}; import crypto;`
const worlds: Readonly<Record<Style, string>> = {
  fetch: `world fetch { ${environment} export wasi:http/incoming-handler@${wasi}; }`,
  event: `world event { ${environment} import response-stream; export handler; }`,
}
const features = ['stdio', 'random', 'clocks', 'http', 'fetch-event']

/** A core function of the engine's, as it wants it described in its environment (componentize-js 0.22). */
const coreFunction = z.object({
  params: z.array(z.string()),
  ret: z.string().optional(),
  retptr: z.boolean(),
  retsize: z.number(),
  paramptr: z.boolean(),
})
const spliceSchema = z.object({
  wasm: z.instanceof(Uint8Array),
  jsBindings: z.string(),
  exports: z.array(z.tuple([z.string(), coreFunction])),
  imports: z.array(z.tuple([z.string(), z.string(), z.number()])),
})
interface Splicer {
  spliceBindings(...args: unknown[]): unknown
  stubWasi(...args: unknown[]): Uint8Array
}

export interface Componentized {
  component: Uint8Array
  initMs: number
}

/** `workFolder`: for what only files can tell. Errors: `Build`, with what the code threw or wrote. */
export async function componentize(source: string, style: Style, workFolder: string): Promise<Componentized> {
  const [splicer, engine, witPath] = await Promise.all([loadSplicer(), readFile(engineFile()), writeWit(workFolder)])
  const { wasm, jsBindings, exports, imports } = spliceSchema.parse(
    splicer.spliceBindings(engine, features, undefined, witPath, style, false),
  )
  const described = exports.map(([name, { params, ret = '', retptr, retsize, paramptr }], index) => ({
    [`EXPORT${index}_NAME`]: name,
    [`EXPORT${index}_ARGS`]: (paramptr ? '*' : '') + params.join(','),
    [`EXPORT${index}_RET`]: (retptr ? '*' : '') + ret,
    [`EXPORT${index}_RETSIZE`]: String(retsize),
  }))
  const used = imports.map(([, name, count], index) => ({
    [`IMPORT${index}_NAME`]: name,
    [`IMPORT${index}_ARGCNT`]: String(count),
  }))
  const { module, initMs } = initialize(wasm, {
    entry: 'componentize.wizer',
    files: new Map([
      ['initializer.js', Buffer.from(jsBindings)],
      [sourceName, Buffer.from(source)],
    ]),
    environment: Object.assign(
      {
        DEBUG: '',
        SOURCE_NAME: sourceName,
        FEATURE_CLOCKS: '1',
        EXPORT_CNT: String(exports.length),
        IMPORT_CNT: String(imports.length),
      },
      ...described,
      ...used,
    ),
    stdin: `--initializer-script-path /initializer.js --strip-path-prefix / /${sourceName}`,
  })
  const stubbed = splicer.stubWasi(module, features, undefined, witPath, style)
  const { componentNew, preview1AdapterReactorPath } = await import('@bytecodealliance/jco')
  const adapter = await readFile(preview1AdapterReactorPath())
  return { component: await componentNew(stubbed, [['wasi_snapshot_preview1', adapter]]), initMs }
}

/** As stack traces name it. */
const sourceName = 'function.js'

const packageFolder = (): string => {
  const manifest = findPackageJSON('@bytecodealliance/componentize-js', import.meta.url)
  if (manifest === undefined) throw new ThawError('Build', 'StarlingMonkey is not installed')
  return dirname(manifest)
}
const engineFile = (): string => join(packageFolder(), 'lib', 'starlingmonkey_embedding.wasm')

async function loadSplicer(): Promise<Splicer> {
  // Not what the package exports, which starts processes; its version is pinned.
  const path = join(packageFolder(), 'lib', 'spidermonkey-embedding-splicer.js')
  const { splicer }: { splicer: Splicer } = await import(pathToFileURL(path).href)
  return splicer
}

/** The worlds, with WASI in the engine's version. */
async function writeWit(workFolder: string): Promise<string> {
  const folder = join(workFolder, 'wit')
  const deps = join(folder, 'deps')
  await mkdir(deps, { recursive: true })
  const own = join(guestSdk.wit, 'deps')
  const inVersion = (text: string) => text.replaceAll('@0.2.0', `@${wasi}`)
  for (const name of readdirSync(own)) {
    const text = readFileSync(join(own, name), 'utf8')
    // What is of WASI 0.3 has types that the splicer does not know.
    if (!/^package [^;]+@0\.3/m.test(text)) await writeFile(join(deps, name), inVersion(text))
  }
  const source = readFileSync(join(guestSdk.wit, 'function.wit'), 'utf8')
  // The engine waits by itself for what a handler promises: lifted synchronously.
  const interfaces = ['handler', 'response-stream', 'crypto'].map((name) =>
    interfaceOf(source, name).replaceAll('async func', 'func'),
  )
  const text = ['package thaw:function@0.1.0;', ...interfaces, ...Object.values(worlds)].join('\n')
  await writeFile(join(folder, 'world.wit'), text)
  return folder
}

function interfaceOf(wit: string, name: string): string {
  const found = new RegExp(`^interface ${name} \\{[^]*?^\\}`, 'm').exec(wit)?.[0]
  if (found === undefined) throw new ThawError('Build', `guest-sdk/wit has no interface ${name}`)
  return found
}
