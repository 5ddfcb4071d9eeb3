/** Components that answer HTTP, `test/fixtures/http/*`, from several toolchains. Built once per source, and kept. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { main as compileModule } from 'assemblyscript/asc'
import { componentEmbed, componentNew, parse, preview1AdapterReactorPath } from '@bytecodealliance/jco'
import { componentize as componentizeQuickjs } from 'componentize-qjs'
import { guestSdk } from '../../src/build/guest-sdk.ts'
import { renameExport } from '../../src/build/languages/core-module.ts'
import { storedUnder } from './build-cache.ts'
import { exclusively } from './exclusively.ts'
import { linkWat } from './wat-library.ts'

const folder = join(import.meta.dirname, '..', 'fixtures', 'http')

const incomingHandler = 'wasi:http/incoming-handler@0.2.0#handle'

const text = (file: string) => readFileSync(join(folder, file), 'utf8')

/** `wasi:http/handler@0.3.0` in QuickJS: `quickjs-<name>.js`. 2 s; 1.7 MB. */
export function quickjsHttpGuest(name = 'hello'): Promise<Uint8Array> {
  const [jsSource, world] = [text(`quickjs-${name}.js`), text('quickjs.wit')]
  return storedUnder(['quickjs', versionOf('componentize-qjs'), sdkPackages(), world, jsSource], async (workFolder) => {
    const witPath = await witFolder(workFolder, world)
    return componentizeQuickjs({ witPath, jsSource })
  })
}

/** `wasi:http/incoming-handler@0.2.10` by StarlingMonkey's fetch event. 20 s and more, so once at a time; 14 MB. */
export function starlingmonkeyHttpGuest(): Promise<Uint8Array> {
  const [source, world] = [text('starlingmonkey.js'), text('starlingmonkey.wit')]
  const input = ['starlingmonkey', versionOf('@bytecodealliance/componentize-js'), sdkPackages(), world, source]
  const build = async (workFolder: string) => {
    // Loaded here only: it is large, and most runs find the component built.
    const { componentize } = await import('@bytecodealliance/componentize-js')
    return componentize({
      sourcePath: join(folder, 'starlingmonkey.js'),
      witPath: await witFolder(workFolder, world, '0.2.10'),
      worldName: 'starlingmonkey',
    })
  }
  return exclusively('starlingmonkey', () => storedUnder(input, build))
}

/** A folder with this world and the packages of the guest SDK, those of WASI 0.2 in another of its versions. */
async function witFolder(workFolder: string, world: string, version = '0.2.0'): Promise<string> {
  const deps = join(workFolder, 'wit', 'deps')
  await mkdir(deps, { recursive: true })
  await writeFile(join(workFolder, 'wit', 'world.wit'), world)
  for (const [file, source] of sdkPackages())
    await writeFile(join(deps, file), source.replaceAll('@0.2.0', `@${version}`))
  return join(workFolder, 'wit')
}

/** `wasi:http/incoming-handler@0.2.0` in AssemblyScript: says hello, and /echo. 1 s; 11 KB. */
export function assemblyscriptHttpGuest(): Promise<Uint8Array> {
  const source = text('assemblyscript.ts')
  return storedUnder(['assemblyscript', versionOf('assemblyscript'), witOfHttp(), source], async () => {
    const core = renameExport(await compileAssemblyScript(source), 'handle', incomingHandler)
    return { component: await componentOf(core, 'http') }
  })
}

async function compileAssemblyScript(source: string): Promise<Uint8Array<ArrayBuffer>> {
  let binary: Uint8Array<ArrayBuffer> | undefined
  let diagnostics = ''
  const options = ['guest.ts', '--outFile=out.wasm', '--runtime=stub', '--optimizeLevel=3', '--use=abort=guest/abort']
  await compileModule(options, {
    readFile: (path) => (path === 'guest.ts' ? source : null),
    writeFile(_path, content) {
      if (content instanceof Uint8Array) binary = new Uint8Array(content)
    },
    listFiles: () => [],
    stderr: {
      write(chunk) {
        diagnostics += String(chunk)
      },
    },
  })
  if (binary === undefined) throw new Error(diagnostics)
  return binary
}

/** `wasi:http/incoming-handler@0.2.0` in C, `c-<name>.c`; needs clang and wasi-libc. 1 s; 19 and 76 KB. */
export function cHttpGuest(name: 'hello' | 'routes'): Promise<Uint8Array> {
  return cHttpGuestOf(join(folder, `c-${name}.c`))
}

/** The same of a source elsewhere, which may include `c.h`. */
export function cHttpGuestOf(path: string): Promise<Uint8Array> {
  const version = execFileSync('clang', ['--version'], { encoding: 'utf8' })
  const input = ['c', version, witOfHttp(), text('c.h'), readFileSync(path, 'utf8')]
  return storedUnder(input, async (workFolder) => {
    const core = join(workFolder, 'core.wasm')
    execFileSync('clang', [...clangOptions, '-I', folder, '-o', core, path])
    const adapter = readFileSync(preview1AdapterReactorPath())
    return { component: await componentOf(readFileSync(core), 'http', [['wasi_snapshot_preview1', adapter]]) }
  })
}

const clangOptions = ['--target=wasm32-wasi', '-mexec-model=reactor', '-O2', '-Wall', '-Wextra', '-Werror', '-s']

/** WebAssembly text: `wat/<version>/<name>.wat`, with what it mentions of `wat/<version>.wat`. 2 to 11 KB. */
export function watHttpGuest(version: '0.2' | '0.3', name: string): Promise<Uint8Array> {
  return watHttpComponent(version, text(`wat/${version}/${name}.wat`))
}

/** The same of a text that is no file. */
export async function watHttpComponent(version: '0.2' | '0.3', guest: string): Promise<Uint8Array> {
  const module = linkWat(guest, text(`wat/${version}.wat`))
  return componentOf(await parse(module), version === '0.2' ? 'http' : 'http-async')
}

async function componentOf(
  module: Uint8Array,
  world: 'http' | 'http-async',
  adapters: [string, Uint8Array][] = [],
): Promise<Uint8Array> {
  return componentNew(await componentEmbed({ binary: module, witSource: witOfHttp(), world }), adapters)
}

/** The worlds of HTTP guests and the packages they use, with the one function of wasi:http 0.2 that is not stable yet. */
function witOfHttp(): string {
  const packages = sdkPackages().map(([, source]) => `${source.replace(/^package ([^;]+);/m, 'package $1 {')}\n}`)
  const document = [readFileSync(join(guestSdk.wit, 'http.wit'), 'utf8'), ...packages].join('\n')
  return document.replace(
    'resource response-outparam {',
    '$& send-informational: func(status: u16, headers: headers) -> result<_, error-code>;',
  )
}

function sdkPackages(): [file: string, source: string][] {
  const deps = join(guestSdk.wit, 'deps')
  return readdirSync(deps).map((file) => [file, readFileSync(join(deps, file), 'utf8')])
}

function versionOf(name: string): string {
  const manifest = join(import.meta.dirname, '..', '..', 'node_modules', name, 'package.json')
  const { version }: { version: string } = JSON.parse(readFileSync(manifest, 'utf8'))
  return version
}
