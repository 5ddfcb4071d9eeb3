/** What a guest's outgoing requests need of the host; `egress/` has the one that goes to the network. */
import type { BodySink, BodySource } from './body.ts'
import type { HttpRequestHead, HttpResponseHead } from './message.ts'

/** `wasi:http/types` `error-code`: the cases that an outgoing request can end with. Literal, as in the WIT. */
export type EgressErrorCode =
  | 'DNS-timeout'
  | 'DNS-error'
  | 'destination-not-found'
  | 'destination-unavailable'
  | 'destination-IP-prohibited'
  | 'connection-refused'
  | 'connection-terminated'
  | 'connection-timeout'
  | 'connection-read-timeout'
  | 'connection-write-timeout'
  | 'connection-limit-reached'
  | 'TLS-protocol-error'
  | 'TLS-certificate-error'
  | 'HTTP-request-denied'
  | 'HTTP-request-body-size'
  | 'HTTP-request-method-invalid'
  | 'HTTP-request-URI-invalid'
  | 'HTTP-request-header-section-size'
  | 'HTTP-response-incomplete'
  | 'HTTP-response-header-section-size'
  | 'HTTP-response-body-size'
  | 'HTTP-response-timeout'
  | 'HTTP-protocol-error'
  | 'configuration-error'
  | 'internal-error'

/** Why a request did not happen or did not end. `message` names the rule or limit, and is fit for the guest. */
export class EgressError extends Error {
  override readonly name = 'EgressError'
  readonly code: EgressErrorCode

  constructor(code: EgressErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

export interface EgressTimeouts {
  /** ms; undefined: the host's limit alone. */
  connectMs: number | undefined
  firstByteMs: number | undefined
  betweenBytesMs: number | undefined
}

export interface EgressResponse extends HttpResponseHead {
  /** Informational responses are dropped. Ends in a BodyError if the connection does before the body has. */
  body: BodySource
}

/** One request under way. */
export interface EgressExchange {
  /** Where the request's body goes; to be ended also where there is none. Takes bytes before the connection stands. */
  readonly body: BodySink
  /** Rejects with EgressError and with nothing else. Redirects are not followed: they are answers like any other. */
  readonly response: Promise<EgressResponse>
  /** Ends it at whatever point it is. Idempotent. */
  cancel(): void
}

/** Outgoing HTTP of one invocation: its function's allow-list, its limits, its connections. */
export interface EgressClient {
  /** `hasBody`: whether one may follow (no `content-length: 0`). Errors: EgressError, for what is refused without trying. */
  send(request: HttpRequestHead, options: { timeouts: EgressTimeouts; hasBody: boolean }): EgressExchange
  /** Ends all that is under way: the invocation is over. */
  close(): void
}
