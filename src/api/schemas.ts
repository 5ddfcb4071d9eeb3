/** The requests of the Lambda API, as `@aws-sdk/client-lambda` types them. Patterns: docs.aws.amazon.com/lambda/latest/api. */
import { z } from 'zod'
import { functionNameRule } from '../functions/names.ts'
import { constraints } from '../functions/violations.ts'
import { integer, optional, text, word } from './members.ts'

const variableName = /^[a-zA-Z]([a-zA-Z0-9_])+$/

const variables = z.record(z.string(), z.string()).superRefine((map, context) => {
  if (Object.keys(map).every((name) => variableName.test(name))) return
  // Lambda shows the whole map here; the values may be secrets, so we show the keys.
  const input = Object.keys(map)
  const rule = constraints.pattern('[a-zA-Z]([a-zA-Z0-9_])+')
  context.addIssue({ code: 'custom', input, message: `Map keys must satisfy constraint: [${rule}]` })
})

/** Whatever Thaw does not support is let through here and refused by name in unsupported.ts. */
const unsupported = optional(z.unknown())

const architectures = z.array(z.string()).superRefine((list, context) => {
  const known = ['x86_64', 'arm64']
  if (list.length !== 1) {
    const message = list.length === 0 ? constraints.minLength(1) : constraints.maxLength(1)
    context.addIssue({ code: 'custom', input: list, message })
  }
  if (list.every((name) => known.includes(name))) return
  const message = `Member must satisfy constraint: [${constraints.oneOf(known)}]`
  context.addIssue({ code: 'custom', input: list, message })
})

const configuration = {
  Runtime: optional(text()),
  Handler: optional(text({ maxLength: 128, pattern: '[^\\s]+' })),
  Description: optional(text({ maxLength: 256 })),
  Timeout: optional(integer(1, 900)),
  MemorySize: optional(integer(128, 10_240)),
  Environment: optional(z.object({ Variables: optional(variables) })),
  EphemeralStorage: optional(z.object({ Size: integer(512, 10_240) })),
  TracingConfig: optional(z.object({ Mode: optional(word(['Active', 'PassThrough'])) })),
  SnapStart: optional(z.object({ ApplyOn: optional(word(['PublishedVersions', 'None'])) })),
  LoggingConfig: optional(
    z.object({
      LogFormat: optional(word(['JSON', 'Text'])),
      ApplicationLogLevel: unsupported,
      SystemLogLevel: unsupported,
      LogGroup: optional(text({ minLength: 1, maxLength: 512, pattern: '[\\.\\-_/#A-Za-z0-9]+' })),
    }),
  ),
  VpcConfig: unsupported,
  DeadLetterConfig: optional(
    z.object({ TargetArn: optional(text({ pattern: '(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()' })) }),
  ),
  KMSKeyArn: unsupported,
  Layers: optional(z.array(z.string())),
  /** Thaw's own: where the function's requests may go. */
  Egress: optional(z.object({ Allow: optional(z.array(z.string())) })),
  FileSystemConfigs: unsupported,
  ImageConfig: unsupported,
  CapacityProviderConfig: unsupported,
  DurableConfig: unsupported,
}

const role = text({ pattern: 'arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+' })

const code = {
  ZipFile: optional(z.string()),
  S3Bucket: unsupported,
  S3Key: unsupported,
  S3ObjectVersion: unsupported,
  ImageUri: unsupported,
  SourceKMSKeyArn: unsupported,
}

export const createFunctionSchema = z.object({
  ...configuration,
  FunctionName: text({ minLength: 1, ...functionNameRule }),
  Role: role,
  Code: z.object(code),
  Publish: optional(z.boolean()),
  PublishTo: unsupported,
  PackageType: optional(word(['Zip', 'Image'])),
  Architectures: optional(architectures),
  Tags: optional(z.record(z.string(), z.string())),
  CodeSigningConfigArn: unsupported,
  TenancyConfig: unsupported,
})
export type CreateFunctionRequest = z.infer<typeof createFunctionSchema>

export const updateCodeSchema = z.object({
  ...code,
  Architectures: optional(architectures),
  Publish: optional(z.boolean()),
  PublishTo: unsupported,
  DryRun: optional(z.boolean()),
  RevisionId: optional(text()),
})
export type UpdateCodeRequest = z.infer<typeof updateCodeSchema>

export const updateConfigurationSchema = z.object({
  ...configuration,
  Role: optional(role),
  RevisionId: optional(text()),
})
export type UpdateConfigurationRequest = z.infer<typeof updateConfigurationSchema>

export const publishVersionSchema = z.object({
  CodeSha256: optional(text()),
  Description: optional(text({ maxLength: 256 })),
  RevisionId: optional(text()),
  PublishTo: unsupported,
})

/** Query parameters arrive as strings. */
export const pageSchema = z.object({
  Marker: optional(text()),
  MaxItems: optional(z.coerce.number().pipe(integer(1, 10_000))),
})

export const listFunctionsSchema = z.object({
  ...pageSchema.shape,
  FunctionVersion: optional(word(['ALL'])),
})
