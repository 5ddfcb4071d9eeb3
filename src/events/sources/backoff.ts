/** Pauses between attempts to reach a broker. */
import { setTimeout as sleep } from 'node:timers/promises'

export interface Backoff {
  /** Resolves after the pause, or at once when the signal is aborted. */
  wait(): Promise<void>
  /** It worked: the next pause is short again. */
  reset(): void
}

/** Ours: 100 ms, doubled up to 5 s, less up to half of it at random, so that mappings do not come back as one. */
export function createBackoff(signal: AbortSignal, firstMs = 100, longestMs = 5_000): Backoff {
  let nextMs = firstMs
  return {
    async wait() {
      const ms = nextMs * (1 - Math.random() / 2)
      nextMs = Math.min(nextMs * 2, longestMs)
      await sleep(ms, undefined, { signal }).catch(() => {})
    },
    reset() {
      nextMs = firstMs
    },
  }
}
