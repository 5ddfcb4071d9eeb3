import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import { openDatabase, type Database } from '../../src/store/database.ts'
import { temporaryFolder } from './temp.ts'

/** `PRAGMA synchronous`: 1 makes no fsync at a commit, 2 does. */
const synchronous = (database: Database) => () => database.prepare('PRAGMA synchronous').get()?.synchronous

it('makes an fsync unless all of a group can do without', async () => {
  using database = openDatabase({ path: join(await temporaryFolder(), 'thaw.db') })
  const read = synchronous(database)
  expect(await database.grouped(read, 'lazy')).toBe(1)
  expect(await Promise.all([database.grouped(read, 'lazy'), database.grouped(read)])).toEqual([2, 2])
  expect(await database.grouped(read)).toBe(2)
  expect(await database.transaction(read)).toBe(2)
})

it('is back at fsyncs after a lazy body that throws, and one that cannot begin', async () => {
  const path = join(await temporaryFolder(), 'thaw.db')
  using database = openDatabase({ path, busyTimeoutMs: 1 })
  const failing = database.grouped(() => {
    throw new Error('no')
  }, 'lazy')
  await expect(failing).rejects.toThrow('no')
  expect(await database.read(synchronous(database))).toBe(2)
  using blocker = new DatabaseSync(path)
  blocker.exec('BEGIN IMMEDIATE')
  await expect(database.grouped(() => {}, 'lazy')).rejects.toMatchObject({ code: 'Unavailable' })
  blocker.exec('ROLLBACK')
  expect(await database.read(synchronous(database))).toBe(2)
})

it('is seen by others at once', async () => {
  const path = join(await temporaryFolder(), 'thaw.db')
  using database = openDatabase({ path })
  using other = new DatabaseSync(path)
  await database.grouped(() => {
    database.prepare(`INSERT INTO counters VALUES ('mine', 7)`).run()
  }, 'lazy')
  expect(other.prepare(`SELECT value FROM counters WHERE name = 'mine'`).get()).toMatchObject({ value: 7 })
})
