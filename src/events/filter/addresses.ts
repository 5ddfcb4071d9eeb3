/** IP addresses and blocks for the `cidr` operator. */
import { isIPv4, isIPv6 } from 'node:net'

export interface Address {
  family: 4 | 6
  value: bigint
}

export interface Block extends Address {
  /** How many of the lowest bits may differ. */
  hostBits: bigint
}

/** Undefined for what is no address in the usual notation. */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { family: 4, value: joined(text.split('.').map(BigInt), 8n) }
  // A zone (`fe80::1%eth0`) is not part of the address.
  if (!isIPv6(text) || text.includes('%')) return undefined
  return { family: 6, value: joined(groupsOf(text), 16n) }
}

/** `10.0.0.0/24`. As on AWS a block has at least two addresses: a mask of 32 or 128 bits is refused. */
export function parseBlock(text: string): Block | undefined {
  const [, base = '', mask = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? []
  const address = parseAddress(base)
  if (address === undefined) return undefined
  const width = address.family === 4 ? 32 : 128
  const bits = Number(mask)
  return bits < width ? { ...address, hostBits: BigInt(width - bits) } : undefined
}

export function isInBlock(block: Block, text: string): boolean {
  // No address is longer than 45 characters: do not parse what a tenant may have sent as one.
  const address = text.length <= 45 ? parseAddress(text) : undefined
  return address?.family === block.family && address.value >> block.hostBits === block.value >> block.hostBits
}

function groupsOf(text: string): bigint[] {
  const [head = '', tail] = text.split('::')
  const before = head === '' ? [] : head.split(':').flatMap(group)
  if (tail === undefined) return before
  const after = tail === '' ? [] : tail.split(':').flatMap(group)
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0n)
  return [...before, ...zeros, ...after]
}

/** The last 32 bits may be written as IPv4. */
function group(text: string): bigint[] {
  if (!text.includes('.')) return [BigInt(`0x${text}`)]
  const [a = 0n, b = 0n, c = 0n, d = 0n] = text.split('.').map(BigInt)
  return [(a << 8n) | b, (c << 8n) | d]
}

const joined = (parts: readonly bigint[], bits: bigint): bigint =>
  parts.reduce((value, part) => (value << bits) | part, 0n)
