/** What becomes of a batch of a queue: acknowledged, or given back to the queue, whose redrive policy counts. */
import { randomUUID } from 'node:crypto'
import type { SourceRecord } from '../sources/source.ts'
import type { Timers } from '../timers.ts'
import type { Batch } from './backlog.ts'
import type { BatchInvoker } from './invoker.ts'
import { backoffMs, pause } from './pause.ts'
import type { BatchOutcome, ProcessBatch } from './poller.ts'
import { reportedFailures } from './response.ts'
import type { SourcePort } from './source-port.ts'

/**
 * Ours: a batch whose invocation is lost so often in a row may be what costs the workers their lives: it goes back to
 * the queue, whose redrive policy then counts it.
 */
const lostInARow = 3

export interface QueueBatchesOptions {
  port: SourcePort
  invoker: BatchInvoker
  timers: Timers
  reportsBatchItemFailures: boolean
  /** Takes from the backlog what came after these lanes' records, in order. */
  removeLanes(lanes: ReadonlySet<string>): SourceRecord[]
  laneOf(record: SourceRecord): string | undefined
  onThrottled(): void
  onProblem(message: string): void
}

export function createQueueBatches(options: QueueBatchesOptions): ProcessBatch {
  const { port, invoker, timers, reportsBatchItemFailures, removeLanes, laneOf, onThrottled, onProblem } = options

  /** Of each lane all from its first failed record on, and what waits behind it: nothing overtakes. */
  const giveBack = async (batch: Batch, failed: (record: SourceRecord) => boolean): Promise<void> => {
    const blocked = new Set<string>()
    const done: SourceRecord[] = []
    const back: SourceRecord[] = []
    for (const record of batch.records) {
      const lane = laneOf(record)
      if (failed(record)) {
        if (lane !== undefined) blocked.add(lane)
        back.push(record)
      } else if (lane !== undefined && blocked.has(lane)) back.push(record)
      else done.push(record)
    }
    await port.acknowledge(done)
    await port.release([...back, ...removeLanes(blocked)], undefined)
  }

  return async (batch, signals): Promise<BatchOutcome> => {
    const looped = await invoker.inLoop(batch.records)
    const blocked = new Set([...looped].flatMap((record) => laneOf(record) ?? []))
    // Behind a record that is not invoked nothing of its lane is.
    const records = batch.records.filter((record) => !looped.has(record) && !blocked.has(laneOf(record) ?? ''))
    if (looped.size > 0) onProblem('Recursive loop detected: records were given back to the queue')
    if (records.length === 0) {
      await giveBack(batch, () => true)
      return 'failed'
    }
    const requestId = randomUUID()
    let lost = 0
    for (let backoffs = 0; ; backoffs++) {
      const result = await invoker.attempt(records, requestId, signals.abort)
      lost = result.kind === 'unavailable' ? lost + 1 : 0
      if (lost === lostInARow) {
        onProblem(result.kind === 'unavailable' ? result.message : '')
        await giveBack(batch, () => true)
        return 'failed'
      }
      switch (result.kind) {
        case 'success': {
          const failures = reportsBatchItemFailures
            ? reportedFailures(result.payload, new Set(records.map(({ id }) => id)))
            : undefined
          const isBad = (record: SourceRecord): boolean =>
            failures !== undefined && (failures.kind === 'whole' || failures.ids.has(record.id))
          const invoked = new Set(records)
          await giveBack(batch, (record) => !invoked.has(record) || isBad(record))
          return failures !== undefined && batch.records.some(isBad) ? 'failed' : 'succeeded'
        }
        case 'error':
          await giveBack(batch, () => true)
          return 'failed'
        case 'stopped':
          await port.release(batch.records, 0)
          return 'stopped'
        default:
          // Not the records' fault: they are kept, and no attempt is counted.
          onThrottled()
          onProblem(result.kind === 'throttled' ? 'Function call throttled' : result.message)
          await pause(timers, backoffMs(backoffs), signals.stop)
          if (!signals.stop.aborted) break
          await port.release([...batch.records, ...removeLanes(batch.lanes)], 0)
          return 'stopped'
      }
    }
  }
}
