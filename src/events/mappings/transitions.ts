/**
 * Brings a mapping to where its record says it is to be: running or not, or gone. One step at a time for a mapping;
 * a step that comes while another runs waits, and what it finds then counts.
 */
import type { Logger } from 'pino'
import { ThawError } from '../../errors.ts'
import type { Entry } from '../../store/documents.ts'
import type { SourceDriver } from '../sources/source.ts'
import type { Leases } from './leases.ts'
import { backoffMs } from './pause.ts'
import { mappingScope, type Mapping, type MappingRecords, type MappingState } from './record.ts'
import { runMapping, sourceSettings, type MappingCollaborators, type RunningMapping } from './running-mapping.ts'

export interface TransitionsOptions extends MappingCollaborators {
  records: MappingRecords
  leases: Leases
  driverOf(eventSourceArn: string): SourceDriver | undefined
  /** How long what a mapping runs may go on once it is changed or deleted. */
  graceMs(mapping: Mapping): number
  /** How often to look for mappings that another controller has. */
  retryMs: number
}

export interface Transitions extends AsyncDisposable {
  /** Follows the record as it is now. Errors are logged, and it is tried again. */
  follow(accountId: string, uuid: string): void
  /** The lease is lost: nothing more is told to the source. */
  abandonAll(): void
  result(uuid: string): string | undefined
  /** Resolves when no step is under way. */
  idle(): Promise<void>
}

export function createTransitions(options: TransitionsOptions): Transitions {
  const { records, leases, driverOf, graceMs, retryMs, timers, logger, functionTimeoutMs } = options
  const running = new Map<string, { run: RunningMapping; mapping: Mapping; accountId: string }>()
  const steps = new Map<string, Promise<void>>()
  const retries = new Map<string, { count: number; cancel: () => void }>()
  let closed = false

  const halt = async (uuid: string, ms?: number): Promise<void> => {
    const current = running.get(uuid)
    if (current === undefined) return
    await current.run.stop(ms ?? graceMs(current.mapping))
    running.delete(uuid)
  }

  /** Unless the state has changed meanwhile: that brings another step. A change of tags does not. */
  const settle = async (from: Entry<Mapping>, state: MappingState): Promise<void> => {
    const { accountId, key: uuid } = from
    let entry: Entry<Mapping> | undefined = from
    while (entry !== undefined && entry.value.state === from.value.state && entry.value.state !== state) {
      const value = { ...entry.value, state, lastModified: timers.now() }
      try {
        await records.put(accountId, mappingScope, uuid, value, entry.revision)
        return
      } catch (error) {
        if (!(error instanceof ThawError) || error.code !== 'PreconditionFailed') throw error
        entry = await records.get(accountId, mappingScope, uuid)
      }
    }
  }

  const remove = async (entry: Entry<Mapping>, driver: SourceDriver | undefined): Promise<void> => {
    const { accountId, key: uuid, value: mapping } = entry
    const timeoutMs = (await functionTimeoutMs({ accountId, ...mapping })) ?? 0
    await driver?.remove?.(sourceSettings(accountId, mapping, timeoutMs))
    await records.delete(accountId, mappingScope, uuid, entry.revision)
    await leases.release(accountId, uuid)
  }

  const step = async (accountId: string, uuid: string): Promise<void> => {
    if (closed) return
    await halt(uuid)
    const entry = await records.get(accountId, mappingScope, uuid)
    if (entry === undefined) return
    if (!(await leases.acquire(accountId, uuid))) {
      again(accountId, uuid, retryMs)
      return
    }
    const { value: mapping } = entry
    const driver = driverOf(mapping.eventSourceArn)
    if (mapping.state === 'Deleting') {
      await remove(entry, driver)
      return
    }
    if (!mapping.enabled) {
      await settle(entry, 'Disabled')
      return
    }
    if (driver === undefined) {
      // It was there once: a broker that was taken out of the configuration. The mapping can still be deleted.
      logger.error({ accountId, mapping: uuid }, `nothing reads ${mapping.eventSourceArn}`)
      await settle(entry, 'Enabled')
      return
    }
    const run = runMapping({ accountId, mapping, driver }, () => leases.isHeld(uuid), options)
    running.set(uuid, { run, mapping, accountId })
    await run.tried
    await settle(entry, 'Enabled')
  }

  const again = (accountId: string, uuid: string, ms: number): void => {
    if (closed) return
    const count = (retries.get(uuid)?.count ?? 0) + 1
    retries.get(uuid)?.cancel()
    retries.set(uuid, { count, cancel: timers.at(timers.now() + ms, () => follow(accountId, uuid)) })
  }

  const attempt = async (accountId: string, uuid: string, fields: { logger: Logger }): Promise<void> => {
    try {
      await step(accountId, uuid)
      const retry = retries.get(uuid)
      // Nothing more to be done, unless this very step asked for it.
      if (retry !== undefined && running.has(uuid)) {
        retry.cancel()
        retries.delete(uuid)
      }
    } catch (error) {
      fields.logger.error({ err: error }, 'an event source mapping cannot be brought to its state')
      again(accountId, uuid, backoffMs(retries.get(uuid)?.count ?? 0))
    }
  }

  const follow = (accountId: string, uuid: string): void => {
    const fields = { logger: logger.child({ accountId, mapping: uuid }) }
    const before = steps.get(uuid) ?? Promise.resolve()
    const mine = before.then(() => attempt(accountId, uuid, fields))
    steps.set(uuid, mine)
    void mine.finally(() => {
      if (steps.get(uuid) === mine) steps.delete(uuid)
    })
  }

  const idle = async (): Promise<void> => {
    while (steps.size > 0) await Promise.all(steps.values())
  }

  return {
    follow,
    abandonAll() {
      // `isHeld` is false from here on; ended at once, they tell their sources nothing.
      for (const [uuid, { accountId, run }] of running) {
        void run.stop(0)
        follow(accountId, uuid)
      }
    },
    result: (uuid) => running.get(uuid)?.run.result,
    idle,
    async [Symbol.asyncDispose]() {
      closed = true
      for (const { cancel } of retries.values()) cancel()
      await Promise.all([...running].map(([uuid]) => halt(uuid)))
      await idle()
      await Promise.all([...running].map(([uuid]) => halt(uuid)))
    },
  }
}
