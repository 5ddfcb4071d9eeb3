/** The host of a destination, in one canonical spelling whatever way it was written. */
import { parseAddress } from './addresses.ts'
import type { Address } from './addresses.ts'

export type Host =
  /** Lower case, in ASCII (IDNA), without the dot of the root. */
  { kind: 'name'; name: string } | { kind: 'address'; address: Address }

/**
 * Characters that the URL parser would drop, decode or take for another part of the URL: with them, what is checked and
 * what a reader sees would differ.
 */
// oxlint-disable-next-line no-control-regex
const notInHosts = /[\u0000-\u0020\u007f%/\\?#@<>^|"`{}]/

const name = /^(?!.{254})(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

/**
 * As WHATWG URL reads it: names to lower case and through IDNA, IPv4 addresses in any of their notations (`0x7f.1`,
 * `2130706433`), IPv6 in brackets.
 * @returns undefined: it is neither a name nor an address
 */
export function parseHost(text: string): Host | undefined {
  if (text === '' || notInHosts.test(text)) return undefined
  const bracketed = text.startsWith('[')
  if (!bracketed && text.includes(':')) return undefined
  const read = URL.parse(`http://${text}/`)
  if (read === null || read.port !== '') return undefined
  const { hostname } = read
  const address = parseAddress(bracketed ? hostname.slice(1, -1) : hostname)
  if (address !== undefined) return { kind: 'address', address }
  const withoutRoot = hostname.endsWith('.') ? hostname.slice(0, -1) : hostname
  return !bracketed && name.test(withoutRoot) ? { kind: 'name', name: withoutRoot } : undefined
}

/** As in a URL: IPv6 in brackets. */
export function formatHost(host: Host): string {
  return host.kind === 'name' ? host.name : formatAddress(host.address)
}

export function formatAddress(address: Address): string {
  return address.family === 6 ? `[${address.text}]` : address.text
}

/** `example.com:443` into its host and port; the port is digits or nothing. Undefined: it has no such form. */
export function splitPort(text: string): { host: string; port: string | undefined } | undefined {
  const match = /^(\[[^\]]*\]|[^:[\]]*)(?::([^:]*))?$/s.exec(text)
  return match === null ? undefined : { host: match[1] ?? '', port: match[2] }
}

/** 1 to 65535 in decimal without leading zeros. */
export function parsePort(text: string): number | undefined {
  if (!/^[1-9]\d{0,4}$/.test(text)) return undefined
  const port = Number(text)
  return port <= 65_535 ? port : undefined
}
