/** Whether a function may be part of a loop, in scope the function's name. Read by the recursion guard. */
import { z } from 'zod'
import { createCollection, type Collection, type Documents } from './documents.ts'
import { latest } from './records.ts'

/** Absent: `Terminate`. */
export const recursionConfigSchema = z.object({ recursiveLoop: z.enum(['Allow', 'Terminate']) })
export type RecursionConfig = z.infer<typeof recursionConfigSchema>

/** There is one a function. */
export const recursionConfigKey = latest

export const recursionConfigs = (documents: Documents): Collection<RecursionConfig> =>
  createCollection(documents, 'recursion-config', recursionConfigSchema)
