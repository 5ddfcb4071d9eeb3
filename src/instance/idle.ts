/** Pristine instances that wait for the next invocation, by snapshot. */
import type { Limits } from '../config.ts'
import type { SnapshotImage } from '../snapshot/image.ts'
import type { Slot } from './pool.ts'

/** Another function's instance may be taken over once it has been idle for this long; younger ones are still in use. */
const takeOverAfterMs = 1_000

export class IdleInstances implements Disposable {
  readonly #limits: Limits
  /** The last one given back is the first one taken: its pages are hot. */
  readonly #bySnapshot = new Map<string, Slot[]>()
  #count = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  get count(): number {
    return this.#count
  }

  bytes(): number {
    let bytes = 0
    for (const slots of this.#bySnapshot.values()) for (const slot of slots) bytes += slot.instance.residentBytes
    return bytes
  }

  take(snapshot: string): Slot | undefined {
    const slots = this.#bySnapshot.get(snapshot)
    const slot = slots?.pop()
    if (slot === undefined) return undefined
    if (slots?.length === 0) this.#bySnapshot.delete(snapshot)
    this.#count--
    return slot
  }

  /** The longest idle one of the engine that fits; only from a function that has rested, or when the house is full. */
  takeOver(image: SnapshotImage): Slot | undefined {
    const full = this.#count >= this.#limits.idleInstances
    const youngest = full ? Number.POSITIVE_INFINITY : performance.now() - takeOverAfterMs
    let best: { slots: Slot[]; slot: Slot } | undefined
    for (const slots of this.#bySnapshot.values()) {
      const oldest = slots[0]
      if (oldest === undefined || oldest.instance.idleSinceMs > youngest || !oldest.instance.fits(image)) continue
      if (best === undefined || oldest.instance.idleSinceMs < best.slot.instance.idleSinceMs)
        best = { slots, slot: oldest }
    }
    if (best === undefined) return undefined
    this.#unlist(best.slots, best.slot)
    return best.slot
  }

  add(slot: Slot): void {
    const { instance } = slot
    instance.idleSinceMs = performance.now()
    instance.trimmed = false
    const slots = this.#bySnapshot.get(instance.image.hash)
    if (slots === undefined) this.#bySnapshot.set(instance.image.hash, [slot])
    else slots.push(slot)
    this.#count++
    if (this.#count > this.#limits.idleInstances) this.#evictOldest()
  }

  forget(snapshot: string): void {
    const slots = this.#bySnapshot.get(snapshot) ?? []
    this.#bySnapshot.delete(snapshot)
    this.#count -= slots.length
    for (const slot of slots) slot.instance[Symbol.dispose]()
  }

  /** Trims what has rested, and evicts what is over the byte budget. */
  maintain(): void {
    const before = performance.now() - this.#limits.idleTrimMs
    let bytes = 0
    for (const slots of this.#bySnapshot.values()) {
      for (const { instance } of slots) {
        if (!instance.trimmed && instance.idleSinceMs < before) instance.trim()
        if (!instance.trimmed) bytes += instance.residentBytes
      }
    }
    for (let over = bytes - this.#limits.idleBytes; over > 0 && this.#count > 0;) {
      const count = this.#count
      this.#evictOldest()
      over -= bytes / count
    }
  }

  [Symbol.dispose](): void {
    for (const snapshot of this.#bySnapshot.keys()) this.forget(snapshot)
  }

  #evictOldest(): void {
    let oldest: { slots: Slot[]; slot: Slot } | undefined
    for (const slots of this.#bySnapshot.values()) {
      const slot = slots[0]
      if (slot !== undefined && (oldest === undefined || slot.instance.idleSinceMs < oldest.slot.instance.idleSinceMs))
        oldest = { slots, slot }
    }
    if (oldest === undefined) return
    this.#unlist(oldest.slots, oldest.slot)
    oldest.slot.instance[Symbol.dispose]()
  }

  #unlist(slots: Slot[], slot: Slot): void {
    slots.splice(slots.indexOf(slot), 1)
    if (slots.length === 0) this.#bySnapshot.delete(slot.instance.image.hash)
    this.#count--
  }
}
