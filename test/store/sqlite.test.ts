import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, it } from 'vitest'
import { latest } from '../../src/store/records.ts'
import { createSqliteStore } from '../../src/store/sqlite.ts'
import { describeStore } from './contract.ts'
import { accountId, draft } from './drafts.ts'
import { temporaryFolder } from './temp.ts'

const folder = mkdtempSync(join(tmpdir(), 'thaw-sqlite-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let files = 0
describeStore('sqlite, in memory', async () => createSqliteStore({ path: ':memory:' }))
describeStore('sqlite, file', async () => createSqliteStore({ path: join(folder, `${files++}`, 'thaw.sqlite') }))

const key = { accountId, functionName: 'one', version: latest }

describe('sqlite file', () => {
  it('keeps everything across a reopening', async () => {
    const path = join(await temporaryFolder(), 'thaw.sqlite')
    await using first = createSqliteStore({ path })
    const created = await first.createFunction(draft('one'))
    await first[Symbol.asyncDispose]()
    await using second = createSqliteStore({ path })
    expect(await second.getFunction(key)).toEqual(created)
  })

  it('is in WAL mode, so that readers do not wait for the writer', async () => {
    const path = join(await temporaryFolder(), 'thaw.sqlite')
    await using _store = createSqliteStore({ path })
    using db = new DatabaseSync(path)
    expect(db.prepare('PRAGMA journal_mode').get()).toMatchObject({ journal_mode: 'wal' })
  })

  it('holds a revision against another process', async () => {
    const path = join(await temporaryFolder(), 'thaw.sqlite')
    await using one = createSqliteStore({ path })
    await using other = createSqliteStore({ path })
    const created = await one.createFunction(draft('one'))
    await other.updateFunction(key, created.revisionId, { revisionId: 'theirs', deployment: 'keep' })
    const mine = one.updateFunction(key, created.revisionId, { revisionId: 'mine', deployment: 'keep' })
    await expect(mine).rejects.toMatchObject({ code: 'PreconditionFailed' })
  })

  it('gives up on a lock after the stated time', async () => {
    const path = join(await temporaryFolder(), 'thaw.sqlite')
    await using store = createSqliteStore({ path, busyTimeoutMs: 20 })
    using blocker = new DatabaseSync(path)
    blocker.exec('BEGIN IMMEDIATE')
    await expect(store.createFunction(draft('one'))).rejects.toMatchObject({ code: 'Unavailable' })
    blocker.exec('ROLLBACK')
    await store.createFunction(draft('one'))
  })

  it('refuses a file of a newer Thaw', async () => {
    const path = join(await temporaryFolder(), 'thaw.sqlite')
    using db = new DatabaseSync(path)
    db.exec('PRAGMA user_version = 999')
    expect(() => createSqliteStore({ path })).toThrow(/written by a newer Thaw \(schema version 999/)
  })

  it('has every acknowledged function after kill -9 of the writer', async () => {
    const path = join(await temporaryFolder(), 'thaw.sqlite')
    const child = spawn(process.execPath, [join(import.meta.dirname, 'children/write-functions.ts'), path])
    let acknowledged = ''
    for await (const chunk of child.stdout) {
      acknowledged += String(chunk)
      if (acknowledged.split('\n').length > 20) break
    }
    child.kill('SIGKILL')
    await once(child, 'exit')
    await using store = createSqliteStore({ path })
    for (const functionName of acknowledged.split('\n').slice(0, -1))
      expect(await store.getFunction({ ...key, functionName })).toBeDefined()
  })
})
