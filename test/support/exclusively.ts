/** Work that at most one process does at a time, whichever test files run together. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as wait } from 'node:timers/promises'

const folder = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'thaw', 'locks')

/** A SQLite file is the lock: the system gives it back when its holder dies, however it does. */
export async function exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(folder, { recursive: true })
  const lock = new DatabaseSync(join(folder, `${name}.db`))
  try {
    while (!taken(lock)) await wait(200)
    return await work()
  } finally {
    lock.close()
  }
}

function taken(lock: DatabaseSync): boolean {
  try {
    lock.exec('BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    if (error instanceof Error && error.message === 'database is locked') return false
    throw error
  }
}
