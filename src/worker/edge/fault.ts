/**
 * A request that the edge refuses before anything is done with it: answered in the form that the worker's other errors
 * have, and the connection ends, as it cannot be known where the next request on it would begin.
 */
import { STATUS_CODES, type ServerResponse } from 'node:http'

const exceptions = {
  400: 'BadRequestException',
  408: 'RequestTimeoutException',
  413: 'RequestTooLargeException',
  414: 'RequestUriTooLongException',
  417: 'ExpectationFailedException',
  421: 'MisdirectedRequestException',
  431: 'RequestHeaderFieldsTooLargeException',
  501: 'NotImplementedException',
  503: 'ServiceUnavailableException',
  505: 'HttpVersionNotSupportedException',
} as const

export interface Fault {
  status: keyof typeof exceptions
  /** Names the rule or the limit. */
  message: string
}

interface FaultParts {
  body: string
  /** Names and values in turn. */
  headers: string[]
}

function partsOf({ status, message }: Fault): FaultParts {
  const body = JSON.stringify({ Type: status < 500 ? 'User' : 'Service', message })
  const headers = [
    'content-type',
    'application/json',
    'x-amzn-errortype',
    exceptions[status],
    'content-length',
    String(Buffer.byteLength(body)),
    'connection',
    'close',
  ]
  return { body, headers }
}

/** To a request that Node made a response for, which keeps the order of responses. Nothing of it may have been sent. */
export function answerFault(outgoing: ServerResponse, fault: Fault): void {
  const { body, headers } = partsOf(fault)
  outgoing.shouldKeepAlive = false
  outgoing.writeHead(fault.status, headers)
  outgoing.end(body)
}

/** The whole response, as it goes over a connection on which none is under way. */
export function faultMessage(fault: Fault): string {
  const { body, headers } = partsOf(fault)
  let head = `HTTP/1.1 ${fault.status} ${STATUS_CODES[fault.status]}\r\ndate: ${new Date().toUTCString()}\r\n`
  for (let at = 0; at < headers.length; at += 2) head += `${headers[at]}: ${headers[at + 1]}\r\n`
  return `${head}\r\n${body}`
}
