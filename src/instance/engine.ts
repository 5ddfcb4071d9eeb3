/** An engine in memory: its modules compiled once in this process, and the plan by which they are linked. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ThawError } from '../errors.ts'
import type { EngineManifest, EnginePlan, ModuleMeta } from './plan.ts'

export interface CompiledModule {
  module: WebAssembly.Module
  meta: ModuleMeta
}

/** Code identity shared by every function built to it. Immutable; lives as long as the process uses it. */
export interface Engine {
  readonly hash: string
  readonly modules: readonly CompiledModule[]
  readonly plan: EnginePlan
}

/** `<artifacts>/engines/<first two>/<hash>/`, with `engine.json` and a file a module. */
export function engineFolder(artifactsDir: string, hash: string): string {
  return join(artifactsDir, 'engines', hash.slice(0, 2), hash)
}

/** The engine's hash is that of its manifest, which holds the hashes of the modules: so one name covers all bytes. */
export function engineHash(manifestText: string): string {
  return createHash('sha256').update(manifestText).digest('hex')
}

/**
 * Read, verify and compile. Errors: `Artifact`, naming what is missing or does not match its hash.
 */
export async function loadEngine(artifactsDir: string, hash: string): Promise<Engine> {
  const folder = engineFolder(artifactsDir, hash)
  const manifest = readManifest(folder, hash)
  const modules = await Promise.all(
    manifest.modules.map(async ({ sha256, meta }) => {
      const bytes = await readFile(join(folder, `${sha256}.wasm`)).catch((cause: unknown) => {
        throw new ThawError('Artifact', `Engine ${hash}: module ${sha256} is missing`, { cause })
      })
      if (createHash('sha256').update(bytes).digest('hex') !== sha256)
        throw new ThawError('Artifact', `Engine ${hash}: module ${sha256} does not match its hash`)
      return { module: await WebAssembly.compile(bytes), meta }
    }),
  )
  return { hash, modules, plan: manifest.plan }
}

function readManifest(folder: string, hash: string): EngineManifest {
  let text: string
  try {
    text = readFileSync(join(folder, 'engine.json'), 'utf8')
  } catch (cause) {
    throw new ThawError('Artifact', `Engine ${hash} is missing`, { cause })
  }
  if (engineHash(text) !== hash) throw new ThawError('Artifact', `Engine ${hash}: its manifest does not match its hash`)
  // Written by build/, and the hash vouches for it: no second schema.
  const manifest: EngineManifest = JSON.parse(text)
  if (manifest.format !== 1) throw new ThawError('Artifact', `Engine ${hash}: unknown format`)
  return manifest
}
