/** The outgoing requests of one invocation: most make none, and pay nothing for it. */
import type { Egress } from '../egress/client.ts'
import { parseAllowList, type EgressRules } from '../egress/allow-list.ts'
import { permittedRules, type PermittedNetworks } from '../egress/private-networks.ts'
import type { EgressClient, EgressExchange } from '../http/egress.ts'
import type { FunctionSpec } from '../invocation.ts'

/** By what its owner has written, parsed once a deployment. */
export class EgressGrants {
  readonly #egress: Egress
  readonly #rules = new WeakMap<FunctionSpec, EgressRules>()

  readonly #permitted: PermittedNetworks

  constructor(egress: Egress, permitted: PermittedNetworks) {
    this.#egress = egress
    this.#permitted = permitted
  }

  clientFor(spec: FunctionSpec): EgressClient {
    const rules = this.#rules.get(spec) ?? permittedRules(parseAllowList(spec.egress), this.#permitted)
    this.#rules.set(spec, rules)
    return this.#egress.clientFor({ key: `${spec.accountId}/${spec.deployment}`, rules })
  }
}

export class GuestEgress implements EgressClient {
  readonly #grants: EgressGrants
  readonly #spec: FunctionSpec
  #client: EgressClient | undefined

  constructor(grants: EgressGrants, spec: FunctionSpec) {
    this.#grants = grants
    this.#spec = spec
  }

  send(...request: Parameters<EgressClient['send']>): EgressExchange {
    this.#client ??= this.#grants.clientFor(this.#spec)
    return this.#client.send(...request)
  }

  close(): void {
    this.#client?.close()
  }
}
