/**
 * What a request's head has to be beyond what Node's parser asks for: RFC 9112 leaves no way to read a request in two
 * ways only if all of this holds. On the path of every request: see docs/http-edge.md for what it costs.
 */
import { METHODS, type IncomingMessage } from 'node:http'
import type { Limits } from '../../config.ts'
import { isAuthority } from './authority.ts'
import type { Fault } from './fault.ts'

/** Why the request is refused; undefined: it is not. Its target is in origin form from then on, and it has one Host. */
export type HeadRules = (incoming: IncomingMessage) => Fault | undefined

export type HeadLimits = Pick<Limits, 'targetBytes' | 'headerFields'>

/** Those of RTSP, which Node's parser takes too, are in no list of Node's; these two are. */
const methods = new Set(METHODS.filter((method) => method !== 'CONNECT' && method !== 'TRACE'))

const bad = (message: string): Fault => ({ status: 400, message })

/** `isTrusted`: whether a proxy sent it that may have had it over TLS. */
export function createHeadRules(limits: HeadLimits, isTrusted: (incoming: IncomingMessage) => boolean): HeadRules {
  /** The same for most requests, so that the pattern is seldom asked. */
  let lastHost: string | undefined

  const hostFault = (incoming: IncomingMessage): Fault | undefined => {
    const { rawHeaders, headers } = incoming
    let hosts = 0
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const name = rawHeaders[at]
      // The ways it is nearly always written: to change its case costs more than all else here.
      if (name?.length === 4 && (name === 'Host' || name === 'host' || name.toLowerCase() === 'host')) hosts++
    }
    if (hosts > 1) return bad('A request has one Host header field; this one has more.')
    if (hosts === 0) {
      if (incoming.httpVersionMinor !== 0) return bad('An HTTP/1.1 request has a Host header field; this one has none.')
      setHost(incoming, localAuthority(incoming))
      return undefined
    }
    const { host = '' } = headers
    if (host === lastHost) return undefined
    if (!isAuthority(host)) return bad('The Host header field is no host name or address, with or without a port.')
    lastHost = host
    return undefined
  }

  return (incoming) => {
    const { url = '', method = '', headers } = incoming
    if (incoming.httpVersionMajor !== 1)
      return { status: 505, message: `HTTP/${incoming.httpVersion} is not spoken here; HTTP/1.1 is.` }
    if (!methods.has(method)) return { status: 501, message: `The method ${method} is not implemented.` }
    if (url.length > limits.targetBytes)
      return { status: 414, message: `The request's target is over limits.targetBytes, ${limits.targetBytes} bytes.` }
    if (incoming.rawHeaders.length > 2 * limits.headerFields) {
      const message = `The request has more header fields than limits.headerFields, ${limits.headerFields}.`
      return { status: 431, message }
    }
    if (headers['transfer-encoding'] !== undefined) {
      const fault = codingFault(incoming)
      if (fault !== undefined) return fault
    }
    const fault = hostFault(incoming)
    if (fault !== undefined) return fault
    if (url.includes('#')) return bad("A request's target has no fragment.")
    return url.charCodeAt(0) === 47 /* slash */ ? undefined : targetFault(incoming, isTrusted)
  }
}

/** Of a request with Transfer-Encoding. */
function codingFault({ headers, httpVersionMinor }: IncomingMessage): Fault | undefined {
  const codings = headers['transfer-encoding']?.toLowerCase()
  if (httpVersionMinor === 0) return bad('An HTTP/1.0 request has no Transfer-Encoding.')
  if (headers['content-length'] !== undefined)
    return bad('A request has either Content-Length or Transfer-Encoding; this one has both.')
  if (codings === 'chunked') return undefined
  if (codings !== undefined && /^[!#$%&'*+.^_`|~\w-]+(\s*,\s*[!#$%&'*+.^_`|~\w-]+)*\s*,\s*chunked$/.test(codings))
    return { status: 501, message: 'Of transfer codings only chunked is implemented, alone.' }
  return bad('The Transfer-Encoding header field is malformed.')
}

/** Of a target in another form than `/path?query`. RFC 9112, section 3.2: in absolute form it counts instead of Host. */
function targetFault(incoming: IncomingMessage, isTrusted: (incoming: IncomingMessage) => boolean): Fault | undefined {
  const { url = '', method } = incoming
  if (url === '*')
    return method === 'OPTIONS' ? undefined : bad('The target * is for OPTIONS only; others have a path.')
  const absolute = /^(https?):\/\/([^/?]*)(.*)$/i.exec(url)
  if (absolute === null) return bad("The request's target is neither a path nor an http URI.")
  const [, scheme = '', authority = '', rest = ''] = absolute
  if (!isAuthority(authority)) return bad("The host in the request's target is malformed.")
  if (scheme.toLowerCase() === 'https' && !isTrusted(incoming))
    return { status: 421, message: 'The target is an https URI, and the connection is not secured.' }
  setHost(incoming, authority)
  if (rest === '') incoming.url = method === 'OPTIONS' ? '*' : '/'
  else incoming.url = rest.startsWith('/') ? rest : `/${rest}`
  return undefined
}

/** In both readings of its headers, so that nobody after this finds another host. */
function setHost(incoming: IncomingMessage, authority: string): void {
  const { rawHeaders, headers } = incoming
  const at = rawHeaders.findIndex((name, at) => at % 2 === 0 && name.toLowerCase() === 'host')
  if (at === -1) rawHeaders.push('Host', authority)
  else rawHeaders[at + 1] = authority
  headers.host = authority
}

/** RFC 9112, section 3.3: who names no host means the one that he reached. */
function localAuthority({ socket }: IncomingMessage): string {
  const { localAddress, localPort } = socket
  if (localAddress === undefined) return 'localhost'
  return `${localAddress.includes(':') ? `[${localAddress}]` : localAddress}:${localPort}`
}
