import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createCulprits } from '../../src/controller/culprits.ts'
import { lockFolder } from '../../src/controller/folder-lock.ts'
import { openRunFolder } from '../../src/controller/run-folder.ts'

describe('culprits', () => {
  test('three deaths within ten minutes are too many', () => {
    let nowMs = 0
    const culprits = createCulprits(() => nowMs)
    expect([culprits.blame(1), culprits.blame(2), culprits.blame(1)]).toEqual([false, false, false])
    nowMs = 599_999
    expect(culprits.blame(1)).toBe(true)
  })

  test('three deaths over a longer time are not', () => {
    let nowMs = 0
    const culprits = createCulprits(() => nowMs)
    for (; nowMs <= 3_000_000; nowMs += 300_001) expect(culprits.blame(1)).toBe(false)
  })
})

describe('the run folder', () => {
  test('has socket paths that fit, however long the data folder is', async () => {
    const base = mkdtempSync(join(tmpdir(), 'thaw-run-'))
    const dataDir = join(base, 'x'.repeat(200))
    mkdirSync(dataDir)
    using run = openRunFolder(dataDir)
    expect(await canListen(run.socketPath('w127-2147483647'))).toBe(true)
    rmSync(base, { recursive: true })
  })

  test('is emptied of what an earlier server left', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'thaw-run-'))
    using left = openRunFolder(dataDir)
    writeFileSync(left.socketPath('controller'), '')
    expect(await canListen(left.socketPath('controller'))).toBe(false)
    using run = openRunFolder(dataDir)
    expect(await canListen(run.socketPath('controller'))).toBe(true)
    rmSync(dataDir, { recursive: true })
  })
})

async function canListen(path: string): Promise<boolean> {
  const server = createServer()
  const listens = await new Promise<boolean>((resolve) => {
    server.once('listening', () => resolve(true)).once('error', () => resolve(false))
    server.listen(path)
  })
  server.close()
  return listens
}

test('a folder is locked once, until its lock is disposed of', () => {
  const folder = mkdtempSync(join(tmpdir(), 'thaw-lock-'))
  const lock = lockFolder(folder)
  expect(() => lockFolder(folder)).toThrow(`in use by another server (pid ${process.pid})`)
  lock[Symbol.dispose]()
  lock[Symbol.dispose]()
  lockFolder(folder)[Symbol.dispose]()
  rmSync(folder, { recursive: true })
})
