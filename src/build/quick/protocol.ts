/** What the quick builder's parent and child say to each other: jobs down, one answer each up, in order. */
import { z } from 'zod'
import { builtSchema } from '../builder-protocol.ts'

export const quickAnswerSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('built'), built: builtSchema }),
  z.strictObject({ kind: z.literal('needs-base'), base: z.literal('http') }),
  z.strictObject({
    kind: z.literal('failed'),
    code: z.enum(['Build', 'InvalidParameterValue']),
    message: z.string().max(20_000),
  }),
  /** The ordinary builder is to say what becomes of it. Not `healthy`: something broke that nobody thought of. */
  z.strictObject({ kind: z.literal('unsuitable'), reason: z.string(), healthy: z.boolean() }),
])
export type QuickAnswer = z.infer<typeof quickAnswerSchema>
