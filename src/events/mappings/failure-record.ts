/**
 * What an on-failure destination is told of a batch that a stream's mapping gave up: Lambda's record for streams, with a
 * `batchInfo` for any kind of source, and the batch itself as `payload` (AWS: so for S3 destinations), for what is
 * acknowledged cannot be read again from every broker.
 */
import type { EventResult } from '../invoking.ts'
import type { SourceRecord } from '../sources/source.ts'

/** AWS: RetryAttemptsExhausted; the others follow its pattern. */
export type FailureCondition = 'RetryAttemptsExhausted' | 'RecordAgeExceeded' | 'RecursiveInvocation'

export interface FailedBatch {
  records: readonly SourceRecord[]
  /** The event that the function was given, or would have been. */
  event: unknown
  condition: FailureCondition
  requestId: string
  functionArn: string
  eventSourceArn: string
  invokeCount: number
  /** Of the last attempt, if there was one. */
  result: Extract<EventResult, { kind: 'success' | 'error' }> | undefined
  /** ms since the epoch. */
  endedAt: number
}

export function failureRecord(failed: FailedBatch, withPayload: boolean): string {
  const { records, event, condition, requestId, functionArn, eventSourceArn, invokeCount, result, endedAt } = failed
  const [first] = records
  const last = records.at(-1)
  return JSON.stringify({
    requestContext: { requestId, functionArn, condition, approximateInvokeCount: invokeCount },
    ...(result === undefined
      ? {}
      : {
          responseContext: {
            statusCode: 200,
            executedVersion: result.executedVersion,
            // A function that named failed items did not fail itself.
            ...(result.kind === 'error' ? { functionError: 'Unhandled' } : {}),
          },
        }),
    version: '1.0',
    timestamp: isoTime(endedAt),
    batchInfo: {
      startRecordId: first?.id,
      endRecordId: last?.id,
      approximateArrivalOfFirstRecord: isoTime(first?.createdAt),
      approximateArrivalOfLastRecord: isoTime(last?.createdAt),
      batchSize: records.length,
      eventSourceArn,
    },
    ...(withPayload ? { payload: JSON.stringify(event) } : {}),
  })
}

const isoTime = (ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : new Date(ms).toISOString()
