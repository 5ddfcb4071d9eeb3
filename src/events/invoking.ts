/** How the events' side invokes functions: the controller does it through a worker's private socket. */

/** Where an event comes from, by the number of Thaw's invocations before it: the recursion guard counts them. */
export interface Lineage {
  /** 0: sent by a client. An invocation's destination or mapping hands on one more. */
  hops: number
}

export interface EventInvocation extends Lineage {
  accountId: string
  functionName: string
  /** `$LATEST`, a version's number, or an alias. */
  qualifier: string
  /** Shown to the function and in its log; the same for every attempt of one event. */
  requestId: string
  payload: Uint8Array
  /** JSON text. */
  clientContext: string | undefined
  /** Aborted: the guest is ended, and the result is `unavailable`. */
  signal: AbortSignal | undefined
}

export type EventResult =
  | { kind: 'success'; payload: Uint8Array; executedVersion: string }
  /** The function failed; `payload` is its error object. */
  | { kind: 'error'; payload: Uint8Array; executedVersion: string }
  | { kind: 'throttled'; reason: string }
  /** No such function, version or alias, or it is not active. */
  | { kind: 'missing'; message: string }
  /** A worker died, or none answers: nothing is known about whether the function ran. */
  | { kind: 'unavailable'; message: string }

/** Never rejects. */
export type InvokeFunction = (invocation: EventInvocation) => Promise<EventResult>
