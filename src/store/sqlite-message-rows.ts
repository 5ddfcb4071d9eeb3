/** The rows of messages on SQLite, and the groups of FIFO queues that are kept in step with them. */
import { z } from 'zod'
import type { Database } from './database.ts'
import { messageAttributesSchema, type MessageRecord } from './queues.ts'

export const messageRowSchema = z
  .object({
    sequence: z.number(),
    visible_at: z.number(),
    receive_count: z.number(),
    received_elsewhere: z.number(),
    sent_at: z.number(),
    first_received_at: z.number().nullable(),
    received_at: z.number().nullable(),
    hops: z.number(),
    message_id: z.string(),
    group_id: z.string().nullable(),
    deduplication_id: z.string().nullable(),
    trace_header: z.string().nullable(),
    dead_letter_source: z.string().nullable(),
    attributes: z.string().nullable(),
    body: z.string(),
  })
  .strip()
export type MessageRow = z.infer<typeof messageRowSchema>

/** As it is after it was received at `now`. */
export function receivedMessage(row: MessageRow, now: number): MessageRecord {
  return {
    sequence: row.sequence,
    messageId: row.message_id,
    body: row.body,
    attributes: row.attributes === null ? {} : messageAttributesSchema.parse(JSON.parse(row.attributes)),
    groupId: row.group_id ?? undefined,
    deduplicationId: row.deduplication_id ?? undefined,
    traceHeader: row.trace_header ?? undefined,
    deadLetterSource: row.dead_letter_source ?? undefined,
    hops: row.hops,
    sentAt: row.sent_at,
    receiveCount: row.receive_count + 1,
    receivedElsewhere: row.received_elsewhere,
    firstReceivedAt: row.first_received_at ?? now,
  }
}

export interface MessageRows {
  find(contents: number, sequence: number): MessageRow | undefined
  remove(sequence: number): void
  hide(sequence: number, now: number, until: number): void
  /** To the end of other contents, as new there but for its id, its times and its count. */
  move(row: MessageRow, to: { contents: number; ordered: boolean }, now: number, sourceArn: string): void
  /** After messages of a group came, went, were taken or given back. */
  regroup(contents: number, groupId: string): void
  /** A message was added at the end of its group. */
  joined(contents: number, groupId: string, visibleAt: number): void
}

const stateSchema = z.object({ visible_at: z.number(), receive_count: z.number() })

export function createMessageRows(db: Database): MessageRows {
  const joined = (contents: number, groupId: string, visibleAt: number): void => {
    db.prepare(
      'INSERT INTO message_groups (contents, group_id, available_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    ).run(contents, groupId, visibleAt)
  }
  const remove = (sequence: number): void => {
    db.prepare('DELETE FROM messages WHERE sequence = ?').run(sequence)
  }

  return {
    find(contents, sequence) {
      const row = db.prepare('SELECT * FROM messages WHERE sequence = ? AND contents = ?').get(sequence, contents)
      return row === undefined ? undefined : messageRowSchema.parse(row)
    },

    remove,

    hide(sequence, now, until) {
      db.prepare(
        `UPDATE messages SET visible_at = :until, receive_count = receive_count + 1, received_at = :now,
           first_received_at = coalesce(first_received_at, :now) WHERE sequence = :sequence`,
      ).run({ sequence, now, until })
    },

    move(row, { contents, ordered }, now, sourceArn) {
      db.prepare(
        `INSERT INTO messages
           (contents, visible_at, received_elsewhere, sent_at, first_received_at, hops, message_id, group_id,
            deduplication_id, trace_header, dead_letter_source, attributes, body)
         SELECT :contents, :now, received_elsewhere + receive_count, :sentAt, first_received_at, hops, message_id,
           group_id, deduplication_id, trace_header, :sourceArn, attributes, body
         FROM messages WHERE sequence = :sequence`,
        // AWS ("Dead-letter queues and message retention"): the age goes on in standard queues, in FIFO it starts anew.
      ).run({ contents, now, sentAt: ordered ? now : row.sent_at, sourceArn, sequence: row.sequence })
      remove(row.sequence)
      if (ordered && row.group_id !== null) joined(contents, row.group_id, now)
    },

    /** Messages are taken from the front of their group: those ever received come before those that never were. */
    regroup(contents, groupId) {
      const states = db.prepare(
        `SELECT visible_at, receive_count FROM messages WHERE contents = ? AND group_id = ? ORDER BY sequence`,
      )
      let availableAt: number | undefined
      for (const state of states.iterate(contents, groupId)) {
        const { visible_at: visibleAt, receive_count: receiveCount } = stateSchema.parse(state)
        if (receiveCount === 0) {
          availableAt ??= visibleAt
          break
        }
        availableAt = Math.max(availableAt ?? 0, visibleAt)
      }
      if (availableAt === undefined)
        db.prepare('DELETE FROM message_groups WHERE contents = ? AND group_id = ?').run(contents, groupId)
      else
        db.prepare('UPDATE message_groups SET available_at = ? WHERE contents = ? AND group_id = ?').run(
          availableAt,
          contents,
          groupId,
        )
    },

    joined,
  }
}
