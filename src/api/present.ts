/** From records to the API's answers: members, order and absence as in aws-recorded.json. */
import { createHash } from 'node:crypto'
import { functionArn } from '../functions/names.ts'
import { latest, type FunctionRecord } from '../store/records.ts'

export interface PresentOptions {
  region: string
  /** What the ARN ends in, if the request named one. */
  qualifier: string | undefined
}

/** FunctionConfiguration of every operation on one function. */
export function presentFunction(record: FunctionRecord, options: PresentOptions) {
  return { ...presentListed(record, options), ...presentStatus(record), ...presentRuntimeVersion(record, options) }
}

/** ListFunctions says nothing of states and runtime versions. */
export function presentListed(record: FunctionRecord, { region, qualifier }: PresentOptions) {
  const { accountId, functionName, version, configuration, code } = record
  return {
    FunctionName: functionName,
    FunctionArn: functionArn({ accountId, region }, functionName, qualifier),
    Runtime: configuration.runtime,
    Role: configuration.role,
    Handler: configuration.handler,
    CodeSize: code.sizeBytes,
    Description: configuration.description,
    Timeout: configuration.timeoutSeconds,
    MemorySize: configuration.memoryMb,
    LastModified: lambdaDate(record.lastModified),
    CodeSha256: Buffer.from(code.sha256, 'hex').toString('base64'),
    Version: version,
    ...(configuration.environment === undefined ? {} : { Environment: { Variables: configuration.environment } }),
    ...(configuration.deadLetterTargetArn === undefined
      ? {}
      : { DeadLetterConfig: { TargetArn: configuration.deadLetterTargetArn } }),
    ...(configuration.layers === undefined
      ? {}
      : { Layers: configuration.layers.map(({ arn, sizeBytes }) => ({ Arn: arn, CodeSize: sizeBytes })) }),
    ...(configuration.egress === undefined ? {} : { Egress: { Allow: configuration.egress } }),
    TracingConfig: { Mode: configuration.tracingMode },
    RevisionId: record.revisionId,
    PackageType: 'Zip',
    Architectures: [configuration.architecture],
    EphemeralStorage: { Size: configuration.ephemeralStorageMb },
    SnapStart: { ApplyOn: configuration.snapStartApplyOn, OptimizationStatus: optimizationStatus(record) },
    LoggingConfig: { LogFormat: 'Text', LogGroup: configuration.logGroup },
  }
}

/** SnapStart's words. Here every version starts from its snapshot, asked for or not. */
const optimizationStatus = ({ version, configuration }: FunctionRecord): 'On' | 'Off' =>
  version !== latest && configuration.snapStartApplyOn === 'PublishedVersions' ? 'On' : 'Off'

function presentStatus({ state, lastUpdate, deployment, live }: FunctionRecord) {
  return {
    State: state.name,
    ...(state.name === 'Active' ? {} : { StateReason: state.reason, StateReasonCode: state.reasonCode }),
    ...(lastUpdate.status === 'None' ? {} : { LastUpdateStatus: lastUpdate.status }),
    ...('reason' in lastUpdate
      ? { LastUpdateStatusReason: lastUpdate.reason, LastUpdateStatusReasonCode: lastUpdate.reasonCode }
      : {}),
    // Thaw's own: not of an older build that still runs.
    ...(live?.warnings === undefined || live.deployment !== deployment ? {} : { BuildWarnings: live.warnings }),
  }
}

/** AWS names a runtime's release by a digest. Ours comes with Thaw, so the runtime's name is all there is to name. */
function presentRuntimeVersion({ configuration }: FunctionRecord, { region }: PresentOptions) {
  const digest = createHash('sha256').update(configuration.runtime).digest('hex')
  return { RuntimeVersionConfig: { RuntimeVersionArn: `arn:aws:lambda:${region}::runtime:${digest}` } }
}

/** `2024-01-31T12:00:00.000+0000` */
export const lambdaDate = (date: Date): string => date.toISOString().replace('Z', '+0000')
