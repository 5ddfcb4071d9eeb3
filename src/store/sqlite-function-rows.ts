/** From rows of the functions' tables to records. */
import { z } from 'zod'
import { configurationSchema, latest, liveSchema, stateSchema, updateSchema, type FunctionRecord } from './records.ts'

const json = <T extends z.ZodType>(schema: T) => z.preprocess((text) => JSON.parse(z.string().parse(text)), schema)

export const functionRow = z
  .object({
    account_id: z.string(),
    function_name: z.string(),
    version: z.number(),
    revision_id: z.string(),
    deployment: z.number(),
    last_modified: z.number(),
    configuration: json(configurationSchema),
    code_sha256: z.string(),
    code_bytes: z.number(),
    state: json(stateSchema),
    last_update: json(updateSchema),
    live: json(liveSchema).nullable(),
    tags: json(z.record(z.string(), z.string())),
  })
  .transform((row): FunctionRecord => ({
    accountId: row.account_id,
    functionName: row.function_name,
    version: row.version === 0 ? latest : String(row.version),
    revisionId: row.revision_id,
    deployment: row.deployment,
    lastModified: new Date(row.last_modified),
    configuration: row.configuration,
    code: { sha256: row.code_sha256, sizeBytes: row.code_bytes },
    state: row.state,
    lastUpdate: row.last_update,
    live: row.live ?? undefined,
    tags: row.tags,
  }))

export const selectVersions = 'SELECT * FROM function_versions JOIN functions USING (account_id, function_name)'

/** A version that is no number is no version that exists: -1 matches no row. */
export const versionNumber = (version: string): number =>
  version === latest ? 0 : /^[1-9]\d{0,14}$/.test(version) ? Number(version) : -1
