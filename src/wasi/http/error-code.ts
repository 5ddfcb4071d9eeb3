/** wasi:http/types `error-code`, as values. */

export interface DnsErrorPayload {
  rcode: string | undefined
  'info-code': number | undefined
}

export interface TlsAlertReceivedPayload {
  'alert-id': number | undefined
  'alert-message': string | undefined
}

export interface FieldSizePayload {
  'field-name': string | undefined
  'field-size': number | undefined
}

/** The cases that have a payload. */
export interface ErrorPayloads {
  'DNS-error': DnsErrorPayload
  'TLS-alert-received': TlsAlertReceivedPayload
  'HTTP-request-body-size': bigint | undefined
  'HTTP-request-header-section-size': number | undefined
  'HTTP-request-header-size': FieldSizePayload | undefined
  'HTTP-request-trailer-section-size': number | undefined
  'HTTP-request-trailer-size': FieldSizePayload
  'HTTP-response-header-section-size': number | undefined
  'HTTP-response-header-size': FieldSizePayload
  'HTTP-response-body-size': bigint | undefined
  'HTTP-response-trailer-section-size': number | undefined
  'HTTP-response-trailer-size': FieldSizePayload
  'HTTP-response-transfer-coding': string | undefined
  'HTTP-response-content-coding': string | undefined
  'internal-error': string | undefined
}

export type PlainErrorTag =
  | 'DNS-timeout'
  | 'destination-not-found'
  | 'destination-unavailable'
  | 'destination-IP-prohibited'
  | 'destination-IP-unroutable'
  | 'connection-refused'
  | 'connection-terminated'
  | 'connection-timeout'
  | 'connection-read-timeout'
  | 'connection-write-timeout'
  | 'connection-limit-reached'
  | 'TLS-protocol-error'
  | 'TLS-certificate-error'
  | 'HTTP-request-denied'
  | 'HTTP-request-length-required'
  | 'HTTP-request-method-invalid'
  | 'HTTP-request-URI-invalid'
  | 'HTTP-request-URI-too-long'
  | 'HTTP-response-incomplete'
  | 'HTTP-response-timeout'
  | 'HTTP-upgrade-failed'
  | 'HTTP-protocol-error'
  | 'loop-detected'
  | 'configuration-error'

export type ErrorCode =
  | { readonly tag: PlainErrorTag }
  | { [T in keyof ErrorPayloads]: { readonly tag: T; readonly val: ErrorPayloads[T] } }[keyof ErrorPayloads]
