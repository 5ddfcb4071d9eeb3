/** The operations on routes, and what the data plane is told of them. */
import { randomInt } from 'node:crypto'
import type { Config } from '../../config.ts'
import { ThawError } from '../../errors.ts'
import type { Documents } from '../../store/documents.ts'
import { policies, type Statement } from '../../store/policies.ts'
import { routesOf, type Route } from '../../store/routes.ts'
import type { Clock, DataPlane, DataPlaneChange, HttpRoute } from '../collaborators.ts'
import { lockKey } from '../deployer.ts'
import type { KeyedLock } from '../keyed-lock.ts'
import { functionArn, type FunctionRef } from '../names.ts'
import { pageOf, type Page, type PageInput } from '../page.ts'
import type { QualifiedKey } from '../qualifier-settings.ts'
import type { Targets } from '../settings/targets.ts'
import { createAdmission, type RouteEntry, type RouteInput } from './admission.ts'

export type RouteChange = { [K in keyof RouteInput]: RouteInput[K] | undefined } & {
  /** Undefined: the function and qualifier that it has. */
  ref: FunctionRef | undefined
}

export interface RoutesOptions {
  documents: Documents
  targets: Targets
  dataPlane: Pick<DataPlane, 'publish'>
  config: Pick<Config, 'region' | 'limits' | 'host' | 'apiHosts' | 'functionUrlBase'>
  clock: Clock
  /** Of the functions, so that no deletion comes between. */
  lock: KeyedLock
}

/**
 * Changes resolve when every worker knows them. Errors: `InvalidParameterValue`, `ResourceNotFound`, `ResourceConflict`
 * for what another route has already, `AccessDenied` for another account's function.
 */
export interface Routes {
  create(accountId: string, ref: FunctionRef, input: RouteInput): Promise<RouteEntry>
  get(accountId: string, routeId: string): Promise<RouteEntry>
  update(accountId: string, routeId: string, change: RouteChange): Promise<RouteEntry>
  delete(accountId: string, routeId: string): Promise<void>
  /** By id; with `ref` those of this function, and of the qualifier if it names one. */
  list(accountId: string, ref: FunctionRef | undefined, page: PageInput): Promise<Page<RouteEntry>>
  /** The policy of the qualifier has changed. Call it under the function's lock. */
  republish(key: QualifiedKey): Promise<void>
  /** The qualifier is about to go. Call it under the function's lock. */
  drop(key: QualifiedKey): Promise<void>
  served(): Promise<DataPlaneChange[]>
  /** Once, at start: ends what a crash interrupted. */
  recover(): Promise<void>
}

/** Of all that creates and changes routes: what one decides, the next sees. Taken before a function's lock. */
const routesLock = 'routes'

const notFound = (routeId: string) => new ThawError('ResourceNotFound', `Route not found: ${routeId}`)

export function createRoutes(options: RoutesOptions): Routes {
  const { documents, targets, dataPlane, config, clock, lock } = options
  const { region, limits } = config
  const collection = routesOf(documents)
  const policiesOf = policies(documents)
  const admit = createAdmission(config)

  /** A route that goes to another function is in two scopes for a moment, or until a crash is mended: the later counts. */
  const all = async (accountId?: string): Promise<{ entries: RouteEntry[]; stale: RouteEntry[] }> => {
    const byId = new Map<string, RouteEntry>()
    const stale: RouteEntry[] = []
    for (const entry of await collection.list(accountId === undefined ? {} : { accountId })) {
      const id = `${entry.accountId}:${entry.key}`
      const other = byId.get(id)
      if (other === undefined || other.revision < entry.revision) byId.set(id, entry)
      if (other !== undefined) stale.push(other.revision < entry.revision ? other : entry)
    }
    return { entries: [...byId.values()], stale }
  }

  const find = async (accountId: string, routeId: string): Promise<RouteEntry> => {
    const found = (await all(accountId)).entries.find(({ key }) => key === routeId)
    if (found === undefined) throw notFound(routeId)
    return found
  }

  const publish = async (entry: RouteEntry): Promise<void> => {
    const { accountId, scope, value } = entry
    const policy = await policiesOf.get(accountId, scope, value.qualifier)
    await dataPlane.publish({ putRoute: httpRoute(entry, policy?.value.statements) })
  }

  const remove = async (entry: RouteEntry): Promise<void> => {
    // Workers first: should this fail, the route is still there to be deleted again.
    await dataPlane.publish({ removeRoute: { routeId: entry.key } })
    await collection.delete(entry.accountId, entry.scope, entry.key, entry.revision)
  }

  const assertTarget = async (accountId: string, ref: FunctionRef): Promise<void> => {
    if (ref.accountId !== accountId) {
      const arn = functionArn({ accountId: ref.accountId, region }, ref.functionName, ref.explicitQualifier)
      throw new ThawError('AccessDenied', `Account ${accountId} cannot make routes to ${arn}: it is not its own.`)
    }
    await targets.require(ref)
  }

  /** Both functions', one after the other in one order, so that no two wait for each other. */
  const withFunctions = <T>(keys: readonly string[], task: () => Promise<T>): Promise<T> => {
    const [first, ...rest] = [...new Set(keys)].toSorted()
    return first === undefined ? task() : lock.run(first, () => withFunctions(rest, task))
  }

  return {
    create: (accountId, ref, input) =>
      lock.run(routesLock, () =>
        lock.run(lockKey(ref), async () => {
          await assertTarget(accountId, ref)
          const { entries } = await all()
          if (entries.filter((entry) => entry.accountId === accountId).length >= limits.routes)
            throw new ThawError('InvalidParameterValue', `An account may have ${limits.routes} routes (limits.routes).`)
          const now = clock.now().getTime()
          const value: Route = {
            ...admit(input, entries, { accountId, routeId: undefined }),
            qualifier: ref.qualifier,
            createdAt: now,
            lastModified: now,
          }
          const entry = await collection.put(accountId, ref.functionName, newRouteId(), value, 'absent')
          await publish(entry)
          return entry
        }),
      ),

    get: find,

    update: (accountId, routeId, { ref, ...change }) =>
      lock.run(routesLock, async () => {
        const { scope } = await find(accountId, routeId)
        const own = { accountId, functionName: scope }
        return withFunctions([lockKey(own), lockKey(ref ?? own)], async () => {
          if (ref !== undefined) await assertTarget(accountId, ref)
          const { entries } = await all()
          // Again, under the function's lock: it may have been deleted.
          const current = entries.find((entry) => entry.key === routeId && entry.accountId === accountId)
          if (current === undefined) throw notFound(routeId)
          const before = current.value
          const input = {
            host: change.host ?? before.host,
            path: change.path ?? before.path,
            methods: change.methods ?? before.methods ?? [],
            authType: change.authType ?? before.authType,
            invokeMode: change.invokeMode ?? before.invokeMode,
          }
          const value: Route = {
            ...admit(input, entries, { accountId, routeId }),
            qualifier: ref?.qualifier ?? before.qualifier,
            createdAt: before.createdAt,
            lastModified: clock.now().getTime(),
          }
          const functionName = ref?.functionName ?? scope
          const isMoved = functionName !== scope
          const entry = await collection.put(
            accountId,
            functionName,
            routeId,
            value,
            isMoved ? 'absent' : current.revision,
          )
          if (isMoved) await collection.delete(accountId, scope, routeId, current.revision)
          await publish(entry)
          return entry
        })
      }),

    delete: (accountId, routeId) =>
      lock.run(routesLock, async () => {
        const { scope } = await find(accountId, routeId)
        await lock.run(lockKey({ accountId, functionName: scope }), async () => {
          await remove(await find(accountId, routeId))
        })
      }),

    async list(accountId, ref, page) {
      const { entries } = await all(accountId)
      const wanted = entries.filter(
        ({ scope, value }) =>
          ref === undefined ||
          (ref.accountId === accountId &&
            scope === ref.functionName &&
            (ref.explicitQualifier === undefined || value.qualifier === ref.qualifier)),
      )
      return pageOf(wanted.toSorted(byKey), ({ key }) => key, page)
    },

    async republish({ accountId, functionName, qualifier }) {
      for (const entry of await collection.list({ accountId, scope: functionName }))
        if (entry.value.qualifier === qualifier) await publish(entry)
    },

    async drop({ accountId, functionName, qualifier }) {
      for (const entry of await collection.list({ accountId, scope: functionName }))
        if (entry.value.qualifier === qualifier) await remove(entry)
    },

    async served() {
      const found = await policiesOf.list()
      const byQualifier = new Map(
        found.map((entry) => [`${entry.accountId}:${entry.scope}:${entry.key}`, entry.value.statements]),
      )
      return (await all()).entries.map((entry) => ({
        putRoute: httpRoute(entry, byQualifier.get(`${entry.accountId}:${entry.scope}:${entry.value.qualifier}`)),
      }))
    },

    async recover() {
      for (const { accountId, scope, key, revision } of (await all()).stale)
        await collection.delete(accountId, scope, key, revision)
    },
  }
}

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789'

/** 10 characters of 36: 52 bits, no two among the routes of a server. */
const newRouteId = (): string => Array.from({ length: 10 }, () => alphabet[randomInt(alphabet.length)]).join('')

const byKey = (a: RouteEntry, b: RouteEntry): number => (a.key < b.key ? -1 : 1)

function httpRoute(entry: RouteEntry, statements: readonly Statement[] = []): HttpRoute {
  const { accountId, scope, key, value } = entry
  const { host, path, methods = [], qualifier, authType, invokeMode } = value
  return {
    routeId: key,
    accountId,
    functionName: scope,
    qualifier,
    host,
    path,
    methods,
    authType,
    statements: authType === 'AWS_IAM' ? statements : [],
    invokeMode,
  }
}
