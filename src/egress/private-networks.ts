/** Which private networks an operator lets functions name in their allow-lists. */
import type { EgressRule, EgressRules, HostPattern } from './allow-list.ts'
import { holds, overlapsSpecial, parseAddress, type Network } from './addresses.ts'

/** 'all': whatever a function's owner lists. Else networks, and no others. */
export type PermittedNetworks = 'all' | readonly Network[]

/** @param text `10.0.0.0/8` or an address; undefined: it is none */
export function parseNetwork(text: string): Network | undefined {
  const [base = '', bits] = text.split('/')
  const address = parseAddress(base)
  if (address === undefined) return undefined
  const most = address.family === 4 ? 32 : 128
  const length = bits === undefined ? most : Number(bits)
  return Number.isInteger(length) && length >= 0 && length <= most && bits !== ''
    ? { address, bits: length }
    : undefined
}

/** The first rule that would open what is not public and not permitted. */
export function forbiddenRule(rules: EgressRules, permitted: PermittedNetworks): EgressRule | undefined {
  if (permitted === 'all') return undefined
  return [...rules.http, ...rules.sockets].find(({ host }) => !isPermitted(host, permitted))
}

/** Only what is permitted, of rules from before the operator said so. */
export function permittedRules(rules: EgressRules, permitted: PermittedNetworks): EgressRules {
  if (permitted === 'all') return rules
  const keep = ({ host }: EgressRule): boolean => isPermitted(host, permitted)
  return { http: rules.http.filter(keep), sockets: rules.sockets.filter(keep) }
}

const loopback: readonly Network[] = [
  { address: { family: 4, text: '127.0.0.1' }, bits: 32 },
  { address: { family: 6, text: '::1' }, bits: 128 },
]

/** Names open nothing private by themselves, but for `localhost`. */
function isPermitted(host: HostPattern, permitted: readonly Network[]): boolean {
  if (host.kind === 'name' && host.name === 'localhost') return loopback.some((network) => isWithin(network, permitted))
  return host.kind !== 'network' || !overlapsSpecial(host.network) || isWithin(host.network, permitted)
}

function isWithin({ address, bits }: Network, permitted: readonly Network[]): boolean {
  return permitted.some((network) => network.bits <= bits && holds(network, address))
}
