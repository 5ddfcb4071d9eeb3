/** Whether a function's allow-list lets its guests connect to a destination: first by what was written, then by address. */
import { isLoopback, isPublic } from './addresses.ts'
import type { Address } from './addresses.ts'
import { namesAddress, namesName } from './allow-list.ts'
import type { EgressRule } from './allow-list.ts'
import { formatHost } from './host.ts'
import type { Host } from './host.ts'

export interface Destination {
  scheme: 'http' | 'https' | 'tcp'
  host: Host
  port: number
}

/** `not-listed`: no rule names it. `not-public`: a rule would, but the address is not public and not listed itself. */
export type Verdict = 'allowed' | 'not-listed' | 'not-public'

export const defaultPorts = { http: 80, https: 443, tcp: undefined } as const

/** What a destination is called in messages, and what an entry that allows it looks like. */
export function describeDestination({ host, port }: Destination): string {
  return `${formatHost(host)}:${port}`
}

/** Before resolution. A name that is allowed is so only as far as its addresses are: `judgeAddress`. */
export function judge(rules: readonly EgressRule[], destination: Destination): Verdict {
  const { host } = destination
  const candidates = forPort(rules, destination)
  if (host.kind === 'name') return candidates.some((rule) => namesName(rule.host, host.name)) ? 'allowed' : 'not-listed'
  if (candidates.some((rule) => namesAddress(rule.host, host.address))) return 'allowed'
  if (!candidates.some((rule) => rule.host.kind === 'any')) return 'not-listed'
  return isPublic(host.address) ? 'allowed' : 'not-public'
}

/**
 * Whether a connection may be made to `address`, to which the name of `destination` resolves. An address that is not
 * public has to be listed as such, for this scheme and port: no name stands for it, but `localhost` for loopback.
 */
export function judgeAddress(rules: readonly EgressRule[], destination: Destination, address: Address): Verdict {
  if (isPublic(address)) return 'allowed'
  const listed = forPort(rules, destination).some(
    ({ host }) =>
      namesAddress(host, address) || (isLocalhost(destination.host) && isLocalhost(host) && isLoopback(address)),
  )
  return listed ? 'allowed' : 'not-public'
}

function isLocalhost(host: { kind: string; name?: string }): boolean {
  return host.kind === 'name' && host.name === 'localhost'
}

function forPort(rules: readonly EgressRule[], { scheme, port }: Destination): EgressRule[] {
  return rules.filter((rule) => {
    if (rule.scheme !== undefined && rule.scheme !== scheme) return false
    return rule.port === '*' || (rule.port ?? defaultPorts[scheme]) === port
  })
}
