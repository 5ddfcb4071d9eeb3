/** HTTP messages as guests and the host exchange them: of no version of WASI, and of no library. */
import type { BodySink, BodySource } from './body.ts'

/**
 * Fields in order, repeated ones as often as they came. Names as they were written; values as byte strings (each
 * character one byte, as `node:http` has them), without the white space around them.
 */
export type HeaderList = readonly (readonly [name: string, value: string])[]

export interface HttpRequestHead {
  /** As on the wire: `GET`. */
  method: string
  scheme: 'http' | 'https'
  /** `host` or `host:port`. */
  authority: string
  /** Path and query, `/a?b`; `*` for OPTIONS. */
  pathWithQuery: string
  headers: HeaderList
}

/** A request that a guest answers. */
export interface HttpRequest extends HttpRequestHead {
  body: BodySource
}

export interface HttpResponseHead {
  status: number
  headers: HeaderList
}

/** Where a guest's answer goes. */
export interface HttpResponder {
  /** An informational response (1xx but 101), before the response. */
  inform(head: HttpResponseHead): void
  /** Once: the head goes out in this turn of the event loop. Returns where the body goes; for HEAD, 204 and 304 it takes bytes and drops them. */
  respond(head: HttpResponseHead): BodySink
}

/** An HTTP request that a guest answers, as the host hands it to an invocation. */
export interface HttpExchange {
  readonly request: HttpRequest
  readonly responder: HttpResponder
  /**
   * The guest answered with an error, or with what is no response: `code` is the name of an `error-code` of
   * `wasi:http/types`, `message` what it says more. At most once, and then `respond` is not called.
   */
  failed(code: string, message?: string): void
}
