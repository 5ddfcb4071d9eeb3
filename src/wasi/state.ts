/** What host functions see of their instance, and how they are declared. */
import type { FunctionType } from './abi/function.ts'
import { tuple } from './abi/records.ts'
import type { AbiType } from './abi/type.ts'
import type { PayloadStream } from '../http/body.ts'
import type { EgressClient } from '../http/egress.ts'
import type { AsyncState } from './async/state.ts'
import type { Pending } from './async/subtasks.ts'
import type { WasiLimits } from './errors.ts'
import type { HttpLoop } from './function/http-loop.ts'
import type { OutgoingCalls } from './function/outgoing-http.ts'
import type { ResponseStream } from './function/response-stream.ts'
import type { FileGrant, GuestFiles } from './fs/guest-files.ts'
import type { HandleTable } from './handles.ts'
import type { HttpExchange } from '../http/message.ts'
import type { HttpState } from './http/state.ts'
import type { ResourceName } from './resources.ts'
import type { Waits } from './waits.ts'

/** What one invocation grants. */
export interface WasiInvocation {
  environment: Readonly<Record<string, string>>
  /** The log sink. Copies what it keeps (`bytes` may be guest memory), enforces the log limit itself, never throws. */
  write(stream: 'stdout' | 'stderr', bytes: Uint8Array): void
  /** Aborted at the deadline or when the caller goes away: every pending wait then rejects with InvocationAborted. */
  signal: AbortSignal | undefined
  /** The request that the guest answers, if it was called for one. */
  http?: HttpExchange | undefined
  /** What a guest may know of it besides: when it times out, ms since the Unix epoch. */
  readonly requestId?: string
  readonly deadlineMs?: number
  readonly traceId?: string | undefined
  /** Its outgoing requests; without it they are denied. */
  egress?: EgressClient | undefined
  /** Where a payload goes that the function streams. */
  payloadStream?: PayloadStream | undefined
  /** Left out: an empty /tmp that nothing can be written to, and no package. */
  files?: FileGrant | undefined
}

/** What a guest may read, or try to write, that differs from one run to the next: noted, for a snapshot freezes it. */
export type Impurity = 'clock' | 'randomness' | 'environment' | 'temporary-files'

export interface HostState {
  readonly limits: WasiLimits
  readonly invocation: WasiInvocation
  readonly handles: HandleTable
  readonly waits: Waits
  readonly async: AsyncState
  /** /tmp and /var/task of the invocation. */
  readonly files: GuestFiles
  readonly http: HttpState
  readonly responseStream: ResponseStream
  readonly outgoingCalls: OutgoingCalls
  readonly httpLoop: HttpLoop
  /** What the guest has read in this invocation. */
  readonly reads: Record<Impurity, boolean>
}

export interface HostFunction extends FunctionType {
  /** Whether `call` may return a promise. */
  readonly mayBlock: boolean
  call(state: HostState, ...args: unknown[]): unknown
}

export interface HostInterface {
  readonly functions: Readonly<Record<string, HostFunction>>
  /** Resource types it defines; each has a `resource.drop`. */
  readonly resources: readonly ResourceName[]
}

export type HostInterfaces = Readonly<Record<string, HostInterface>>

export type Values<T extends readonly AbiType<unknown>[]> = {
  -readonly [K in keyof T]: T[K] extends AbiType<infer V> ? V : never
}

/** A host function that answers at once. */
export function define<const T extends readonly AbiType<unknown>[], R>(
  params: T,
  result: AbiType<R> | undefined,
  call: (state: HostState, ...args: Values<T>) => NoInfer<R>,
): HostFunction {
  return { params: tuple(params), result, mayBlock: false, call }
}

/** A host function that may wait. It must not return a promise when it need not: that would suspend the guest. */
export function defineBlocking<const T extends readonly AbiType<unknown>[], R>(
  params: T,
  result: AbiType<R> | undefined,
  call: (state: HostState, ...args: Values<T>) => NoInfer<R> | Promise<NoInfer<R>>,
): HostFunction {
  return { params: tuple(params), result, mayBlock: true, call }
}

/** An asynchronous function of WASI 0.3. It answers at once if it can. */
export function defineAsync<const T extends readonly AbiType<unknown>[], R>(
  params: T,
  result: AbiType<R> | undefined,
  call: (state: HostState, ...args: Values<T>) => NoInfer<R> | Pending<NoInfer<R>>,
): HostFunction {
  return { params: tuple(params), result, mayBlock: true, call }
}
