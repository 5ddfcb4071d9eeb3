/** What the builder's parent and child say to each other: one job down, one answer up. */
import { z } from 'zod'
import { limitsSchema } from '../config.ts'
import { runtimes } from '../store/records.ts'

export const jobSchema = z.strictObject({
  runtime: z.enum(runtimes),
  handler: z.string(),
  /** Absolute paths. The child may read the packages and write below the folders only. */
  codePath: z.string(),
  layerPaths: z.array(z.string()),
  workFolder: z.string(),
  /** Artifacts are written here; the parent moves them to where workers look. */
  stagingFolder: z.string(),
  limits: limitsSchema,
})
export type Job = z.infer<typeof jobSchema>

const sha256 = z.string().regex(/^[0-9a-f]{64}$/)

export const builtSchema = z.strictObject({
  engine: sha256,
  snapshot: sha256,
  snapshotMemoryBytes: z.number().int().nonnegative(),
  initMs: z.number().nonnegative(),
  warnings: z.array(z.string()),
})
export type Built = z.infer<typeof builtSchema>

export const answerSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('built'), built: builtSchema }),
  z.strictObject({
    kind: z.literal('failed'),
    code: z.enum(['Build', 'InvalidParameterValue']),
    message: z.string().max(20_000),
  }),
])
export type Answer = z.infer<typeof answerSchema>
