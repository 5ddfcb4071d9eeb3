/** The embedded driver of the functions' records, on one SQLite file. SQL is known to the drivers in this folder only. */
import type { SQLInputValue } from 'node:sqlite'
import { z } from 'zod'
import { ThawError } from '../errors.ts'
import { openDatabase, type Database, type DatabaseOptions } from './database.ts'
import {
  configurationSchema,
  latest,
  liveSchema,
  stateSchema,
  updateSchema,
  type FunctionKey,
  type FunctionRecord,
} from './records.ts'
import type { FunctionChange, NewFunction, Store } from './store.ts'

const json = <T extends z.ZodType>(schema: T) => z.preprocess((text) => JSON.parse(z.string().parse(text)), schema)

const rowSchema = z
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

const selectVersions = 'SELECT * FROM function_versions JOIN functions USING (account_id, function_name)'
const byKey = 'account_id = :accountId AND function_name = :functionName'

/** A version that is no number is no version that exists: -1 matches no row. */
const versionNumber = (version: string): number =>
  version === latest ? 0 : /^[1-9]\d{0,14}$/.test(version) ? Number(version) : -1

/** With a path, the file is the store's own; a database that is handed in stays its owner's. */
export function createSqliteStore(options: DatabaseOptions | { database: Database }): Store {
  const shared = 'database' in options
  const db = shared ? options.database : openDatabase(options)
  const { read: attempt, transaction } = db

  const rows = (sql: string, parameters: Record<string, SQLInputValue> = {}): FunctionRecord[] =>
    db
      .prepare(sql)
      .all(parameters)
      .map((row) => rowSchema.parse(row))

  const find = (key: FunctionKey): FunctionRecord | undefined =>
    rows(`${selectVersions} WHERE ${byKey} AND version = :version`, {
      accountId: key.accountId,
      functionName: key.functionName,
      version: versionNumber(key.version),
    })[0]

  const nextDeployment = (): number => {
    const row = db.prepare(`UPDATE counters SET value = value + 1 WHERE name = 'deployment' RETURNING value`).get()
    return z.object({ value: z.number() }).parse(row).value
  }

  const write = (record: FunctionRecord): void => {
    db.prepare(
      `INSERT INTO function_versions
        (account_id, function_name, version, revision_id, deployment, last_modified, configuration, code_sha256,
         code_bytes, state, last_update, live)
       VALUES (:accountId, :functionName, :version, :revisionId, :deployment, :lastModified, :configuration,
         :codeSha256, :codeBytes, :state, :lastUpdate, :live)
       ON CONFLICT (account_id, function_name, version) DO UPDATE SET
         revision_id = excluded.revision_id, deployment = excluded.deployment, last_modified = excluded.last_modified,
         configuration = excluded.configuration, code_sha256 = excluded.code_sha256, code_bytes = excluded.code_bytes,
         state = excluded.state, last_update = excluded.last_update, live = excluded.live`,
    ).run({
      accountId: record.accountId,
      functionName: record.functionName,
      version: versionNumber(record.version),
      revisionId: record.revisionId,
      deployment: record.deployment,
      lastModified: record.lastModified.getTime(),
      configuration: JSON.stringify(record.configuration),
      codeSha256: record.code.sha256,
      codeBytes: record.code.sizeBytes,
      state: JSON.stringify(record.state),
      lastUpdate: JSON.stringify(record.lastUpdate),
      live: record.live === undefined ? null : JSON.stringify(record.live),
    })
  }

  const expectRevision = (record: FunctionRecord | undefined, expected: string): FunctionRecord => {
    if (record?.revisionId === expected) return record
    throw new ThawError('PreconditionFailed', `The function has changed: revision ${expected} is no longer the latest.`)
  }

  return {
    createFunction: (draft: NewFunction) =>
      transaction(() => {
        if (find(draft) !== undefined)
          throw new ThawError('ResourceConflict', `Function already exist: ${draft.functionName}`)
        db.prepare(
          'INSERT INTO functions (account_id, function_name, tags) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
        ).run(draft.accountId, draft.functionName, JSON.stringify(draft.tags))
        const record: FunctionRecord = { ...draft, deployment: nextDeployment() }
        write(record)
        return record
      }),

    getFunction: (key) => attempt(() => find(key)),

    updateFunction: (key: FunctionKey, expectedRevisionId: string, change: FunctionChange) =>
      transaction(() => {
        const current = expectRevision(find(key), expectedRevisionId)
        const deployment = change.deployment === 'next' ? nextDeployment() : current.deployment
        const record: FunctionRecord = { ...current, ...change, deployment }
        write(record)
        return record
      }),

    deleteFunction: (accountId, functionName, expectedRevisionId) =>
      transaction(() => {
        expectRevision(find({ accountId, functionName, version: latest }), expectedRevisionId)
        db.prepare(`DELETE FROM functions WHERE ${byKey}`).run({ accountId, functionName })
        db.prepare('DELETE FROM documents WHERE account_id = ? AND scope = ?').run(accountId, functionName)
      }),

    listFunctions: ({ accountId, after, limit, versions }) =>
      attempt(() =>
        rows(
          `${selectVersions} WHERE account_id = :accountId AND function_name IN (
             SELECT function_name FROM functions WHERE account_id = :accountId AND function_name > :after
             ORDER BY function_name LIMIT :limit
           ) ${versions === 'latest' ? 'AND version = 0' : ''} ORDER BY function_name, version`,
          { accountId, after: after ?? '', limit },
        ),
      ),

    listUnsettled: () => attempt(() => rows(`${selectVersions} WHERE settled = 0 ORDER BY deployment`)),

    listLive: () => attempt(() => rows(`${selectVersions} WHERE live IS NOT NULL ORDER BY deployment`)),

    usage: (accountId) =>
      attempt(() => {
        const row = db
          .prepare(
            `SELECT count(*) FILTER (WHERE version = 0) AS functions, coalesce(sum(code_bytes), 0) AS bytes
             FROM function_versions WHERE account_id = ?`,
          )
          .get(accountId)
        const usage = z.object({ functions: z.number(), bytes: z.number() }).parse(row)
        return { functionCount: usage.functions, codeBytes: usage.bytes }
      }),

    listCode: () =>
      attempt(() => {
        const found = db
          .prepare(
            `SELECT code_sha256 AS sha FROM function_versions
             UNION SELECT json_extract(live, '$.codeSha256') FROM function_versions WHERE live IS NOT NULL`,
          )
          .all()
        return new Set(found.map((row) => z.object({ sha: z.string() }).parse(row).sha))
      }),

    async [Symbol.asyncDispose]() {
      if (!shared) db[Symbol.dispose]()
    },
  }
}
