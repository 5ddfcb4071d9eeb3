import type { WorkerProcess } from './worker-process.ts'

export interface WorkerPlace {
  index: number
  incarnation: number
}

/**
 * starting -> standby -> serving | quarantine -> ending. A worker that is `ending` was sent a kill or a drain and counts
 * for nothing but its slots.
 */
export type Stage = 'starting' | 'standby' | 'serving' | 'quarantine' | 'ending'

/** A worker as the supervisor sees it. */
export interface Member extends WorkerPlace {
  process: WorkerProcess
  stage: Stage
  /** It once served: its death is no failure to start. */
  served: boolean
  socketPath: string
}
