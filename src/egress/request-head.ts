/** What a guest asks for, checked and in the form in which it goes out. */
import { EgressError } from '../http/egress.ts'
import type { EgressErrorCode } from '../http/egress.ts'
import type { HeaderList, HttpRequestHead } from '../http/message.ts'
import { defaultPorts } from './destination.ts'
import type { Destination } from './destination.ts'
import { formatHost, parseHost, parsePort, splitPort } from './host.ts'

export interface CheckedRequest {
  method: string
  destination: Destination
  path: string
  /** `host` first; without those that the connection has to itself. */
  headers: HeaderList
  /** Bytes; undefined: the guest does not say. */
  contentLength: number | undefined
}

/** Of one connection, not of the message: the host's to set. Those of wasi:http's forbidden ones among them. */
const ofTheConnection = new Set([
  'connection',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
])

/** Field names and methods, RFC 9110 5.6.2. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** RFC 9110 5.5, with the bytes above ASCII; no line ends, no NUL. */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/

/** Errors: EgressError */
export function checkRequest(request: HttpRequestHead, hasBody: boolean, headerBytes: number): CheckedRequest {
  const { method, scheme, authority } = request
  if (!token.test(method) || method !== method.toUpperCase() || method === 'CONNECT') {
    throw refused('HTTP-request-method-invalid', `the method ${quote(method)} is not one that can be sent`)
  }
  if (scheme !== 'http' && scheme !== 'https') {
    throw refused('HTTP-request-URI-invalid', `the scheme ${quote(scheme)} is neither http nor https`)
  }
  const destination = { scheme, ...parseAuthority(authority, defaultPorts[scheme]) }
  const path = request.pathWithQuery.startsWith('?') ? `/${request.pathWithQuery}` : request.pathWithQuery || '/'
  if (!/^\/[\x21\x22\x24-\x7e]*$/.test(path) && !(path === '*' && method === 'OPTIONS')) {
    throw refused('HTTP-request-URI-invalid', `the path ${quote(path)} has characters that cannot be sent`)
  }
  const host: readonly [string, string] = ['host', hostField(destination)]
  const headers = [host, ...endToEnd(checkFields(request.headers))]
  const size = method.length + path.length + headersSize(headers)
  if (size > headerBytes) {
    throw refused(
      'HTTP-request-header-section-size',
      `the request's header section has ${size} bytes; ${headerBytes} are allowed (egressHeaderBytes)`,
    )
  }
  const contentLength = hasBody ? readContentLength(headers) : 0
  return { method, destination, path, headers: headers.filter(([name]) => !isLength(name)), contentLength }
}

/** Those trailers that can be sent: what frames or routes a message is not to come after it (RFC 9110 6.5.1). */
export function checkTrailers(trailers: HeaderList, headerBytes: number): HeaderList {
  const sent = endToEnd(checkFields(trailers)).filter(([name]) => !isLength(name) && name.toLowerCase() !== 'trailer')
  if (headersSize(sent) > headerBytes) {
    throw refused(
      'HTTP-request-header-section-size',
      `the request's trailers have ${headersSize(sent)} bytes; ${headerBytes} are allowed (egressHeaderBytes)`,
    )
  }
  return sent
}

/** Errors: EgressError for what is no field. */
function checkFields(headers: HeaderList): HeaderList {
  for (const [name, value] of headers) {
    if (!token.test(name)) throw refused('HTTP-protocol-error', `the header name ${quote(name)} is not one`)
    if (!fieldValue.test(value)) throw refused('HTTP-protocol-error', `the value of the header ${name} is not one`)
  }
  return headers
}

/** Without what is the connection's, and what its `connection` field names. */
export function endToEnd(headers: HeaderList): HeaderList {
  const named = new Set<string>()
  for (const [name, value] of headers) {
    if (name.toLowerCase() !== 'connection') continue
    for (const option of value.split(',')) named.add(option.trim().toLowerCase())
  }
  return headers.filter(([name]) => {
    const lower = name.toLowerCase()
    // What frames the message is not up to a `connection` field.
    return !ofTheConnection.has(lower) && (isLength(lower) || !named.has(lower))
  })
}

/** As they are on the wire. */
export function headersSize(headers: HeaderList): number {
  return headers.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0)
}

function parseAuthority(authority: string, defaultPort: number): { host: Destination['host']; port: number } {
  if (authority.includes('@')) {
    throw refused('HTTP-request-URI-invalid', 'the authority holds user information, which is not sent: use a header')
  }
  const split = splitPort(authority)
  const host = split === undefined ? undefined : parseHost(split.host)
  if (split === undefined || host === undefined) {
    throw refused('HTTP-request-URI-invalid', `the authority ${quote(authority)} is no host[:port]`)
  }
  const port = split.port === undefined ? defaultPort : parsePort(split.port)
  if (port === undefined) {
    throw refused('HTTP-request-URI-invalid', `the port of ${quote(authority)} is not 1 to 65535`)
  }
  return { host, port }
}

function hostField({ scheme, host, port }: Destination): string {
  return port === defaultPorts[scheme] ? formatHost(host) : `${formatHost(host)}:${port}`
}

function isLength(name: string): boolean {
  return name.toLowerCase() === 'content-length'
}

/** Said twice the same is said once; anything else could be read in two ways, by us and by the server. */
function readContentLength(headers: HeaderList): number | undefined {
  const values = new Set(headers.filter(([name]) => isLength(name)).map(([, value]) => value))
  const [value] = values
  if (value === undefined) return undefined
  if (values.size > 1 || !/^\d{1,15}$/.test(value)) {
    throw refused(
      'HTTP-protocol-error',
      `the content-length ${quote([...values].join(', '))} is not one number of bytes`,
    )
  }
  return Number(value)
}

function refused(code: EgressErrorCode, message: string): EgressError {
  return new EgressError(code, `${message}.`)
}

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}
