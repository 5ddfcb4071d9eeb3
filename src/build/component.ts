/** From a component to artifacts: transpile, rewrite, capture, store. Runs in the builder process. */
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Limits } from '../config.ts'
import { ThawError } from '../errors.ts'
import { engineFolder, engineHash, loadEngine } from '../instance/engine.ts'
import { GuestInstance } from '../instance/guest.ts'
import { Entry } from '../instance/invoke.ts'
import type { EngineManifest } from '../instance/plan.ts'
import { SharedPage } from '../memory/shared-page.ts'
import { SnapshotImage, writeSnapshot } from '../snapshot/image.ts'
import { createRestorer } from '../snapshot/restorer.ts'
import { sync } from '../store/durable.ts'
import type { Directory } from '../wasi/fs/nodes.ts'
import { offered } from '../wasi/offered.ts'
import { capture, tableNames, type Captured } from './capture.ts'
import { readLinkPlan, type LinkPlan } from './link-plan.ts'
import { rewriteModule, type RewrittenModule } from './rewrite/module.ts'
import { transpile } from './transpile.ts'
import { assertTypes, readEntry } from './world.ts'

export interface ComponentOptions {
  artifactsDir: string
  limits: Limits
  /** See `CaptureOptions.roundToPages`; 1 takes memories as they are. */
  roundToPages?: number
  /** The files that came with it, which init may read. */
  package?: Directory
}

export interface ComponentArtifacts {
  /** What the component is called with; absent: an event. */
  entry?: 'http-0.2' | 'http-0.3'
  engine: string
  snapshot: string
  /** What the function's memory limit must at least hold. */
  snapshotMemoryBytes: number
  initMs: number
  warnings: string[]
}

/** Errors: `Build`, with what in the component cannot be run and why. */
export async function componentToArtifacts(
  component: Uint8Array,
  options: ComponentOptions,
): Promise<ComponentArtifacts> {
  const { engine, manifest, text, rewritten } = await engineOf(component)
  await writeEngine(
    options.artifactsDir,
    engine,
    text,
    rewritten.map(({ lean }) => lean),
  )
  const captured = await capture({
    hash: engine,
    manifest: ownMemories(manifest, rewritten),
    full: rewritten.map(({ full }) => full),
    limits: options.limits,
    roundToPages: options.roundToPages ?? 1,
    package: options.package,
  })
  // Named by its state alone: how long init took this time would give every build of the same input another snapshot.
  const snapshot = await writeSnapshot(options.artifactsDir, { engine, ...captured, initMs: 0 })
  await assertRestores(options, engine, snapshot, captured)
  const { entry } = manifest.plan
  return {
    ...(entry !== undefined && entry !== 'event' && { entry }),
    engine,
    snapshot,
    snapshotMemoryBytes: captured.memories.reduce((sum, { bytes }) => sum + bytes.length, 0),
    initMs: captured.initMs,
    warnings: captured.warnings,
  }
}

/** A component's code, before any of it has run. */
export interface ComponentEngine {
  engine: string
  manifest: EngineManifest
  /** The manifest as it is hashed and stored. */
  text: string
  /** In the manifest's order. */
  rewritten: RewrittenModule[]
}

/** Errors: `Build`, with what in the component cannot be run and why. */
export async function engineOf(component: Uint8Array): Promise<ComponentEngine> {
  const entry = await readEntry(component)
  const { glue, modules, declarations } = await transpile(component)
  assertTypes(entry, declarations)
  const linkPlan = readLinkPlan(glue, entry)
  assertImportsOffered(linkPlan)
  const rewritten = linkPlan.moduleFiles.map((file) => {
    const bytes = modules.get(file)
    if (bytes === undefined) throw new ThawError('Build', `The component's core module ${file} is missing`)
    return rewriteModule(bytes)
  })
  const manifest: EngineManifest = {
    format: 1,
    modules: rewritten.map(({ lean, meta }) => ({
      sha256: createHash('sha256').update(lean).digest('hex'),
      // A memory's own minimum is the snapshot's business: functions of one engine differ in it.
      meta: { ...meta, memories: meta.memories.map(({ maxPages }) => ({ minPages: 0, maxPages })) },
    })),
    plan: linkPlan.plan,
  }
  const text = JSON.stringify(manifest)
  return { engine: engineHash(text), manifest, text, rewritten }
}

/** The manifest with the memories' own sizes, as capture needs it. */
export function ownMemories(manifest: EngineManifest, rewritten: readonly RewrittenModule[]): EngineManifest {
  return {
    ...manifest,
    modules: manifest.modules.map(({ sha256, meta }, index) => ({ sha256, meta: rewritten[index]?.meta ?? meta })),
  }
}

function assertImportsOffered({ imports }: LinkPlan): void {
  const missing = imports.filter(({ iface, version, func }) => !offered(iface, version, func))
  if (missing.length === 0) return
  const names = [
    ...new Set(missing.map(({ iface, version, func }) => `${iface}${version === '' ? '' : `@${version}`}#${func}`)),
  ]
  const shown = names.slice(0, 20).join(', ')
  const more = names.length > 20 ? ` and ${names.length - 20} more` : ''
  throw new ThawError('Build', `The component imports what Thaw does not offer: ${shown}${more}`)
}

/** Whole or not at all: written beside, synced, renamed. Another builder may have been first: then nothing is to do. */
export async function writeEngine(
  artifactsDir: string,
  hash: string,
  manifest: string,
  modules: Uint8Array[],
): Promise<void> {
  const folder = engineFolder(artifactsDir, hash)
  if (existsSync(join(folder, 'engine.json'))) return
  const staging = `${folder}.${randomUUID()}.tmp`
  await mkdir(staging, { recursive: true })
  // A component may have the same module twice; it is one file, which nobody may write to again.
  const files = new Map(modules.map((bytes) => [createHash('sha256').update(bytes).digest('hex'), bytes]))
  for (const [sha256, bytes] of files) await writeSynced(join(staging, `${sha256}.wasm`), bytes)
  await writeSynced(join(staging, 'engine.json'), manifest)
  try {
    await rename(staging, folder)
    const parent = await open(dirname(folder), 'r')
    await sync(parent)
    await parent.close()
  } catch (cause) {
    await rm(staging, { recursive: true, force: true })
    if (!existsSync(join(folder, 'engine.json')))
      throw new ThawError('Build', 'The engine could not be stored', { cause })
  }
}

async function writeSynced(path: string, bytes: Uint8Array | string): Promise<void> {
  const file = await open(path, 'w', 0o444)
  try {
    await file.writeFile(bytes)
    await sync(file)
  } finally {
    await file.close()
  }
}

/** The proof, before anybody relies on it: what was stored links, and the tables are as init left them. */
async function assertRestores(
  options: ComponentOptions,
  hash: string,
  snapshot: string,
  captured: Captured,
): Promise<void> {
  const engine = await loadEngine(options.artifactsDir, hash)
  using image = SnapshotImage.open(options.artifactsDir, snapshot)
  using page = SharedPage.anonymous()
  using instance = new GuestInstance({ engine, image, restorer: createRestorer('auto'), page, limits: options.limits })
  for (const [index, { name, table }] of instance.linked.tables.entries()) {
    const names = tableNames(table)
    const wanted = captured.tables[index] ?? []
    if (names.length !== wanted.length || names.some((entry, slot) => entry !== wanted[slot]))
      throw new ThawError('Build', `Init changed table ${name}: a snapshot cannot hold that`)
  }
  const entry = new Entry(instance)
  if (entry === undefined) throw new ThawError('Build', 'The component has no entry')
}
