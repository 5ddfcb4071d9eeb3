import type { AliasRoute } from '../functions/collaborators.ts'
import type { FunctionSpec } from '../invocation.ts'

/** What an invocation by one qualifier runs, and what it draws on. */
export interface Target {
  spec: FunctionSpec
  /** The quarantine worker's socket, if only that one may run it. */
  via: string | undefined
  /** Concurrency pools, in the order in which they are tried. */
  pools: readonly number[]
  /** The first pool is one of provisioned concurrency: who gets a slot of it runs on an instance held for it. */
  provisioned: boolean
  throttleReason: 'ConcurrentInvocationLimitExceeded' | 'ReservedFunctionConcurrentInvocationLimitExceeded'
}

interface Route {
  target: Target | undefined
  /** Of an alias with two versions: this one gets `weight` of the invocations. */
  additional: { target: Target | undefined; weight: number } | undefined
}

/** One version's part of the instances that a qualifier is to hold. */
export interface Holding {
  spec: FunctionSpec
  instances: number
}

/** One function as a worker serves it. Its routes are made anew with every change, so that an invocation only looks up. */
export class ServedFunction {
  readonly versions = new Map<string, FunctionSpec>()
  readonly aliases = new Map<string, AliasRoute>()
  /** Of its reserved concurrency. */
  pool: number | undefined
  /** By qualifier. */
  readonly provisionedPools = new Map<string, number>()
  readonly holds = new Map<string, number>()
  #routes = new Map<string, Route>()

  /** `undefined`: there is no such qualifier, or what it stands for is not served here. */
  find(qualifier: string, random: () => number): Target | undefined {
    const route = this.#routes.get(qualifier)
    if (route?.additional !== undefined && random() < route.additional.weight) return route.additional.target
    return route?.target
  }

  deployments(): number[] {
    return Array.from(this.versions.values(), ({ deployment }) => deployment)
  }

  /** By qualifier, what is to be held; of an alias with two versions each gets its share. */
  *holdings(): Generator<{ qualifier: string; instances: number; of: Holding[] }> {
    for (const [qualifier, instances] of this.holds) {
      const route = this.#routes.get(qualifier)
      const additional = Math.round(instances * (route?.additional?.weight ?? 0))
      const parts = [
        { spec: route?.target?.spec, instances: instances - additional },
        { spec: route?.additional?.target?.spec, instances: additional },
      ]
      const of = parts.flatMap(({ spec, instances }) =>
        spec === undefined || instances === 0 ? [] : [{ spec, instances }],
      )
      yield { qualifier, instances, of }
    }
  }

  get isEmpty(): boolean {
    return (
      this.versions.size === 0 &&
      this.aliases.size === 0 &&
      this.pool === undefined &&
      this.provisionedPools.size === 0 &&
      this.holds.size === 0
    )
  }

  /** To be called after any change. */
  route(accountPool: number | undefined, quarantined: ReadonlyMap<number, string>): void {
    this.#routes = new Map()
    const targetOf = (qualifier: string, version: string): Target | undefined => {
      const spec = this.versions.get(version)
      if (spec === undefined) return undefined
      const provisioned = this.provisionedPools.get(qualifier)
      const pools = [provisioned, this.pool ?? accountPool].filter((pool) => pool !== undefined)
      return {
        spec,
        via: quarantined.get(spec.deployment),
        pools,
        provisioned: provisioned !== undefined,
        throttleReason:
          this.pool === undefined
            ? 'ConcurrentInvocationLimitExceeded'
            : 'ReservedFunctionConcurrentInvocationLimitExceeded',
      }
    }
    for (const version of this.versions.keys())
      this.#routes.set(version, { target: targetOf(version, version), additional: undefined })
    for (const { alias, version, additional } of this.aliases.values()) {
      this.#routes.set(alias, {
        target: targetOf(alias, version),
        additional: additional && { target: targetOf(alias, additional.version), weight: additional.weight },
      })
    }
  }
}
