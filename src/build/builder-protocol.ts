/** What the builder's parent and child say to each other: one job down, one answer up. */
import { z } from 'zod'
import { limitsSchema } from '../config.ts'
import { runtimes } from '../store/records.ts'

const functionJobSchema = z.strictObject({
  kind: z.literal('function'),
  runtime: z.enum(runtimes),
  handler: z.string(),
  /** Absolute paths. The child may read the packages and write below the folders only. */
  codePath: z.string(),
  layerPaths: z.array(z.string()),
  workFolder: z.string(),
  /** Artifacts are written here; the parent moves them to where workers look. */
  stagingFolder: z.string(),
  /** JavaScript's bases (base/base.ts), as far as there are any. */
  bases: z.strictObject({ event: z.string(), http: z.string().optional() }).optional(),
  limits: limitsSchema,
})
export type Job = z.infer<typeof functionJobSchema>

/** Makes `base` in the staging folder. */
const baseJobSchema = z.strictObject({
  kind: z.literal('base'),
  base: z.enum(['event', 'http']),
  workFolder: z.string(),
  stagingFolder: z.string(),
  limits: limitsSchema,
})
export type BaseJob = z.infer<typeof baseJobSchema>

export const jobSchema = z.discriminatedUnion('kind', [functionJobSchema, baseJobSchema])

const sha256 = z.string().regex(/^[0-9a-f]{64}$/)

export const builtSchema = z.strictObject({
  engine: sha256,
  snapshot: sha256,
  /** What the component is called with; absent: an event. */
  entry: z.enum(['http-0.2', 'http-0.3']).optional(),
  /** The files that came with a component, if any did (snapshot/package-bundle.ts). */
  files: sha256.optional(),
  snapshotMemoryBytes: z.number().int().nonnegative(),
  initMs: z.number().nonnegative(),
  warnings: z.array(z.string()),
})
export type Built = z.infer<typeof builtSchema>

export const answerSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('built'), built: builtSchema }),
  z.strictObject({ kind: z.literal('base') }),
  /** The job is to come again with this one, or with none if it cannot be had. */
  z.strictObject({ kind: z.literal('needs-base'), base: z.literal('http') }),
  z.strictObject({
    kind: z.literal('failed'),
    code: z.enum(['Build', 'InvalidParameterValue']),
    message: z.string().max(20_000),
  }),
])
export type Answer = z.infer<typeof answerSchema>
