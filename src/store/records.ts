/** What the control plane remembers of a function. Plain data: every store driver keeps and returns exactly this. */
import { z } from 'zod'

/** Runtimes that a build exists for. The first two are Lambda's names; the others are Thaw's own. */
export const runtimes = ['nodejs24.x', 'nodejs22.x', 'assemblyscript', 'provided.component'] as const
export type Runtime = (typeof runtimes)[number]

/** The version every function has; published versions get numbers. */
export const latest = '$LATEST'

/** A layer version as a function uses it. */
export const layerReferenceSchema = z.object({ arn: z.string(), sha256: z.string(), sizeBytes: z.number() })
export type LayerReference = z.infer<typeof layerReferenceSchema>

export const configurationSchema = z.object({
  runtime: z.enum(runtimes),
  handler: z.string(),
  role: z.string(),
  description: z.string(),
  timeoutSeconds: z.number(),
  memoryMb: z.number(),
  /** Absent is not the same as empty: Lambda answers with what was sent. */
  environment: z.record(z.string(), z.string()).optional(),
  architecture: z.enum(['x86_64', 'arm64']),
  ephemeralStorageMb: z.number(),
  tracingMode: z.enum(['Active', 'PassThrough']),
  snapStartApplyOn: z.enum(['None', 'PublishedVersions']),
  logGroup: z.string(),
  /** ARN of the queue that events go to when the function has failed for good. */
  deadLetterTargetArn: z.string().optional(),
  /** In the order in which they are laid over each other; never empty. They stay when their layer version is deleted. */
  layers: z.array(layerReferenceSchema).optional(),
  /** Where the function's requests may go, as written; never empty. Absent: nowhere. */
  egress: z.array(z.string()).optional(),
})
export type FunctionConfiguration = z.infer<typeof configurationSchema>

/** The uploaded package, by content. */
export interface FunctionCode {
  /** Lower-case hex. Lambda's API shows the same digest as base64. */
  sha256: string
  sizeBytes: number
}

/** Lambda's `State`, with the codes and reasons that belong to it. */
export const stateSchema = z.discriminatedUnion('name', [
  z.object({ name: z.literal('Pending'), reasonCode: z.string(), reason: z.string() }),
  z.object({ name: z.literal('Active') }),
  z.object({ name: z.literal('Failed'), reasonCode: z.string(), reason: z.string() }),
])
export type FunctionState = z.infer<typeof stateSchema>

/** Lambda's `LastUpdateStatus`. `None` until the function has been active once. */
export const updateSchema = z.discriminatedUnion('status', [
  z.object({ status: z.literal('None') }),
  z.object({ status: z.literal('InProgress'), reasonCode: z.string(), reason: z.string() }),
  z.object({ status: z.literal('Successful') }),
  z.object({ status: z.literal('Failed'), reasonCode: z.string(), reason: z.string() }),
])
export type LastUpdate = z.infer<typeof updateSchema>

/**
 * What the data plane runs. It lags behind the configuration while an update is in progress, and stays behind when the
 * update failed: callers are served by the last deployment that worked.
 */
export const liveSchema = z.object({
  deployment: z.number(),
  codeSha256: z.string(),
  runtime: z.enum(runtimes),
  handler: z.string(),
  /** Content addresses of the layers' packages, in order. Absent: none. */
  layers: z.array(z.string()).optional(),
  memoryMb: z.number(),
  timeoutSeconds: z.number(),
  environment: z.record(z.string(), z.string()),
  /** Absent: none is let out. */
  egress: z.array(z.string()).optional(),
  /** Absent in deployments made before it was kept here: 512. */
  ephemeralStorageMb: z.number().optional(),
  logGroup: z.string(),
  engine: z.string(),
  snapshot: z.string(),
  /** With what its component is called. Absent: an event. */
  entry: z.enum(['http-0.2', 'http-0.3']).optional(),
  /** Absent: the function has no files below /var/task. */
  files: z.string().optional(),
  snapshotMemoryBytes: z.number(),
  initMs: z.number(),
  /** What the build had to say to the function's owner. Absent: nothing. */
  warnings: z.array(z.string()).optional(),
})
export type LiveDeployment = z.infer<typeof liveSchema>

export interface FunctionKey {
  accountId: string
  functionName: string
  /** `$LATEST` or a number. */
  version: string
}

/** One version of one function. Immutable: a change gives a new record with a new `revisionId`. */
export interface FunctionRecord extends FunctionKey {
  /** Changes with every mutation, also with those the platform makes itself (Pending to Active). */
  revisionId: string
  /** Unique in this store and rising: a fresh one for each change of code or configuration. */
  deployment: number
  lastModified: Date
  configuration: FunctionConfiguration
  code: FunctionCode
  state: FunctionState
  lastUpdate: LastUpdate
  live: LiveDeployment | undefined
  tags: Readonly<Record<string, string>>
}
