/** One attempt at one batch: the recursion guard, a slot, the invocation. */
import { ThawError } from '../../errors.ts'
import type { EventSlots } from '../event-slots.ts'
import type { EventResult, InvokeFunction } from '../invoking.ts'
import type { SourceRecord } from '../sources/source.ts'
import type { Mapping } from './record.ts'

export interface FunctionTarget {
  accountId: string
  functionName: string
  qualifier: string
}

export interface BatchInvokerOptions {
  accountId: string
  mapping: Pick<Mapping, 'functionName' | 'qualifier'>
  invoke: InvokeFunction
  slots: EventSlots
  /** `RecursiveLoop: Allow` of the function. */
  allowsRecursion(target: FunctionTarget): Promise<boolean>
  recursionHops: number
  event(records: readonly SourceRecord[]): unknown
}

export interface BatchInvoker {
  /**
   * `stopped`: the signal was aborted, and nothing is known about whether the function ran.
   * @param requestId the same for all attempts of a batch
   */
  attempt(
    records: readonly SourceRecord[],
    requestId: string,
    signal: AbortSignal,
  ): Promise<EventResult | { kind: 'stopped' }>
  /** Records of a chain of invocations that has become too long: they are not to be attempted. */
  inLoop(records: readonly SourceRecord[]): Promise<ReadonlySet<SourceRecord>>
}

export function createBatchInvoker(options: BatchInvokerOptions): BatchInvoker {
  const { accountId, mapping, invoke, slots, allowsRecursion, recursionHops, event } = options
  const { functionName, qualifier } = mapping
  const target = { accountId, functionName, qualifier }
  return {
    async attempt(records, requestId, signal) {
      try {
        await slots.acquire(signal)
      } catch {
        return { kind: 'stopped' }
      }
      try {
        const payload = Buffer.from(JSON.stringify(event(records)))
        const hops = hopsOf(records)
        const result = await invoke({ ...target, requestId, payload, clientContext: undefined, hops, signal })
        return signal.aborted && result.kind === 'unavailable' ? { kind: 'stopped' } : result
      } finally {
        slots.release()
      }
    },

    async inLoop(records) {
      const long = records.filter((record) => hopsOf([record]) >= recursionHops)
      if (long.length === 0) return new Set()
      return new Set((await allowed()) ? [] : long)
    },
  }

  async function allowed(): Promise<boolean> {
    try {
      return await allowsRecursion(target)
    } catch (error) {
      // A function that is gone allows nothing.
      if (error instanceof ThawError && error.code === 'ResourceNotFound') return false
      throw error
    }
  }
}

const hopsOf = (records: readonly SourceRecord[]): number => 1 + Math.max(...records.map(({ hops }) => hops))
