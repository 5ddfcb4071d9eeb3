/** What the host's errors are as `error-code`. */
import type { BodyError } from '../../http/body.ts'
import type { EgressError } from '../../http/egress.ts'
import type { ErrorCode } from './error-code.ts'

/** An outgoing request that failed. */
export function codeOfEgress({ code, message }: EgressError): ErrorCode {
  switch (code) {
    case 'DNS-error':
      return { tag: code, val: { rcode: undefined, 'info-code': undefined } }
    case 'internal-error':
      return { tag: code, val: message }
    case 'HTTP-request-body-size':
    case 'HTTP-response-body-size':
      return { tag: code, val: undefined }
    case 'HTTP-request-header-section-size':
    case 'HTTP-response-header-section-size':
      return { tag: code, val: undefined }
    default:
      return { tag: code }
  }
}

/** A body that the guest reads, of the request it answers or of the response it asked for. */
export function codeOfIncoming(of: 'request' | 'response'): (error: BodyError) => ErrorCode {
  return ({ kind }) => {
    if (kind === 'too-large') return { tag: `HTTP-${of}-body-size`, val: undefined }
    if (kind === 'timeout') return { tag: 'connection-read-timeout' }
    if (kind === 'protocol') return { tag: 'HTTP-protocol-error' }
    return { tag: of === 'response' ? 'HTTP-response-incomplete' : 'connection-terminated' }
  }
}

/** A body that the guest writes. */
export function codeOfOutgoing(of: 'request' | 'response', { kind }: BodyError): ErrorCode {
  if (kind === 'too-large') return { tag: `HTTP-${of}-body-size`, val: undefined }
  if (kind === 'timeout') return { tag: 'connection-write-timeout' }
  if (kind === 'protocol') return { tag: 'HTTP-protocol-error' }
  return { tag: 'connection-terminated' }
}
