/** Which private networks functions may be let into here. */
import type { Config } from '../config.ts'
import { parseNetwork, type PermittedNetworks } from '../egress/private-networks.ts'
import { authModeOf } from '../identity/auth-mode.ts'

export function permittedNetworks(config: Pick<Config, 'auth' | 'host' | 'egressPrivateNetworks'>): PermittedNetworks {
  const { egressPrivateNetworks: said } = config
  if (said === 'auto') return authModeOf(config) === 'dev' ? 'all' : []
  if (said === 'all') return 'all'
  return said === 'none' ? [] : said.flatMap((text) => parseNetwork(text) ?? [])
}
