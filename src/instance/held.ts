/** Instances that are kept for invocations by provisioned concurrency: pristine, in memory, and nobody else's. */
import type { SnapshotImage } from '../snapshot/image.ts'
import type { Engine } from './engine.ts'
import type { Slot } from './pool.ts'

interface Holding {
  readonly engine: Engine
  readonly image: SnapshotImage
  /** By deployment: functions of the same code share a snapshot. */
  readonly wanted: Map<number, number>
  /** Pristine. */
  readonly free: Slot[]
  /** Those in use included. */
  total: number
}

export interface HeldInstancesOptions {
  /** Errors: what making an instance throws; then there are fewer. */
  make(engine: Engine, image: SnapshotImage): Slot
}

export class HeldInstances implements Disposable {
  readonly #make: HeldInstancesOptions['make']
  readonly #holdings = new Map<string, Holding>()

  constructor({ make }: HeldInstancesOptions) {
    this.#make = make
  }

  /** Pristine ones, of all snapshots. */
  get count(): number {
    let count = 0
    for (const { free } of this.#holdings.values()) count += free.length
    return count
  }

  /**
   * From now on so many for this deployment. They are made one a turn of the event loop.
   * @returns how many there are for it: fewer only where memory is short, or the snapshot is forgotten meanwhile
   */
  async hold(deployment: number, engine: Engine, image: SnapshotImage, count: number): Promise<number> {
    const holding = this.#holdings.get(image.hash) ?? { engine, image, wanted: new Map(), free: [], total: 0 }
    this.#holdings.set(image.hash, holding)
    holding.wanted.set(deployment, count)
    this.#shrink(holding)
    while (this.#add(holding)) await nextTurn()
    const own = holding.wanted.get(deployment) ?? 0
    return Math.max(0, Math.min(own, holding.total - (wantedBy(holding) - own)))
  }

  /** No more for this deployment. */
  release(deployment: number): void {
    for (const holding of this.#holdings.values()) if (holding.wanted.delete(deployment)) this.#shrink(holding)
  }

  take(snapshot: string): Slot | undefined {
    return this.#holdings.get(snapshot)?.free.pop()
  }

  /** Takes a reset instance back. False if it is one more than wanted: then it is an instance like any other. */
  giveBack(slot: Slot): boolean {
    const holding = this.#holdings.get(slot.instance.image.hash)
    if (holding === undefined) return false
    if (holding.total <= wantedBy(holding)) {
      holding.free.push(slot)
      return true
    }
    holding.total--
    this.#shrink(holding)
    return false
  }

  /** One that was taken is no more: another is made soon. */
  lost(snapshot: string): void {
    const holding = this.#holdings.get(snapshot)
    if (holding === undefined) return
    holding.total--
    this.#shrink(holding)
    setImmediate(() => this.#add(holding))
  }

  forget(snapshot: string): void {
    const holding = this.#holdings.get(snapshot)
    this.#holdings.delete(snapshot)
    for (const slot of holding?.free.splice(0) ?? []) slot.instance[Symbol.dispose]()
  }

  [Symbol.dispose](): void {
    for (const snapshot of this.#holdings.keys()) this.forget(snapshot)
  }

  /** False if none was added: there are enough, or it cannot be made. */
  #add(holding: Holding): boolean {
    const { engine, image, free } = holding
    if (this.#holdings.get(image.hash) !== holding || holding.total >= wantedBy(holding)) return false
    try {
      const slot = this.#make(engine, image)
      slot.instance.prefault()
      slot.held = true
      free.push(slot)
      holding.total++
      return true
    } catch {
      // No address space left, say. Invocations go the usual way, and whoever asks is told how many there are.
      return false
    }
  }

  /** Those in use come back later. */
  #shrink(holding: Holding): void {
    const { free, image } = holding
    for (let over = holding.total - wantedBy(holding); over > 0 && free.length > 0; over--) {
      free.shift()?.instance[Symbol.dispose]()
      holding.total--
    }
    if (holding.wanted.size === 0 && holding.total === 0) this.#holdings.delete(image.hash)
  }
}

function wantedBy({ wanted }: Holding): number {
  let sum = 0
  for (const count of wanted.values()) sum += count
  return sum
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
