import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openDatabase, type Database } from '../../src/store/database.ts'
import { createSqliteDocuments } from '../../src/store/sqlite-documents.ts'
import { createSqliteStore } from '../../src/store/sqlite.ts'
import { describeDocuments } from './documents.ts'
import { accountId, draft } from './drafts.ts'
import { temporaryFolder } from './temp.ts'

function open(path: string): Database {
  const database = openDatabase({ path })
  onTestFinished(() => database[Symbol.dispose]())
  return database
}

describeDocuments('sqlite', async () => createSqliteDocuments(open(':memory:')))

const key = (name: string) => ({ kind: 'k', accountId, scope: '', key: name })
const insert = (database: Database, name: string): void =>
  void database.prepare(`INSERT INTO documents VALUES ('k', ?, '', ?, 0, 'true')`).run(accountId, name)

describe('group commit', () => {
  it('commits the bodies of one turn together, in order', async () => {
    const path = join(await temporaryFolder(), 'thaw.db')
    const database = open(path)
    using other = new DatabaseSync(path)
    const seen: number[] = []
    const count = () => Number(other.prepare('SELECT count(*) AS n FROM documents').get()?.n)
    const done = Array.from({ length: 10 }, (_, index) =>
      database.grouped(() => {
        insert(database, `d${index}`)
        seen.push(count())
        return index
      }),
    )
    expect(await Promise.all(done)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(seen).toEqual(Array.from({ length: 10 }, () => 0))
    expect(count()).toBe(10)
  })

  it('undoes a body that throws, and only that one', async () => {
    const database = open(':memory:')
    const documents = createSqliteDocuments(database)
    const [first, second, third] = await Promise.allSettled([
      database.grouped(() => insert(database, 'a')),
      database.grouped(() => {
        insert(database, 'b')
        throw new Error('not this one')
      }),
      database.grouped(() => insert(database, 'c')),
    ])
    expect([first.status, second.status, third.status]).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect((await documents.list({ kind: 'k' })).map(({ key: name }) => name)).toEqual(['a', 'c'])
  })

  it('takes more than one group holds', async () => {
    const database = open(':memory:')
    await Promise.all(Array.from({ length: 2_000 }, (_, index) => database.grouped(() => insert(database, `${index}`))))
    expect(await createSqliteDocuments(database).list({ kind: 'k' })).toHaveLength(2_000)
  })

  it('tells all of a group when the file is locked', async () => {
    const path = join(await temporaryFolder(), 'thaw.db')
    const database = openDatabase({ path, busyTimeoutMs: 20 })
    onTestFinished(() => database[Symbol.dispose]())
    using blocker = new DatabaseSync(path)
    blocker.exec('BEGIN IMMEDIATE')
    const outcomes = await Promise.allSettled([1, 2].map((name) => database.grouped(() => insert(database, `${name}`))))
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'Unavailable' } })
    blocker.exec('ROLLBACK')
    await database.grouped(() => insert(database, 'later'))
  })

  it('refuses what waits when the database is closed', async () => {
    const database = openDatabase({ path: ':memory:' })
    const waiting = database.grouped(() => insert(database, 'a'))
    database[Symbol.dispose]()
    await expect(waiting).rejects.toMatchObject({ code: 'Unavailable' })
  })
})

it('deletes what belongs to a function with it', async () => {
  const database = open(':memory:')
  const documents = createSqliteDocuments(database)
  await using store = createSqliteStore({ database })
  const { revisionId } = await store.createFunction(draft('one'))
  for (const scope of ['one', 'two', '']) await documents.put({ ...key('a'), scope }, 1, 'absent')
  await documents.put({ ...key('a'), accountId: '222222222222', scope: 'one' }, 1, 'absent')
  await store.deleteFunction(accountId, 'one', revisionId)
  expect((await documents.list({ kind: 'k' })).map(({ accountId: id, scope }) => [id, scope])).toEqual([
    [accountId, ''],
    [accountId, 'two'],
    ['222222222222', 'one'],
  ])
})
