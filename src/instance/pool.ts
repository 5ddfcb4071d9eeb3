/**
 * The instances of one worker. An invocation takes one: *warm* (its snapshot is mapped, pristine), else *restore* (an
 * idle instance of the same engine is re-imaged), else *cold* (instantiated on the spot). What comes back is reset off
 * the caller's path, or dropped; a spare instance an engine is kept, so that a first call finds one to re-image.
 */
import type { Limits } from '../config.ts'
import type { StartKind } from '../invocation.ts'
import type { SharedPage } from '../memory/shared-page.ts'
import type { SnapshotImage } from '../snapshot/image.ts'
import type { Restorer } from '../snapshot/restorer.ts'
import type { Engine } from './engine.ts'
import { GuestInstance } from './guest.ts'
import { Entry } from './invoke.ts'

export interface PoolOptions {
  restorer: Restorer
  page: SharedPage
  limits: Limits
  verifyResets: boolean
  /** The checking mode found a reset that was not complete: a breach of the first promise. */
  onImpure(difference: string): void
  /** Whether no function uses the image any more: it is closed as soon as nothing has it mapped. */
  isRetired(image: SnapshotImage): boolean
}

export interface Slot {
  readonly instance: GuestInstance
  readonly entry: Entry
}

export interface Acquired {
  slot: Slot
  start: StartKind
  /** Time to instantiate (cold) or re-image (restore). */
  tookMs: number
}

/** Another function's instance may be taken over once it has been idle for this long; younger ones are still in use. */
const takeOverAfterMs = 1_000

export class InstancePool implements Disposable {
  readonly #options: PoolOptions
  /** Idle instances by snapshot; the last one given back is the first one taken: its pages are hot. */
  readonly #idle = new Map<string, Slot[]>()
  /** One an engine, bound to whatever snapshot made it. */
  readonly #spares = new Map<string, Slot>()
  #idleCount = 0
  #live = 0
  #resets: Slot[] = []
  #resetScheduled = false
  #trimTimer: NodeJS.Timeout | undefined
  #disposed = false

  constructor(options: PoolOptions) {
    this.#options = options
    const every = Math.max(100, options.limits.idleTrimMs / 2)
    this.#trimTimer = setInterval(() => this.#maintain(), every)
    this.#trimTimer.unref()
  }

  /** A pristine instance of the image, owned by the caller until `release`. */
  acquire(engine: Engine, image: SnapshotImage): Acquired {
    const warm = this.#takeIdle(image.hash)
    if (warm !== undefined) return { slot: warm, start: 'warm', tookMs: 0 }
    const began = performance.now()
    const other = this.#takeSpare(engine, image) ?? this.#takeOver(engine, image)
    if (other !== undefined) {
      try {
        other.instance.reimage(image)
      } catch (error) {
        this.#live--
        other.instance[Symbol.dispose]()
        throw error
      }
      return { slot: other, start: 'restore', tookMs: performance.now() - began }
    }
    const slot = this.#create(engine, image)
    return { slot, start: 'cold', tookMs: performance.now() - began }
  }

  /** Gives an instance back. `clean` is whether the guest returned by itself. The reset is done later. */
  release(slot: Slot, clean: boolean): void {
    this.#live--
    if (!clean || !slot.instance.resettable || this.#disposed || this.#options.isRetired(slot.instance.image)) {
      const { engine, image } = slot.instance
      slot.instance[Symbol.dispose]()
      this.#keepSpareSoon(engine, image)
      return
    }
    this.#resets.push(slot)
    if (this.#resetScheduled) return
    this.#resetScheduled = true
    setImmediate(() => {
      this.#resetScheduled = false
      for (const used of this.#resets.splice(0)) this.#reset(used)
    })
  }

  /** Drops idle instances of a snapshot that no function uses any more. */
  forget(snapshot: string): void {
    for (const slot of this.#idle.get(snapshot) ?? []) this.#drop(slot)
    this.#idle.delete(snapshot)
    for (const slot of this.#resets) if (slot.instance.image.hash === snapshot) slot.instance[Symbol.dispose]()
    this.#resets = this.#resets.filter((slot) => slot.instance.state !== 'disposed')
    for (const [engine, spare] of this.#spares) {
      if (spare.instance.image.hash !== snapshot) continue
      spare.instance[Symbol.dispose]()
      this.#spares.delete(engine)
    }
  }

  get live(): number {
    return this.#live
  }

  get idle(): number {
    return this.#idleCount + this.#resets.length
  }

  idleBytes(): number {
    let bytes = 0
    for (const slots of this.#idle.values()) for (const slot of slots) bytes += slot.instance.residentBytes
    return bytes
  }

  hasSpare(engine: Engine): boolean {
    return this.#spares.has(engine.hash)
  }

  /** An instance made ahead of need, so that the next first call re-images instead of instantiating. */
  keepSpareOf(engine: Engine, image: SnapshotImage): void {
    if (this.#spares.has(engine.hash)) return
    const spare = this.#make(engine, image)
    spare.instance.prefault()
    this.#spares.set(engine.hash, spare)
  }

  #takeIdle(snapshot: string): Slot | undefined {
    const slots = this.#idle.get(snapshot)
    const slot = slots?.pop()
    if (slot !== undefined) {
      if (slots?.length === 0) this.#idle.delete(snapshot)
      this.#idleCount--
      this.#live++
      return slot
    }
    // One that was used a moment ago and not reset yet is nearer than any other.
    const index = this.#resets.findLastIndex((used) => used.instance.image.hash === snapshot)
    const used = index === -1 ? undefined : this.#resets.splice(index, 1)[0]
    if (used === undefined || !this.#resetInPlace(used)) return undefined
    this.#live++
    return used
  }

  #takeSpare(engine: Engine, image: SnapshotImage): Slot | undefined {
    const spare = this.#spares.get(engine.hash)
    if (spare === undefined || !spare.instance.fits(image)) return undefined
    this.#spares.delete(engine.hash)
    this.#live++
    this.#keepSpareSoon(engine, image)
    return spare
  }

  /** The longest idle instance of the engine that fits; only from a function that has rested, or when the house is full. */
  #takeOver(engine: Engine, image: SnapshotImage): Slot | undefined {
    const full = this.#idleCount >= this.#options.limits.idleInstances
    const youngest = full ? Number.POSITIVE_INFINITY : performance.now() - takeOverAfterMs
    let best: { slots: Slot[]; slot: Slot } | undefined
    for (const slots of this.#idle.values()) {
      const oldest = slots[0]
      if (oldest === undefined || oldest.instance.idleSinceMs > youngest || !oldest.instance.fits(image)) continue
      if (best === undefined || oldest.instance.idleSinceMs < best.slot.instance.idleSinceMs)
        best = { slots, slot: oldest }
    }
    if (best === undefined) return undefined
    this.#unlist(best.slots, best.slot)
    this.#live++
    return best.slot
  }

  #create(engine: Engine, image: SnapshotImage): Slot {
    const slot = this.#make(engine, image)
    this.#live++
    this.#keepSpareSoon(engine, image)
    return slot
  }

  #make(engine: Engine, image: SnapshotImage): Slot {
    const { restorer, page, limits } = this.#options
    const instance = new GuestInstance({ engine, image, restorer, page, limits })
    return { instance, entry: new Entry(instance) }
  }

  /** Off the caller's path. By then the image may have been closed: the check is of this image, not of one like it. */
  #keepSpareSoon(engine: Engine, image: SnapshotImage): void {
    setImmediate(() => {
      if (this.#disposed || this.#options.isRetired(image)) return
      try {
        this.keepSpareOf(engine, image)
      } catch {
        // No address space left, say: whoever needs an instance will be told, and nobody needs this one yet.
      }
    })
  }

  #reset(slot: Slot): void {
    if (slot.instance.state === 'disposed' || !this.#resetInPlace(slot)) return
    const { instance } = slot
    instance.idleSinceMs = performance.now()
    instance.trimmed = false
    const slots = this.#idle.get(instance.image.hash)
    if (slots === undefined) this.#idle.set(instance.image.hash, [slot])
    else slots.push(slot)
    this.#idleCount++
    if (this.#idleCount > this.#options.limits.idleInstances) this.#evictOldest()
  }

  /** False if the instance was dropped instead. */
  #resetInPlace(slot: Slot): boolean {
    const difference = this.#resetFailure(slot)
    if (difference === undefined) return true
    this.#options.onImpure(difference)
    slot.instance[Symbol.dispose]()
    return false
  }

  #resetFailure({ instance }: Slot): string | undefined {
    try {
      instance.reset()
      return this.#options.verifyResets ? instance.difference() : undefined
    } catch (error) {
      // A defect; but it ends this instance, not the worker.
      return `reset failed: ${error instanceof Error ? error.message : String(error)}`
    }
  }

  #evictOldest(): void {
    let oldest: { slots: Slot[]; slot: Slot } | undefined
    for (const slots of this.#idle.values()) {
      const slot = slots[0]
      if (slot !== undefined && (oldest === undefined || slot.instance.idleSinceMs < oldest.slot.instance.idleSinceMs))
        oldest = { slots, slot }
    }
    if (oldest === undefined) return
    this.#unlist(oldest.slots, oldest.slot)
    oldest.slot.instance[Symbol.dispose]()
  }

  /** Trims what has rested, and evicts what is over the byte budget. */
  #maintain(): void {
    const before = performance.now() - this.#options.limits.idleTrimMs
    let bytes = 0
    for (const slots of this.#idle.values()) {
      for (const { instance } of slots) {
        if (!instance.trimmed && instance.idleSinceMs < before) instance.trim()
        if (!instance.trimmed) bytes += instance.residentBytes
      }
    }
    for (let over = bytes - this.#options.limits.idleBytes; over > 0 && this.#idleCount > 0;) {
      const count = this.#idleCount
      this.#evictOldest()
      over -= bytes / count
    }
  }

  #unlist(slots: Slot[], slot: Slot): void {
    slots.splice(slots.indexOf(slot), 1)
    if (slots.length === 0) this.#idle.delete(slot.instance.image.hash)
    this.#idleCount--
  }

  #drop(slot: Slot): void {
    slot.instance[Symbol.dispose]()
    this.#idleCount--
  }

  [Symbol.dispose](): void {
    if (this.#disposed) return
    this.#disposed = true
    clearInterval(this.#trimTimer)
    this.#trimTimer = undefined
    for (const snapshot of this.#idle.keys()) this.forget(snapshot)
    for (const slot of [...this.#resets, ...this.#spares.values()]) slot.instance[Symbol.dispose]()
    this.#resets = []
    this.#spares.clear()
  }
}
