/** A request as identity sees it, and who it turns out to be from. */

/** A request as it came off the wire: no part of it decoded or normalised. */
export interface SignedRequest {
  method: string
  /** Path and query. */
  url: string
  /** By lower-case name, as `IncomingMessage.headers` has them. */
  headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Read only once the rest of the request gives no reason to refuse it. */
  body(): Promise<Uint8Array>
}

/** Who signed the request. */
export interface Caller {
  accountId: string
  /** Undefined in dev mode, and where an account acts by itself (a presigned link to its code). */
  accessKeyId: string | undefined
}

/** The APIs served here, by the names that go into a signature's scope. */
export type SigningService = 'lambda' | 'sqs' | 'scheduler'
