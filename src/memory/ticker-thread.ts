/** The ticker's thread (ticker.ts). It blocks for good: it has no event loop to speak of, and allocates nothing per tick. */
import { performance } from 'node:perf_hooks'
import { parentPort, workerData } from 'node:worker_threads'
import { createEpochClock, epochDifference } from './clock.ts'
import {
  EPOCH_WORD,
  WORKERS_WORD,
  WORKER_DEADLINE,
  WORKER_DEPLOYMENT,
  WORKER_HEARTBEAT,
  WORKER_INCARNATION,
  WORKER_PID,
  WORKER_SEQUENCE,
  WORKER_WORDS,
} from './page-layout.ts'
import type { StuckWorker, TickerThreadData } from './ticker.ts'

const data: TickerThreadData = workerData
const page = new Int32Array(data.page)
const stop = new Int32Array(data.stop)
const now = createEpochClock()
/** Incarnation last killed, by worker: a dead process stays in its record until the controller has replaced it. */
const killed = new Int32Array(data.workers)
let lastTickMs = performance.now()
// Where this thread did not run for long, the workers hardly did either: they get their grace from when it goes on.
let deadlinesFromMs = lastTickMs
let silencesFromMs = lastTickMs

while (Atomics.load(stop, 0) === 0) {
  const epoch = now()
  Atomics.store(page, EPOCH_WORD, epoch)
  const tickMs = performance.now()
  if (tickMs - lastTickMs > data.graceMs) deadlinesFromMs = tickMs
  if (tickMs - lastTickMs > data.silenceMs / 2) silencesFromMs = tickMs
  lastTickMs = tickMs
  let running = false
  for (let index = 0; index < data.workers; index++) {
    if (judge(index, epoch)) running = true
  }
  Atomics.wait(stop, 0, 0, running ? data.tickMs : data.napMs)
}

/** Whether worker `index` runs a guest; kills it when it is stuck. */
function judge(index: number, epoch: number): boolean {
  const at = WORKERS_WORD + index * WORKER_WORDS
  const sequence = Atomics.load(page, at + WORKER_SEQUENCE)
  const running = (sequence & 1) === 1
  if (running) {
    const overdueMs = epochDifference(epoch, Atomics.load(page, at + WORKER_DEADLINE))
    if (overdueMs > data.graceMs && lastTickMs - deadlinesFromMs >= data.graceMs) {
      // The deadline read may be that of the next guest or the last; the same sequence again says it was this one's.
      const deployment = Atomics.load(page, at + WORKER_DEPLOYMENT)
      if (Atomics.load(page, at + WORKER_SEQUENCE) === sequence) kill(index, deployment, overdueMs, 'deadline')
    }
  }
  const heartbeat = Atomics.load(page, at + WORKER_HEARTBEAT)
  if (heartbeat !== 0) {
    const silentMs = epochDifference(epoch, heartbeat)
    if (silentMs > data.silenceMs && lastTickMs - silencesFromMs >= data.silenceMs)
      kill(index, running ? Atomics.load(page, at + WORKER_DEPLOYMENT) : 0, silentMs, 'silence')
  }
  return running
}

function kill(index: number, deployment: number, overdueMs: number, reason: StuckWorker['reason']): void {
  const at = WORKERS_WORD + index * WORKER_WORDS
  const incarnation = Atomics.load(page, at + WORKER_INCARNATION)
  const pid = Atomics.load(page, at + WORKER_PID)
  // To kill, 0 and the negative are groups of processes and 1 is init: a record in the making must never reach them.
  if (pid <= 1 || killed[index] === incarnation) return
  killed[index] = incarnation
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself meanwhile; the controller hears of both.
  }
  const stuck: StuckWorker = { index, pid, incarnation, deployment, overdueMs, reason }
  parentPort?.postMessage(stuck, [])
}
