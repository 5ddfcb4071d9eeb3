/**
 * Takes an accepted change to the data plane, in the background: build, publish, record the outcome.
 *
 * The record in the store is the only state: what is unsettled there and not in work here was interrupted, and
 * starting it again is safe at any point (builds are content-addressed, a publish replaces as a whole).
 */
import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { ThawError } from '../errors.ts'
import type { Artifacts } from '../store/artifacts.ts'
import type { FunctionKey, FunctionRecord, LiveDeployment } from '../store/records.ts'
import type { FunctionChange, Store } from '../store/store.ts'
import type { Builder, DataPlane } from './collaborators.ts'
import { ifStale } from './if-stale.ts'
import type { KeyedLock } from './keyed-lock.ts'
import { memoryShortfall } from './rules.ts'
import { functionSpec, liveDeployment, sameBuild, type BuildParts } from './spec.ts'

export interface DeployerOptions {
  store: Store
  artifacts: Artifacts
  builder: Builder
  dataPlane: DataPlane
  config: Pick<Config, 'region'>
  logger: Logger
  /** Held around publish and commit, so that a deletion cannot fall between them. Keys by `lockKey`. */
  lock: KeyedLock
}

export interface Deployer extends AsyncDisposable {
  /**
   * Takes records of one function and one build ($LATEST and the version that is published with it) to the data plane,
   * in the order given. Returns at once. `reuse`: take this build, if it was made from the same input.
   */
  start(records: readonly FunctionRecord[], options: { reuse: LiveDeployment | undefined }): void
  /** Resolves when nothing of this function is in work that was when it was called. */
  settled(key: Pick<FunctionKey, 'accountId' | 'functionName'>): Promise<void>
  /** Ends the build of a function that has been deleted. */
  cancel(key: FunctionKey): void
  /** Resolves when nothing is in work. */
  idle(): Promise<void>
}

export const lockKey = ({ accountId, functionName }: Pick<FunctionKey, 'accountId' | 'functionName'>): string =>
  `${accountId}:${functionName}`

/** Lambda's words for what is Pending or being updated. */
export const creating = { reasonCode: 'Creating', reason: 'The function is being created.' }

type Failure = { reasonCode: string; reason: string }

export function createDeployer(options: DeployerOptions): Deployer {
  const { store, artifacts, builder, dataPlane, config, logger, lock } = options
  const work = new Map<Promise<void>, { key: string; abort: AbortController }>()
  let closed = false

  const obtain = async (record: FunctionRecord, reuse: LiveDeployment | undefined, signal: AbortSignal) => {
    if (reuse !== undefined && sameBuild(record, reuse)) return reuse
    const { runtime, handler, layers = [] } = record.configuration
    const packages = [record.code.sha256, ...layers.map(({ sha256 }) => sha256)]
    for (const sha256 of packages) await artifacts.verifyCode(sha256)
    // A listener added to a signal that has fired is never called.
    signal.throwIfAborted()
    const [codePath = '', ...layerPaths] = packages.map((sha256) => artifacts.codePath(sha256))
    const build = await builder.build({ runtime, handler, codePath, layerPaths }, signal)
    const { functionName } = record
    for (const warning of build.warnings) logger.warn({ functionName, warning }, 'build warning')
    logger.info({ functionName, cached: build.cached, initMs: build.initMs }, 'function built')
    return build
  }

  /** The record if this deployment is still what the function waits for. */
  const stillWanted = async (record: FunctionRecord, signal: AbortSignal): Promise<FunctionRecord | undefined> => {
    if (signal.aborted) return undefined
    const current = await store.getFunction(record)
    return current?.deployment === record.deployment ? current : undefined
  }

  const succeed = (record: FunctionRecord, live: LiveDeployment, signal: AbortSignal): Promise<void> =>
    lock.run(lockKey(record), async () => {
      const current = await stillWanted(record, signal)
      if (current === undefined) return
      await dataPlane.publish({ put: functionSpec(record, live, config.region) })
      await settle(store, current, { state: { name: 'Active' }, lastUpdate: { status: 'Successful' }, live })
    })

  const fail = (record: FunctionRecord, failure: Failure, signal: AbortSignal): Promise<void> =>
    lock.run(lockKey(record), async () => {
      const current = await stillWanted(record, signal)
      if (current === undefined) return
      const lastUpdate = { status: 'Failed', ...failure } as const
      if (current.state.name === 'Pending')
        return settle(store, current, { state: { name: 'Failed', ...failure }, lastUpdate })
      await settle(store, current, { lastUpdate })
      // A publish that failed may have reached some workers: all go back to what is live.
      if (current.live !== undefined)
        await dataPlane.publish({ put: functionSpec(current, current.live, config.region) })
    })

  const failed = async (record: FunctionRecord, error: unknown, signal: AbortSignal): Promise<void> => {
    if (signal.aborted) return
    const { functionName, version, deployment } = record
    logger.warn({ functionName, version, deployment, err: error }, 'deployment failed')
    await fail(record, failureOf(error), signal)
  }

  const release = async (record: FunctionRecord, build: BuildParts, signal: AbortSignal): Promise<void> => {
    const live = liveDeployment(record, build)
    const shortfall = memoryShortfall(live.memoryMb, live.snapshotMemoryBytes)
    if (shortfall !== undefined) return fail(record, { reasonCode: 'InvalidConfiguration', reason: shortfall }, signal)
    try {
      await succeed(record, live, signal)
    } catch (error) {
      await failed(record, error, signal)
    }
  }

  const deploy = async (
    records: readonly FunctionRecord[],
    reuse: LiveDeployment | undefined,
    signal: AbortSignal,
  ): Promise<void> => {
    const [first] = records
    if (first === undefined) return
    let build: BuildParts
    try {
      build = await obtain(first, reuse, signal)
    } catch (error) {
      for (const record of records) await failed(record, error, signal)
      return
    }
    for (const record of records) await release(record, build, signal)
  }

  return {
    start(records, { reuse }) {
      const [first] = records
      if (closed || first === undefined) return
      const abort = new AbortController()
      const task = deploy(records, reuse, abort.signal)
        .catch((error: unknown) => {
          // The store or the data plane is broken. The record stays unsettled and the next start takes it up again.
          logger.error({ functionName: first.functionName, err: error }, 'the outcome of a deployment is not recorded')
        })
        .finally(() => work.delete(task))
      work.set(task, { key: lockKey(first), abort })
    },

    async settled(key) {
      const wanted = lockKey(key)
      await Promise.all([...work].flatMap(([task, { key: busy }]) => (busy === wanted ? [task] : [])))
    },

    cancel(key) {
      for (const { key: busy, abort } of work.values()) if (busy === lockKey(key)) abort.abort()
    },

    async idle() {
      while (work.size > 0) await Promise.all(work.keys())
    },

    async [Symbol.asyncDispose]() {
      closed = true
      for (const { abort } of work.values()) abort.abort()
      await Promise.all(work.keys())
    },
  }
}

/** Again from the start if something else of the record was changed meanwhile: its tags, say. */
async function settle(
  store: Store,
  current: FunctionRecord,
  outcome: Omit<FunctionChange, 'revisionId' | 'deployment'>,
): Promise<void> {
  let record: FunctionRecord | undefined = current
  while (record !== undefined && record.deployment === current.deployment) {
    const change: FunctionChange = { ...outcome, revisionId: randomUUID(), deployment: 'keep' }
    if ((await ifStale(store.updateFunction(record, record.revisionId, change), undefined)) !== undefined) return
    record = await store.getFunction(record)
  }
}

/** Lambda's `StateReasonCode`s. Only what a ThawError says is meant for the function's owner. */
function failureOf(error: unknown): Failure {
  if (!(error instanceof ThawError)) return { reasonCode: 'InternalError', reason: 'An internal error occurred.' }
  if (error.code === 'Build' || error.code === 'InvalidParameterValue')
    return { reasonCode: 'FunctionError', reason: error.message }
  return { reasonCode: 'InternalError', reason: error.message }
}
