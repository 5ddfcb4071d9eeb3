/** A function's allow-list: where its guests may connect to. docs/egress.md has the grammar for its authors. */
import { egressListLimits } from '../config.ts'
import type { Limits } from '../config.ts'
import { ThawError } from '../errors.ts'
import { holds, networkAddress, parseAddress } from './addresses.ts'
import type { Address, Network } from './addresses.ts'
import { formatAddress, parseHost, parsePort, splitPort } from './host.ts'

export type HostPattern =
  /** `*`: whatever is public. */
  | { kind: 'any' }
  | { kind: 'name'; name: string }
  /** `*.example.com`: names below it, one label or more. */
  | { kind: 'below'; name: string }
  /** One address, or those of a CIDR. */
  | { kind: 'network'; network: Network }

export interface EgressRule {
  /** undefined: both of HTTP. */
  scheme: 'http' | 'https' | 'tcp' | undefined
  host: HostPattern
  /** undefined: the default of the request's scheme. */
  port: number | '*' | undefined
}

/** A parsed allow-list. Entries that say the same are there once, in the order of the list. */
export interface EgressRules {
  readonly http: readonly EgressRule[]
  /** Entries `tcp://host:port`. */
  readonly sockets: readonly EgressRule[]
}

const schemes = ['http', 'https', 'tcp'] as const

/** Errors: ThawError('InvalidParameterValue') that names the entry and what it breaks. */
export function parseAllowList(
  entries: readonly string[],
  limits: Pick<Limits, 'egressRules' | 'egressRuleBytes'> = egressListLimits,
): EgressRules {
  if (entries.length > limits.egressRules) {
    throw new ThawError(
      'InvalidParameterValue',
      `The egress allow-list has ${entries.length} entries; at most ${limits.egressRules} are allowed (egressRules).`,
    )
  }
  const byText = new Map<string, EgressRule>()
  for (const entry of entries) {
    if (Buffer.byteLength(entry) > limits.egressRuleBytes) {
      throw refused(entry, `it is longer than ${limits.egressRuleBytes} bytes (egressRuleBytes)`)
    }
    const rule = parseRule(entry)
    byText.set(describeRule(rule), rule)
  }
  const rules = [...byText.values()]
  return {
    http: rules.filter(({ scheme }) => scheme !== 'tcp'),
    sockets: rules.filter(({ scheme }) => scheme === 'tcp'),
  }
}

/** The rule in canonical form: parsed again, it gives the same. */
export function describeRule({ scheme, host, port }: EgressRule): string {
  return `${scheme === undefined ? '' : `${scheme}://`}${describeHost(host)}${port === undefined ? '' : `:${port}`}`
}

function describeHost(host: HostPattern): string {
  switch (host.kind) {
    case 'any':
      return '*'
    case 'name':
      return host.name
    case 'below':
      return `*.${host.name}`
    case 'network': {
      const { address, bits } = host.network
      const whole = bits === (address.family === 4 ? 32 : 128)
      return whole ? formatAddress(address) : `${formatAddress(address)}/${bits}`
    }
  }
}

function refused(entry: string, why: string): ThawError {
  const shown = entry.length > 80 ? `${entry.slice(0, 80)}…` : entry
  return new ThawError('InvalidParameterValue', `The egress allow-list's entry ${JSON.stringify(shown)}: ${why}.`)
}

function parseRule(entry: string): EgressRule {
  const [, written, rest = ''] = /^(?:([^:/[\]]*):\/\/)?(.*)$/s.exec(entry) ?? []
  const scheme = schemes.find((known) => known === written?.toLowerCase())
  if (written !== undefined && scheme === undefined) {
    throw refused(entry, 'its scheme is none of http, https and tcp')
  }
  const { host, port: portText } = splitHost(entry, rest)
  const port = portText === '*' ? '*' : portText === undefined ? undefined : parsePort(portText)
  if (portText !== undefined && port === undefined) throw refused(entry, 'its port is neither 1 to 65535 nor *')
  if (scheme === 'tcp' && port === undefined) throw refused(entry, 'tcp has no default port: name one, or *')
  const isDefault = (scheme === 'http' && port === 80) || (scheme === 'https' && port === 443)
  return { scheme, host: parsePattern(entry, host), port: isDefault ? undefined : port }
}

function splitHost(entry: string, text: string): { host: string; port: string | undefined } {
  const slash = text.indexOf('/')
  if (slash === -1) {
    const split = splitPort(text)
    if (split !== undefined) return split
    throw refused(entry, 'an entry is [scheme://]host[:port], with IPv6 addresses in brackets')
  }
  const [, bits, port] = /^(\d{1,3})(?::(.*))?$/s.exec(text.slice(slash + 1)) ?? []
  if (bits === undefined) throw refused(entry, 'an entry has no path: it is [scheme://]host[:port] or a CIDR')
  return { host: `${text.slice(0, slash)}/${bits}`, port }
}

function parsePattern(entry: string, text: string): HostPattern {
  if (text === '*') return { kind: 'any' }
  if (text.includes('/')) return { kind: 'network', network: parseCidr(entry, text) }
  const below = text.startsWith('*.')
  const host = parseHost(below ? text.slice(2) : text)
  if (host === undefined) throw refused(entry, 'its host is neither a name, an address, a CIDR nor *')
  if (host.kind === 'name') return { kind: below ? 'below' : 'name', name: host.name }
  if (below) throw refused(entry, '*. stands before a name only')
  return { kind: 'network', network: whole(host.address) }
}

function whole(address: Address): Network {
  return { address, bits: address.family === 4 ? 32 : 128 }
}

function parseCidr(entry: string, text: string): Network {
  const [, open, plain = '', close, bitsText] = /^(\[)?([^[\]]*)(\])?\/(\d+)$/s.exec(text) ?? []
  const address = open === close || (open === '[' && close === ']') ? parseAddress(plain) : undefined
  if (address === undefined) throw refused(entry, 'before / stands an IPv4 or IPv6 address')
  // `::ffff:10.0.0.0/104` is 10.0.0.0/8: what the address lost in front, the prefix loses too.
  const bits = Number(bitsText) - (address.family === 4 && plain.includes(':') ? 96 : 0)
  if (bits < 0 || bits > whole(address).bits) throw refused(entry, 'its prefix is longer or shorter than can be')
  const network = { address, bits }
  const first = networkAddress(network)
  if (first.text !== address.text) {
    throw refused(entry, `its address has bits beyond the prefix: the network is ${formatAddress(first)}/${bits}`)
  }
  return network
}

/** Whether the pattern names the host, not looking at what a name resolves to. */
export function namesAddress(pattern: HostPattern, address: Address): boolean {
  return pattern.kind === 'network' && holds(pattern.network, address)
}

export function namesName(pattern: HostPattern, name: string): boolean {
  switch (pattern.kind) {
    case 'any':
      return true
    case 'name':
      return name === pattern.name
    case 'below':
      return name.endsWith(`.${pattern.name}`)
    case 'network':
      return false
  }
}
