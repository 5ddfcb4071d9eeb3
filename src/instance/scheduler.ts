/** Time and turns: how guests share one event loop. */
import { createEpochClock } from '../memory/clock.ts'

export interface SchedulerOptions {
  /** What a guest gets before others have their turn. */
  sliceMs: number
}

/**
 * A guest that has used its slice waits for one turn of the event loop. While others are being served, a long-running
 * guest gets short slices, so that a neighbour waits for at most one of them; alone, it gets whole ones.
 */
export class Scheduler {
  readonly #sliceMs: number
  readonly #clock = createEpochClock()
  /** Invocations begun so far: how a waiting guest sees that others came by. */
  #begun = 0
  #lastBegunMs = Number.NEGATIVE_INFINITY

  constructor(options: SchedulerOptions) {
    this.#sliceMs = options.sliceMs
  }

  epochNow(): number {
    return this.#clock()
  }

  /** The shared page's epoch (i32, wraps) at a `performance.now()` time. */
  epochAt(timeMs: number): number {
    return this.#clock(timeMs)
  }

  /** Told of every invocation that begins. */
  begun(nowMs: number): void {
    this.#begun++
    this.#lastBegunMs = nowMs
  }

  /** How long the next slice of a guest that has already used `used` slices is. */
  sliceMs(used: number): number {
    const busy = performance.now() - this.#lastBegunMs < busyWindowMs
    if (!busy) return this.#sliceMs
    return Math.min(used > 0 ? shortSliceMs : firstSliceMs, this.#sliceMs)
  }

  /** One turn of the event loop for everybody else; a few more while others keep coming. */
  async turn(used: number): Promise<void> {
    const patience = Math.min(used, maxTurns)
    for (let turns = 0; turns < patience; turns++) {
      const before = this.#begun
      await nextTurn()
      if (this.#begun === before) return
    }
  }
}

/** Others were served this recently: the worker counts as shared. */
const busyWindowMs = 100
/** Most invocations are over in this; for those who wait behind one that is not, 5 ms would be ten times their own. */
const firstSliceMs = 1.5
/** Two epochs: the shortest slice of which at least half is had, whenever in an epoch it begins. */
const shortSliceMs = 0.5
/** A waiting guest gives way to this many turns in a row in which others were served, then has its slice all the same. */
const maxTurns = 4

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
