import type { FunctionSpec } from '../invocation.ts'
import { latest } from '../store/records.ts'
import type { WorkerChange } from './messages.ts'

/** A function version that this worker answers for. */
export interface Deployed {
  spec: FunctionSpec
  /** The quarantine worker's socket, if only that one may run it. */
  via: string | undefined
}

/** What this worker serves, by name: one look-up for an invocation by plain name. */
export class SpecTable {
  readonly #accountId: string
  readonly #deployed = new Map<string, Deployed>()
  readonly #quarantined = new Map<number, string>()

  /** Functions of other accounts are found by nobody: there is one account yet. */
  constructor(accountId: string) {
    this.#accountId = accountId
  }

  /** `version` is `$LATEST` or a number. */
  find(functionName: string, version = latest, accountId = this.#accountId): Deployed | undefined {
    if (accountId !== this.#accountId) return undefined
    return this.#deployed.get(version === latest ? functionName : `${functionName}:${version}`)
  }

  /** Returns the deployment that is served no longer, if any. */
  apply(change: WorkerChange): number | undefined {
    if ('quarantine' in change) {
      const { deployment, socketPath } = change.quarantine
      this.#quarantined.set(deployment, socketPath)
      for (const deployed of this.#deployed.values()) {
        if (deployed.spec.deployment === deployment) deployed.via = socketPath
      }
      return undefined
    }
    const { accountId, functionName, version } = 'put' in change ? change.put : change.remove
    if (accountId !== this.#accountId) return undefined
    const key = version === latest ? functionName : `${functionName}:${version}`
    const before = this.#deployed.get(key)?.spec.deployment
    if ('put' in change) {
      const spec = change.put
      this.#deployed.set(key, { spec, via: this.#quarantined.get(spec.deployment) })
      if (before === spec.deployment) return undefined
    } else {
      this.#deployed.delete(key)
    }
    if (before !== undefined) this.#quarantined.delete(before)
    return before
  }
}
