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
import type { KeyedLock } from './keyed-lock.ts'
import { memoryShortfall } from './rules.ts'
import { functionSpec, liveDeployment, sameBuild } from './spec.ts'

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
  /** Returns at once. `reuse`: take the build that is live if it was made from the same input. */
  start(record: FunctionRecord, options: { reuse: boolean }): void
  /** Ends the build of a function that has been deleted. */
  cancel(key: FunctionKey): void
  /** Resolves when nothing is in work. */
  idle(): Promise<void>
}

export const lockKey = ({ accountId, functionName }: Pick<FunctionKey, 'accountId' | 'functionName'>): string =>
  `${accountId}:${functionName}`

type Failure = { reasonCode: string; reason: string }

export function createDeployer(options: DeployerOptions): Deployer {
  const { store, artifacts, builder, dataPlane, config, logger, lock } = options
  const work = new Map<Promise<void>, { key: string; abort: AbortController }>()
  let closed = false

  const obtain = async (record: FunctionRecord, reuse: boolean, signal: AbortSignal): Promise<LiveDeployment> => {
    if (reuse && record.live !== undefined && sameBuild(record, record.live)) return liveDeployment(record, record.live)
    const { runtime, handler } = record.configuration
    await artifacts.verifyCode(record.code.sha256)
    // A listener added to a signal that has fired is never called.
    signal.throwIfAborted()
    const request = { runtime, handler, codePath: artifacts.codePath(record.code.sha256) }
    const build = await builder.build(request, signal)
    const { functionName } = record
    for (const warning of build.warnings) logger.warn({ functionName, warning }, 'build warning')
    logger.info({ functionName, cached: build.cached, initMs: build.initMs }, 'function built')
    return liveDeployment(record, build)
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

  const deploy = async (record: FunctionRecord, reuse: boolean, signal: AbortSignal): Promise<void> => {
    try {
      const live = await obtain(record, reuse, signal)
      const shortfall = memoryShortfall(live.memoryMb, live.snapshotMemoryBytes)
      if (shortfall === undefined) await succeed(record, live, signal)
      else await fail(record, { reasonCode: 'InvalidConfiguration', reason: shortfall }, signal)
    } catch (error) {
      if (signal.aborted) return
      const { functionName, deployment } = record
      logger.warn({ functionName, deployment, err: error }, 'deployment failed')
      await fail(record, failureOf(error), signal)
    }
  }

  return {
    start(record, { reuse }) {
      if (closed) return
      const abort = new AbortController()
      const task = deploy(record, reuse, abort.signal)
        .catch((error: unknown) => {
          // The store or the data plane is broken. The record stays unsettled and the next start takes it up again.
          logger.error({ functionName: record.functionName, err: error }, 'the outcome of a deployment is not recorded')
        })
        .finally(() => work.delete(task))
      work.set(task, { key: lockKey(record), abort })
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

async function settle(
  store: Store,
  current: FunctionRecord,
  outcome: Omit<FunctionChange, 'revisionId' | 'deployment'>,
): Promise<void> {
  await store.updateFunction(current, current.revisionId, { ...outcome, revisionId: randomUUID(), deployment: 'keep' })
}

/** Lambda's `StateReasonCode`s. Only what a ThawError says is meant for the function's owner. */
function failureOf(error: unknown): Failure {
  if (!(error instanceof ThawError)) return { reasonCode: 'InternalError', reason: 'An internal error occurred.' }
  if (error.code === 'Build' || error.code === 'InvalidParameterValue')
    return { reasonCode: 'FunctionError', reason: error.message }
  return { reasonCode: 'InternalError', reason: error.message }
}
