/** The Invocation and its result: the vocabulary shared by the data plane, the control plane and the event sources. */
import type { PayloadStream } from './http/body.ts'
import type { HttpExchange } from './http/message.ts'

/** Everything a worker must know of one deployed function version to run it. Immutable; replaced as a whole. */
export interface FunctionSpec {
  /** Small positive integer, unique to this code and configuration; what the shared page names a culprit by. */
  deployment: number
  accountId: string
  functionName: string
  /** `$LATEST` or a number. */
  version: string
  /** Unqualified ARN. */
  functionArn: string
  runtime: string
  memoryMb: number
  /** What /tmp may hold. */
  ephemeralStorageMb: number
  timeoutMs: number
  environment: Readonly<Record<string, string>>
  /** The allow-list of outgoing requests, entries as the owner wrote them (egress/allow-list.ts); empty: none are let out. */
  egress: readonly string[]
  /** Content address of the engine (code identity). */
  engine: string
  /** Content address of the snapshot (state after init). */
  snapshot: string
  /** Content address of the files that came with the code, if any did. */
  files?: string
  /** With what it is called, as its component exports it. Left out: with an event. */
  entry?: 'http-0.2' | 'http-0.3'
  /** How long init took when the snapshot was captured; reported as Init Duration on a cold start. */
  initDurationMs: number
  logGroup: string
}

/** How the execution environment was had: Lambda's cold and warm start, and between them the re-imaged instance. */
export type StartKind = 'cold' | 'restore' | 'warm'

/** One call of a function. `payload` is owned by the invocation from here on. */
export interface Invocation {
  requestId: string
  spec: FunctionSpec
  payload: Uint8Array
  /** ARN as the caller named it, with its qualifier if any. */
  invokedFunctionArn: string
  /** Decoded client context JSON, if the caller sent one. */
  clientContext: string | undefined
  tenantId: string | undefined
  traceId: string | undefined
  /** Aborted when the caller goes away; the guest is then ended. */
  signal: AbortSignal | undefined
  /** The request, for a function that is an HTTP component; or why there is none in the payload. */
  http?: HttpExchange | { invalid: string } | undefined
  /** Where the payload goes as it is written, if the function streams it; left out, it is collected. */
  payloadStream?: PayloadStream | undefined
}

/** Lambda's error types as Thaw gives them, besides the function's own. */
export type PlatformErrorType =
  | 'Sandbox.Timedout'
  | 'Runtime.ExitError'
  | 'Runtime.Trap'
  | 'Runtime.StackOverflow'
  | 'Runtime.OutOfMemory'
  | 'Runtime.Aborted'
  | 'Runtime.LimitExceeded'
  | 'Runtime.ImportModuleError'
  | 'Runtime.HandlerNotFound'
  | 'Runtime.InvalidEvent'
  | 'Runtime.InvalidResponse'
  | 'Function.ResponseSizeTooLarge'

/** A function's error: data, HTTP 200 with X-Amz-Function-Error. */
export interface FunctionFailure {
  errorType: string
  errorMessage: string
  trace?: string[]
}

export type Outcome = { kind: 'success'; payload: Uint8Array } | { kind: 'failure'; failure: FunctionFailure }

/** The record from which logs, REPORT, metering and Server-Timing follow. Times in ms, sizes in bytes. */
export interface InvocationReport {
  start: StartKind
  /** Time to make the engine and instance, cold starts only. */
  initMs: number | undefined
  /** Time to map the snapshot in, restored starts only. */
  restoreMs: number | undefined
  /** Handler run time, the guest's waits included. */
  durationMs: number
  /** Time the guest held the thread: what metering counts. */
  cpuMs: number
  maxMemoryBytes: number
}

export interface InvocationResult {
  outcome: Outcome
  report: InvocationReport
  /** The guest's stdout and stderr in order, at most the log limit; owned by the receiver. */
  log: string
  /** Bytes of log dropped past the limit. */
  logDroppedBytes: number
}
