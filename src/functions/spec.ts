import type { FunctionSpec } from '../invocation.ts'
import type { FunctionRecord, LiveDeployment } from '../store/records.ts'
import type { BuildOutput } from './collaborators.ts'
import { functionArn } from './names.ts'

/** What runs, of a build that was made now or before. */
export type BuildParts = Pick<
  BuildOutput,
  'engine' | 'snapshot' | 'entry' | 'files' | 'snapshotMemoryBytes' | 'initMs'
> & { warnings?: string[] | undefined }

/** AWS: /tmp, if nobody says. */
export const defaultEphemeralStorageMb = 512

/** The record's configuration as it will run with this build. */
export function liveDeployment(record: FunctionRecord, build: BuildParts): LiveDeployment {
  const { runtime, handler, memoryMb, timeoutSeconds, environment, egress, ephemeralStorageMb, logGroup } =
    record.configuration
  return {
    deployment: record.deployment,
    codeSha256: record.code.sha256,
    runtime,
    handler,
    layers: packagesOfLayers(record),
    memoryMb,
    timeoutSeconds,
    environment: environment ?? {},
    egress,
    ephemeralStorageMb,
    logGroup,
    engine: build.engine,
    snapshot: build.snapshot,
    ...(build.entry !== undefined && { entry: build.entry }),
    ...(build.files !== undefined && { files: build.files }),
    snapshotMemoryBytes: build.snapshotMemoryBytes,
    initMs: build.initMs,
    ...(build.warnings !== undefined && build.warnings.length > 0 && { warnings: build.warnings }),
  }
}

/** Whether the record would be built from what its live deployment was built from. */
export function sameBuild(record: FunctionRecord, live: LiveDeployment): boolean {
  const { runtime, handler } = record.configuration
  const { layers = [] } = live
  const wanted = packagesOfLayers(record)
  return (
    live.codeSha256 === record.code.sha256 &&
    live.runtime === runtime &&
    live.handler === handler &&
    layers.length === wanted.length &&
    layers.every((sha256, index) => sha256 === wanted[index])
  )
}

const packagesOfLayers = ({ configuration }: FunctionRecord): string[] =>
  (configuration.layers ?? []).map(({ sha256 }) => sha256)

export function functionSpec(record: FunctionRecord, live: LiveDeployment, region: string): FunctionSpec {
  const { accountId, functionName, version } = record
  return {
    deployment: live.deployment,
    accountId,
    functionName,
    version,
    functionArn: functionArn({ accountId, region }, functionName),
    runtime: live.runtime,
    memoryMb: live.memoryMb,
    ephemeralStorageMb: live.ephemeralStorageMb ?? defaultEphemeralStorageMb,
    timeoutMs: live.timeoutSeconds * 1_000,
    environment: live.environment,
    egress: live.egress ?? [],
    engine: live.engine,
    snapshot: live.snapshot,
    ...(live.entry !== undefined && { entry: live.entry }),
    ...(live.files !== undefined && { files: live.files }),
    initDurationMs: live.initMs,
    logGroup: live.logGroup,
  }
}
