import type { Timers } from '../timers.ts'

/** Resolves after `ms`, or at once when the signal is aborted. */
export function pause(timers: Timers, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const end = (): void => {
      cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const cancel = timers.at(timers.now() + ms, end)
    signal.addEventListener('abort', end)
  })
}

/** Ours: 1 s, doubled up to a minute. `count`: how many pauses there were before. */
export const backoffMs = (count: number): number => Math.min(1_000 * 2 ** Math.min(count, 10), 60_000)
