/** The bench's vocabulary: a figure measures one thing, and hands back rows, targets and plots. */
import type { Guests } from './guests/guests.ts'
import type { Progress } from './report/progress.ts'
import type { Summary } from './stats.ts'
import type { Peers } from './subjects/peers.ts'
import type { DeployedHttp } from './subjects/prepared-http.ts'
import type { Deployed } from './subjects/prepared.ts'

/** How a number is printed. `ratio` has no unit. */
export type Unit = 'ms' | 'us' | 'req/s' | 'KiB' | 'MiB' | 'MiB/s' | 'ratio' | 'count' | 'us CPU'

export interface Row {
  label: string
  unit: Unit
  value: Summary
  /** A second figure of the same samples: `p99`. */
  extra?: { label: string; value: Summary }
  note?: string | undefined
}

/** A line of the table of targets. */
export interface Target {
  label: string
  /** `at most 1/50` is `<=` with 0.02. */
  op: '<=' | '>='
  limit: number
  unit: Unit
  /** Undefined when it could not be measured; `note` says why. */
  value: Summary | undefined
  note?: string
}

export interface Plot {
  /** File name without its ending. */
  name: string
  svg: string
}

export interface FigureResult {
  rows: Row[]
  targets: Target[]
  /** What a reader must know to read the rows: one sentence each. */
  notes: string[]
  plots?: Plot[]
  /** Goes into the JSON as it is. */
  raw?: unknown
}

export interface BenchContext {
  quick: boolean
  /** The functions and components under test, built once and cached. */
  guests: Guests
  /** A data folder with functions deployed, made once. One server at a time may use it. */
  deployed: Deployed
  /** The same with HTTP components. */
  deployedHttp: DeployedHttp
  peers: Peers
  progress: Progress
}

/** What takes long the first time, and is kept: made before the first figure, so that none is measured beside a build. */
export type Need = 'guests' | 'deployed' | 'deployedHttp' | 'peers'

export interface Figure {
  /** What `--only` takes. */
  id: string
  title: string
  /** The targets it answers for, so that they are listed even when it cannot be measured. */
  targets: Omit<Target, 'value'>[]
  needs: Need[]
  /** Errors: NotMeasured, with the reason; CanaryBreach. Whatever else is thrown is a defect of the bench or of Thaw. */
  measure(context: BenchContext): Promise<FigureResult>
}

/** The figure cannot be had here: a peer is not installed, the system lacks something. */
export class NotMeasured extends Error {}
