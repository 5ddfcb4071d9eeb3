/** Concurrency that is set aside, in scope the function's name. Written by functions/settings alone. */
import { z } from 'zod'
import { createCollection, type Collection, type Documents } from './documents.ts'
import { latest } from './records.ts'

/** For the whole function: there is one, under `$LATEST`. 0 switches the function off. */
export const reservedConcurrencySchema = z.object({ concurrency: z.number() })
export type ReservedConcurrency = z.infer<typeof reservedConcurrencySchema>
export const reservedConcurrencyKey = latest

export const reservedConcurrencies = (documents: Documents): Collection<ReservedConcurrency> =>
  createCollection(documents, 'reserved-concurrency', reservedConcurrencySchema)

/** Under a version's number or an alias. */
export const provisionedConcurrencySchema = z.object({
  requested: z.number(),
  status: z.discriminatedUnion('name', [
    z.object({ name: z.literal('IN_PROGRESS') }),
    z.object({ name: z.literal('READY') }),
    z.object({ name: z.literal('FAILED'), reason: z.string() }),
  ]),
  /** ms since the epoch, of the last request that set it. */
  lastModified: z.number(),
})
export type ProvisionedConcurrency = z.infer<typeof provisionedConcurrencySchema>

export const provisionedConcurrencies = (documents: Documents): Collection<ProvisionedConcurrency> =>
  createCollection(documents, 'provisioned', provisionedConcurrencySchema)
