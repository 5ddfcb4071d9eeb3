/** What goes into node:http and what comes out of it. */
import { request as startRequest } from 'node:http'
import type { ClientRequest } from 'node:http'
import { EgressError } from '../http/egress.ts'
import type { HeaderList } from '../http/message.ts'
import type { PinnedOptions } from './connections.ts'
import type { RequestBody } from './request-body.ts'
import { headersSize } from './request-head.ts'
import type { CheckedRequest } from './request-head.ts'

/** Methods that say nothing of a body when they have none (RFC 9110 8.6). */
const bodiless = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'])

/** A body that is whole already has a length, whether the guest said it or not; `chunked`: trailers can follow. */
export function wireHeaders(
  { headers, contentLength, method }: CheckedRequest,
  { ended, written }: Pick<RequestBody, 'ended' | 'written'>,
): { flat: string[]; chunked: boolean } {
  if (contentLength === undefined && ended?.length !== 0) {
    return { flat: [...headers.flat(), 'transfer-encoding', 'chunked'], chunked: true }
  }
  const length = contentLength ?? written
  const framing = length === 0 && bodiless.has(method) ? [] : ['content-length', String(length)]
  return { flat: [...headers.filter(([name]) => name.toLowerCase() !== 'trailer').flat(), ...framing], chunked: false }
}

/** @param headerBytes names and values in the header section of the response, as node:http counts them: without the rest */
export function openRequest(options: PinnedOptions, headerBytes: number): ClientRequest {
  const request = startRequest({ ...options, maxHeaderSize: headerBytes, insecureHTTPParser: false })
  // Bounded by their bytes; node:http would drop those beyond a count without a word.
  request.maxHeadersCount = 0
  return request
}

/** The header section of a response, or its trailers, as on the wire: many short fields are more than their names and values. */
export function sectionTooLarge(fields: HeaderList, what: string, most: number): EgressError | undefined {
  if (headersSize(fields) <= most) return undefined
  return new EgressError(
    'HTTP-response-header-section-size',
    `${what} has more than ${most} bytes (egressHeaderBytes).`,
  )
}

/** Of node:http's flat list. */
export function pairs(flat: readonly string[]): HeaderList {
  const found: [string, string][] = []
  for (let at = 0; at + 1 < flat.length; at += 2) found.push([flat[at] ?? '', flat[at + 1] ?? ''])
  return found
}
