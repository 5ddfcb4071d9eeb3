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
import { HeldInstances } from './held.ts'
import { IdleInstances } from './idle.ts'
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
  /** One of `HeldInstances`. */
  held: boolean
}

export interface Acquired {
  slot: Slot
  start: StartKind
  /** Time to instantiate (cold) or re-image (restore). */
  tookMs: number
}

export class InstancePool implements Disposable {
  readonly #options: PoolOptions
  readonly #idle: IdleInstances
  /** One an engine, bound to whatever snapshot made it. */
  readonly #spares = new Map<string, Slot>()
  readonly held = new HeldInstances({ make: (engine, image) => this.#make(engine, image) })
  #live = 0
  #resets: Slot[] = []
  #resetScheduled = false
  #trimTimer: NodeJS.Timeout | undefined
  #disposed = false

  constructor(options: PoolOptions) {
    this.#options = options
    this.#idle = new IdleInstances(options.limits)
    const every = Math.max(100, options.limits.idleTrimMs / 2)
    this.#trimTimer = setInterval(() => this.#idle.maintain(), every)
    this.#trimTimer.unref()
  }

  /** A pristine instance of the image, owned by the caller until `release`. `provisioned`: one that is held, if one is free. */
  acquire(engine: Engine, image: SnapshotImage, provisioned = false): Acquired {
    const warm = (provisioned ? this.#takeHeld(image.hash) : undefined) ?? this.#takeIdle(image.hash)
    if (warm !== undefined) return { slot: warm, start: 'warm', tookMs: 0 }
    const began = performance.now()
    const other = this.#takeSpare(engine, image) ?? this.#takeOver(image)
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
      this.#dispose(slot)
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
    this.held.forget(snapshot)
    this.#idle.forget(snapshot)
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
    return this.#idle.count + this.#resets.length + this.held.count
  }

  idleBytes(): number {
    return this.#idle.bytes()
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
    const slot = this.#idle.take(snapshot)
    if (slot === undefined) return this.#takeUsed(snapshot, false)
    this.#live++
    return slot
  }

  #takeHeld(snapshot: string): Slot | undefined {
    const slot = this.held.take(snapshot)
    if (slot === undefined) return this.#takeUsed(snapshot, true)
    this.#live++
    return slot
  }

  /** One that was used a moment ago and not reset yet is nearer than any other. */
  #takeUsed(snapshot: string, held: boolean): Slot | undefined {
    const index = this.#resets.findLastIndex((used) => used.held === held && used.instance.image.hash === snapshot)
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

  #takeOver(image: SnapshotImage): Slot | undefined {
    const slot = this.#idle.takeOver(image)
    if (slot !== undefined) this.#live++
    return slot
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
    return { instance, entry: new Entry(instance), held: false }
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
    if (slot.held && this.held.giveBack(slot)) return
    slot.held = false
    this.#idle.add(slot)
  }

  /** False if the instance was dropped instead. */
  #resetInPlace(slot: Slot): boolean {
    const difference = this.#resetFailure(slot)
    if (difference === undefined) return true
    this.#options.onImpure(difference)
    this.#dispose(slot)
    return false
  }

  #dispose(slot: Slot): void {
    if (slot.held) this.held.lost(slot.instance.image.hash)
    slot.instance[Symbol.dispose]()
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

  [Symbol.dispose](): void {
    if (this.#disposed) return
    this.#disposed = true
    clearInterval(this.#trimTimer)
    this.#trimTimer = undefined
    this.held[Symbol.dispose]()
    this.#idle[Symbol.dispose]()
    for (const slot of [...this.#resets, ...this.#spares.values()]) slot.instance[Symbol.dispose]()
    this.#resets = []
    this.#spares.clear()
  }
}
