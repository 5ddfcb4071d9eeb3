/** What handlers of the API are given besides the request. */
import type { Context } from 'hono'
import type { FunctionRef } from '../functions/names.ts'

/** Who signed the request. */
export interface Caller {
  accountId: string
  /** Undefined in dev mode. */
  accessKeyId: string | undefined
}

export interface ApiEnv {
  Variables: { caller: Caller }
}
export type ApiContext = Context<ApiEnv>
export type Handler = (c: ApiContext) => Promise<Response>
export type Handlers = ReadonlyMap<string, Handler>

/** Another API behind the same door: SQS, EventBridge Scheduler. Its errors are its own to answer. */
export interface Service {
  matches(c: ApiContext): boolean
  handle(c: ApiContext): Promise<Response>
}

/** Identity, as the API needs it. */
export interface Access {
  /**
   * Who sent it. The body is read only if the signature has to be checked.
   * Errors: `MissingAuthenticationToken`, `IncompleteSignature`, `InvalidSignature`, `UnrecognizedClient`.
   */
  authenticate(request: SignedRequest): Promise<Caller>
  /**
   * An account may do everything with what is its own; with another's, what the resource policy grants.
   * `action` is as in policies: `lambda:GetFunction`. Errors: `AccessDenied`.
   */
  assertAllowed(caller: Caller, action: string, ref: FunctionRef): Promise<void>
}

/** A request as it was signed. */
export interface SignedRequest {
  method: string
  /** Path and query as on the wire, not decoded. */
  url: string
  headers: Readonly<Record<string, string>>
  body(): Promise<Uint8Array>
}
