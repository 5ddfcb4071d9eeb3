import type { AliasRoute, DataPlaneChange, FunctionUrlRoute, HttpRoute } from '../functions/collaborators.ts'
import { createKeyRing } from '../identity/key-ring.ts'
import type { FunctionSpec } from '../invocation.ts'
import type { FunctionKey, QualifiedKey, WorkerChange } from '../worker/messages.ts'
import type { ConcurrencyBook, ConcurrencyStep } from './concurrency.ts'

/** What one change of the data plane comes to. */
export interface Applied {
  /** Deployments that are served no longer. */
  replaced: number[]
  /** For every worker, in this order. */
  tell: WorkerChange[]
  /** Once every worker has them. */
  settle(): void
}

/** What the data plane serves: what a worker that starts now must be told. */
export class Deployments {
  readonly #concurrency: ConcurrencyBook
  readonly #specs = new Map<string, FunctionSpec>()
  readonly #aliases = new Map<string, AliasRoute>()
  readonly #urls = new Map<string, FunctionUrlRoute>()
  readonly #routes = new Map<string, HttpRoute>()
  readonly #keys = createKeyRing()
  readonly quarantined = new Set<number>()

  constructor(concurrency: ConcurrencyBook) {
    this.#concurrency = concurrency
  }

  /** Errors: `Service`, no concurrency pool is free; then nothing has changed. */
  apply(change: DataPlaneChange): Applied {
    if ('put' in change) return this.#put(change.put)
    if ('remove' in change) {
      const { accountId, functionName, version } = change.remove
      return this.#applied(
        change,
        this.#delete((spec) => spec.version === version && isOf(spec, { accountId, functionName })),
      )
    }
    if ('removeFunction' in change) return this.#removeFunction(change.removeFunction)
    if ('putAlias' in change) {
      const { accountId, functionName, alias } = change.putAlias
      this.#aliases.set(keyOf(accountId, functionName, alias), change.putAlias)
      return this.#applied(change)
    }
    if ('removeAlias' in change) {
      const { accountId, functionName, alias } = change.removeAlias
      this.#aliases.delete(keyOf(accountId, functionName, alias))
      return this.#applied(change)
    }
    if ('putUrl' in change) {
      this.#urls.set(change.putUrl.urlId, change.putUrl)
      return this.#applied(change)
    }
    if ('removeUrl' in change) {
      this.#urls.delete(change.removeUrl.urlId)
      return this.#applied(change)
    }
    if ('putRoute' in change) {
      this.#routes.set(change.putRoute.routeId, change.putRoute)
      return this.#applied(change)
    }
    if ('removeRoute' in change) {
      this.#routes.delete(change.removeRoute.routeId)
      return this.#applied(change)
    }
    if ('putKey' in change || 'removeKey' in change) {
      this.#keys.apply(change)
      return this.#applied(change)
    }
    const { accountId } = 'reserve' in change ? change.reserve : change.provision
    const account = this.#concurrency.account(accountId)
    const step =
      'reserve' in change
        ? this.#concurrency.reserve(change.reserve, change.reserve.concurrency)
        : this.#concurrency.provision(change.provision, change.provision.concurrency)
    return { replaced: [], tell: [...account.tell, ...step.tell], settle: () => step.settle() }
  }

  /** False if that deployment is not served, or quarantined already. */
  quarantine(deployment: number): boolean {
    if (!this.#serves(deployment) || this.quarantined.has(deployment)) return false
    this.quarantined.add(deployment)
    return true
  }

  provisioned(): (QualifiedKey & { concurrency: number })[] {
    return [...this.#concurrency.provisioned()]
  }

  changes(quarantineSocket: string): WorkerChange[] {
    return [
      ...this.#keys.changes(),
      ...this.#concurrency.changes(),
      ...this.#specs.values().map((put) => ({ put })),
      ...this.#aliases.values().map((putAlias) => ({ putAlias })),
      ...this.#urls.values().map((putUrl) => ({ putUrl })),
      ...this.#routes.values().map((putRoute) => ({ putRoute })),
      ...this.quarantined.values().map((deployment) => ({ quarantine: { deployment, socketPath: quarantineSocket } })),
    ]
  }

  #put(spec: FunctionSpec): Applied {
    const account = this.#concurrency.account(spec.accountId)
    const key = keyOf(spec.accountId, spec.functionName, spec.version)
    const before = this.#specs.get(key)?.deployment
    this.#specs.set(key, spec)
    return this.#applied([...account.tell, { put: spec }], this.#gone(before === undefined ? [] : [before]))
  }

  #removeFunction(name: FunctionKey): Applied {
    const replaced = this.#delete((spec) => isOf(spec, name))
    for (const [key, alias] of this.#aliases) if (isOf(alias, name)) this.#aliases.delete(key)
    const tell: WorkerChange[] = [{ removeFunction: name }]
    for (const [urlId, url] of this.#urls) {
      if (!isOf(url, name)) continue
      this.#urls.delete(urlId)
      tell.push({ removeUrl: { urlId } })
    }
    for (const [routeId, route] of this.#routes) {
      if (!isOf(route, name)) continue
      this.#routes.delete(routeId)
      tell.push({ removeRoute: { routeId } })
    }
    return this.#applied(tell, replaced, this.#concurrency.remove(name))
  }

  #applied(tell: WorkerChange | WorkerChange[], replaced: number[] = [], step?: ConcurrencyStep): Applied {
    return { replaced, tell: Array.isArray(tell) ? tell : [tell], settle: () => step?.settle() }
  }

  #delete(matches: (spec: FunctionSpec) => boolean): number[] {
    const deployments: number[] = []
    for (const [key, spec] of this.#specs) {
      if (!matches(spec)) continue
      this.#specs.delete(key)
      deployments.push(spec.deployment)
    }
    return this.#gone(deployments)
  }

  /** Of these, what no version has any more: a version may share its deployment with `$LATEST`. */
  #gone(deployments: number[]): number[] {
    const gone = deployments.filter((deployment) => !this.#serves(deployment))
    for (const deployment of gone) this.quarantined.delete(deployment)
    return gone
  }

  #serves(deployment: number): boolean {
    return this.#specs.values().some((spec) => spec.deployment === deployment)
  }
}

function isOf(of: FunctionKey, { accountId, functionName }: FunctionKey): boolean {
  return of.functionName === functionName && of.accountId === accountId
}

function keyOf(accountId: string, functionName: string, qualifier: string): string {
  return `${accountId}:${functionName}:${qualifier}`
}
