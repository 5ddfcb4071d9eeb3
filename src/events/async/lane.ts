/** One function's share of the dispatcher: how many of its events may be in work, by what throttling taught us. */
import type { Lane as LaneKey } from '../../store/async-events.ts'

/**
 * Additive increase, multiplicative decrease, with a slow start: a refusal halves the limit, once for all that were in
 * work together; successes raise it, by one each up to where it was last halved, by one a round from there on. At one and
 * still refused, the lane rests, so that a throttled function costs one attempt a while and no slot in between.
 */
export class Lane {
  readonly key: LaneKey
  /** How far the store was read: ready events up to here are in work, or named in `#again`. */
  cursor = 0
  /** ms since the epoch; nothing of it is picked before. */
  restsUntil = 0
  /** Passed over because its limit was reached: it has its turn again when one of its events is done. */
  full = false
  /** Ready again after they have waited; the oldest last. */
  #again: number[] = []
  readonly #inWork = new Set<number>()
  /** Seen as ready while in work: whether that was before or after the attempt is looked up when it is over. */
  readonly #doubtful = new Set<number>()
  readonly #most: number
  #limit: number
  #threshold: number
  /** Attempts begun; those up to `#halvedAt` have had their say. */
  #begun = 0
  #halvedAt = 0

  constructor(key: LaneKey, most: number) {
    this.key = key
    this.#most = most
    this.#limit = most
    this.#threshold = most
  }

  get limit(): number {
    return Math.floor(this.#limit)
  }

  /** Whether a new one would do as well. */
  get pristine(): boolean {
    return this.#inWork.size === 0 && this.#again.length === 0 && this.#limit >= this.#most
  }

  get hasRoom(): boolean {
    return this.#inWork.size < this.limit
  }

  /** Returns the attempt's number, for `refused`. */
  begin(seq: number): number {
    this.#inWork.add(seq)
    return ++this.#begun
  }

  /** Returns whether it has to be looked at again. */
  end(seq: number): boolean {
    this.#inWork.delete(seq)
    if (!this.#doubtful.delete(seq)) return false
    this.ready([seq])
    return true
  }

  /** Two attempts of one event never run side by side. */
  isInWork(seq: number): boolean {
    if (!this.#inWork.has(seq)) return false
    this.#doubtful.add(seq)
    return true
  }

  ready(seqs: readonly number[]): void {
    this.#again = [...this.#again, ...seqs].sort((a, b) => b - a)
  }

  /** The oldest of those, once. */
  takeAgain(): number | undefined {
    return this.#again.pop()
  }

  accepted(): void {
    const step = this.#limit < this.#threshold ? 1 : 1 / this.#limit
    this.#limit = Math.min(this.#limit + step, this.#most)
  }

  refused(attempt: number, now: number, restMs: number): void {
    if (attempt <= this.#halvedAt) return
    this.#halvedAt = this.#begun
    if (this.limit <= 1) this.restsUntil = now + restMs
    this.#limit = Math.max(this.#limit / 2, 1)
    this.#threshold = this.#limit
  }
}
