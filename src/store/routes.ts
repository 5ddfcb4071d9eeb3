/** Routes: hosts and paths that functions answer, in scope the function's name, under the route's id. */
import { z } from 'zod'
import { createCollection, type Collection, type Documents } from './documents.ts'

export const routeSchema = z.object({
  /** Lower case: `api.example.com` or `*.example.com`. */
  host: z.string(),
  /** In the one way in which it can be written: `/users/*`. */
  path: z.string(),
  /** Upper case; never empty. Absent: all. */
  methods: z.array(z.string()).optional(),
  /** An alias, a version's number, or `$LATEST`. */
  qualifier: z.string(),
  authType: z.enum(['NONE', 'AWS_IAM']),
  invokeMode: z.enum(['BUFFERED', 'RESPONSE_STREAM']),
  /** ms since the epoch. */
  createdAt: z.number(),
  lastModified: z.number(),
})
export type Route = z.infer<typeof routeSchema>

export const routesOf = (documents: Documents): Collection<Route> => createCollection(documents, 'route', routeSchema)
