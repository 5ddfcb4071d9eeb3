import type { Config } from '../../config.ts'
import { createOwnHostTest, hostNameOf } from '../../functions/routes/hosts.ts'
import type { RouteTable } from './table.ts'

/**
 * Whether a request is to a route's host, by its Host header; what no route matches there is nobody's. The server's own
 * names stay its own whatever wildcard there is. On the path of every request: without routes it costs nothing, and the
 * header that the API's clients send is looked up once.
 */
export function createRouteHostTest(
  config: Pick<Config, 'host' | 'apiHosts' | 'functionUrlBase'>,
  table: Pick<RouteTable, 'isEmpty' | 'hasHost' | 'changes'>,
): (host?: string) => boolean {
  const isOwn = createOwnHostTest(config)
  let unrouted: string | undefined
  let seen = -1
  return (host) => {
    if (table.isEmpty || host === undefined) return false
    if (host === unrouted && seen === table.changes) return false
    const name = hostNameOf(host)
    if (!isOwn(name) && table.hasHost(name)) return true
    unrouted = host
    seen = table.changes
    return false
  }
}
