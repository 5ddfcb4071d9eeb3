/** Who has the thread: what of an invocation counts as its CPU, and what the shared page says meanwhile. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { GuestTimeout } from '../../src/instance/guest-errors.ts'
import { LogBuffer } from '../../src/instance/log-buffer.ts'
import { Run } from '../../src/instance/run.ts'
import { Scheduler } from '../../src/instance/scheduler.ts'
import { EPOCHS_PER_MS } from '../../src/memory/clock.ts'
import { SharedPage } from '../../src/memory/shared-page.ts'
import { functionSpec, invocationOf } from '../support/runtime.ts'

let page: SharedPage
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] })
  page = SharedPage.anonymous()
  // The shared clock is that of the machine.
  vi.spyOn(Scheduler.prototype, 'epochNow').mockImplementation(() => performance.now() * EPOCHS_PER_MS)
  vi.spyOn(Scheduler.prototype, 'epochAt').mockImplementation((timeMs) => timeMs * EPOCHS_PER_MS)
})
afterEach(() => {
  vi.restoreAllMocks()
  page[Symbol.dispose]()
  vi.useRealTimers()
})

/** A run whose guest has been entered, with all the deadlines that it was given. */
function entered() {
  const spec = functionSpec({ engine: 'none', snapshot: 'none', initMs: 0 }, 7, { timeoutMs: 100 })
  const record = page.worker(0)
  const deadlines: number[] = []
  const env = { scheduler: new Scheduler({ sliceMs: 5 }), record, sliceMs: 5 }
  const run = new Run(invocationOf(spec), { env, log: new LogBuffer(100) }, (epoch) => deadlines.push(epoch))
  run.enter()
  run.releaseThread()
  return { run, deadlines, isRunning: () => record.read().running }
}

test('an allocator that is called while the guest is suspended has the thread, and the guest is suspended after it', () => {
  const { run, deadlines, isRunning } = entered()
  vi.advanceTimersByTime(2)
  run.leave()
  vi.advanceTimersByTime(50)
  expect([run.cpuMs, isRunning(), deadlines.length]).toEqual([2, false, 1])
  const could = run.holdThread()
  expect([could, isRunning(), deadlines.length]).toEqual([true, true, 2])
  vi.advanceTimersByTime(7)
  run.releaseThread()
  expect([run.cpuMs, isRunning()]).toEqual([9, false])
})

test('out of time, it is ended there', () => {
  const { run } = entered()
  run.leave()
  run.holdThread()
  vi.advanceTimersByTime(101)
  expect(() => run.check()).toThrow(GuestTimeout)
  run.releaseThread()
  expect(run.cpuMs).toBe(101)
})

test('within a host call it goes on with the thread that the guest has', () => {
  const { run, deadlines, isRunning } = entered()
  expect(run.holdThread()).toBe(true)
  // Nobody can be suspended below it.
  expect([run.holdThread(), run.check()]).toEqual([false, 0])
  run.releaseThread()
  expect([isRunning(), run.check(), deadlines.length]).toEqual([true, 1, 2])
  vi.advanceTimersByTime(3)
  run.leave()
  expect(run.cpuMs).toBe(3)
})

test('it may hold the thread for so much CPU, however long the clock says that takes', () => {
  const { run } = entered()
  const usage = vi.spyOn(process, 'threadCpuUsage').mockReturnValue({ user: 1_000_000, system: 0 })
  run.holdThread()
  expect(run.check()).toBe(0)
  vi.advanceTimersByTime(99)
  usage.mockReturnValue({ user: 1_200_000, system: 50_000 })
  expect(run.check()).toBe(0)
  usage.mockReturnValue({ user: 1_200_000, system: 50_001 })
  expect(() => run.check()).toThrow('50 slices of 5 ms')
  // Each call of it anew.
  run.releaseThread()
  run.holdThread()
  expect(run.check()).toBe(0)
})
