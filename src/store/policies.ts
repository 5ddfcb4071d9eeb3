/**
 * Resource policies of functions: one a qualifier, in scope the function's name, under the qualifier (`$LATEST` for the
 * function itself). Written by functions/settings/permissions.ts, evaluated by identity.
 */
import { z } from 'zod'
import { createCollection, type Collection, type Documents } from './documents.ts'

/** As AWS writes it: `*`, an account or role by ARN, or a service by its host name. */
export const principalSchema = z.union([
  z.literal('*'),
  z.strictObject({ AWS: z.string() }),
  z.strictObject({ Service: z.string() }),
])
export type Principal = z.infer<typeof principalSchema>

export const statementSchema = z.object({
  Sid: z.string(),
  Effect: z.literal('Allow'),
  Principal: principalSchema,
  /** `lambda:InvokeFunction`, `lambda:*`. */
  Action: z.string(),
  /** The function's ARN, with the qualifier if the policy is a qualifier's. */
  Resource: z.string(),
  /** Operator (`StringEquals`, `ArnLike`, `Bool`), condition key (`AWS:SourceArn`), value. All must hold. */
  Condition: z.record(z.string(), z.record(z.string(), z.string())).optional(),
})
export type Statement = z.infer<typeof statementSchema>

export const policySchema = z.object({
  revisionId: z.string(),
  /** Never empty: the policy goes with its last statement. */
  statements: z.array(statementSchema),
})
export type Policy = z.infer<typeof policySchema>

export const policies = (documents: Documents): Collection<Policy> =>
  createCollection(documents, 'policy', policySchema)
