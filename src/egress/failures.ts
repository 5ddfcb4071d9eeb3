/** What goes wrong with a connection, in wasi:http's words. Node's own messages name addresses: they are not passed on. */
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { BodyError } from '../http/body.ts'
import { EgressError } from '../http/egress.ts'
import type { EgressErrorCode } from '../http/egress.ts'

/** How far an exchange had come. */
export type Stage = 'connecting' | 'sending' | 'reading-head' | 'reading-body'

const byCode: Record<string, readonly [EgressErrorCode, string]> = {
  ECONNREFUSED: ['connection-refused', 'the connection was refused'],
  EHOSTUNREACH: ['destination-unavailable', 'the host cannot be reached'],
  ENETUNREACH: ['destination-unavailable', 'the network cannot be reached'],
  EHOSTDOWN: ['destination-unavailable', 'the host is down'],
  ENETDOWN: ['destination-unavailable', 'the network is down'],
  EADDRNOTAVAIL: ['destination-unavailable', 'the host cannot be reached'],
  EACCES: ['destination-unavailable', 'the host does not allow the connection'],
  EPERM: ['destination-unavailable', 'the host does not allow the connection'],
  EMFILE: ['connection-limit-reached', 'the worker has no more sockets'],
  ENFILE: ['connection-limit-reached', 'the host has no more sockets'],
  HPE_HEADER_OVERFLOW: [
    'HTTP-response-header-section-size',
    'the header section of the response is too large (egressHeaderBytes)',
  ],
}

const ends = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED'])

/** `where`: the destination as the guest wrote it. `socket`: the connection's, if there is one. */
export function toEgressError(error: unknown, where: string, stage: Stage, socket: Socket | undefined): EgressError {
  if (error instanceof EgressError) return error
  const [code, what] = classify(codeOf(error), stage, socket)
  return new EgressError(code, `${where}: ${what}.`, { cause: error })
}

function classify(code: string, stage: Stage, socket: Socket | undefined): readonly [EgressErrorCode, string] {
  // Node says why a certificate was not taken in some thirty codes, and with all of them here.
  if (socket instanceof TLSSocket && socket.authorizationError)
    return ['TLS-certificate-error', `its certificate was not accepted (${code})`]
  const known = byCode[code]
  if (known !== undefined) return known
  if (code === 'ETIMEDOUT') {
    return stage === 'connecting'
      ? ['connection-timeout', 'the connection timed out']
      : ['connection-read-timeout', 'the connection timed out']
  }
  if (ends.has(code)) {
    return stage === 'reading-head' || stage === 'reading-body'
      ? ['HTTP-response-incomplete', 'the connection ended before the response did']
      : ['connection-terminated', 'the connection ended before there was a response']
  }
  if (code.startsWith('HPE_')) return ['HTTP-protocol-error', `the response is not HTTP/1.1 (${code})`]
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) {
    return ['TLS-protocol-error', `TLS could not be agreed on (${code})`]
  }
  return ['internal-error', 'the request failed']
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** For a body that was under way when the exchange failed. */
export function toBodyError(error: EgressError): BodyError {
  return new BodyError(kindOf(error.code), error.message, { cause: error })
}

function kindOf(code: EgressErrorCode): BodyError['kind'] {
  switch (code) {
    case 'HTTP-request-body-size':
    case 'HTTP-response-body-size':
      return 'too-large'
    case 'DNS-timeout':
    case 'connection-timeout':
    case 'connection-read-timeout':
    case 'connection-write-timeout':
    case 'HTTP-response-timeout':
      return 'timeout'
    case 'HTTP-protocol-error':
    case 'HTTP-response-header-section-size':
      return 'protocol'
    default:
      return 'aborted'
  }
}

/** For the response, when it was the request's body that failed. */
export function ofRequestBody(error: BodyError, where: string): EgressError {
  const codes: Record<BodyError['kind'], EgressErrorCode> = {
    aborted: 'connection-terminated',
    'too-large': 'HTTP-request-body-size',
    timeout: 'connection-write-timeout',
    // Longer or shorter than declared.
    protocol: 'HTTP-request-body-size',
  }
  return new EgressError(codes[error.kind], `${where}: ${error.message}.`, { cause: error })
}
