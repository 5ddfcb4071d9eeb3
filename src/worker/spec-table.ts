import type { FunctionUrlRoute } from '../functions/collaborators.ts'
import { latest } from '../store/records.ts'
import type { FunctionKey, QualifiedKey, WorkerChange } from './messages.ts'
import { RouteTable } from './routes/table.ts'
import { ServedFunction, type Holding, type Target } from './served-function.ts'

interface Account {
  pool: number | undefined
  functions: Map<string, ServedFunction>
}

/** What this worker serves, by account and name: two look-ups for an invocation by plain name. */
export class SpecTable {
  readonly routes = new RouteTable()
  readonly #random: () => number
  readonly #accounts = new Map<string, Account>()
  readonly #urls = new Map<string, FunctionUrlRoute>()
  readonly #quarantined = new Map<number, string>()

  /** `random`: evenly from 0 to below 1; chooses between an alias's versions. */
  constructor(random: () => number = Math.random) {
    this.#random = random
  }

  /** `qualifier`: `$LATEST`, a version's number or an alias. */
  find(accountId: string, functionName: string, qualifier = latest): Target | undefined {
    return this.#accounts.get(accountId)?.functions.get(functionName)?.find(qualifier, this.#random)
  }

  url(urlId: string): FunctionUrlRoute | undefined {
    return this.#urls.get(urlId)
  }

  /** What this worker is to hold pristine. */
  *holdings(): Generator<QualifiedKey & { instances: number; of: Holding[] }> {
    for (const [accountId, { functions }] of this.#accounts) {
      for (const [functionName, served] of functions)
        for (const holding of served.holdings()) yield { accountId, functionName, ...holding }
    }
  }

  /** Returns the deployments that are served no longer. */
  apply(change: WorkerChange): number[] {
    if ('put' in change) {
      const spec = change.put
      return this.#change(spec, ({ versions }) => void versions.set(spec.version, spec))
    }
    if ('remove' in change) {
      const { version } = change.remove
      return this.#change(change.remove, ({ versions }) => void versions.delete(version))
    }
    if ('removeFunction' in change) return this.#removeFunction(change.removeFunction)
    if ('putAlias' in change) {
      const route = change.putAlias
      return this.#change(route, ({ aliases }) => void aliases.set(route.alias, route))
    }
    if ('removeAlias' in change) {
      const { alias } = change.removeAlias
      return this.#change(change.removeAlias, ({ aliases }) => void aliases.delete(alias))
    }
    if ('functionPool' in change) {
      const { pool } = change.functionPool
      return this.#change(change.functionPool, (served) => {
        served.pool = pool
      })
    }
    if ('provisionedPool' in change) {
      const { qualifier, pool } = change.provisionedPool
      return this.#change(change.provisionedPool, ({ provisionedPools }) => {
        if (pool === undefined) provisionedPools.delete(qualifier)
        else provisionedPools.set(qualifier, pool)
      })
    }
    if ('hold' in change) {
      const { qualifier, instances } = change.hold
      return this.#change(change.hold, ({ holds }) => {
        if (instances === 0) holds.delete(qualifier)
        else holds.set(qualifier, instances)
      })
    }
    if ('accountPool' in change) {
      const account = this.#account(change.accountPool.accountId)
      account.pool = change.accountPool.pool
      for (const served of account.functions.values()) served.route(account.pool, this.#quarantined)
    } else if ('putUrl' in change) this.#urls.set(change.putUrl.urlId, change.putUrl)
    else if ('removeUrl' in change) this.#urls.delete(change.removeUrl.urlId)
    else if ('putRoute' in change) this.routes.put(change.putRoute)
    else if ('removeRoute' in change) this.routes.remove(change.removeRoute.routeId)
    else if ('quarantine' in change) {
      this.#quarantined.set(change.quarantine.deployment, change.quarantine.socketPath)
      for (const { pool, functions } of this.#accounts.values())
        for (const served of functions.values()) served.route(pool, this.#quarantined)
    }
    return []
  }

  #removeFunction({ accountId, functionName }: FunctionKey): number[] {
    const { functions } = this.#account(accountId)
    const before = functions.get(functionName)?.deployments() ?? []
    functions.delete(functionName)
    return this.#forget(before)
  }

  #change({ accountId, functionName }: FunctionKey, body: (served: ServedFunction) => void): number[] {
    const { pool, functions } = this.#account(accountId)
    const served = functions.get(functionName) ?? new ServedFunction()
    const before = served.deployments()
    body(served)
    served.route(pool, this.#quarantined)
    if (served.isEmpty) functions.delete(functionName)
    else functions.set(functionName, served)
    // A deployment is of one function, though several of its versions may have it.
    const after = new Set(served.deployments())
    return this.#forget(before.filter((deployment) => !after.has(deployment)))
  }

  #account(accountId: string): Account {
    let account = this.#accounts.get(accountId)
    if (account === undefined) this.#accounts.set(accountId, (account = { pool: undefined, functions: new Map() }))
    return account
  }

  #forget(deployments: number[]): number[] {
    for (const deployment of deployments) this.#quarantined.delete(deployment)
    return deployments
  }
}
