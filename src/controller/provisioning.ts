import type { Held, QualifiedKey, WorkerChange } from '../worker/messages.ts'

export interface Holder {
  apply(changes: readonly WorkerChange[]): Promise<void>
}

type Provisioned = QualifiedKey & { concurrency: number }

export interface Share {
  /** All that this worker is to hold. */
  share: Held[]
  /** What of it differs from what it was told before; 0 for what it is to hold no longer. */
  changed: Held[]
}

/**
 * Provisioned concurrency divided among `workers`, as evenly as whole instances go; what is over goes to other workers
 * for one qualifier than for the next.
 */
export function sharesOf(
  provisioned: readonly Provisioned[],
  workers: number,
): (worker: number, told: readonly Held[]) => Share {
  return (worker, told) => {
    const share: Held[] = []
    for (const [place, { concurrency, ...key }] of provisioned.entries()) {
      const position = (worker + place) % workers
      const instances = Math.floor(concurrency / workers) + (position < concurrency % workers ? 1 : 0)
      if (instances > 0) share.push({ ...key, instances })
    }
    const changed = share.filter((hold) => told.find((before) => isSame(before, hold))?.instances !== hold.instances)
    for (const before of told)
      if (!share.some((hold) => isSame(before, hold))) changed.push({ ...before, instances: 0 })
    return { share, changed }
  }
}

function isSame(a: QualifiedKey, b: QualifiedKey): boolean {
  return a.functionName === b.functionName && a.qualifier === b.qualifier && a.accountId === b.accountId
}

/** What each worker was told to hold, and what it says it holds. */
export class HeldByWorkers<Worker extends Holder> {
  readonly #told = new Map<Worker, readonly Held[]>()
  readonly #held = new Map<Worker, readonly Held[]>()

  /** Divides it among these, as they come and go. */
  spread(provisioned: readonly Provisioned[], serving: readonly Worker[]): void {
    const shares = sharesOf(provisioned, serving.length)
    for (const [index, worker] of serving.entries()) {
      const { share, changed } = shares(index, this.#told.get(worker) ?? [])
      this.#told.set(worker, share)
      if (changed.length > 0) void worker.apply(changed.map((hold) => ({ hold })))
    }
  }

  reported(worker: Worker, held: readonly Held[]): void {
    this.#held.set(worker, held)
  }

  gone(worker: Worker): void {
    this.#told.delete(worker)
    this.#held.delete(worker)
  }

  count(key: QualifiedKey, serving: readonly Worker[]): number {
    let instances = 0
    for (const worker of serving) {
      for (const held of this.#held.get(worker) ?? []) if (isSame(held, key)) instances += held.instances
    }
    return instances
  }
}
