/** Queues on SQLite. All that clients wait for goes through group commit (`database.grouped`). */
import { z } from 'zod'
import type { Database } from './database.ts'
import type { Deduplication, NewMessage, QueueStore, Receipt, ReceiptState, SentRecord } from './queues.ts'
import { createMessageRows, type MessageRow } from './sqlite-message-rows.ts'
import { createQueueRecords } from './sqlite-queue-records.ts'
import { createSweep } from './sqlite-queue-sweep.ts'
import { createTaking } from './sqlite-taking.ts'

const duplicateSchema = z.object({ message_id: z.string(), sequence: z.number() })
const countsSchema = z.object({ visible: z.number(), inFlight: z.number(), delayed: z.number() })

export function createSqliteQueues(db: Database): QueueStore {
  const { contentsOf, ...records } = createQueueRecords(db)
  const rows = createMessageRows(db)
  const take = createTaking(db, rows, contentsOf)
  const sweep = createSweep(db, rows)

  const insert = (contents: number, message: NewMessage): number => {
    const { lastInsertRowid } = db
      .prepare(
        `INSERT INTO messages
           (contents, visible_at, sent_at, hops, message_id, group_id, deduplication_id, trace_header, attributes, body)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        contents,
        message.visibleAt,
        message.sentAt,
        message.hops,
        message.messageId,
        message.groupId ?? null,
        message.deduplicationId ?? null,
        message.traceHeader ?? null,
        Object.keys(message.attributes).length === 0 ? null : JSON.stringify(message.attributes),
        message.body,
      )
    return Number(lastInsertRowid)
  }

  /** Within FIFO queues, whose messages all have a group and an id. */
  const insertOnce = (
    queueId: number,
    contents: number,
    message: NewMessage,
    { scope, expiresAt }: Deduplication,
  ): SentRecord => {
    const { messageId, groupId = '', deduplicationId = '', sentAt } = message
    const key = { queueId, scope: scope === 'messageGroup' ? groupId : '', deduplicationId }
    const first = db
      .prepare(
        `SELECT message_id, sequence FROM deduplications WHERE queue_id = :queueId AND scope = :scope
           AND deduplication_id = :deduplicationId AND expires_at > :sentAt`,
      )
      .get({ ...key, sentAt })
    if (first !== undefined) {
      const { message_id, sequence } = duplicateSchema.parse(first)
      return { messageId: message_id, sequence, duplicate: true }
    }
    const sequence = insert(contents, message)
    rows.joined(contents, groupId, message.visibleAt)
    db.prepare(
      `INSERT OR REPLACE INTO deduplications (queue_id, scope, deduplication_id, expires_at, message_id, sequence)
       VALUES (:queueId, :scope, :deduplicationId, :expiresAt, :messageId, :sequence)`,
    ).run({ ...key, expiresAt, messageId, sequence })
    return { messageId, sequence, duplicate: false }
  }

  const stateOf = (row: MessageRow | undefined, { receiveCount }: Receipt, now: number): ReceiptState => {
    if (row === undefined) return 'gone'
    if (row.receive_count !== receiveCount) return 'stale'
    return row.visible_at > now ? 'current' : 'visible'
  }

  /** Only FIFO queues keep groups: in others this changes no row. */
  const regroup = (contents: number, changed: readonly MessageRow[]): void => {
    for (const groupId of new Set(changed.map((row) => row.group_id)))
      if (groupId !== null) rows.regroup(contents, groupId)
  }

  return {
    ...records,

    send: (queueId, messages, deduplication) =>
      db.grouped(() => {
        const contents = contentsOf(queueId)
        return messages.map((message): SentRecord => {
          if (deduplication !== undefined) return insertOnce(queueId, contents, message, deduplication)
          return { messageId: message.messageId, sequence: insert(contents, message), duplicate: false }
        })
      }),

    receive: (query) => db.grouped(() => take(query)),

    delete: (queueId, receipts, now, deletable) =>
      db.grouped(() => {
        const contents = contentsOf(queueId)
        const deleted: MessageRow[] = []
        const states = receipts.map((receipt) => {
          const row = rows.find(contents, receipt.sequence)
          const state = stateOf(row, receipt, now)
          if (row !== undefined && deletable.includes(state)) {
            rows.remove(row.sequence)
            deleted.push(row)
          }
          return state
        })
        regroup(contents, deleted)
        return states
      }),

    changeVisibility: (queueId, changes, now, limitMs) =>
      db.grouped(() => {
        const contents = contentsOf(queueId)
        const changed: MessageRow[] = []
        const states = changes.map((change) => {
          const row = rows.find(contents, change.sequence)
          const state = stateOf(row, change, now)
          if (row === undefined || state !== 'current') return state
          if (change.visibleAt > (row.received_at ?? now) + limitMs) return 'beyond'
          db.prepare('UPDATE messages SET visible_at = ? WHERE sequence = ?').run(change.visibleAt, row.sequence)
          changed.push(row)
          return state
        })
        regroup(contents, changed)
        return states
      }),

    counts: (queueId, now, expiredAt) =>
      db.read(() =>
        countsSchema.parse(
          db
            .prepare(
              `SELECT count(*) FILTER (WHERE visible_at <= :now) AS visible,
                 count(*) FILTER (WHERE visible_at > :now AND receive_count > 0) AS inFlight,
                 count(*) FILTER (WHERE visible_at > :now AND receive_count = 0) AS delayed
               FROM messages INDEXED BY messages_due WHERE contents = :contents AND sent_at > :expiredAt`,
            )
            .get({ contents: contentsOf(queueId), now, expiredAt }),
        ),
      ),

    sweep: (now, limit) => db.grouped(() => sweep(now, limit)),
  }
}
