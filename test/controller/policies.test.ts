import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createCulprits } from '../../src/controller/culprits.ts'
import { Deployments } from '../../src/controller/deployments.ts'
import { lockFolder } from '../../src/controller/folder-lock.ts'
import { openRunFolder } from '../../src/controller/run-folder.ts'
import { createUsageCounters } from '../../src/controller/usage.ts'
import { specOf } from '../worker/support/harness.ts'

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

describe('deployments', () => {
  test('name what a change takes out of service', () => {
    const deployments = new Deployments()
    const [first, second] = [specOf('a'), specOf('a')]
    expect(deployments.apply({ put: first })).toEqual([])
    expect(deployments.apply({ put: first })).toEqual([])
    expect(deployments.apply({ put: second })).toEqual([first.deployment])
    expect(deployments.apply({ remove: second })).toEqual([second.deployment])
    expect(deployments.changes('socket')).toEqual([])
  })

  test('a quarantine lasts as long as the deployment', () => {
    const deployments = new Deployments()
    const [first, second] = [specOf('a'), specOf('a')]
    expect(deployments.quarantine(first.deployment)).toBe(false)
    deployments.apply({ put: first })
    expect(deployments.quarantine(first.deployment)).toBe(true)
    expect(deployments.quarantine(first.deployment)).toBe(false)
    expect(deployments.changes('socket')).toEqual([
      { put: first },
      { quarantine: { deployment: first.deployment, socketPath: 'socket' } },
    ])
    deployments.apply({ put: second })
    expect(deployments.changes('socket')).toEqual([{ put: second }])
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

test('usage adds up by function', () => {
  const usage = createUsageCounters()
  const one = { invocations: 1, errors: 1, throttles: 2, durationMs: 3, cpuMs: 4, gbSeconds: 5 }
  usage.add({ a: one, b: one })
  usage.add({ a: one })
  const two = { invocations: 2, errors: 2, throttles: 4, durationMs: 6, cpuMs: 8, gbSeconds: 10 }
  expect(usage.totals()).toEqual({ a: two, b: one })
})
