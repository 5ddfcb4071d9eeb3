/** IP addresses: one canonical spelling, networks, and which of them belong to the public internet. */
import ipaddr from 'ipaddr.js'

export interface Address {
  family: 4 | 6
  /** Canonical: `10.0.0.1`, `fd00::1`; no brackets, no zone. An IPv4-mapped IPv6 address is the IPv4 address. */
  text: string
}

export interface Network {
  address: Address
  /** Leading bits that count: 32 or 128 for one address alone. */
  bits: number
}

/** @param text an address in plain notation, as DNS and the URL parser give them; undefined: it is none, or it has a zone. */
export function parseAddress(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return { family: 4, text: ipaddr.IPv4.parse(text).toString() }
  if (text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined
  const parsed = ipaddr.IPv6.parse(text)
  if (parsed.isIPv4MappedAddress()) return { family: 4, text: parsed.toIPv4Address().toString() }
  return { family: 6, text: parsed.toRFC5952String() }
}

export function holds(network: Network, address: Address): boolean {
  if (network.address.family !== address.family) return false
  // Narrowed by hand: `match` wants both of one family, and the type of `ipaddr.parse` says either.
  return address.family === 4
    ? ipaddr.IPv4.parse(address.text).match(ipaddr.IPv4.parse(network.address.text), network.bits)
    : ipaddr.IPv6.parse(address.text).match(ipaddr.IPv6.parse(network.address.text), network.bits)
}

/** The network's first address: what is left of `address` if only its leading `bits` count. */
export function networkAddress({ address, bits }: Network): Address {
  const cidr = `${address.text}/${bits}`
  const first =
    address.family === 4
      ? ipaddr.IPv4.networkAddressFromCIDR(cidr).toString()
      : ipaddr.IPv6.networkAddressFromCIDR(cidr).toRFC5952String()
  return { family: address.family, text: first }
}

export function isLoopback(address: Address): boolean {
  return address.family === 4 ? address.text.startsWith('127.') : address.text === '::1'
}

/**
 * IPv4 addresses that are not the public internet: IANA's special-purpose registry (RFC 6890), multicast, and the one
 * address inside Azure that is public by its number only.
 */
const special4 = networks([
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // carriers' NAT; Alibaba's metadata too
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local; metadata of most clouds
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments; Oracle's metadata too
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
  '168.63.129.16/32', // Azure's host
])

/**
 * The same within 2000::/3; outside of it nothing is public but NAT64. 6to4 and Teredo carry an IPv4 address to which a
 * relay would tunnel, which may be private; both are out of use (RFC 7526), so they are refused whatever they carry.
 */
const special6 = networks([
  '2001::/23', // protocol assignments, Teredo among them
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4
  '3fff::/20', // documentation
])

const global6 = networks(['2000::/3'])

/** Names of IPv6-only networks resolve to these (RFC 6052): the last 32 bits are the IPv4 address. */
const nat64 = networks(['64:ff9b::/96'])

function networks(cidrs: readonly string[]): readonly Network[] {
  return cidrs.map((cidr) => {
    const [text = '', bits] = cidr.split('/')
    return { address: { family: text.includes(':') ? 6 : 4, text }, bits: Number(bits) }
  })
}

function within(address: Address, of: readonly Network[]): boolean {
  return of.some((network) => holds(network, address))
}

/** Whether any of its addresses is not public. */
export function overlapsSpecial(network: Network): boolean {
  if (!isPublic(network.address)) return true
  const special = network.address.family === 4 ? special4 : special6
  if (special.some((other) => other.bits >= network.bits && holds(network, other.address))) return true
  // All of IPv6 outside of 2000::/3 is; a network that is wider than that reaches beyond it.
  return network.address.family === 6 && network.bits < 3
}

export function isPublic(address: Address): boolean {
  if (address.family === 4) return !within(address, special4)
  if (within(address, nat64)) {
    const embedded = ipaddr.IPv6.parse(address.text).toByteArray().slice(-4).join('.')
    return isPublic({ family: 4, text: embedded })
  }
  return within(address, global6) && !within(address, special6)
}
