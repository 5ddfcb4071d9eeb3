/** An event source mapping as it is stored: documents of kind `event-source-mapping`, one an account and UUID. */
import { z } from 'zod'
import { createCollection, type Collection, type Documents } from '../../store/documents.ts'

/** Lambda's words. All but Enabled and Disabled are on the way to one of these, or to nothing. */
export const mappingStates = [
  'Creating',
  'Enabling',
  'Enabled',
  'Disabling',
  'Disabled',
  'Updating',
  'Deleting',
] as const

export const startingPositions = ['TRIM_HORIZON', 'LATEST', 'AT_TIMESTAMP'] as const

export const mappingSchema = z.object({
  uuid: z.string(),
  eventSourceArn: z.string(),
  /** RabbitMQ's. */
  queues: z.array(z.string()),
  functionName: z.string(),
  /** `$LATEST`, a version's number, or an alias. */
  qualifier: z.string(),
  /** As the client named it: with a qualifier or without. */
  functionArn: z.string(),
  /** What the client wants; the state follows. */
  enabled: z.boolean(),
  state: z.enum(mappingStates),
  /** ms since the epoch. */
  lastModified: z.number(),
  batchSize: z.number(),
  batchingWindowSeconds: z.number(),
  /** Patterns as they were written. */
  filters: z.array(z.string()),
  reportsBatchItemFailures: z.boolean(),
  /** Queues: `ScalingConfig.MaximumConcurrency`. */
  maximumConcurrency: z.number().optional(),
  /** Streams. */
  startingPosition: z.enum(startingPositions).optional(),
  /** ms since the epoch. */
  startingPositionTimestamp: z.number().optional(),
  parallelizationFactor: z.number(),
  bisectBatchOnFunctionError: z.boolean(),
  /** -1: for ever. */
  maximumRetryAttempts: z.number(),
  /** -1: any age. */
  maximumRecordAgeSeconds: z.number(),
  /** ARN of a queue or function. */
  onFailure: z.string().optional(),
  tags: z.record(z.string(), z.string()),
})

export type Mapping = z.infer<typeof mappingSchema>
export type MappingState = Mapping['state']
export type MappingRecords = Collection<Mapping>

/** Mappings stay when their function is deleted, as on AWS: they belong to the account. */
export const mappingScope = ''

export const mappingRecords = (documents: Documents): MappingRecords =>
  createCollection(documents, 'event-source-mapping', mappingSchema)
