/** Follows provisioned concurrency until the data plane holds it: IN_PROGRESS to READY or FAILED, in the background. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Limits } from '../../config.ts'
import type { ProvisionedConcurrency } from '../../store/concurrency.ts'
import type { Collection } from '../../store/documents.ts'
import type { DataPlane } from '../collaborators.ts'
import type { QualifiedKey } from '../qualifier-settings.ts'

export interface AllocationsOptions {
  collection: Collection<ProvisionedConcurrency>
  dataPlane: DataPlane
  limits: Pick<Limits, 'provisioningMs'>
  logger: Logger
}

export interface Allocations extends AsyncDisposable {
  /** Returns at once. Stop what was started for the same qualifier before. `publish`: the data plane is still to be told. */
  start(key: QualifiedKey, revision: number, value: ProvisionedConcurrency, options: { publish: boolean }): void
  /** Resolves when nothing more is written for the qualifier. */
  stop(key: QualifiedKey): Promise<void>
  /** Resolves when nothing is in work. */
  idle(): Promise<void>
}

/** Between two looks at what the workers hold: soon at first, then seldom. */
const pollMs = { first: 5, most: 250 }

const nameOf = ({ accountId, functionName, qualifier }: QualifiedKey) => `${accountId}:${functionName}:${qualifier}`

export function createAllocations({ collection, dataPlane, limits, logger }: AllocationsOptions): Allocations {
  const work = new Map<string, { abort: AbortController; written: Promise<unknown> }>()
  const running = new Set<Promise<void>>()

  /** Undefined: the data plane holds it. */
  const allocate = async (
    key: QualifiedKey,
    concurrency: number,
    publish: boolean,
    signal: AbortSignal,
  ): Promise<string | undefined> => {
    if (publish) await dataPlane.publish({ provision: { ...key, concurrency } })
    const deadline = performance.now() + limits.provisioningMs
    for (let pauseMs = pollMs.first; ; pauseMs = Math.min(pauseMs * 2, pollMs.most)) {
      signal.throwIfAborted()
      const held = await dataPlane.provisioned(key)
      if (held >= concurrency) return undefined
      if (performance.now() > deadline)
        return `The workers hold ${held} of ${concurrency} instances after ${limits.provisioningMs} ms.`
      await delay(pauseMs, undefined, { signal })
    }
  }

  const follow = async (
    key: QualifiedKey,
    revision: number,
    value: ProvisionedConcurrency,
    publish: boolean,
    signal: AbortSignal,
  ): Promise<void> => {
    const failure = await allocate(key, value.requested, publish, signal).catch((error: unknown) => {
      signal.throwIfAborted()
      logger.error({ err: error, ...key }, 'provisioned concurrency could not be allocated')
      return 'The workers could not be reached.'
    })
    signal.throwIfAborted()
    const status = failure === undefined ? ({ name: 'READY' } as const) : ({ name: 'FAILED', reason: failure } as const)
    const written = collection.put(key.accountId, key.functionName, key.qualifier, { ...value, status }, revision)
    const mine = work.get(nameOf(key))
    if (mine !== undefined) mine.written = written.catch(() => {})
    await written
  }

  const stop = async (key: QualifiedKey): Promise<void> => {
    const stopped = work.get(nameOf(key))
    if (stopped === undefined) return
    stopped.abort.abort()
    work.delete(nameOf(key))
    await stopped.written
  }

  return {
    start(key, revision, value, { publish }) {
      const entry = { abort: new AbortController(), written: Promise.resolve() }
      work.set(nameOf(key), entry)
      const { accountId, functionName, qualifier } = key
      const plainKey = { accountId, functionName, qualifier }
      const task = follow(plainKey, revision, value, publish, entry.abort.signal)
        .catch((error: unknown) => {
          // Given up, or the config is another or gone: somebody else answers for it.
          logger.debug({ err: error, ...plainKey }, 'allocation ended')
        })
        .finally(() => {
          running.delete(task)
          if (work.get(nameOf(key)) === entry) work.delete(nameOf(key))
        })
      running.add(task)
    },
    stop,
    async idle() {
      while (running.size > 0) await Promise.all(running)
    },
    async [Symbol.asyncDispose]() {
      for (const { abort } of work.values()) abort.abort()
      await Promise.all(running)
    },
  }
}
