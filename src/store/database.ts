/** One SQLite file, opened once: what all embedded drivers stand on. */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { z } from 'zod'
import { ThawError } from '../errors.ts'
import { migrations } from './migrations.ts'

export interface DatabaseOptions {
  /** A file, made with its folder if missing, or `:memory:`. */
  path: string
  /** How long a call waits for another process's lock before it throws `Unavailable`. */
  busyTimeoutMs?: number
}

/**
 * All of it runs synchronously on one connection, so within this process nothing comes between the statements of a body.
 * Bodies must not be async. Errors: `Unavailable` if another process holds the file; what a body throws.
 */
export interface Database extends Disposable {
  /** Prepared once a text. */
  prepare(sql: string): StatementSync
  /** Reads. */
  read<T>(body: () => T): Promise<T>
  /** All or nothing; durable when it resolves. */
  transaction<T>(body: () => T): Promise<T>
  /**
   * As `transaction`, but bodies handed in during one turn of the event loop share a transaction and its one fsync
   * (group commit). One that throws is undone alone. They run in the order in which they came.
   *
   * A group that is all `lazy` makes no fsync: it survives a crash of the process, but may be undone by a power cut
   * until the next commit that is not. For what may be done twice: forgetting an event that was delivered.
   */
  grouped<T>(body: () => T, durability?: 'durable' | 'lazy'): Promise<T>
}

interface Grouped {
  durable: boolean
  run: () => void
  settle: () => void
  fail: (error: unknown) => void
}

/** Ours: bodies in one group. What more there is waits for the next turn, so that others have theirs. */
const groupSize = 512

export function openDatabase({ path, busyTimeoutMs = 5_000 }: DatabaseOptions): Database {
  const db = connect(path, busyTimeoutMs)
  const statements = new Map<string, StatementSync>()
  let waiting: Grouped[] = []

  const inTransaction = <T>(body: () => T): T => {
    db.exec('BEGIN IMMEDIATE')
    try {
      const result = body()
      db.exec('COMMIT')
      return result
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK')
      throw error
    }
  }

  const flush = (): void => {
    const group = waiting.slice(0, groupSize)
    waiting = waiting.slice(groupSize)
    if (waiting.length > 0) setImmediate(flush)
    const lazy = !group.some(({ durable }) => durable)
    try {
      if (lazy) db.exec('PRAGMA synchronous = NORMAL')
      inTransaction(() => {
        for (const { run } of group) run()
      })
    } catch (error) {
      const known = translated(error)
      for (const { fail } of group) fail(known)
      return
    } finally {
      if (lazy && db.isOpen) db.exec('PRAGMA synchronous = FULL')
    }
    for (const { settle } of group) settle()
  }

  /** A savepoint of its own: a body that throws takes back what it did, and nothing of its neighbours'. */
  const member = <T>(
    body: () => T,
    durable: boolean,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
  ): Grouped => {
    let settle = (): void => {}
    return {
      durable,
      run() {
        db.exec('SAVEPOINT one')
        try {
          const value = body()
          settle = () => resolve(value)
        } catch (error) {
          db.exec('ROLLBACK TO one')
          settle = () => reject(translated(error))
        }
        db.exec('RELEASE one')
      },
      settle: () => settle(),
      fail: reject,
    }
  }

  return {
    prepare(sql) {
      let statement = statements.get(sql)
      if (statement === undefined) statements.set(sql, (statement = db.prepare(sql)))
      return statement
    },

    read: attempt,
    transaction: (body) => attempt(() => inTransaction(body)),

    grouped: (body, durability = 'durable') =>
      new Promise((resolve, reject) => {
        if (waiting.length === 0) setImmediate(flush)
        waiting.push(member(body, durability === 'durable', resolve, reject))
      }),

    [Symbol.dispose]() {
      const closed = new ThawError('Unavailable', 'The store is being closed.')
      for (const { fail } of waiting) fail(closed)
      waiting = []
      statements.clear()
      if (db.isOpen) db.close()
    },
  }
}

function connect(path: string, busyTimeoutMs: number): DatabaseSync {
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const db = new DatabaseSync(path, { timeout: busyTimeoutMs, enableForeignKeyConstraints: true })
  try {
    // FULL: what the API acknowledged survives a power cut, not only a crash of the process.
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;')
    migrate(db, path)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function migrate(db: DatabaseSync, path: string): void {
  db.exec('BEGIN IMMEDIATE')
  const row = db.prepare('PRAGMA user_version').get()
  const { user_version: applied } = z.object({ user_version: z.number() }).parse(row)
  if (applied > migrations.length) {
    const versions = `version ${applied}, this Thaw knows ${migrations.length}`
    throw new ThawError('Config', `${path} was written by a newer Thaw (schema ${versions}): update Thaw.`)
  }
  for (const step of migrations.slice(applied)) db.exec(step)
  db.exec(`PRAGMA user_version = ${migrations.length}`)
  db.exec('COMMIT')
}

const sqliteError = z.object({ code: z.literal('ERR_SQLITE_ERROR'), errcode: z.number() })

/** SQLITE_BUSY is 5 (sqlite.org/rescode.html); extended codes carry it in their low byte. */
function translated(error: unknown): unknown {
  const known = sqliteError.safeParse(error)
  if (known.success && (known.data.errcode & 0xff) === 5)
    return new ThawError('Unavailable', 'The store is locked by another process.', { cause: error })
  return error
}

async function attempt<T>(body: () => T): Promise<T> {
  try {
    return body()
  } catch (error) {
    throw translated(error)
  }
}
