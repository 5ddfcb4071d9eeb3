/** What a request says of its own signature (SigV4), in the Authorization header or in the query. Nothing is checked yet. */
import { ThawError } from '../errors.ts'
import type { SignedRequest } from './request.ts'

export interface Claims {
  form: 'header' | 'presigned'
  accessKeyId: string
  /** The credential scope: `20260131`, the region, the service, `aws4_request`. */
  scope: { date: string; region: string; service: string; terminator: string }
  /** Lower-case names. */
  signedHeaders: readonly string[]
  /** 64 hexadecimal digits, if it is one. */
  signature: string
  /** `20260131T235959Z` */
  longDate: string
  signedAt: Date
  /** As sent; presigned only. */
  expires: string | undefined
  sessionToken: string | undefined
  /** The body's hash as the signer wrote it. */
  payloadHash: string | undefined
}

export const algorithm = 'AWS4-HMAC-SHA256'

/** Percent-decoded, in the order of the wire. */
export type QueryParameters = readonly (readonly [name: string, value: string])[]

/** Errors: `MissingAuthenticationToken`, `IncompleteSignature`. */
export function readClaims(request: SignedRequest, query: QueryParameters): Claims {
  const authorization = headerOf(request, 'authorization')
  const isPresigned = query.some(([name]) => name === 'X-Amz-Algorithm' || name === 'X-Amz-Signature')
  if (authorization === undefined && !isPresigned)
    throw new ThawError('MissingAuthenticationToken', 'Missing Authentication Token')
  if (authorization === undefined) return presignedClaims(request, query)
  if (isPresigned)
    throw incomplete('Only one way to authenticate is allowed: Authorization header or query parameters.')
  return headerClaims(request, authorization)
}

/** Repeated headers as RFC 9110 joins them. */
export function headerOf({ headers }: SignedRequest, name: string): string | undefined {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined
  return typeof value === 'string' || value === undefined ? value : value.join(', ')
}

function headerClaims(request: SignedRequest, authorization: string): Claims {
  const space = authorization.indexOf(' ')
  const named = space === -1 ? authorization : authorization.slice(0, space)
  // The rest of another scheme may be somebody's password: it is not shown.
  if (named !== algorithm) throw incomplete(`Unsupported AWS 'algorithm': '${named.slice(0, 32)}'.`)
  const parameters = new Map<string, string>()
  for (const pair of authorization.slice(space + 1).split(',')) {
    const [, name = '', value = ''] = /^\s*([A-Za-z]+)=(\S*)\s*$/.exec(pair) ?? []
    if (name === '' || parameters.has(name))
      throw incomplete('The Authorization header is no list of key=value pairs, each key once.')
    parameters.set(name, value)
  }
  const date = headerOf(request, 'x-amz-date')
  const missing = ['Credential', 'SignedHeaders', 'Signature']
    .filter((name) => (parameters.get(name) ?? '') === '')
    .map((name) => `Authorization header requires '${name}' parameter.`)
  if (date === undefined) missing.push("Authorization header requires existence of a 'X-Amz-Date' header.")
  if (missing.length > 0) throw incomplete(missing.join(' '))
  return {
    form: 'header',
    ...credentialOf(parameters.get('Credential') ?? ''),
    signedHeaders: (parameters.get('SignedHeaders') ?? '').split(';'),
    signature: parameters.get('Signature') ?? '',
    ...dateOf(date ?? ''),
    expires: undefined,
    sessionToken: headerOf(request, 'x-amz-security-token'),
    payloadHash: headerOf(request, 'x-amz-content-sha256'),
  }
}

function presignedClaims(request: SignedRequest, query: QueryParameters): Claims {
  const one = (name: string): string | undefined => {
    const values = query.filter((parameter) => parameter[0] === name)
    if (values.length > 1) throw incomplete(`AWS query-string parameters must include '${name}' once.`)
    return values[0]?.[1]
  }
  const needed = (name: string): string => {
    const value = one(name)
    if (value !== undefined && value !== '') return value
    throw incomplete(`AWS query-string parameters must include '${name}'. Re-examine the query-string parameters.`)
  }
  const named = needed('X-Amz-Algorithm')
  if (named !== algorithm) throw incomplete(`Unsupported AWS 'algorithm': '${named.slice(0, 32)}'.`)
  return {
    form: 'presigned',
    ...credentialOf(needed('X-Amz-Credential')),
    signedHeaders: needed('X-Amz-SignedHeaders').split(';'),
    signature: needed('X-Amz-Signature'),
    ...dateOf(needed('X-Amz-Date')),
    expires: needed('X-Amz-Expires'),
    sessionToken: one('X-Amz-Security-Token') ?? headerOf(request, 'x-amz-security-token'),
    payloadHash: one('X-Amz-Content-Sha256') ?? headerOf(request, 'x-amz-content-sha256'),
  }
}

function credentialOf(credential: string): Pick<Claims, 'accessKeyId' | 'scope'> {
  const [accessKeyId, date, region, service, terminator, ...more] = credential.split('/')
  if (
    accessKeyId === undefined ||
    date === undefined ||
    region === undefined ||
    service === undefined ||
    terminator === undefined ||
    more.length > 0
  )
    throw incomplete(
      `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${credential}'`,
    )
  return { accessKeyId, scope: { date, region, service, terminator } }
}

function dateOf(longDate: string): Pick<Claims, 'longDate' | 'signedAt'> {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(longDate)
  const [, year, month, day, hour, minute, second] = parts ?? []
  const signedAt = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  // A date such as February 30 would be read as another day's.
  if (parts === null || Number.isNaN(signedAt.getTime()) || formatLongDate(signedAt) !== longDate)
    throw incomplete(
      `Date must be in ISO-8601 'basic format'. Got '${longDate}'. See http://en.wikipedia.org/wiki/ISO_8601`,
    )
  return { longDate, signedAt }
}

/** ISO 8601's basic format, as in `X-Amz-Date`. */
export function formatLongDate(date: Date): string {
  return date.toISOString().replace(/\.\d{3}|[-:]/g, '')
}

function incomplete(message: string): ThawError {
  return new ThawError('IncompleteSignature', message)
}
