/** Cross-origin rules of a function URL (the Fetch standard's CORS protocol). The function's own headers give way to them. */
import type { IncomingMessage } from 'node:http'
import type { FunctionUrlCors } from '../../functions/collaborators.ts'

/** A preflight: answered without the function, whose URL has rules. */
export function isPreflight({ method, headers }: IncomingMessage): boolean {
  return method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined
}

/** Names and values in turn; none for an origin that is not allowed. */
export function corsHeaders(cors: FunctionUrlCors, incoming: IncomingMessage): string[] {
  const { origin } = incoming.headers
  const { allowOrigins = [], allowMethods = [], allowHeaders = [], exposeHeaders = [], allowCredentials = false } = cors
  if (origin === undefined) return []
  const anybody = allowOrigins.includes('*')
  if (!anybody && !allowOrigins.some((allowed) => allowed.toLowerCase() === origin.toLowerCase())) return []
  // With credentials, browsers take no wildcard: the origin is named.
  const headers = ['access-control-allow-origin', anybody && !allowCredentials ? '*' : origin]
  if (!anybody || allowCredentials) headers.push('vary', 'Origin')
  if (allowCredentials) headers.push('access-control-allow-credentials', 'true')
  if (!isPreflight(incoming)) {
    if (exposeHeaders.length > 0) headers.push('access-control-expose-headers', exposeHeaders.join(','))
    return headers
  }
  if (allowMethods.length > 0) headers.push('access-control-allow-methods', allowMethods.join(','))
  if (allowHeaders.length > 0) headers.push('access-control-allow-headers', allowHeaders.join(','))
  if (cors.maxAgeSeconds !== undefined) headers.push('access-control-max-age', String(cors.maxAgeSeconds))
  return headers
}

/** The function's headers without those that the rules are about. */
export function withoutCors(headers: readonly string[]): string[] {
  const kept: string[] = []
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] ?? ''
    if (!name.toLowerCase().startsWith('access-control-')) kept.push(name, headers[at + 1] ?? '')
  }
  return kept
}
