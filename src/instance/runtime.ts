/** What a worker runs functions with: engines, snapshots and the pool behind one call. */
import type { Config } from '../config.ts'
import type { FunctionSpec, Invocation, InvocationReport, InvocationResult } from '../invocation.ts'
import type { SharedPage } from '../memory/shared-page.ts'
import { createRestorer, type RestoreWay } from '../snapshot/restorer.ts'
import { createEgress, type EgressOptions } from '../egress/client.ts'
import type { PermittedNetworks } from '../egress/private-networks.ts'
import { loadEngine, type Engine } from './engine.ts'
import { EgressGrants, GuestEgress } from './guest-egress.ts'
import { ImageCatalog } from './images.ts'
import { LogBuffer } from './log-buffer.ts'
import { PackageCatalog } from './packages.ts'
import { InstancePool, type Acquired } from './pool.ts'
import type { RunEnvironment } from './run.ts'
import { Scheduler } from './scheduler.ts'

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
  /**
   * Never rejects for what a guest does. `provisioned`: on an instance that is held for it, if one is free.
   * Errors: `Artifact` (missing or damaged on disk), `Service` (a defect).
   */
  invoke(invocation: Invocation, provisioned?: boolean): Promise<InvocationResult>
  /** Ahead of the first invocation: compiles the engine, verifies the snapshot, makes a spare instance of the engine. */
  warm(spec: FunctionSpec): Promise<void>
  /**
   * From now on, so many pristine instances are kept for provisioned invocations of this version.
   * @returns how many there are, fewer where memory is short or an artifact is damaged; never rejects
   */
  hold(spec: FunctionSpec, instances: number): Promise<number>
  /** A version was replaced or removed: drop what is kept for it. */
  forget(deployment: number): void
  stats(): RuntimeStats
}

export interface RuntimeOptions {
  artifactsDir: string
  page: SharedPage
  workerIndex: number
  config: Config
  /** Names and authorities of its own, for tests. */
  egress?: Pick<EgressOptions, 'resolver' | 'trusted'>
  /** Private networks that functions may be let into; left out: what they list. */
  privateNetworks?: PermittedNetworks
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
    isRetired: (image) => images.isRetired(image),
  })
  /** Settled engines are kept as such, so that a warm call need not await. */
  const engines = new Map<string, Engine | Promise<Engine>>()
  const images = new ImageCatalog(artifactsDir)
  const packages = new PackageCatalog(artifactsDir)
  const logStream = `${new Date().toISOString().slice(0, 10).replaceAll('-', '/')}/[$LATEST]${crypto.randomUUID().replaceAll('-', '')}`

  const egress = createEgress({ limits: config.limits, ...options.egress })
  const grants = new EgressGrants(egress, options.privateNetworks ?? 'all')

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

  /** What is compiled outlives its last function for a while: the next deployment has often the same code. */
  function dropUnusedEngines(): void {
    const used = images.engines()
    const unused = [...engines.keys()].filter((hash) => !used.has(hash))
    for (const hash of unused.slice(0, -unusedEngines)) engines.delete(hash)
  }

  return {
    async invoke(invocation, provisioned) {
      const { spec } = invocation
      const began = performance.now()
      scheduler.begun(began)
      const known = engines.get(spec.engine)
      const engine = known instanceof Promise || known === undefined ? await (known ?? load(spec.engine)) : known
      using files = spec.files === undefined ? undefined : packages.lease(spec.files, spec.deployment)
      const open = images.use(spec.snapshot, spec.deployment)
      const acquired = pool.acquire(engine, open.image, provisioned)
      open.running++
      if (acquired.start === 'cold') acquired.tookMs = performance.now() - began
      const log = new LogBuffer(config.limits.logBytes)
      let clean = false
      try {
        const egress = new GuestEgress(grants, spec)
        const context = { env, config, log, logStream, egress, packageFiles: files?.root }
        const record = await acquired.slot.entry.invoke(invocation, context)
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
        images.release(open)
      }
    },

    async warm(spec) {
      const known = engines.get(spec.engine)
      const engine = await (known ?? load(spec.engine))
      if (pool.hasSpare(engine)) images.prepare(spec.snapshot, spec.deployment)
      else pool.keepSpareOf(engine, images.use(spec.snapshot, spec.deployment).image)
    },

    async hold(spec, instances) {
      if (instances === 0) {
        pool.held.release(spec.deployment)
        return 0
      }
      try {
        const engine = await (engines.get(spec.engine) ?? load(spec.engine))
        const { image } = images.use(spec.snapshot, spec.deployment)
        return await pool.held.hold(spec.deployment, engine, image, instances)
      } catch {
        // Whoever invokes it is told what is wrong.
        return 0
      }
    },

    forget(deployment) {
      pool.held.release(deployment)
      packages.retire(deployment)
      for (const open of images.retire(deployment)) {
        pool.forget(open.image.hash)
        images.release(open)
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
      egress.close()
      pool[Symbol.dispose]()
      images[Symbol.dispose]()
      packages[Symbol.dispose]()
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
