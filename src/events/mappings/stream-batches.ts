/**
 * What becomes of a batch of a stream: it is tried again in place, whole or in parts, until it succeeds or its limits are
 * reached; then it goes to the on-failure destination. It is acknowledged only then.
 */
import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { functionTarget } from '../destinations.ts'
import type { EventResult } from '../invoking.ts'
import type { SourceRecord } from '../sources/source.ts'
import type { Timers } from '../timers.ts'
import { failureRecord, type FailureCondition } from './failure-record.ts'
import type { BatchInvoker } from './invoker.ts'
import { backoffMs, pause } from './pause.ts'
import type { BatchOutcome, BatchSignals, ProcessBatch } from './poller.ts'
import type { Mapping } from './record.ts'
import { reportedFailures } from './response.ts'
import type { SourcePort } from './source-port.ts'

export interface StreamBatchesOptions {
  port: SourcePort
  invoker: BatchInvoker
  timers: Timers
  mapping: Pick<
    Mapping,
    | 'reportsBatchItemFailures'
    | 'bisectBatchOnFunctionError'
    | 'maximumRetryAttempts'
    | 'maximumRecordAgeSeconds'
    | 'onFailure'
    | 'functionArn'
    | 'eventSourceArn'
  >
  /** To the on-failure destination; durable there when it resolves. */
  sendFailure(arn: string, body: string, hops: number): Promise<void>
  /** Of a destination's message. */
  messageBytes: number
  onThrottled(): void
  onProblem(message: string): void
  logger: Logger
}

/** Part of a batch, in order. */
interface Part {
  records: SourceRecord[]
  requestId: string
  /** Attempts that failed and are counted: a split is not. */
  failures: number
  /** Attempts that were made. */
  invocations: number
  /** Throttles in a row. */
  throttles: number
  result: Extract<EventResult, { kind: 'success' | 'error' }> | undefined
}

const newPart = (records: SourceRecord[], before?: Part): Part => ({
  failures: 0,
  invocations: 0,
  throttles: 0,
  result: undefined,
  ...before,
  records,
  requestId: randomUUID(),
})

export function createStreamBatches(options: StreamBatchesOptions): ProcessBatch {
  const { port, invoker, timers, mapping, sendFailure, messageBytes, onThrottled, onProblem, logger } = options
  const { maximumRetryAttempts, maximumRecordAgeSeconds } = mapping

  /** What is to be tried after a failure, `part` holding what was not acknowledged of the `attempted` records. */
  const partsAfter = (part: Part, attempted: number): Part[] => {
    const { records } = part
    if (!mapping.bisectBatchOnFunctionError || attempted === 1) return [{ ...part, failures: part.failures + 1 }]
    // AWS: a split costs no attempt, be it where the function said or in the middle.
    if (records.length < attempted) return [newPart(records, part)]
    const middle = Math.ceil(records.length / 2)
    return [newPart(records.slice(0, middle), part), newPart(records.slice(middle), part)]
  }

  const isExhausted = ({ failures }: Part): boolean => maximumRetryAttempts !== -1 && failures > maximumRetryAttempts

  const isExpired = ({ createdAt }: SourceRecord): boolean =>
    maximumRecordAgeSeconds !== -1 && timers.now() - createdAt > maximumRecordAgeSeconds * 1_000

  /** Until the destination has it. False: stopped before. */
  const handOn = async (
    part: Part,
    records: readonly SourceRecord[],
    condition: FailureCondition,
    stop: AbortSignal,
  ): Promise<boolean> => {
    const { onFailure, functionArn, eventSourceArn } = mapping
    // A loop ends here: told to another function, it would go on.
    const endsLoop = condition === 'RecursiveInvocation' && functionTarget(onFailure ?? '') !== undefined
    if (onFailure === undefined || endsLoop) {
      logger.warn(
        { condition, records: records.length },
        'records of a stream given up: there is no on-failure destination',
      )
      return true
    }
    for (const some of fitting(records, port.event, messageBytes)) {
      const body = failureRecord(
        {
          records: some.records,
          event: some.event,
          condition,
          requestId: part.requestId,
          functionArn,
          eventSourceArn,
          invokeCount: part.invocations,
          result: part.result,
          endedAt: timers.now(),
        },
        some.fits,
      )
      const hops = 1 + Math.max(...some.records.map((record) => record.hops))
      for (let backoffs = 0; ; backoffs++) {
        try {
          await sendFailure(onFailure, body, hops)
          break
        } catch (error) {
          logger.warn({ err: error, destination: onFailure }, 'an on-failure destination takes nothing')
          onProblem('The on-failure destination cannot be reached')
        }
        await pause(timers, backoffMs(backoffs), stop)
        if (stop.aborted) return false
      }
    }
    return true
  }

  /** Takes out what must not be tried. False: stopped before that was told. */
  const giveUp = async (
    part: Part,
    gone: ReadonlySet<SourceRecord>,
    condition: FailureCondition,
    stop: AbortSignal,
  ): Promise<boolean> => {
    if (gone.size === 0) return true
    const records = part.records.filter((record) => gone.has(record))
    if (!(await handOn(part, records, condition, stop))) return false
    await port.acknowledge(records)
    part.records = part.records.filter((record) => !gone.has(record))
    return true
  }

  /** One attempt and what follows from it. The parts that are left to do, or undefined if stopped. */
  const step = async (part: Part, signals: BatchSignals): Promise<Part[] | undefined> => {
    const { stop } = signals
    if (!(await giveUp(part, new Set(part.records.filter(isExpired)), 'RecordAgeExceeded', stop))) return undefined
    if (!(await giveUp(part, await invoker.inLoop(part.records), 'RecursiveInvocation', stop))) return undefined
    if (part.records.length === 0) return []
    const result = await invoker.attempt(part.records, part.requestId, signals.abort)
    if (result.kind === 'stopped') return undefined
    if (result.kind !== 'success' && result.kind !== 'error') {
      // Not the records' fault: no attempt is counted.
      onThrottled()
      onProblem(result.kind === 'throttled' ? 'Function call throttled' : result.message)
      await pause(timers, backoffMs(part.throttles), stop)
      return [{ ...part, throttles: part.throttles + 1 }]
    }
    const attempted = part.records.length
    const failedFrom = result.kind === 'error' ? 0 : firstFailed(part.records, result.payload)
    await port.acknowledge(part.records.slice(0, failedFrom))
    part.records = part.records.slice(failedFrom)
    part.invocations++
    part.throttles = 0
    part.result = result
    if (part.records.length === 0) return []
    onProblem('Function call failed')
    const next = partsAfter(part, attempted)
    const [first] = next
    if (first === undefined || first.failures === part.failures) return next
    if (isExhausted(first)) {
      const told = await giveUp(part, new Set(part.records), 'RetryAttemptsExhausted', stop)
      return told ? [] : undefined
    }
    await pause(timers, backoffMs(part.failures), stop)
    return next
  }

  const firstFailed = (records: readonly SourceRecord[], payload: Uint8Array): number => {
    if (!mapping.reportsBatchItemFailures) return records.length
    const failures = reportedFailures(payload, new Set(records.map(({ id }) => id)))
    if (failures.kind === 'whole') return 0
    const first = records.findIndex(({ id }) => failures.ids.has(id))
    return first === -1 ? records.length : first
  }

  return async (batch, signals): Promise<BatchOutcome> => {
    let parts = [newPart(batch.records)]
    let failed = false
    for (let [part] = parts; part !== undefined; [part] = parts) {
      const next = signals.stop.aborted ? undefined : await step(part, signals)
      if (next === undefined || signals.stop.aborted) {
        const left = [...(next ?? [part]), ...parts.slice(1)].flatMap(({ records }) => records)
        await port.release(left, 0)
        return left.length === 0 ? 'succeeded' : 'stopped'
      }
      if (next.length > 0) failed = true
      parts = [...next, ...parts.slice(1)]
    }
    return failed ? 'failed' : 'succeeded'
  }
}

/** In parts whose record, payload and all, a destination's message can hold; a single one that is too large goes without. */
function* fitting(
  records: readonly SourceRecord[],
  eventOf: (records: readonly SourceRecord[]) => unknown,
  limitBytes: number,
): Generator<{ records: readonly SourceRecord[]; event: unknown; fits: boolean }> {
  const event = eventOf(records)
  // Ours: 4 KB are more than the rest of the record takes.
  const fits = Buffer.byteLength(JSON.stringify(JSON.stringify(event))) + 4_096 <= limitBytes
  if (fits || records.length === 1) {
    yield { records, event, fits }
    return
  }
  const middle = Math.ceil(records.length / 2)
  yield* fitting(records.slice(0, middle), eventOf, limitBytes)
  yield* fitting(records.slice(middle), eventOf, limitBytes)
}
