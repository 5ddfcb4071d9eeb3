/** What a worker runs functions with: engines, snapshots and the pool behind one call. */
import type { Config } from '../config.ts'
import type { FunctionSpec, Invocation, InvocationReport, InvocationResult } from '../invocation.ts'
import type { SharedPage } from '../memory/shared-page.ts'
import { SnapshotImage } from '../snapshot/image.ts'
import { createRestorer, type RestoreWay } from '../snapshot/restorer.ts'
import { loadEngine, type Engine } from './engine.ts'
import { LogBuffer } from './log-buffer.ts'
import { InstancePool, type Acquired } from './pool.ts'
import type { RunEnvironment } from './run.ts'
import { Scheduler } from './scheduler.ts'

/** An image that this process has open, by whom, and how many invocations run on it. */
interface OpenImage {
  image: SnapshotImage
  users: Set<number>
  running: number
}

/** Ours: engines kept compiled that no deployed function uses, some 10 MB each. */
const unusedEngines = 8

export interface RuntimeStats {
  live: number
  idle: number
  idleBytes: number
  engines: number
  snapshots: number
  way: RestoreWay
}

export interface FunctionRuntime extends Disposable {
  /** Never rejects for what a guest does. Errors: `Artifact` (missing or damaged on disk), `Service` (a defect). */
  invoke(invocation: Invocation): Promise<InvocationResult>
  /** Compiles the engine and makes a spare instance, ahead of the first invocation. */
  warm(spec: FunctionSpec): Promise<void>
  /** A version was replaced or removed: drop what is kept for it. */
  forget(deployment: number): void
  stats(): RuntimeStats
}

export interface RuntimeOptions {
  artifactsDir: string
  page: SharedPage
  workerIndex: number
  config: Config
  /** The checking mode found an incomplete reset. */
  onImpure?: (difference: string) => void
}

export function createRuntime(options: RuntimeOptions): FunctionRuntime {
  const { artifactsDir, page, config } = options
  const restorer = createRestorer(config.restore)
  const scheduler = new Scheduler({ sliceMs: config.limits.sliceMs })
  const env: RunEnvironment = { scheduler, record: page.worker(options.workerIndex), sliceMs: config.limits.sliceMs }
  const pool = new InstancePool({
    restorer,
    page,
    limits: config.limits,
    verifyResets: config.verifyResets,
    onImpure: options.onImpure ?? (() => {}),
    isRetired: (image) => images.get(image.hash)?.image !== image,
  })
  /** Settled engines are kept as such, so that a warm call need not await. */
  const engines = new Map<string, Engine | Promise<Engine>>()
  const images = new Map<string, OpenImage>()
  /** Retired images that an invocation still runs on, by snapshot. */
  const retired = new Map<string, OpenImage>()
  const logStream = `${new Date().toISOString().slice(0, 10).replaceAll('-', '/')}/[$LATEST]${crypto.randomUUID().replaceAll('-', '')}`

  async function load(hash: string): Promise<Engine> {
    const loading = loadEngine(artifactsDir, hash)
    engines.set(hash, loading)
    try {
      const engine = await loading
      engines.set(hash, engine)
      return engine
    } catch (error) {
      engines.delete(hash)
      throw error
    }
  }

  function imageOf(spec: FunctionSpec): OpenImage {
    const known = images.get(spec.snapshot) ?? retired.get(spec.snapshot)
    const open = known ?? { image: SnapshotImage.open(artifactsDir, spec.snapshot), users: new Set(), running: 0 }
    open.users.add(spec.deployment)
    retired.delete(spec.snapshot)
    images.set(spec.snapshot, open)
    return open
  }

  /** What is compiled outlives its last function for a while: the next deployment has often the same code. */
  function dropUnusedEngines(): void {
    const used = new Set([...images.values(), ...retired.values()].map(({ image }) => image.manifest.engine))
    const unused = [...engines.keys()].filter((hash) => !used.has(hash))
    for (const hash of unused.slice(0, -unusedEngines)) engines.delete(hash)
  }

  function closeIfUnused(snapshot: string, open: OpenImage): void {
    if (retired.get(snapshot) !== open || open.running > 0) return
    retired.delete(snapshot)
    open.image[Symbol.dispose]()
  }

  return {
    async invoke(invocation) {
      const { spec } = invocation
      const began = performance.now()
      scheduler.begun(began)
      const known = engines.get(spec.engine)
      const engine = known instanceof Promise || known === undefined ? await (known ?? load(spec.engine)) : known
      const open = imageOf(spec)
      const acquired = pool.acquire(engine, open.image)
      open.running++
      if (acquired.start === 'cold') acquired.tookMs = performance.now() - began
      const log = new LogBuffer(config.limits.logBytes)
      let clean = false
      try {
        const record = await acquired.slot.entry.invoke(invocation, env, config, log, logStream)
        clean = record.clean
        return {
          outcome: record.outcome,
          report: reportOf(acquired, record),
          log: log.text(),
          logDroppedBytes: log.droppedBytes,
        }
      } finally {
        open.running--
        pool.release(acquired.slot, clean)
        closeIfUnused(spec.snapshot, open)
      }
    },

    async warm(spec) {
      const known = engines.get(spec.engine)
      const engine = await (known ?? load(spec.engine))
      if (!pool.hasSpare(engine)) pool.keepSpareOf(engine, imageOf(spec).image)
    },

    forget(deployment) {
      for (const [snapshot, open] of images) {
        if (!open.users.delete(deployment) || open.users.size > 0) continue
        images.delete(snapshot)
        pool.forget(snapshot)
        retired.set(snapshot, open)
        closeIfUnused(snapshot, open)
      }
      dropUnusedEngines()
    },

    stats() {
      return {
        live: pool.live,
        idle: pool.idle,
        idleBytes: pool.idleBytes(),
        engines: engines.size,
        snapshots: images.size,
        way: restorer.way,
      }
    },

    [Symbol.dispose]() {
      pool[Symbol.dispose]()
      for (const { image } of [...images.values(), ...retired.values()]) image[Symbol.dispose]()
      retired.clear()
      images.clear()
      engines.clear()
    },
  }
}

function reportOf(
  acquired: Acquired,
  record: { durationMs: number; cpuMs: number; maxMemoryBytes: number },
): InvocationReport {
  return {
    start: acquired.start,
    initMs: acquired.start === 'cold' ? acquired.tookMs : undefined,
    restoreMs: acquired.start === 'restore' ? acquired.tookMs : undefined,
    durationMs: record.durationMs,
    cpuMs: record.cpuMs,
    maxMemoryBytes: record.maxMemoryBytes,
  }
}
