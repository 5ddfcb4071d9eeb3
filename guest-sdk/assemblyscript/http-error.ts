/** Why a request or a body failed. */
import { dropError, httpErrorCode } from "./http-imports"

@final
export class HttpError {
  constructor(
    /** A case of `error-code` of wasi:http/types: `connection-refused`. */
    readonly code: string,
    readonly message: string,
  ) {}
}

// @ts-ignore: decorator
@lazy
const codes: StaticArray<string> = [
  "DNS-timeout",
  "DNS-error",
  "destination-not-found",
  "destination-unavailable",
  "destination-IP-prohibited",
  "destination-IP-unroutable",
  "connection-refused",
  "connection-terminated",
  "connection-timeout",
  "connection-read-timeout",
  "connection-write-timeout",
  "connection-limit-reached",
  "TLS-protocol-error",
  "TLS-certificate-error",
  "TLS-alert-received",
  "HTTP-request-denied",
  "HTTP-request-length-required",
  "HTTP-request-body-size",
  "HTTP-request-method-invalid",
  "HTTP-request-URI-invalid",
  "HTTP-request-URI-too-long",
  "HTTP-request-header-section-size",
  "HTTP-request-header-size",
  "HTTP-request-trailer-section-size",
  "HTTP-request-trailer-size",
  "HTTP-response-incomplete",
  "HTTP-response-header-section-size",
  "HTTP-response-header-size",
  "HTTP-response-body-size",
  "HTTP-response-trailer-section-size",
  "HTTP-response-trailer-size",
  "HTTP-response-transfer-coding",
  "HTTP-response-content-coding",
  "HTTP-response-timeout",
  "HTTP-upgrade-failed",
  "HTTP-protocol-error",
  "loop-detected",
  "configuration-error",
  "internal-error",
]
const internalError: u8 = 38

/** Room for option<error-code>. */
const result: usize = memory.data(40, 8)

/** Of an `error-code` in memory; `about` says what failed. */
export function errorAt(at: usize, about: string): HttpError {
  const index = load<u8>(at)
  const code = <i32>index < codes.length ? codes[index] : "internal-error"
  const detail =
    index == internalError && load<u8>(at, 8) != 0
      ? ": " + String.UTF8.decodeUnsafe(load<usize>(at, 12), load<usize>(at, 16))
      : ""
  return new HttpError(code, about + ": " + code + detail)
}

/** Of a `stream-error` in memory: null if the stream is closed, which is no failure by itself. */
export function streamErrorAt(at: usize, about: string): HttpError | null {
  if (load<u8>(at) != 0) return null
  const error = load<i32>(at, 4)
  httpErrorCode(error, result)
  dropError(error)
  if (load<u8>(result) == 0) return new HttpError("internal-error", about + ": internal-error")
  return errorAt(result + 8, about)
}
