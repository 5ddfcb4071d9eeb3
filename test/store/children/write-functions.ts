/** Creates functions for ever and prints each name once it is acknowledged. Run by sqlite.test.ts, which kills it. */
import { writeSync } from 'node:fs'
import { createSqliteStore } from '../../../src/store/sqlite.ts'
import { draft } from '../drafts.ts'

const store = createSqliteStore({ path: process.argv[2] ?? '' })
for (let i = 0; ; i++) {
  await store.createFunction(draft(`f${i}`))
  writeSync(1, `f${i}\n`)
}
