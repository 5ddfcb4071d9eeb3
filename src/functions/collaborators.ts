/** What the control plane needs of others, passed in by the controller. */
import type { FunctionSpec } from '../invocation.ts'
import type { Runtime } from '../store/records.ts'

export interface BuildRequest {
  runtime: Runtime
  handler: string
  /** Absolute path of the uploaded package, whole and verified. */
  codePath: string
}

export interface BuildOutput {
  /** Content addresses, as in FunctionSpec. */
  engine: string
  snapshot: string
  /** What the snapshot's memories and tables hold: the function cannot run with less. */
  snapshotMemoryBytes: number
  initMs: number
  warnings: string[]
  /** An earlier build of the same input was found. */
  cached: boolean
}

/** Package to engine and snapshot. Throws `ThawError('Build', reason)`; the reason is shown to the function's owner. */
export interface Builder {
  build(request: BuildRequest, signal?: AbortSignal): Promise<BuildOutput>
}

export type DataPlaneChange =
  | { put: FunctionSpec }
  | { remove: { accountId: string; functionName: string; version: string } }

export interface DataPlane {
  /** Resolves when every live worker has acknowledged: from then on no new invocation sees the old state. */
  publish(change: DataPlaneChange): Promise<void>
}

export interface Clock {
  now(): Date
}
