/** Removing what nobody will receive any more on SQLite, in steps that are small enough for everybody else. */
import { z } from 'zod'
import type { Database } from './database.ts'
import type { MessageRows } from './sqlite-message-rows.ts'

const contentsSchema = z.object({ contents: z.number() })
const queueSchema = z.object({ contents: z.number(), expired_at: z.number() })
const expiredSchema = z.object({ sequence: z.number(), group_id: z.string().nullable() })

/** Within a transaction: removes up to `limit` rows and returns how many. */
export function createSweep(db: Database, rows: MessageRows): (now: number, limit: number) => number {
  const reap = (limit: number): number => {
    const row = db.prepare('SELECT contents FROM discarded_contents LIMIT 1').get()
    if (row === undefined) return 0
    const { contents } = contentsSchema.parse(row)
    const removed = ['messages', 'message_groups'].map((table) => {
      const key = table === 'messages' ? 'sequence' : 'group_id'
      const { changes } = db
        .prepare(
          `DELETE FROM ${table} WHERE contents = ?1 AND ${key} IN
             (SELECT ${key} FROM ${table} WHERE contents = ?1 LIMIT ?2)`,
        )
        .run(contents, limit)
      return Number(changes)
    })
    if (removed.every((count) => count < limit))
      db.prepare('DELETE FROM discarded_contents WHERE contents = ?').run(contents)
    return removed.reduce((sum, count) => sum + count, 1)
  }

  const forget = (now: number, limit: number): number => {
    const { changes } = db
      .prepare(
        `DELETE FROM deduplications WHERE (queue_id, scope, deduplication_id) IN
           (SELECT queue_id, scope, deduplication_id FROM deduplications WHERE expires_at <= ? LIMIT ?)`,
      )
      .run(now, limit)
    return Number(changes)
  }

  const expire = (now: number, limit: number): number => {
    const queues = db.prepare('SELECT contents, :now - retention_s * 1000 AS expired_at FROM queues').all({ now })
    for (const queue of queues) {
      const { contents, expired_at: expiredAt } = queueSchema.parse(queue)
      const expired = db
        .prepare(
          `SELECT sequence, group_id FROM messages INDEXED BY messages_due
           WHERE contents = ? AND sent_at <= ? LIMIT ?`,
        )
        .all(contents, expiredAt, limit)
        .map((row) => expiredSchema.parse(row))
      if (expired.length === 0) continue
      for (const { sequence } of expired) rows.remove(sequence)
      for (const groupId of new Set(expired.map((row) => row.group_id)))
        if (groupId !== null) rows.regroup(contents, groupId)
      return expired.length
    }
    return 0
  }

  return (now, limit) => {
    for (const step of [() => reap(limit), () => forget(now, limit), () => expire(now, limit)]) {
      const removed = step()
      if (removed > 0) return removed
    }
    return 0
  }
}
