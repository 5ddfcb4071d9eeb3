/** The ticker's thread (ticker.ts). It blocks for good: it has no event loop to speak of, and allocates nothing per tick. */
import { readFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { parentPort, workerData } from 'node:worker_threads'
import { createEpochClock, EPOCHS_PER_MS, epochDifferenceMs } from './clock.ts'
import {
  EPOCH_WORD,
  WORKERS_WORD,
  WORKER_DEADLINE,
  WORKER_DEPLOYMENT,
  WORKER_HEARTBEAT,
  WORKER_INCARNATION,
  WORKER_PID,
  WORKER_SEQUENCE,
  WORKER_SLICING,
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
/** What its thread had run when a guest was first seen well past its deadline, by worker. */
const overdue = Array.from({ length: data.workers }, () => ({ pid: 0, sequence: 0, ranMs: 0 }))
/** Of the grace, what a guest must have run of it to be stuck: what the kernel says of a running thread is a tick or two old. */
const ranShare = 0.6
/** Times the grace. Whoever got no processor for that long is in the way all the same. */
const patience = 20
/** Sequence at the last tick, by worker: another one says that guests have run since. */
const seen = new Int32Array(data.workers)

while (Atomics.load(stop, 0) === 0) {
  const epoch = now()
  Atomics.store(page, EPOCH_WORD, epoch)
  const tickMs = performance.now()
  if (tickMs - lastTickMs > data.graceMs) deadlinesFromMs = tickMs
  if (tickMs - lastTickMs > data.silenceMs / 2) silencesFromMs = tickMs
  lastTickMs = tickMs
  let waitMs = data.napMs
  for (let index = 0; index < data.workers; index++) waitMs = Math.min(waitMs, judge(index, epoch))
  Atomics.wait(stop, 0, 0, waitMs)
}

/** Kills worker `index` when it is stuck. Returns how soon it wants the next epoch, ms: one epoch on while guests run by slices. */
function judge(index: number, epoch: number): number {
  const at = WORKERS_WORD + index * WORKER_WORDS
  const sequence = Atomics.load(page, at + WORKER_SEQUENCE)
  const running = (sequence & 1) === 1
  if (running) {
    const overdueMs = epochDifferenceMs(epoch, Atomics.load(page, at + WORKER_DEADLINE))
    if (overdueMs > data.graceMs / 5) markOverdue(index, sequence)
    if (overdueMs > data.graceMs && lastTickMs - deadlinesFromMs >= data.graceMs && isStuck(index, overdueMs)) {
      // The deadline read may be that of the next guest or the last; the same sequence again says it was this one's.
      const deployment = Atomics.load(page, at + WORKER_DEPLOYMENT)
      if (Atomics.load(page, at + WORKER_SEQUENCE) === sequence) kill(index, deployment, overdueMs, 'deadline')
    }
  }
  const heartbeat = Atomics.load(page, at + WORKER_HEARTBEAT)
  if (heartbeat !== 0) {
    const silentMs = epochDifferenceMs(epoch, heartbeat)
    if (silentMs > data.silenceMs && lastTickMs - silencesFromMs >= data.silenceMs)
      kill(index, running ? Atomics.load(page, at + WORKER_DEPLOYMENT) : 0, silentMs, 'silence')
  }
  // Between two slices no guest runs, and yet the next slice must end in time.
  const active = running || seen[index] !== sequence
  seen[index] = sequence
  if (Atomics.load(page, at + WORKER_SLICING) > 0) return 1 / EPOCHS_PER_MS
  return active ? data.tickMs : data.napMs
}

function markOverdue(index: number, sequence: number): void {
  const mark = overdue[index]
  const pid = pidOf(index)
  if (mark === undefined || (mark.sequence === sequence && mark.pid === pid)) return
  Object.assign(mark, { pid, sequence, ranMs: ranMs(pid) })
}

/**
 * Past its grace a guest has had its chance to reach a checkpoint only if its thread ran meanwhile. On a machine with more
 * to do than processors it may not have, and its neighbours would pay for that.
 */
function isStuck(index: number, overdueMs: number): boolean {
  if (overdueMs > patience * data.graceMs) return true
  const ranSinceMs = ranMs(pidOf(index)) - (overdue[index]?.ranMs ?? 0)
  return !(ranSinceMs < ranShare * data.graceMs)
}

function pidOf(index: number): number {
  return Atomics.load(page, WORKERS_WORD + index * WORKER_WORDS + WORKER_PID)
}

/** Time on the processor of a worker's first thread, which runs its guests, ms; NaN where the kernel does not say. */
function ranMs(pid: number): number {
  try {
    const [ns] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'latin1').split(' ', 1)
    return Number(ns) / 1e6
  } catch {
    return Number.NaN
  }
}

function kill(index: number, deployment: number, overdueMs: number, reason: StuckWorker['reason']): void {
  const incarnation = Atomics.load(page, WORKERS_WORD + index * WORKER_WORDS + WORKER_INCARNATION)
  const pid = pidOf(index)
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
