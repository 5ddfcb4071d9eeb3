/** Time, as far as events depend on it: passed in, so that tests run hours in milliseconds. */
export interface Timers {
  /** ms since the epoch. */
  now(): number
  /** Runs once `now()` has reached `at`. Returns what calls it off. */
  at(at: number, run: () => void): () => void
}

/** Node's timers hold 2^31 - 1 ms. */
const longestMs = 2_147_483_647

/** They keep no process alive. `clock` is what `now` reads. */
export function createTimers(clock: { now(): Date }): Timers {
  const now = (): number => clock.now().getTime()
  return {
    now,
    at(at, run) {
      let timer: NodeJS.Timeout | undefined
      const arm = (): void => {
        const leftMs = at - now()
        timer = setTimeout(() => (now() < at ? arm() : run()), Math.min(Math.max(leftMs, 0), longestMs))
        timer.unref()
      }
      arm()
      return () => clearTimeout(timer)
    },
  }
}
