/** What the operations take, once the API has checked the shape of the request. Absent means "not sent". */
import type { FunctionConfiguration } from '../store/records.ts'

export type Architecture = FunctionConfiguration['architecture']

export interface ConfigurationInput {
  /** As sent: `parseRuntime` decides. */
  runtime: string | undefined
  handler: string | undefined
  role: string | undefined
  description: string | undefined
  timeoutSeconds: number | undefined
  memoryMb: number | undefined
  environment: Record<string, string> | undefined
  ephemeralStorageMb: number | undefined
  tracingMode: FunctionConfiguration['tracingMode'] | undefined
  snapStartApplyOn: FunctionConfiguration['snapStartApplyOn'] | undefined
  logGroup: string | undefined
  /** ARN of a queue; `''` for none. */
  deadLetterTargetArn: string | undefined
  /** ARNs of layer versions; empty for none. */
  layers: readonly string[] | undefined
  /** The allow-list of outgoing requests; empty for none. */
  egress: readonly string[] | undefined
}

export interface CreateFunctionInput extends ConfigurationInput {
  /** Owned by the operation from here on. */
  zipFile: Uint8Array | undefined
  architecture: Architecture | undefined
  tags: Record<string, string>
  /** Version 1 along with the function. */
  publish: boolean
}

export interface UpdateCodeInput {
  /** Owned by the operation from here on. */
  zipFile: Uint8Array | undefined
  architecture: Architecture | undefined
  dryRun: boolean
  /** A version of what the update makes. */
  publish: boolean
  revisionId: string | undefined
}

export interface UpdateConfigurationInput extends ConfigurationInput {
  revisionId: string | undefined
}

export interface PublishVersionInput {
  /** Base64, as answers show it: $LATEST must have this code. */
  codeSha256: string | undefined
  /** $LATEST's if left out. */
  description: string | undefined
  revisionId: string | undefined
}
