/** Function URLs: one a qualifier, in scope the function's name, under the alias or `$LATEST`. */
import { z } from 'zod'
import { createCollection, type Collection, type Documents } from './documents.ts'

const corsSchema = z.object({
  allowCredentials: z.boolean().optional(),
  allowHeaders: z.array(z.string()).optional(),
  allowMethods: z.array(z.string()).optional(),
  allowOrigins: z.array(z.string()).optional(),
  exposeHeaders: z.array(z.string()).optional(),
  maxAgeSeconds: z.number().optional(),
})

export const functionUrlSchema = z.object({
  /** 32 lower-case letters and digits; the first label of the host name, for as long as the config lives. */
  urlId: z.string(),
  authType: z.enum(['NONE', 'AWS_IAM']),
  /** Absent until a request has said it: BUFFERED. */
  invokeMode: z.enum(['BUFFERED', 'RESPONSE_STREAM']).optional(),
  cors: corsSchema.optional(),
  /** ms since the epoch. */
  createdAt: z.number(),
  lastModified: z.number(),
})
export type FunctionUrl = z.infer<typeof functionUrlSchema>

export const functionUrls = (documents: Documents): Collection<FunctionUrl> =>
  createCollection(documents, 'function-url', functionUrlSchema)
