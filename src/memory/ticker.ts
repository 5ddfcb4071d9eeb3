import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { SharedPage } from './shared-page.ts'

/** A worker that was killed for holding its thread. */
export interface StuckWorker {
  index: number
  pid: number
  incarnation: number
  /** What it was running; 0 when silent with no guest running. */
  deployment: number
  /** Past its deadline, or since its last heartbeat. */
  overdueMs: number
  reason: 'deadline' | 'silence'
}

export interface TickerOptions {
  page: SharedPage
  /** Records 0 to `workers` - 1 are watched. */
  workers: number
  /** Between two epochs while guests run, 1 by default; one epoch while one of them runs by slices. */
  tickMs?: number
  /** Between two epochs while no guest runs anywhere; 5 by default, so a guest's first tick is at most that late. */
  napMs?: number
  /**
   * limits.stuckGraceMs: how far past its deadline a guest that reached no checkpoint costs its worker. It must have run in
   * most of that time, where the kernel says (/proc); 20 times that costs its worker anyway.
   */
  graceMs: number
  /** Without a heartbeat for this long a worker that has had one is stuck; 10,000 by default. */
  silenceMs?: number
  /** Told once an incarnation, after it was sent SIGKILL. */
  onStuck(stuck: StuckWorker): void
}

/** What the thread is given; the buffers are shared, not moved. */
export interface TickerThreadData {
  page: SharedArrayBuffer
  /** One word: nonzero ends the thread. It is what the thread sleeps on. */
  stop: SharedArrayBuffer
  workers: number
  tickMs: number
  napMs: number
  graceMs: number
  silenceMs: number
}

/**
 * Write the epoch and watch the workers from a thread of its own, so that neither waits for the controller's event loop.
 * It does not keep the process alive. Should the thread die, its error is the process's: no epoch, no deadlines.
 */
export function startTicker(options: TickerOptions): { stop(): Promise<void> } {
  const stop = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
  const buffer = options.page.memory.buffer
  if (!(buffer instanceof SharedArrayBuffer)) throw new TypeError('the shared page is on a shared memory')
  const workerData: TickerThreadData = {
    page: buffer,
    stop,
    workers: options.workers,
    tickMs: options.tickMs ?? 1,
    napMs: options.napMs ?? 5,
    graceMs: options.graceMs,
    silenceMs: options.silenceMs ?? 10_000,
  }
  const thread = new Worker(new URL('./ticker-thread.ts', import.meta.url), {
    workerData,
    name: 'ticker',
    execArgv: [],
  })
  thread.on('message', (stuck: StuckWorker) => options.onStuck(stuck))
  thread.unref()
  const ended = once(thread, 'exit')
  return {
    async stop() {
      const word = new Int32Array(stop)
      Atomics.store(word, 0, 1)
      Atomics.notify(word, 0)
      thread.ref()
      await ended
    },
  }
}
