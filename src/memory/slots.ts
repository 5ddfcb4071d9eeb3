import { ThawError } from '../errors.ts'
import { highsWord, LIMITS_WORD, slotsWord, type PageShape } from './page-layout.ts'

/** What makes the places where processes start to look differ: 2^32 divided by the golden ratio. */
const SPREAD = 0x9e37_79b1

/**
 * Concurrency slots, in pools: one word a slot, zero when free, else the incarnation of the worker that holds it. One
 * atomic exchange takes a slot and says whose it is, so a process that dies between any two instructions leaves nothing
 * unaccounted for. Each pool has a limit, which one process (the controller) sets, at any time, with one store.
 *
 * Invariants:
 * - A slot is taken only below its pool's limit, so no more than the limit are held. After the limit is lowered, what is
 *   held at or above it stays until released, and as many as the new limit may be held besides: so much may the sum
 *   exceed it, for so long. An `acquire` that had read the limit before may still take one slot below the old.
 * - No slot at or above the highest limit that a pool ever had is ever held: who looks for held ones need look no further.
 * - A pool keeps what is held in it when its limit becomes 0, and when it is put to another use: that counts there first.
 */
export class ConcurrencySlots {
  readonly #limits: Int32Array
  readonly #highs: Int32Array
  readonly #slots: Int32Array
  readonly #stride: number
  /** By pool, the place freed last, or the one after that taken last: free more often than not, and hot in this core's cache. */
  readonly #hints: Int32Array

  /** `words`: the shared page's. */
  constructor(words: Int32Array, shape: PageShape) {
    const { pools, stride } = shape
    const slots = slotsWord(shape)
    this.#limits = words.subarray(LIMITS_WORD, LIMITS_WORD + pools)
    this.#highs = words.subarray(highsWord(shape), highsWord(shape) + pools)
    this.#slots = words.subarray(slots, slots + pools * stride)
    this.#stride = stride
    this.#hints = new Int32Array(pools).fill(-1)
  }

  /** How many there are. */
  get pools(): number {
    return this.#limits.length
  }

  /** Slots of the pool that may be held at once, over all processes. */
  setLimit(pool: number, limit: number): void {
    this.#check(pool)
    if (!Number.isInteger(limit) || limit < 0 || limit > this.#stride)
      throw new ThawError('Config', `Concurrency limit ${limit} is not within 0 and ${this.#stride}`)
    // First this one, then nobody can hold what is not looked at.
    if (limit > Atomics.load(this.#highs, pool)) Atomics.store(this.#highs, pool, limit)
    Atomics.store(this.#limits, pool, limit)
  }

  limit(pool: number): number {
    this.#check(pool)
    return Atomics.load(this.#limits, pool)
  }

  /** Take a slot of the pool for `owner`, a nonzero incarnation; what to release it by, or -1 when all are held. */
  acquire(pool: number, owner: number): number {
    checkOwner(owner)
    this.#check(pool)
    const slots = this.#slots
    const first = pool * this.#stride
    const limit = Atomics.load(this.#limits, pool)
    let place = this.#hints[pool] ?? -1
    if (place === -1) place = (Math.imul(owner, SPREAD) >>> 0) % this.#stride
    if (place >= limit) place = limit === 0 ? 0 : place % limit
    for (let tried = 0; tried < limit; tried++) {
      const slot = first + place
      // A plain read, a tenth of an atomic one's cost, only chooses where to try: what counts is the exchange.
      if (slots[slot] === 0 && Atomics.compareExchange(slots, slot, 0, owner) === 0) {
        this.#hints[pool] = place + 1
        return slot
      }
      place = place + 1 === limit ? 0 : place + 1
    }
    return -1
  }

  /** Give a slot back. One that `owner` does not hold is a defect of the caller: it throws and frees nothing. */
  release(slot: number, owner: number): void {
    checkOwner(owner)
    if (!Number.isInteger(slot) || slot < 0 || slot >= this.#slots.length)
      throw new ThawError('Service', `Concurrency slot ${slot} does not exist`)
    const holder = Atomics.compareExchange(this.#slots, slot, owner, 0)
    if (holder !== owner)
      throw new ThawError(
        'Service',
        `Concurrency slot ${slot} is held by ${holder}, not by ${owner}, which released it`,
      )
    this.#hints[Math.floor(slot / this.#stride)] = slot % this.#stride
  }

  /** Free all that `owner` holds, in all pools: for the controller, once that process is dead. Returns how many there were. */
  releaseAll(owner: number): number {
    checkOwner(owner)
    let freed = 0
    for (let pool = 0; pool < this.pools; pool++) {
      const first = pool * this.#stride
      const end = first + Atomics.load(this.#highs, pool)
      for (let slot = first; slot < end; slot++) {
        if (Atomics.compareExchange(this.#slots, slot, owner, 0) === owner) freed++
      }
    }
    return freed
  }

  /** Slots held now, by anyone, in one pool or in all. */
  inUse(pool?: number): number {
    if (pool === undefined) {
      let held = 0
      for (let each = 0; each < this.pools; each++) held += this.inUse(each)
      return held
    }
    this.#check(pool)
    let held = 0
    const first = pool * this.#stride
    const end = first + Atomics.load(this.#highs, pool)
    for (let slot = first; slot < end; slot++) if (Atomics.load(this.#slots, slot) !== 0) held++
    return held
  }

  #check(pool: number): void {
    if (!(pool >= 0 && pool < this.#limits.length && Number.isInteger(pool)))
      throw new ThawError('Service', `Concurrency pool ${pool} does not exist: there are ${this.#limits.length}`)
  }
}

/** The words are i32: an owner that does not survive the conversion would be somebody else, or nobody. */
function checkOwner(owner: number): void {
  if ((owner | 0) !== owner || owner === 0)
    throw new ThawError('Service', `Concurrency slots: owner ${owner} is not a nonzero 32-bit integer`)
}
