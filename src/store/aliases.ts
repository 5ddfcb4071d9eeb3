/** Aliases, in scope the function's name, under the alias's name. Written by functions/aliases.ts alone. */
import { z } from 'zod'
import { createCollection, type Collection, type Documents } from './documents.ts'

export const aliasSchema = z.object({
  name: z.string(),
  description: z.string(),
  /** `$LATEST` or a number. */
  functionVersion: z.string(),
  /** Gets `weight` (0 to 1) of the invocations, `functionVersion` the rest. Neither is then `$LATEST`. */
  additional: z.object({ version: z.string(), weight: z.number() }).optional(),
  /** Changes with every update, also with one that changes nothing. */
  revisionId: z.string(),
})
export type Alias = z.infer<typeof aliasSchema>

export const aliasesOf = (documents: Documents): Collection<Alias> => createCollection(documents, 'alias', aliasSchema)
