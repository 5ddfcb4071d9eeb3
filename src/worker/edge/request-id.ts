import type { IncomingHttpHeaders } from 'node:http'

/** The client's own id of a request, if it is a token (RFC 9110, section 5.6.2) of at most 128 characters. */
export function clientRequestId(headers: IncomingHttpHeaders): string | undefined {
  const id = headers['x-request-id']
  return typeof id === 'string' && /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/.test(id) ? id : undefined
}
