/** Requests on event source mappings. Patterns and ranges: docs.aws.amazon.com/lambda/latest/api. */
import { z } from 'zod'
import { patternMaxLength } from '../events/filter/pattern.ts'
import { functionNameRule } from '../functions/names.ts'
import { constraints } from '../functions/violations.ts'
import { integer, optional, text, word } from './members.ts'

/** Whatever Thaw does not support is let through here and refused by name in mapping-requests.ts. */
const unsupported = optional(z.unknown())

const functionName = text({ minLength: 1, ...functionNameRule })
const eventSourceArn = text({
  pattern: 'arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\\-])+:([a-z]{2}(-gov)?-[a-z]+-\\d{1})?:(\\d{12})?:(.*)',
})

/** AWS counts list members from 1 in its paths. */
const filterCriteria = z
  .object({ Filters: optional(z.array(z.object({ Pattern: optional(z.string()) }))) })
  .superRefine(({ Filters: filters = [] }, context) => {
    for (const [at, { Pattern: pattern = '' }] of filters.entries()) {
      if (pattern.length <= patternMaxLength) continue
      const path = ['filters', String(at + 1), 'member', 'pattern']
      const message = constraints.maxLength(patternMaxLength)
      context.addIssue({ code: 'custom', input: pattern, path, message })
    }
  })

const destination = z.object({ Destination: optional(text({ maxLength: 350 })) })

const settings = {
  Enabled: optional(z.boolean()),
  BatchSize: optional(integer(1, 10_000)),
  MaximumBatchingWindowInSeconds: optional(integer(0, 300)),
  FilterCriteria: optional(filterCriteria),
  FunctionResponseTypes: optional(z.array(word(['ReportBatchItemFailures'])).max(1, constraints.maxLength(1))),
  ScalingConfig: optional(z.object({ MaximumConcurrency: optional(integer(2, 1_000)) })),
  ParallelizationFactor: optional(integer(1, 10)),
  BisectBatchOnFunctionError: optional(z.boolean()),
  MaximumRetryAttempts: optional(integer(-1, 10_000)),
  MaximumRecordAgeInSeconds: optional(integer(-1, 604_800)),
  TumblingWindowInSeconds: optional(integer(0, 900)),
  DestinationConfig: optional(z.object({ OnSuccess: optional(destination), OnFailure: optional(destination) })),
  KMSKeyArn: unsupported,
  MetricsConfig: unsupported,
  LoggingConfig: unsupported,
  SourceAccessConfigurations: unsupported,
  AmazonManagedKafkaEventSourceConfig: unsupported,
  SelfManagedKafkaEventSourceConfig: unsupported,
  DocumentDBEventSourceConfig: unsupported,
  ProvisionedPollerConfig: unsupported,
}

export const createMappingSchema = z.object({
  ...settings,
  FunctionName: functionName,
  EventSourceArn: optional(eventSourceArn),
  Queues: optional(
    z
      .array(text({ minLength: 1, maxLength: 1_000 }))
      .min(1, constraints.minLength(1))
      .max(1, constraints.maxLength(1)),
  ),
  // In AWS's order (recorded: test_create_event_source_validation).
  StartingPosition: optional(word(['LATEST', 'AT_TIMESTAMP', 'TRIM_HORIZON'])),
  /** Seconds since the epoch. */
  StartingPositionTimestamp: optional(z.number()),
  Tags: optional(z.record(z.string(), z.string())),
  Topics: unsupported,
  SelfManagedEventSource: unsupported,
})
export type CreateMappingRequest = z.infer<typeof createMappingSchema>

export const updateMappingSchema = z.object({ ...settings, FunctionName: optional(functionName) })
export type UpdateMappingRequest = z.infer<typeof updateMappingSchema>

/** Query parameters arrive as strings. */
export const listMappingsSchema = z.object({
  EventSourceArn: optional(eventSourceArn),
  FunctionName: optional(functionName),
  Marker: optional(text()),
  MaxItems: optional(z.coerce.number().pipe(integer(1, 10_000))),
})
