/** Metering: what workers report, added up and kept in the store. */
import type { Logger } from 'pino'
import { sum, type Usage, type UsageRecord, type UsageStore } from '../store/usage.ts'

/** Ours: a killed controller loses what came in within this time; a killed worker what it had not sent (100 ms). */
const flushMs = 2_000

export interface UsageMeter extends AsyncDisposable {
  /** By `<accountId>/<functionName>`. Returns at once. */
  add(batch: Record<string, Usage>): void
  /** Of an account, by function name, over all months; functions that were deleted since included. */
  totals(accountId: string): Promise<Record<string, Usage>>
}

export interface UsageMeterOptions {
  store: UsageStore
  clock: { now(): Date }
  logger: Logger
}

export function createUsageMeter({ store, clock, logger }: UsageMeterOptions): UsageMeter {
  /** By account, name and month: what is not stored yet. */
  let pending = new Map<string, UsageRecord>()
  let flushing = Promise.resolve()

  const add = (record: UsageRecord): void => {
    const key = `${record.accountId}/${record.functionName}/${record.month}`
    pending.set(key, { ...record, ...sum(pending.get(key), record) })
  }
  const flush = (): Promise<void> => {
    flushing = flushing.then(async () => {
      if (pending.size === 0) return
      const records = [...pending.values()]
      pending = new Map()
      try {
        await store.add(records)
      } catch (error) {
        logger.error({ err: error }, 'usage could not be stored: it is tried again')
        records.forEach(add)
      }
    })
    return flushing
  }
  const timer = setInterval(() => void flush(), flushMs)
  timer.unref()

  return {
    add(batch) {
      const month = clock.now().toISOString().slice(0, 7)
      for (const [name, used] of Object.entries(batch)) {
        const [accountId = '', functionName = ''] = name.split('/')
        add({ accountId, functionName, month, ...used })
      }
    },

    async totals(accountId) {
      await flush()
      const totals = new Map<string, Usage>()
      for (const record of await store.list(accountId)) {
        totals.set(record.functionName, sum(totals.get(record.functionName), record))
      }
      return Object.fromEntries(totals)
    },

    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await flush()
    },
  }
}
