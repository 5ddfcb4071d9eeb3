/** Who sent a request, to which host and how, as far as it came through proxies that are believed. */
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import parseForwarded from 'forwarded-parse'
import ipaddr from 'ipaddr.js'
import type { Config } from '../../config.ts'
import { ThawError } from '../../errors.ts'
import { internalHeaders } from '../internal-headers.ts'
import { isAuthority } from './authority.ts'

export interface ClientView {
  /** The client's IP address; that of the nearest proxy that hides it; '' if the connection has none. */
  clientAddress: string
  scheme: 'http' | 'https'
  /** `host` or `host:port`. */
  host: string
  /** At which the client reached the server. */
  port: string
  /**
   * Through whom it says to have come, first the one who began it, then the peer. Only the part behind `clientAddress` is
   * certain.
   */
  forwardedFor: readonly string[]
  /** Whether what the peer says about it is believed. */
  isProxied: boolean
}

/** Errors: `Validation`, for a Forwarded of a trusted proxy that cannot be read. */
export type ClientOf = (incoming: IncomingMessage) => ClientView

type TrustConfig = Pick<Config, 'trustedProxies'>

/** What the proxies say, from the client to the peer. */
interface Claim {
  for: readonly string[]
  /** Of the hop that the client made; the same count from the right as `for`, or fewer. */
  proto: readonly string[]
  host: readonly string[]
  port: string | undefined
}

/** Whether a request comes from one of `trustedProxies`. */
export function createProxyTest(config: TrustConfig): (incoming: IncomingMessage) => boolean {
  const isTrusted = addressTest(config.trustedProxies)
  return (incoming) => isTrusted(peerOf(incoming))
}

export function createClientOf(config: TrustConfig): ClientOf {
  const isTrusted = addressTest(config.trustedProxies)
  return (incoming) => {
    const { headers, socket } = incoming
    const peer = peerOf(incoming)
    const { host = '' } = headers
    const direct = { scheme: 'http', host, port: String(socket.localPort ?? '') } as const
    if (!isTrusted(peer)) {
      const forwardedFor = [...listOf(headers['x-forwarded-for']), peer].filter(Boolean)
      return { ...direct, clientAddress: peer, forwardedFor, isProxied: false }
    }
    const claim = claimOf(incoming)
    let clientAddress = peer
    let hops = 0
    // From the right, as each proxy appends who it had it from: the first that is not believed is the client.
    for (const said of claim.for.toReversed()) {
      const address = addressIn(said)
      if (address === undefined) break
      clientAddress = address
      if (!isTrusted(address)) break
      hops++
    }
    const proto = atHop(claim.proto, hops)?.toLowerCase()
    const scheme = proto === 'https' || proto === 'http' ? proto : direct.scheme
    const claimedHost = atHop(claim.host, hops) ?? ''
    const believedHost = isAuthority(claimedHost) ? claimedHost : host
    const port = claim.port ?? /:(\d+)$/.exec(believedHost)?.[1] ?? (scheme === 'https' ? '443' : direct.port)
    const forwardedFor = [...claim.for, peer].filter(Boolean)
    return { clientAddress, scheme, host: believedHost, port, forwardedFor, isProxied: true }
  }
}

/**
 * X-Forwarded-For wins where both came, as proxies that set it hand on a client's Forwarded unread more often than the
 * other way round.
 */
function claimOf({ headers }: IncomingMessage): Claim {
  const { forwarded } = headers
  const claimedPort = listOf(headers['x-forwarded-port']).at(-1)
  if (forwarded === undefined || headers['x-forwarded-for'] !== undefined)
    return {
      for: listOf(headers['x-forwarded-for']),
      proto: listOf(headers['x-forwarded-proto']),
      host: listOf(headers['x-forwarded-host']),
      port: claimedPort !== undefined && /^\d{1,5}$/.test(claimedPort) ? claimedPort : undefined,
    }
  const elements = parsedForwarded(forwarded)
  return {
    for: elements.map((element) => element.for ?? 'unknown'),
    proto: elements.map(({ proto = '' }) => proto),
    host: elements.map(({ host = '' }) => host),
    port: undefined,
  }
}

/** Skipping it would make the proxy the client, whose address may be allowed more. */
function parsedForwarded(forwarded: string | string[]): Record<string, string>[] {
  try {
    return parseForwarded(String(forwarded))
  } catch {
    throw new ThawError('Validation', 'The Forwarded header field is malformed.')
  }
}

function listOf(value: string | string[] | undefined): string[] {
  if (value === undefined) return []
  return String(value)
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean)
}

/** What was said of the hop that the client made: proxies that add nothing leave a shorter list. */
function atHop(list: readonly string[], hops: number): string | undefined {
  return list[Math.max(0, list.length - 1 - hops)]
}

/** Of `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`. Undefined for names, `unknown` and the like. */
function addressIn(text: string): string | undefined {
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text
  return isIP(bare) === 0 ? undefined : plain(bare)
}

/** Who connected. By a Unix socket come only our own processes, which say whom they speak for. */
function peerOf({ socket, headers }: IncomingMessage): string {
  const address = socket.remoteAddress ?? headers[internalHeaders.peer]
  return typeof address === 'string' ? plain(address) : ''
}

/** An IPv4 address as such, also where a socket of both families took it. */
function plain(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

function addressTest(proxies: readonly string[]): (address: string) => boolean {
  if (proxies.length === 0) return () => false
  const texts = proxies.flatMap((text) => (text === 'loopback' ? ['127.0.0.0/8', '::1/128'] : [text]))
  const ranges = texts.map((text) => {
    if (text.includes('/')) return ipaddr.parseCIDR(text)
    const address = ipaddr.process(text)
    return [address, address.kind() === 'ipv4' ? 32 : 128] as [typeof address, number]
  })
  return (address) => {
    if (isIP(address) === 0) return false
    const parsed = ipaddr.process(address)
    return ranges.some(([range, bits]) => range.kind() === parsed.kind() && parsed.match(range, bits))
  }
}
