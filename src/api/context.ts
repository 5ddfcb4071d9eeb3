/** What handlers of the API are given besides the request. */
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { Caller, SigningService } from '../identity/request.ts'

export type { Access } from '../identity/access.ts'
export type { Caller, SignedRequest } from '../identity/request.ts'

export interface ApiEnv {
  /** Absent where a test calls the app without a server. */
  Bindings: Partial<HttpBindings>
  Variables: { caller: Caller }
}
export type ApiContext = Context<ApiEnv>
export type Handler = (c: ApiContext) => Promise<Response>
export type Handlers = ReadonlyMap<string, Handler>

/** Another API behind the same door: SQS, EventBridge Scheduler. Its errors are its own to answer. */
export interface Service {
  /** What its requests are signed for. */
  readonly signingName: SigningService
  matches(c: ApiContext): boolean
  handle(c: ApiContext): Promise<Response>
}
