import type { Timers } from '../../src/events/timers.ts'

/** Time that passes when it is told to. */
export class FakeTimers implements Timers {
  #now: number
  readonly #pending = new Set<{ at: number; run: () => void }>()

  constructor(now = 1_767_225_600_000) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  at(at: number, run: () => void): () => void {
    const timer = { at, run }
    this.#pending.add(timer)
    return () => void this.#pending.delete(timer)
  }

  get pending(): number {
    return this.#pending.size
  }

  /** When the first timer is due. */
  get next(): number | undefined {
    return this.#pending.size === 0 ? undefined : Math.min(...[...this.#pending].map(({ at }) => at))
  }

  /** As a crash does. */
  clear(): void {
    this.#pending.clear()
  }

  /** Lets time pass without anything happening: the process was down, or busy. */
  skip(ms: number): void {
    this.#now += ms
  }

  /** Lets time pass up to `until`, timer by timer; `settle` waits for what each has set off. */
  async advanceTo(until: number, settle: () => Promise<void>): Promise<void> {
    await settle()
    for (;;) {
      const [first] = [...this.#pending].filter(({ at }) => at <= until).toSorted((a, b) => a.at - b.at)
      if (first === undefined) break
      this.#pending.delete(first)
      this.#now = Math.max(this.#now, first.at)
      first.run()
      await settle()
    }
    this.#now = Math.max(this.#now, until)
  }
}
