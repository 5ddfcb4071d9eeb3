import type { Notice } from './messages.ts'

export interface GuardOptions {
  notify: (level: Notice['level'], message: string, fields: Notice['fields']) => void
  /** What this process holds can no longer be relied on: answer who waits, and end it. Called once. */
  onCorrupt: () => Promise<void>
}

/** Errors of a connection, by whoever is at its other end: nothing of ours is wrong. */
const connectionErrors = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ETIMEDOUT'])

/**
 * What nobody caught. A rejection that nobody awaited left its own chain of work and nothing else half done: counted and
 * told. An exception out of an event handler or a timer may have left anything half done: this worker ends.
 */
export function guardProcess({ notify, onCorrupt }: GuardOptions): void {
  let count = 0
  let ending = false
  process.on('unhandledRejection', (reason) => {
    count++
    notify('error', 'unhandled rejection in a worker', { count, error: stackOf(reason) })
  })
  process.on('uncaughtException', (error: NodeJS.ErrnoException) => {
    count++
    const harmless = error.code !== undefined && connectionErrors.has(error.code) && error.syscall !== undefined
    notify('error', 'uncaught exception in a worker', { count, error: stackOf(error), ending: harmless ? 0 : 1 })
    if (harmless || ending) return
    ending = true
    void onCorrupt()
  })
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
