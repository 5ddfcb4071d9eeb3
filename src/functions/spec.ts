import type { FunctionSpec } from '../invocation.ts'
import type { FunctionRecord, LiveDeployment } from '../store/records.ts'
import type { BuildOutput } from './collaborators.ts'
import { functionArn } from './names.ts'

/** The record's configuration as it will run with this build. */
export function liveDeployment(
  record: FunctionRecord,
  build: Pick<BuildOutput, 'engine' | 'snapshot' | 'snapshotMemoryBytes' | 'initMs'>,
): LiveDeployment {
  const { runtime, handler, memoryMb, timeoutSeconds, environment, logGroup } = record.configuration
  return {
    deployment: record.deployment,
    codeSha256: record.code.sha256,
    runtime,
    handler,
    memoryMb,
    timeoutSeconds,
    environment: environment ?? {},
    logGroup,
    engine: build.engine,
    snapshot: build.snapshot,
    snapshotMemoryBytes: build.snapshotMemoryBytes,
    initMs: build.initMs,
  }
}

/** Whether the record would be built from what its live deployment was built from. */
export function sameBuild(record: FunctionRecord, live: LiveDeployment): boolean {
  const { runtime, handler } = record.configuration
  return live.codeSha256 === record.code.sha256 && live.runtime === runtime && live.handler === handler
}

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
    timeoutMs: live.timeoutSeconds * 1_000,
    environment: live.environment,
    engine: live.engine,
    snapshot: live.snapshot,
    initDurationMs: live.initMs,
    logGroup: live.logGroup,
  }
}
