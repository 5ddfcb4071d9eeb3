import {
  WORKER_DEADLINE,
  WORKER_DEPLOYMENT,
  WORKER_HEARTBEAT,
  WORKER_INCARNATION,
  WORKER_PID,
  WORKER_SEQUENCE,
  WORKER_SLICING,
} from './page-layout.ts'

export interface WorkerState {
  pid: number
  incarnation: number
  deployment: number
  deadlineEpoch: number
  running: boolean
  heartbeatEpoch: number
}

/** One worker's line in the shared page. One process writes it at a time: its worker; the controller attaches. */
export interface WorkerRecord {
  /** A guest of `deployment` is entered; it must have left or reached a checkpoint by `deadlineEpoch`. Hot path. */
  setRunning(deployment: number, deadlineEpoch: number): void
  /** No guest code is on the stack. Hot path. */
  clearRunning(): void
  /** A guest has used up its first slice (1), or such a guest is over (-1). */
  slicing(change: 1 | -1): void
  /** The worker's event loop turns. */
  heartbeat(): void
  read(): WorkerState
  /** A new process takes this record over, with nothing running and no heartbeat yet. Pid 0: nobody has it. */
  attach(pid: number, incarnation: number): void
}

/** `words`: the record's 16 words of the shared page. */
export function createWorkerRecord(words: Int32Array, now: () => number): WorkerRecord {
  // Kept here as well, so that entry and exit are plain stores. Only the process that runs guests writes it.
  let sequence = 0
  return {
    setRunning(deployment, deadlineEpoch) {
      Atomics.store(words, WORKER_DEPLOYMENT, deployment)
      Atomics.store(words, WORKER_DEADLINE, deadlineEpoch)
      sequence = (sequence + 1) | 1 | 0
      Atomics.store(words, WORKER_SEQUENCE, sequence)
    },
    clearRunning() {
      sequence = (sequence + 1) & ~1
      Atomics.store(words, WORKER_SEQUENCE, sequence)
    },
    slicing(change) {
      Atomics.add(words, WORKER_SLICING, change)
    },
    heartbeat() {
      // Zero says that the worker has not started; one epoch in 2^32 is moved by a millisecond for it.
      Atomics.store(words, WORKER_HEARTBEAT, now() || 1)
    },
    read: () => ({
      pid: Atomics.load(words, WORKER_PID),
      incarnation: Atomics.load(words, WORKER_INCARNATION),
      deployment: Atomics.load(words, WORKER_DEPLOYMENT),
      deadlineEpoch: Atomics.load(words, WORKER_DEADLINE),
      running: (Atomics.load(words, WORKER_SEQUENCE) & 1) === 1,
      heartbeatEpoch: Atomics.load(words, WORKER_HEARTBEAT),
    }),
    attach(pid, incarnation) {
      // The pid goes first and comes last: whoever judges this record meanwhile finds nobody to kill.
      Atomics.store(words, WORKER_PID, 0)
      sequence = 0
      Atomics.store(words, WORKER_SEQUENCE, 0)
      Atomics.store(words, WORKER_DEPLOYMENT, 0)
      Atomics.store(words, WORKER_DEADLINE, 0)
      Atomics.store(words, WORKER_HEARTBEAT, 0)
      Atomics.store(words, WORKER_SLICING, 0)
      Atomics.store(words, WORKER_INCARNATION, incarnation)
      Atomics.store(words, WORKER_PID, pid)
    },
  }
}
