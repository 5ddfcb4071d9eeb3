import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { openDatabase, type Database } from '../../src/store/database.ts'
import { createSqliteAsyncEvents } from '../../src/store/sqlite-async-events.ts'
import { asyncDraft, describeAsyncEvents } from './async-events.ts'
import { temporaryFolder } from './temp.ts'

function open(path: string): Database {
  const database = openDatabase({ path })
  onTestFinished(() => database[Symbol.dispose]())
  return database
}

describeAsyncEvents('sqlite', async () => createSqliteAsyncEvents(open(':memory:')))

it('keeps events across a reopening, those that were in work too', async () => {
  const path = join(await temporaryFolder(), 'thaw.db')
  const database = openDatabase({ path })
  const events = createSqliteAsyncEvents(database)
  await events.accept(asyncDraft({ requestId: 'ready' }))
  const waiting = await events.accept(asyncDraft({ requestId: 'waiting' }))
  await events.postpone(waiting, { attempts: 1, backoffs: 0, response: undefined, outcome: undefined }, 2_000)
  database[Symbol.dispose]()
  const again = createSqliteAsyncEvents(open(path))
  expect(await again.census()).toEqual([{ accountId: '111111111111', functionName: 'f', ready: 1, waiting: 1 }])
  expect(await again.nextDueAt()).toBe(2_000)
})

it('finds the next event and the next due one by an index, whatever else waits', async () => {
  const database = open(':memory:')
  const plan = (sql: string): string =>
    database
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map(({ detail }) => String(detail))
      .join('; ')
  const next = `SELECT * FROM async_events WHERE account_id = 'a' AND function_name = 'f' AND due_at IS NULL AND seq > 1 ORDER BY seq LIMIT 1`
  expect(plan(next)).toBe(
    'SEARCH async_events USING INDEX async_events_ready (account_id=? AND function_name=? AND seq>?)',
  )
  const due = 'SELECT seq FROM async_events WHERE due_at IS NOT NULL AND due_at <= 5 ORDER BY due_at LIMIT 10'
  expect(plan(due)).toBe('SEARCH async_events USING COVERING INDEX async_events_waiting (due_at>? AND due_at<?)')
})
