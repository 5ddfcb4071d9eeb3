import type { DataPlaneChange } from '../functions/collaborators.ts'
import type { FunctionSpec } from '../invocation.ts'
import type { WorkerChange } from '../worker/messages.ts'

/** What the data plane serves: what a worker that starts now must be told. */
export class Deployments {
  readonly #specs = new Map<string, FunctionSpec>()
  readonly quarantined = new Set<number>()

  /** Returns the deployments that are served no longer. */
  apply(change: DataPlaneChange): number[] {
    if (!('put' in change || 'remove' in change)) return []
    const { accountId, functionName, version } = 'put' in change ? change.put : change.remove
    const key = `${accountId}:${functionName}:${version}`
    const before = this.#specs.get(key)?.deployment
    if ('put' in change) this.#specs.set(key, change.put)
    else this.#specs.delete(key)
    if (before === undefined || ('put' in change && change.put.deployment === before)) return []
    this.quarantined.delete(before)
    return [before]
  }

  /** False if that deployment is not served, or quarantined already. */
  quarantine(deployment: number): boolean {
    const served = this.#specs.values().some((spec) => spec.deployment === deployment)
    if (!served || this.quarantined.has(deployment)) return false
    this.quarantined.add(deployment)
    return true
  }

  changes(quarantineSocket: string): WorkerChange[] {
    const puts: WorkerChange[] = [...this.#specs.values()].map((put) => ({ put }))
    const quarantines = [...this.quarantined].map((deployment) => ({
      quarantine: { deployment, socketPath: quarantineSocket },
    }))
    return [...puts, ...quarantines]
  }
}
