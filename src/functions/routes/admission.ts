/** Whether a route may be: its form, that its host is this account's to route, and that no other means the same. */
import type { Config } from '../../config.ts'
import { ThawError } from '../../errors.ts'
import type { Entry } from '../../store/documents.ts'
import type { Route } from '../../store/routes.ts'
import { createOwnHostTest, overlap, parseRouteHost } from './hosts.ts'
import { parseRoutePath } from './paths.ts'

/** Under the route's id, in scope the function's name. */
export type RouteEntry = Entry<Route>

/** What the request says. */
export interface RouteInput {
  host: string
  path: string
  /** Upper case. Empty: all. */
  methods: readonly string[]
  authType: Route['authType']
  invokeMode: Route['invokeMode']
}

/** As it is kept. */
export type Admitted = Pick<Route, 'host' | 'path' | 'methods' | 'authType' | 'invokeMode'>

/**
 * `entries`: all routes of all accounts; `routeId`: which of them is to be replaced.
 * Errors: `InvalidParameterValue`, `ResourceConflict`.
 */
export type Admission = (
  input: RouteInput,
  entries: readonly RouteEntry[],
  self: { accountId: string; routeId: string | undefined },
) => Admitted

const conflict = (message: string) => new ThawError('ResourceConflict', message)

export function createAdmission(config: Pick<Config, 'host' | 'apiHosts' | 'functionUrlBase'>): Admission {
  const isOwnHost = createOwnHostTest(config)
  return (input, entries, { accountId, routeId }) => {
    const host = parseRouteHost(input.host)
    const path = parseRoutePath(input.path)
    if (isOwnHost(host))
      throw new ThawError('InvalidParameterValue', `Host ${host} is this server's own: it cannot be routed.`)
    for (const { key, accountId: owner, value } of entries) {
      if (owner !== accountId) {
        // Whose it is, is not for this caller to know.
        if (overlap(value.host, host)) throw conflict(`Host ${host} is not available.`)
      } else if (key !== routeId && value.host === host && value.path === path && shareMethod(value, input.methods))
        throw conflict(`Route ${key} has ${host}${path} already, for the same methods.`)
    }
    const methods = input.methods.length === 0 ? {} : { methods: [...new Set(input.methods)].toSorted() }
    return { host, path, ...methods, authType: input.authType, invokeMode: input.invokeMode }
  }
}

/** A route for all methods gives way to one for some, so these two do not share any. */
function shareMethod({ methods = [] }: Route, others: readonly string[]): boolean {
  if (methods.length === 0 || others.length === 0) return methods.length === others.length
  return methods.some((method) => others.includes(method))
}
