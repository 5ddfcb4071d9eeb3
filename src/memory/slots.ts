import { ThawError } from '../errors.ts'
import { MAX_SLOTS } from './page-layout.ts'

/** What makes the places where processes start to look differ: 2^32 divided by the golden ratio. */
const SPREAD = 0x9e37_79b1

/**
 * Concurrency slots: one word a slot, zero when free, else the incarnation of the worker that holds it. One atomic exchange
 * takes a slot and says whose it is, so a process that dies between any two instructions leaves nothing unaccounted for.
 *
 * Invariant: a slot is taken only below the limit, so no more than the limit are held. After the limit is lowered, what was
 * held above it stays until released; only then may the sum exceed the new limit.
 */
export class ConcurrencySlots {
  readonly #slots: Int32Array
  readonly #limit: Int32Array
  /** The slot freed last, or the one after that taken last: free more often than not, and hot in this core's cache. */
  #hint = -1

  /** `slots`: up to 12,000 words; `limit`: one word. Both on shared memory, owned by the caller. */
  constructor(slots: Int32Array, limit: Int32Array) {
    this.#slots = slots
    this.#limit = limit
  }

  /** Slots that may be held at once, over all processes. */
  setLimit(limit: number): void {
    if (!Number.isInteger(limit) || limit < 0 || limit > this.#slots.length)
      throw new ThawError('Config', `Concurrency limit ${limit} is not within 0 and ${this.#slots.length}`)
    Atomics.store(this.#limit, 0, limit)
  }

  limit(): number {
    return Atomics.load(this.#limit, 0)
  }

  /** Take a slot for `owner`, a nonzero incarnation; its index, or -1 when all are held. */
  acquire(owner: number): number {
    checkOwner(owner)
    const slots = this.#slots
    const limit = Atomics.load(this.#limit, 0)
    if (this.#hint === -1) this.#hint = (Math.imul(owner, SPREAD) >>> 0) % MAX_SLOTS
    let slot = this.#hint < limit ? this.#hint : limit === 0 ? 0 : this.#hint % limit
    for (let tried = 0; tried < limit; tried++) {
      // A plain read, a tenth of an atomic one's cost, only chooses where to try: what counts is the exchange.
      if (slots[slot] === 0 && Atomics.compareExchange(slots, slot, 0, owner) === 0) {
        this.#hint = slot + 1
        return slot
      }
      slot = slot + 1 === limit ? 0 : slot + 1
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
    this.#hint = slot
  }

  /** Free all that `owner` holds: for the controller, once that process is dead. Returns how many there were. */
  releaseAll(owner: number): number {
    checkOwner(owner)
    let freed = 0
    for (let slot = 0; slot < this.#slots.length; slot++) {
      if (Atomics.compareExchange(this.#slots, slot, owner, 0) === owner) freed++
    }
    return freed
  }

  /** Slots held now, by anyone. */
  inUse(): number {
    let held = 0
    for (let slot = 0; slot < this.#slots.length; slot++) {
      if (Atomics.load(this.#slots, slot) !== 0) held++
    }
    return held
  }
}

/** The words are i32: an owner that does not survive the conversion would be somebody else, or nobody. */
function checkOwner(owner: number): void {
  if ((owner | 0) !== owner || owner === 0)
    throw new ThawError('Service', `Concurrency slots: owner ${owner} is not a nonzero 32-bit integer`)
}
