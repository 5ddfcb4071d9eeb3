/**
 * Builds the functions under test into a folder: `<name>.wasm`, `guests.json`, `artifacts/`, `raw.wasm`.
 * argv: the folder, and the StarlingMonkey components.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMemoryStream, main as compile } from 'assemblyscript/asc'
import { componentToArtifacts } from '../../src/build/component.ts'
import { buildComponent } from '../../src/build/languages/languages.ts'
import { limitsSchema } from '../../src/config.ts'
import type { Runtime } from '../../src/store/records.ts'
import { assemblyScriptSource, javaScriptSource, sourceOf } from './sources.ts'

const [folder = '', ...starling] = process.argv.slice(2)
const limits = limitsSchema.parse({})
const artifactsDir = join(folder, 'artifacts')
mkdirSync(artifactsDir, { recursive: true })
const index: Record<string, unknown> = {}
process.once('disconnect', () => process.exit(1))

// First: the builder gives asc bindings of its own (build/languages/assemblyscript.ts), for good.
writeFileSync(join(folder, 'raw.wasm'), await rawModule())
for (const variant of [0, 1]) {
  await build(`js-${variant}`, await component('nodejs24.x', 'index.mjs', javaScriptSource(variant)))
  await build(`as-${variant}`, await component('assemblyscript', 'index.ts', assemblyScriptSource(variant)))
  await build(`sm-${variant}`, readFileSync(starling[variant] ?? ''))
}
writeFileSync(join(folder, 'guests.json'), JSON.stringify(index))
process.exit(0)

async function build(name: string, bytes: Uint8Array): Promise<void> {
  const { engine, snapshot, initMs } = await componentToArtifacts(bytes, { artifactsDir, limits })
  index[name] = { engine, snapshot, initMs }
  writeFileSync(join(folder, `${name}.wasm`), bytes)
}

async function component(runtime: Runtime, file: string, source: string): Promise<Uint8Array> {
  const workFolder = mkdtempSync(join(tmpdir(), 'thaw-bench-build-'))
  try {
    const files = new Map<string, Uint8Array>([[file, Buffer.from(source)]])
    const handler = 'index.handler'
    const built = await buildComponent({ runtime, opened: { kind: 'files', files }, handler, workFolder, limits })
    return built.component
  } finally {
    rmSync(workFolder, { recursive: true, force: true })
  }
}

async function rawModule(): Promise<Uint8Array> {
  let binary: Uint8Array | undefined
  const stderr = createMemoryStream()
  const { error } = await compile(['raw.ts', '--outFile', 'raw.wasm', '-O3', '--exportRuntime'], {
    readFile: (path) => (path === 'raw.ts' || path === 'echo.ts' ? sourceOf(path.replace('.ts', '.as')) : null),
    writeFile(path, content) {
      if (path === 'raw.wasm' && content instanceof Uint8Array) binary = content
    },
    listFiles: () => [],
    stderr,
  })
  if (binary === undefined) throw new Error(`asc: ${error?.message ?? ''} ${stderr.toString()}`)
  return binary
}
