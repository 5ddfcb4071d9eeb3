/** The embedded driver of the functions' records, on one SQLite file. SQL is known to the drivers in this folder only. */
import type { SQLInputValue } from 'node:sqlite'
import { z } from 'zod'
import { ThawError } from '../errors.ts'
import { openDatabase, type Database, type DatabaseOptions } from './database.ts'
import { latest, type FunctionKey, type FunctionRecord } from './records.ts'
import { functionRow, selectVersions, versionNumber } from './sqlite-function-rows.ts'
import type { FunctionChange, NewFunction, Publication, Store, VersionDraft } from './store.ts'
import { sourceDigest } from './version-source.ts'

const lastVersion = z.object({ number: z.number(), source: z.string().nullable() })
const byKey = 'account_id = :accountId AND function_name = :functionName'

/** With a path, the file is the store's own; a database that is handed in stays its owner's. */
export function createSqliteStore(options: DatabaseOptions | { database: Database }): Store {
  const shared = 'database' in options
  const db = shared ? options.database : openDatabase(options)
  const { read: attempt, transaction } = db

  const rows = (sql: string, parameters: Record<string, SQLInputValue> = {}): FunctionRecord[] =>
    db
      .prepare(sql)
      .all(parameters)
      .map((row) => functionRow.parse(row))

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

  const changed = (current: FunctionRecord, change: FunctionChange): FunctionRecord => {
    const deployment = change.deployment === 'next' ? nextDeployment() : current.deployment
    return { ...current, ...change, deployment }
  }

  /** Of a $LATEST that is as it is to be, written or not. */
  const publish = (latestRecord: FunctionRecord, draft: VersionDraft): Publication => {
    const { accountId, functionName } = latestRecord
    const digest = sourceDigest(latestRecord)
    const found = db
      .prepare(
        `SELECT last_version AS number, (
           SELECT published_from FROM function_versions v
           WHERE v.account_id = f.account_id AND v.function_name = f.function_name AND v.version = f.last_version
         ) AS source FROM functions f WHERE ${byKey}`,
      )
      .get({ accountId, functionName })
    const last = lastVersion.parse(found)
    const same = last.source === digest ? find({ ...latestRecord, version: String(last.number) }) : undefined
    if (same !== undefined && same.state.name !== 'Failed') {
      write(latestRecord)
      return { latest: latestRecord, version: same, isNew: false }
    }
    const number = last.number + 1
    db.prepare(`UPDATE functions SET last_version = :number WHERE ${byKey}`).run({ accountId, functionName, number })
    const renewed = { ...latestRecord, revisionId: draft.latestRevisionId }
    write(renewed)
    const { configuration } = latestRecord
    const version: FunctionRecord = {
      ...latestRecord,
      version: String(number),
      revisionId: draft.revisionId,
      deployment: nextDeployment(),
      configuration: { ...configuration, description: draft.description ?? configuration.description },
      state: draft.state,
      lastUpdate: { status: 'None' },
      live: undefined,
    }
    write(version)
    db.prepare(`UPDATE function_versions SET published_from = :digest WHERE ${byKey} AND version = :number`).run({
      accountId,
      functionName,
      number,
      digest,
    })
    return { latest: renewed, version, isNew: true }
  }

  return {
    createFunction: (draft: NewFunction, first?: VersionDraft) =>
      transaction(() => {
        if (find(draft) !== undefined)
          throw new ThawError('ResourceConflict', `Function already exist: ${draft.functionName}`)
        db.prepare(
          'INSERT INTO functions (account_id, function_name, tags) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
        ).run(draft.accountId, draft.functionName, JSON.stringify(draft.tags))
        const record: FunctionRecord = { ...draft, deployment: nextDeployment() }
        if (first !== undefined) return publish(record, first).latest
        write(record)
        return record
      }),

    getFunction: (key) => attempt(() => find(key)),

    updateFunction: (key: FunctionKey, expectedRevisionId: string, change: FunctionChange) =>
      transaction(() => {
        const record = changed(expectRevision(find(key), expectedRevisionId), change)
        write(record)
        return record
      }),

    publishVersion: ({ accountId, functionName }, expectedRevisionId, draft, change) =>
      transaction(() => {
        const current = expectRevision(find({ accountId, functionName, version: latest }), expectedRevisionId)
        return publish(change === undefined ? current : changed(current, change), draft)
      }),

    deleteVersion: (key, expectedRevisionId) =>
      transaction(() => {
        const { accountId, functionName, version } = expectRevision(find(key), expectedRevisionId)
        const number = versionNumber(version)
        db.prepare(`DELETE FROM function_versions WHERE ${byKey} AND version = :number AND version > 0`).run({
          accountId,
          functionName,
          number,
        })
      }),

    listVersions: ({ accountId, functionName, after, limit }) =>
      attempt(() =>
        rows(`${selectVersions} WHERE ${byKey} AND version > :after ORDER BY version LIMIT :limit`, {
          accountId,
          functionName,
          after: after === undefined ? -1 : versionNumber(after),
          limit,
        }),
      ),

    setTags: (accountId, functionName, expected, tags) =>
      transaction(() => {
        const current = find({ accountId, functionName, version: latest })?.tags
        if (current === undefined || JSON.stringify(current) !== JSON.stringify(expected))
          throw new ThawError('PreconditionFailed', `The tags of ${functionName} have changed.`)
        const json = JSON.stringify(tags)
        db.prepare(`UPDATE functions SET tags = :json WHERE ${byKey}`).run({ accountId, functionName, json })
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
             UNION SELECT json_extract(live, '$.codeSha256') FROM function_versions WHERE live IS NOT NULL
             UNION SELECT json_extract(layer.value, '$.sha256')
               FROM function_versions, json_each(configuration, '$.layers') AS layer
             UNION SELECT layer.value FROM function_versions, json_each(live, '$.layers') AS layer`,
          )
          .all()
        return new Set(found.map((row) => z.object({ sha: z.string() }).parse(row).sha))
      }),

    async [Symbol.asyncDispose]() {
      if (!shared) db[Symbol.dispose]()
    },
  }
}
