/**
 * Components built from source, once per source and toolchain, kept in node_modules/.cache/thaw/components. In the
 * calling process: for trusted fixtures only. WebAssembly text is built by `watComponent` in guests.ts.
 */
import { createHash, randomUUID } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { limitsSchema } from '../../src/config.ts'
import { buildAssemblyScript } from '../../src/build/languages/assemblyscript.ts'
import { buildJavaScript } from '../../src/build/languages/javascript.ts'
import type { BuiltComponent, SourcePackage } from '../../src/build/languages/language.ts'
import { openPackage } from '../../src/build/package.ts'

const root = join(import.meta.dirname, '..', '..')
const folder = join(root, 'node_modules', '.cache', 'thaw', 'components')

/** The source of `index.mjs`, or several files by path. */
export function javascriptComponent(source: string | Record<string, string>, handler = 'index.handler') {
  return cached(buildJavaScript, typeof source === 'string' ? { 'index.mjs': source } : source, handler)
}

/** The source of `index.ts`, or several files by path. */
export function assemblyscriptComponent(source: string | Record<string, string>, handler = 'index.handler') {
  return cached(buildAssemblyScript, typeof source === 'string' ? { 'index.ts': source } : source, handler)
}

/** A function as it is uploaded; `TestRuntime.deploy` builds it as the builder does, in JavaScript's base. */
export interface SourceFunction {
  files: ReadonlyMap<string, Uint8Array>
  handler: string
}

/** The source of `index.mjs`, or several files by path. */
export function javascriptFunction(source: string | Record<string, string>, handler = 'index.handler'): SourceFunction {
  const sources = typeof source === 'string' ? { 'index.mjs': source } : source
  return { files: bytesOf(sources), handler }
}

/** A zip, unpacked as the builder does it. */
export async function packageFunction(zip: Uint8Array, handler: string): Promise<SourceFunction> {
  const opened = await openPackage(zip, limitsSchema.parse({}))
  if (opened.kind !== 'files') throw new Error('The zip holds a component')
  return { files: opened.files, handler }
}

function cached(
  build: (source: SourcePackage) => Promise<BuiltComponent>,
  sources: Record<string, string>,
  handler: string,
): Promise<Uint8Array> {
  return stored([build.name, sources, handler], (workFolder) => {
    return build({ files: bytesOf(sources), handler, workFolder, limits: limitsSchema.parse({}) })
  })
}

const bytesOf = (sources: Record<string, string>): Map<string, Uint8Array> =>
  new Map(Object.entries(sources).map(([name, text]) => [name, new TextEncoder().encode(text)]))

function stored(input: unknown[], build: (workFolder: string) => Promise<BuiltComponent>): Promise<Uint8Array> {
  return storedUnder([toolchain(), ...input], build)
}

/** `input` is all that decides what `build` makes, toolchain included. */
export async function storedUnder(
  input: unknown[],
  build: (workFolder: string) => Promise<Pick<BuiltComponent, 'component'>>,
): Promise<Uint8Array> {
  const key = createHash('sha256').update(JSON.stringify(input)).digest('hex')
  const path = join(folder, `${key}.wasm`)
  try {
    return await readFile(path)
  } catch {
    // Not built yet.
  }
  const workFolder = await mkdtemp(join(tmpdir(), 'thaw-fixture-'))
  try {
    const { component } = await build(workFolder)
    await mkdir(folder, { recursive: true })
    const temporary = join(folder, `.tmp-${randomUUID()}`)
    await writeFile(temporary, component)
    await rename(temporary, path)
    return component
  } finally {
    await rm(workFolder, { recursive: true, force: true })
  }
}

/** Whatever of the repository decides what a source is built to. */
export function toolchain(): string {
  const hash = createHash('sha256')
  const files = globSync(
    ['guest-sdk/**/*', 'src/build/{languages,base}/*.ts', 'src/build/guest-sdk.ts', 'package-lock.json'],
    {
      cwd: root,
      withFileTypes: true,
    },
  )
  const paths = files.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  for (const path of paths.toSorted()) hash.update(`${path}\n`).update(readFileSync(path))
  return hash.digest('hex')
}
