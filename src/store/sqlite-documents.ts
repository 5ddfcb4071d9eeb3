/** Documents on SQLite. */
import { z } from 'zod'
import { ThawError } from '../errors.ts'
import type { Database } from './database.ts'
import type { Document, DocumentKey, Documents } from './documents.ts'

const row = z
  .object({
    kind: z.string(),
    account_id: z.string(),
    scope: z.string(),
    key: z.string(),
    revision: z.number(),
    value: z.string(),
  })
  .transform(({ account_id: accountId, value, ...rest }): Document => {
    return { ...rest, accountId, value: JSON.parse(value) }
  })

const where = 'kind = :kind AND account_id = :accountId AND scope = :scope AND key = :key'
const parametersOf = ({ kind, accountId, scope, key }: DocumentKey) => ({ kind, accountId, scope, key })

export function createSqliteDocuments(db: Database): Documents {
  const find = (key: DocumentKey): Document | undefined => {
    const found = db.prepare(`SELECT * FROM documents WHERE ${where}`).get(parametersOf(key))
    return found === undefined ? undefined : row.parse(found)
  }
  const nextRevision = (): number => {
    const next = db.prepare(`UPDATE counters SET value = value + 1 WHERE name = 'document' RETURNING value`).get()
    return z.object({ value: z.number() }).parse(next).value
  }
  const assertExpected = (key: DocumentKey, expected: number | 'absent'): void => {
    const revision = find(key)?.revision
    if (expected === 'absent' && revision !== undefined)
      throw new ThawError('ResourceConflict', `There is a ${key.kind} ${key.key} already.`)
    if (expected !== 'absent' && revision !== expected)
      throw new ThawError('PreconditionFailed', `The ${key.kind} ${key.key} has changed.`)
  }

  return {
    get: (key) => db.read(() => find(key)),

    put: (key, value, expected) =>
      db.grouped(() => {
        assertExpected(key, expected)
        const revision = nextRevision()
        db.prepare(
          `INSERT INTO documents (kind, account_id, scope, key, revision, value)
           VALUES (:kind, :accountId, :scope, :key, :revision, :value)
           ON CONFLICT (kind, account_id, scope, key) DO UPDATE SET revision = excluded.revision, value = excluded.value`,
        ).run({ ...parametersOf(key), revision, value: JSON.stringify(value) })
        const written = find(key)
        if (written === undefined) throw new ThawError('Service', 'A document is not there after it was written.')
        return written
      }),

    delete: (key, expected) =>
      db.grouped(() => {
        assertExpected(key, expected)
        db.prepare(`DELETE FROM documents WHERE ${where}`).run(parametersOf(key))
      }),

    list: ({ kind, accountId, scope, after, limit = -1 }) =>
      db.read(() => {
        const conditions = ['kind = :kind']
        const parameters: Record<string, string | number> = { kind, limit }
        if (accountId !== undefined) {
          conditions.push('account_id = :accountId')
          parameters.accountId = accountId
        }
        if (scope !== undefined) {
          conditions.push('scope = :scope')
          parameters.scope = scope
        }
        if (after !== undefined) {
          conditions.push('(account_id, scope, key) > (:afterAccount, :afterScope, :afterKey)')
          parameters.afterAccount = after.accountId
          parameters.afterScope = after.scope
          parameters.afterKey = after.key
        }
        return db
          .prepare(
            `SELECT * FROM documents WHERE ${conditions.join(' AND ')} ORDER BY account_id, scope, key LIMIT :limit`,
          )
          .all(parameters)
          .map((found) => row.parse(found))
      }),
  }
}
