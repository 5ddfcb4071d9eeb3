import { z } from 'zod'
import type { Database } from './database.ts'
import type { UsageRecord, UsageStore } from './usage.ts'

const row = z
  .object({
    account_id: z.string(),
    function_name: z.string(),
    month: z.string(),
    invocations: z.number(),
    errors: z.number(),
    throttles: z.number(),
    duration_ms: z.number(),
    cpu_ms: z.number(),
    gb_seconds: z.number(),
  })
  .transform(
    ({
      account_id: accountId,
      function_name: functionName,
      duration_ms: durationMs,
      cpu_ms: cpuMs,
      gb_seconds: gbSeconds,
      ...rest
    }): UsageRecord => ({ accountId, functionName, durationMs, cpuMs, gbSeconds, ...rest }),
  )

export function createSqliteUsage(db: Database): UsageStore {
  return {
    add: (records) =>
      db.grouped(() => {
        const statement = db.prepare(
          `INSERT INTO usage VALUES (:accountId, :functionName, :month, :invocations, :errors, :throttles,
             :durationMs, :cpuMs, :gbSeconds)
           ON CONFLICT DO UPDATE SET
             invocations = invocations + excluded.invocations, errors = errors + excluded.errors,
             throttles = throttles + excluded.throttles, duration_ms = duration_ms + excluded.duration_ms,
             cpu_ms = cpu_ms + excluded.cpu_ms, gb_seconds = gb_seconds + excluded.gb_seconds`,
        )
        for (const record of records) statement.run({ ...record })
      }),

    list: (accountId) =>
      db.read(() =>
        db
          .prepare('SELECT * FROM usage WHERE account_id = ? ORDER BY function_name, month')
          .all(accountId)
          .map((found) => row.parse(found)),
      ),
  }
}
