import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { EPOCHS_PER_MS, epochDifferenceMs } from '../../src/memory/clock.ts'
import { EPOCH_WORD } from '../../src/memory/page-layout.ts'
import { SharedPage } from '../../src/memory/shared-page.ts'
import type { StuckWorker, TickerOptions } from '../../src/memory/ticker.ts'
import { startTicker } from '../../src/memory/ticker.ts'
import { exit, message, start } from './children/run.ts'

const dir = mkdtempSync(join(tmpdir(), 'thaw-ticker-'))
afterAll(() => rmSync(dir, { recursive: true }))

/** A ticker, and what it reported. */
function watch(page: SharedPage, options: Partial<TickerOptions> = {}) {
  const reports: StuckWorker[] = []
  let tell: (() => void) | undefined
  const ticker = startTicker({
    page,
    workers: 4,
    graceMs: 50,
    ...options,
    onStuck(stuck) {
      reports.push(stuck)
      tell?.()
    },
  })
  return {
    ticker,
    reports,
    untilReports: async (count: number) => {
      while (reports.length < count) await new Promise<void>((resolve) => (tell = resolve))
    },
  }
}

function epochOf(page: SharedPage): number {
  return Atomics.load(new Int32Array(page.memory.buffer), EPOCH_WORD)
}

/** Wait until the ticker has written an epoch `ms` past the present one. */
async function epochsPass(page: SharedPage, ms: number): Promise<void> {
  const until = page.now() + ms * EPOCHS_PER_MS
  while (epochDifferenceMs(epochOf(page), until) < 0) await setImmediate()
}

describe('ticker', () => {
  it('writes the epoch until it is stopped', async () => {
    using page = SharedPage.anonymous()
    const { ticker } = watch(page)
    await epochsPass(page, 20)
    await ticker.stop()
    const last = epochOf(page)
    while (epochDifferenceMs(page.now(), last) < 20) await setImmediate()
    expect(epochOf(page)).toBe(last)
  })

  it('goes on writing between the slices of a guest, when nothing runs at the moment', async () => {
    using page = SharedPage.anonymous()
    page.worker(0).slicing(1)
    const ticker = startTicker({ page, workers: 1, napMs: 600_000, graceMs: 1_000, onStuck: () => {} })
    const before = epochOf(page)
    await epochsPass(page, 20)
    expect(epochDifferenceMs(epochOf(page), before)).toBeGreaterThanOrEqual(20)
    page.worker(0).slicing(-1)
    await ticker.stop()
  })

  it('kills a worker past its deadline and grace, and says what it ran', async () => {
    const path = join(dir, 'deadline')
    using page = SharedPage.create(path)
    const { ticker, reports, untilReports } = watch(page)
    const child = start('runaway', [path, '2', 'deadline'])
    page.worker(2).attach(child.pid ?? 0, 900)
    expect(await message(child)).toBe('running')
    expect(await exit(child)).toMatchObject({ signal: 'SIGKILL' })
    await untilReports(1)
    expect(reports).toEqual([
      {
        index: 2,
        pid: child.pid,
        incarnation: 900,
        deployment: 42,
        overdueMs: expect.any(Number),
        reason: 'deadline',
      },
    ])
    expect(reports[0]?.overdueMs).toBeGreaterThan(50)
    await ticker.stop()
  })

  // As on a machine with too much to do: a neighbour of the guest would pay for what neither has done.
  it.runIf(existsSync('/proc/self/task'))('gives one that got no processor twenty times the grace', async () => {
    const path = join(dir, 'starved')
    using page = SharedPage.create(path)
    const { ticker, reports, untilReports } = watch(page, { graceMs: 20 })
    const child = start('hold', [path, '1', '0'])
    expect(await message(child)).toBe('holding')
    child.kill('SIGSTOP')
    page.worker(1).attach(child.pid ?? 0, 1)
    page.worker(1).setRunning(7, page.now())
    await untilReports(1)
    expect(reports[0]?.overdueMs).toBeGreaterThan(400)
    expect(await exit(child)).toMatchObject({ signal: 'SIGKILL' })
    await ticker.stop()
  })

  it('kills a worker that is silent for too long', async () => {
    const path = join(dir, 'silence')
    using page = SharedPage.create(path)
    const { ticker, reports, untilReports } = watch(page, { silenceMs: 200 })
    const child = start('runaway', [path, '0', 'silence'])
    page.worker(0).attach(child.pid ?? 0, 901)
    expect(await exit(child)).toMatchObject({ signal: 'SIGKILL' })
    await untilReports(1)
    expect(reports).toMatchObject([{ index: 0, incarnation: 901, deployment: 0, reason: 'silence' }])
    await ticker.stop()
  })

  it('reports an incarnation once, and the next again', async () => {
    const path = join(dir, 'once')
    using page = SharedPage.create(path)
    const { ticker, reports, untilReports } = watch(page)
    const record = page.worker(1)
    for (const incarnation of [1, 2]) {
      const child = start('hold', [path, '1', '0'])
      expect(await message(child)).toBe('holding')
      record.attach(child.pid ?? 0, incarnation)
      record.setRunning(7, page.now() - 1_000 * EPOCHS_PER_MS)
      await untilReports(incarnation)
      expect(await exit(child)).toMatchObject({ signal: 'SIGKILL' })
      await epochsPass(page, 100)
      expect(reports.map((report) => report.incarnation)).toEqual([1, 2].slice(0, incarnation))
    }
    await ticker.stop()
  })

  it('leaves alone who is in time, has left, has not started, or is nobody', async () => {
    const path = join(dir, 'innocent')
    using page = SharedPage.create(path)
    const { ticker, reports } = watch(page, { silenceMs: 100 })
    const child = start('hold', [path, '1', '0'])
    expect(await message(child)).toBe('holding')
    const pid = child.pid ?? 0
    page.worker(0).attach(pid, 1)
    page.worker(0).setRunning(7, page.now() + 60_000 * EPOCHS_PER_MS)
    page.worker(1).attach(pid, 2)
    page.worker(1).setRunning(7, page.now() - 60_000 * EPOCHS_PER_MS)
    page.worker(1).clearRunning()
    page.worker(2).attach(0, 3)
    page.worker(2).setRunning(7, page.now() - 60_000 * EPOCHS_PER_MS)
    await epochsPass(page, 400)
    expect(reports).toEqual([])
    expect(child.exitCode ?? child.signalCode).toBeNull()
    await ticker.stop()
    child.kill('SIGKILL')
    await exit(child)
  })
})
