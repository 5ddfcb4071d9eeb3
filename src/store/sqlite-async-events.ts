/** Asynchronous events on SQLite. Writes go through group commit: thousands a second share a few fsyncs. */
import { z } from 'zod'
import { asyncOutcomeSchema, type AsyncEvent, type AsyncEvents, type AsyncProgress } from './async-events.ts'
import type { Database } from './database.ts'

const bytes = z.instanceof(Uint8Array)

const eventRow = z
  .object({
    seq: z.number(),
    account_id: z.string(),
    function_name: z.string(),
    qualifier: z.string(),
    request_id: z.string(),
    accepted_at: z.number(),
    hops: z.number(),
    attempts: z.number(),
    backoffs: z.number(),
    executed_version: z.string().nullable(),
    outcome: z
      .string()
      .transform((text) => asyncOutcomeSchema.parse(JSON.parse(text)))
      .nullable(),
    client_context: z.string().nullable(),
    payload: bytes,
    response: bytes.nullable(),
  })
  .transform((row): AsyncEvent => ({
    seq: row.seq,
    accountId: row.account_id,
    functionName: row.function_name,
    qualifier: row.qualifier,
    requestId: row.request_id,
    acceptedAt: row.accepted_at,
    hops: row.hops,
    attempts: row.attempts,
    backoffs: row.backoffs,
    clientContext: row.client_context ?? undefined,
    payload: row.payload,
    response:
      row.response === null || row.executed_version === null
        ? undefined
        : { payload: row.response, executedVersion: row.executed_version },
    outcome: row.outcome ?? undefined,
  }))

const laneColumns = { account_id: z.string(), function_name: z.string() }
const promotedRow = z
  .object({ ...laneColumns, seq: z.number() })
  .transform(({ account_id: accountId, function_name: functionName, seq }) => ({ accountId, functionName, seq }))
const censusRow = z
  .object({ ...laneColumns, ready: z.number(), waiting: z.number() })
  .transform(({ account_id: accountId, function_name: functionName, ...counts }) => ({
    accountId,
    functionName,
    ...counts,
  }))

export function createSqliteAsyncEvents(db: Database): AsyncEvents {
  return {
    accept: (event) =>
      db.grouped(() => {
        const { lastInsertRowid } = db
          .prepare(
            `INSERT INTO async_events (account_id, function_name, qualifier, request_id, accepted_at, hops, attempts,
               backoffs, client_context, payload)
             VALUES (?, ?, ?, ?, ?, ?, 0, 0, ?, ?)`,
          )
          .run(
            event.accountId,
            event.functionName,
            event.qualifier,
            event.requestId,
            event.acceptedAt,
            event.hops,
            event.clientContext ?? null,
            event.payload,
          )
        return Number(lastInsertRowid)
      }),

    get: (seq) =>
      db.read(() => {
        const row = db.prepare('SELECT * FROM async_events WHERE seq = ? AND due_at IS NULL').get(seq)
        return row === undefined ? undefined : eventRow.parse(row)
      }),

    next: ({ accountId, functionName }, afterSeq) =>
      db.read(() => {
        const row = db
          .prepare(
            `SELECT * FROM async_events INDEXED BY async_events_ready
             WHERE account_id = ? AND function_name = ? AND due_at IS NULL AND seq > ? ORDER BY seq LIMIT 1`,
          )
          .get(accountId, functionName, afterSeq)
        return row === undefined ? undefined : eventRow.parse(row)
      }),

    postpone: (seq, { attempts, backoffs, response, outcome }: AsyncProgress, dueAt) =>
      db.grouped(() => {
        db.prepare(
          `UPDATE async_events SET due_at = ?, attempts = ?, backoffs = ?, executed_version = ?, response = ?, outcome = ?
           WHERE seq = ?`,
        ).run(
          dueAt,
          attempts,
          backoffs,
          response?.executedVersion ?? null,
          response?.payload ?? null,
          outcome === undefined ? null : JSON.stringify(outcome),
          seq,
        )
      }),

    // Lazy, as is promotion: undone by a power cut, it costs the event another attempt.
    remove: (seq) =>
      db.grouped(() => {
        db.prepare('DELETE FROM async_events WHERE seq = ?').run(seq)
      }, 'lazy'),

    promote: (now, limit) =>
      db.grouped(
        () =>
          db
            .prepare(
              `UPDATE async_events SET due_at = NULL WHERE seq IN (
               SELECT seq FROM async_events WHERE due_at IS NOT NULL AND due_at <= ? ORDER BY due_at LIMIT ?
             ) RETURNING account_id, function_name, seq`,
            )
            .all(now, limit)
            .map((row) => promotedRow.parse(row)),
        'lazy',
      ),

    nextDueAt: () =>
      db.read(() => {
        const row = db.prepare('SELECT min(due_at) AS due FROM async_events WHERE due_at IS NOT NULL').get()
        return z.object({ due: z.number().nullable() }).parse(row).due ?? undefined
      }),

    census: () =>
      db.read(() =>
        db
          .prepare(
            `SELECT account_id, function_name, sum(ready) AS ready, sum(waiting) AS waiting FROM (
               SELECT account_id, function_name, count(*) AS ready, 0 AS waiting
               FROM async_events WHERE due_at IS NULL GROUP BY account_id, function_name
               UNION ALL
               SELECT account_id, function_name, 0, count(*)
               FROM async_events WHERE due_at IS NOT NULL GROUP BY account_id, function_name
             ) GROUP BY account_id, function_name`,
          )
          .all()
          .map((row) => censusRow.parse(row)),
      ),
  }
}
