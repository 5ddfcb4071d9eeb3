/** Now and then removes what has expired in queues nobody receives from, a little at a time. */
import { setImmediate } from 'node:timers/promises'
import type { QueueStore } from '../../store/queues.ts'

/** Ours: expired messages are neither received nor counted; this only gives their room back. */
const intervalMs = 300_000
/** Ours: rows at a time, some milliseconds. */
const stepRows = 500

export function startSweeper(store: QueueStore, now: () => number, onError: (error: unknown) => void): AsyncDisposable {
  const stop = new AbortController()
  let running: Promise<void> | undefined

  const sweep = async (): Promise<void> => {
    try {
      while (!stop.signal.aborted && (await store.sweep(now(), stepRows)) > 0) await setImmediate()
    } catch (error) {
      if (!stop.signal.aborted) onError(error)
    } finally {
      running = undefined
    }
  }
  const timer = setInterval(() => (running ??= sweep()), intervalMs)
  timer.unref()

  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      stop.abort()
      await running
    },
  }
}
