import { expect, test } from 'vitest'
import { createUsageMeter } from '../../src/controller/usage.ts'
import { openDatabase } from '../../src/store/database.ts'
import { createSqliteUsage } from '../../src/store/sqlite-usage.ts'
import { silent } from './support/server.ts'

const one = { invocations: 1, errors: 1, throttles: 2, durationMs: 3.5, cpuMs: 4, gbSeconds: 5 }
const two = { invocations: 2, errors: 2, throttles: 4, durationMs: 7, cpuMs: 8, gbSeconds: 10 }

test('usage adds up by account and function, over months and restarts', async () => {
  using database = openDatabase({ path: ':memory:' })
  const store = createSqliteUsage(database)
  let now = new Date('2026-01-31T23:59:59Z')
  const options = { store, clock: { now: () => now }, logger: silent }
  {
    await using meter = createUsageMeter(options)
    meter.add({ '1/a': one, '1/b': one, '2/a': two })
    meter.add({ '1/b': one })
    now = new Date('2026-02-01T00:00:00Z')
    meter.add({ '1/a': one })
  }
  await using meter = createUsageMeter(options)
  expect(await meter.totals('1')).toEqual({ a: two, b: two })
  expect(await meter.totals('2')).toEqual({ a: two })
  expect((await store.list('1')).map(({ functionName, month }) => `${functionName} ${month}`)).toEqual([
    'a 2026-01',
    'a 2026-02',
    'b 2026-01',
  ])
})

test('what could not be stored is stored with what comes next', async () => {
  using database = openDatabase({ path: ':memory:' })
  const store = createSqliteUsage(database)
  let fails = true
  const failing = {
    ...store,
    add: (records: Parameters<typeof store.add>[0]) => (fails ? Promise.reject(new Error('disk')) : store.add(records)),
  }
  await using meter = createUsageMeter({ store: failing, clock: { now: () => new Date() }, logger: silent })
  meter.add({ '1/a': one })
  expect(await meter.totals('1')).toEqual({})
  fails = false
  meter.add({ '1/a': one })
  expect(await meter.totals('1')).toEqual({ a: two })
})
