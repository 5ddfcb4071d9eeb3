/** The types of wasi:http/types, in the order of its WIT (0.2.0 to 0.2.12). */
import { countedBytes, list } from '../abi/lists.ts'
import { record, tuple } from '../abi/records.ts'
import { u8, u16, u32, u64 } from '../abi/scalars.ts'
import { string } from '../abi/strings.ts'
import { enumeration, option, result, variant } from '../abi/variants.ts'
import type { DnsErrorPayload, ErrorCode, FieldSizePayload, TlsAlertReceivedPayload } from './error-code.ts'
import type { HeaderError } from './field-map.ts'
import type { Method, Scheme } from './message-types.ts'

export const method = variant<Method>({
  get: null,
  head: null,
  post: null,
  put: null,
  delete: null,
  connect: null,
  options: null,
  trace: null,
  patch: null,
  other: string,
})

export const scheme = variant<Scheme>({ HTTP: null, HTTPS: null, other: string })

const fieldSize = record<FieldSizePayload>({ 'field-name': option(string), 'field-size': option(u32) })

export const errorCode = variant<ErrorCode>({
  'DNS-timeout': null,
  'DNS-error': record<DnsErrorPayload>({ rcode: option(string), 'info-code': option(u16) }),
  'destination-not-found': null,
  'destination-unavailable': null,
  'destination-IP-prohibited': null,
  'destination-IP-unroutable': null,
  'connection-refused': null,
  'connection-terminated': null,
  'connection-timeout': null,
  'connection-read-timeout': null,
  'connection-write-timeout': null,
  'connection-limit-reached': null,
  'TLS-protocol-error': null,
  'TLS-certificate-error': null,
  'TLS-alert-received': record<TlsAlertReceivedPayload>({ 'alert-id': option(u8), 'alert-message': option(string) }),
  'HTTP-request-denied': null,
  'HTTP-request-length-required': null,
  'HTTP-request-body-size': option(u64),
  'HTTP-request-method-invalid': null,
  'HTTP-request-URI-invalid': null,
  'HTTP-request-URI-too-long': null,
  'HTTP-request-header-section-size': option(u32),
  'HTTP-request-header-size': option(fieldSize),
  'HTTP-request-trailer-section-size': option(u32),
  'HTTP-request-trailer-size': fieldSize,
  'HTTP-response-incomplete': null,
  'HTTP-response-header-section-size': option(u32),
  'HTTP-response-header-size': fieldSize,
  'HTTP-response-body-size': option(u64),
  'HTTP-response-trailer-section-size': option(u32),
  'HTTP-response-trailer-size': fieldSize,
  'HTTP-response-transfer-coding': option(string),
  'HTTP-response-content-coding': option(string),
  'HTTP-response-timeout': null,
  'HTTP-upgrade-failed': null,
  'HTTP-protocol-error': null,
  'loop-detected': null,
  'configuration-error': null,
  'internal-error': option(string),
})

/** A variant in the WIT; with no payloads it is laid out as an enum. */
export const headerError = enumeration<HeaderError>('invalid-syntax', 'forbidden', 'immutable')

export const fieldValue = countedBytes
export const fieldValues = list(fieldValue, 'httpFields')
export const fieldEntries = list(tuple<[string, Uint8Array]>([string, fieldValue]), 'httpFields')

export const headerResult = result<undefined, HeaderError>(undefined, headerError)
/** `result`: why it is an error is not said. */
export const bare = result()
