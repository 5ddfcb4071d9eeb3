/** What Node's parser and its timer say of a connection, as an answer. */
import type { Limits } from '../../config.ts'
import type { Fault } from './fault.ts'

/** As 'clientError' gives it. `reason` is llhttp's text; `rawPacket` the bytes it was given, of which it took `bytesParsed`. */
export interface ClientError extends Error {
  code?: string
  reason?: string
  rawPacket?: Buffer
  bytesParsed?: number
}

export type ParserLimits = Pick<Limits, 'headerSectionBytes' | 'headersMs'>

const tokenThenSpace = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ /

/** Undefined: there is nobody to answer, or nothing that needs one. */
export function parserFault(error: ClientError, limits: ParserLimits): Fault | undefined {
  switch (error.code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return {
        status: 408,
        message: `The request's head was not there within limits.headersMs, ${limits.headersMs} ms.`,
      }
    case 'HPE_HEADER_OVERFLOW': {
      const limit = `limits.headerSectionBytes, ${limits.headerSectionBytes} bytes`
      return tokenThenSpace.test(lastLine(error))
        ? { status: 414, message: `The request line is over ${limit}.` }
        : { status: 431, message: `Request line and header fields, or trailer fields, are over ${limit}, or 1,000.` }
    }
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return { status: 413, message: 'The chunk extensions are over 16384 bytes.' }
    case 'HPE_PAUSED_H2_UPGRADE':
      return { status: 505, message: 'HTTP/2 is not spoken here; HTTP/1.1 is.' }
    case 'HPE_INVALID_VERSION':
      return error.reason === 'Invalid HTTP version'
        ? { status: 505, message: 'The version of HTTP is not spoken here; HTTP/1.1 is.' }
        : malformed(error)
    case 'HPE_INVALID_METHOD':
      return tokenThenSpace.test(lastLine(error))
        ? { status: 501, message: 'The method is not implemented; methods are in upper case.' }
        : malformed(error)
    case 'HPE_INVALID_EOF_STATE':
      return { status: 400, message: 'The connection ended before the request did.' }
    // What follows a request that said to be the last is not read: RFC 9112, section 9.6.
    case 'HPE_CLOSED_CONNECTION':
      return undefined
    default:
      return error.code?.startsWith('HPE_') === true ? malformed(error) : undefined
  }
}

function malformed({ reason }: ClientError): Fault {
  return { status: 400, message: `The request is malformed: ${reason ?? 'it cannot be parsed'}.` }
}

/** The start of the line in which the parser ended, as far as that came in one piece. */
function lastLine({ rawPacket, bytesParsed = 0 }: ClientError): string {
  if (rawPacket === undefined) return ''
  const start = bytesParsed === 0 ? 0 : rawPacket.lastIndexOf(10, bytesParsed - 1) + 1
  return rawPacket.toString('latin1', start, start + 64)
}
