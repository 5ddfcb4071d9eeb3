/**
 * What becomes of asynchronous events: one a qualifier, in scope the function's name, under the qualifier (`$LATEST` for
 * the function itself). Written by functions/settings/event-invoke-configs.ts, read when an event is delivered.
 */
import { z } from 'zod'
import { createCollection, type Collection, type Documents } from './documents.ts'

export const eventInvokeConfigSchema = z.object({
  /** 0 to 2. Absent: AWS's 2. */
  maximumRetryAttempts: z.number().optional(),
  /** 60 to 21,600. Absent: AWS's 6 hours. */
  maximumEventAgeInSeconds: z.number().optional(),
  /** ARNs of queues or functions. */
  onSuccess: z.string().optional(),
  onFailure: z.string().optional(),
  /** ms since the epoch. */
  lastModified: z.number(),
})
export type EventInvokeConfig = z.infer<typeof eventInvokeConfigSchema>

export const eventInvokeConfigs = (documents: Documents): Collection<EventInvokeConfig> =>
  createCollection(documents, 'event-invoke-config', eventInvokeConfigSchema)
