/** Receiving on SQLite: which messages are next, and what becomes of each. Within a transaction. */
import { z } from 'zod'
import { ThawError } from '../errors.ts'
import type { Database } from './database.ts'
import type { MessageRecord, ReceiveQuery, ReceiveResult } from './queues.ts'
import { messageRowSchema, receivedMessage, type MessageRow, type MessageRows } from './sqlite-message-rows.ts'

const numberSchema = z.object({ value: z.number().nullable() })
/** Ours: what one receive looks at beyond its own. What it leaves is due at once, for whoever receives next. */
const extraRows = 500

const groupSchema = z.object({ group_id: z.string() })

/** Throws `ResourceNotFound`. */
export function createTaking(
  db: Database,
  rows: MessageRows,
  contentsOf: (queueId: number) => number,
): (query: ReceiveQuery) => ReceiveResult {
  const numberOf = (sql: string, contents: number, now: number): number | undefined =>
    numberSchema.parse(db.prepare(sql).get({ contents, now })).value ?? undefined

  const countInFlight = (contents: number, now: number): number =>
    numberOf(
      `SELECT count(*) AS value FROM messages INDEXED BY messages_due
       WHERE contents = :contents AND visible_at > :now AND receive_count > 0`,
      contents,
      now,
    ) ?? 0

  const nextDueAt = (contents: number, { now, ordered }: ReceiveQuery): number | undefined =>
    numberOf(
      ordered
        ? `SELECT min(available_at) AS value FROM message_groups WHERE contents = :contents AND available_at > :now`
        : `SELECT min(visible_at) AS value FROM messages INDEXED BY messages_due
           WHERE contents = :contents AND visible_at > :now`,
      contents,
      now,
    )

  const targetOf = (redrive: ReceiveQuery['redrive']): number | undefined => {
    if (redrive === undefined) return undefined
    try {
      return contentsOf(redrive.targetQueueId)
    } catch (error) {
      if (error instanceof ThawError && error.code === 'ResourceNotFound') return undefined
      throw error
    }
  }

  return (query) => {
    const contents = contentsOf(query.queueId)
    const { now, ordered, redrive, inFlightLimit } = query
    const taken: MessageRecord[] = []
    const nothing = (inFlight: number | undefined): ReceiveResult => {
      return { messages: [], moved: 0, nextDueAt: nextDueAt(contents, query), inFlight }
    }
    if (query.cancelled()) return nothing(undefined)
    const inFlight = inFlightLimit === undefined ? undefined : countInFlight(contents, now)
    const max = Math.min(query.max, (inFlightLimit ?? Infinity) - (inFlight ?? 0))
    if (max <= 0) return nothing(inFlight)

    const target = targetOf(redrive)
    let moved = 0
    let budget = max + extraRows
    const done = (): boolean => taken.length >= max || budget <= 0
    const settle = (row: MessageRow): void => {
      budget--
      if (row.sent_at <= query.expiredAt) return rows.remove(row.sequence)
      if (redrive !== undefined && target !== undefined && row.receive_count >= redrive.maxReceiveCount) {
        moved++
        return rows.move(row, { contents: target, ordered }, now, redrive.sourceArn)
      }
      rows.hide(row.sequence, now, query.hiddenUntil)
      taken.push(receivedMessage(row, now))
    }

    /** Looks again until nothing new comes, as what it finds may be expired or to be moved. */
    const takeAny = (): void => {
      const seen = new Set<number>()
      for (let fresh = true; fresh && !done();) {
        const due = db
          .prepare(
            `SELECT * FROM messages INDEXED BY messages_due WHERE contents = ? AND visible_at <= ?
             ORDER BY visible_at, receive_count LIMIT ?`,
          )
          .all(contents, now, max - taken.length + seen.size)
        fresh = false
        for (const found of due) {
          const row = messageRowSchema.parse(found)
          if (seen.has(row.sequence)) continue
          seen.add(row.sequence)
          fresh = true
          settle(row)
        }
      }
    }

    const takeOfGroup = (groupId: string): void => {
      let last = 0
      for (;;) {
        const next = db
          .prepare(
            `SELECT * FROM messages WHERE contents = ? AND group_id = ? AND sequence > ? ORDER BY sequence LIMIT 1`,
          )
          .get(contents, groupId, last)
        const row = next === undefined ? undefined : messageRowSchema.parse(next)
        if (row === undefined || row.visible_at > now || done()) break
        last = row.sequence
        settle(row)
      }
      rows.regroup(contents, groupId)
    }

    const takeGroups = (): void => {
      const seen = new Set<string>()
      for (let fresh = true; fresh && !done();) {
        const available = db
          .prepare(
            `SELECT group_id FROM message_groups WHERE contents = ? AND available_at <= ?
             ORDER BY available_at LIMIT ?`,
          )
          .all(contents, now, max - taken.length + seen.size)
        fresh = false
        for (const found of available) {
          const { group_id: groupId } = groupSchema.parse(found)
          if (seen.has(groupId) || done()) continue
          seen.add(groupId)
          fresh = true
          takeOfGroup(groupId)
        }
      }
    }

    if (ordered) takeGroups()
    else takeAny()
    return { messages: taken, moved, nextDueAt: budget <= 0 ? now : nextDueAt(contents, query), inFlight }
  }
}
