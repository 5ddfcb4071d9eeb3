import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLogFiles } from '../../src/controller/log-files.ts'
import { silent } from './support/server.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'thaw-logs-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const read = (name: string) => readFileSync(join(folder, name), 'utf8')

test('texts come one after the other, function by function', async () => {
  await using logs = await createLogFiles({ folder, logger: silent })
  logs.append('1/a', 'one\n')
  logs.append('2/b', 'two\n')
  logs.append('1/a', 'three\n')
  await logs.idle()
  logs.append('1/a', 'four\n')
  await logs.idle()
  expect(read('1/a.log')).toBe('one\nthree\nfour\n')
  expect(read('2/b.log')).toBe('two\n')
})

test('a file that is full is put aside, one generation is kept', async () => {
  mkdirSync(join(folder, '1'))
  writeFileSync(join(folder, '1/a.log'), 'from an earlier server\n')
  await using logs = await createLogFiles({ folder, logger: silent, fileBytes: 10 })
  for (const text of ['first, long enough\n', 'second, long enough\n', 'third\n']) {
    logs.append('1/a', text)
    await logs.idle()
  }
  expect(read('1/a.log')).toBe('third\n')
  expect(read('1/a.log.1')).toBe('second, long enough\n')
})

test('what cannot wait is dropped and counted', async () => {
  await using logs = await createLogFiles({ folder, logger: silent, pendingBytes: 10 })
  logs.append('1/a', 'one\n')
  logs.append('1/a', 'too much\n')
  logs.append('2/b', 'two\n')
  await logs.idle()
  expect(read('1/a.log')).toBe('one\n[thaw] 9 bytes of log dropped: the disk is slow\n')
  expect(read('2/b.log')).toBe('two\n')
})

test('a log that cannot be written costs that text only', async () => {
  await using logs = await createLogFiles({ folder, logger: silent })
  rmSync(folder, { recursive: true })
  writeFileSync(folder, 'no folder')
  logs.append('1/a', 'lost\n')
  await logs.idle()
  rmSync(folder)
  logs.append('1/a', 'kept\n')
  await logs.idle()
  expect(read('1/a.log')).toBe('kept\n')
})
