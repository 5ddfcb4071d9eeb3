import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { watGuest } from '../support/guests.ts'
import { hostileRuntime, reason, type HostileRuntime } from './support.ts'

/** A guard against hangs on a busy machine; what it really takes, `npm run bench` measures (10 ms at most). */
const lateMs = 100

let runtime: HostileRuntime
beforeAll(async () => {
  runtime = await hostileRuntime()
})
afterAll(() => runtime[Symbol.asyncDispose]())

/** How late it ended, ms. */
async function lateness(component: Uint8Array, timeoutMs = 50): Promise<number> {
  const guest = await runtime.deploy(component, { timeoutMs })
  const { outcome, report } = await runtime.invoke(guest)
  expect(outcome.kind === 'failure' && reason(outcome.failure)).toBe(
    `Sandbox.Timedout: Task timed out after ${(timeoutMs / 1_000).toFixed(2)} seconds`,
  )
  console.log(`ended ${(report.durationMs - timeoutMs).toFixed(1)} ms after its deadline`)
  expect(report.durationMs).toBeGreaterThan(timeoutMs - 2)
  await runtime.assertNeighbour()
  expect(runtime.runtime.stats().live).toBe(0)
  return report.durationMs - timeoutMs
}

test('an endless loop ends at its deadline', async () => {
  expect(await lateness(await watGuest('infinite-loop'))).toBeLessThan(lateMs)
})

test('so does one made of tail calls', async () => {
  expect(await lateness(await watGuest('tail-loop'))).toBeLessThan(lateMs)
})

test('and one in the allocator, which no wait can interrupt', async () => {
  expect(
    await lateness(await watGuest('realloc', { body: '(loop $forever (br $forever)) (unreachable)' })),
  ).toBeLessThan(lateMs)
})

test('and one in the allocator that a host call runs', async () => {
  expect(await lateness(await watGuest('realloc-slow', { turns: '-1' }))).toBeLessThan(lateMs)
})

test('and one in the allocator that the host runs when a wait ends, while the guest is suspended', async () => {
  expect(await lateness(await watGuest('realloc-late', { turns: '-1' }))).toBeLessThan(lateMs)
})

test('and one while it cleans up after its answer', async () => {
  expect(await lateness(await watGuest('post-return', { body: '(loop $forever (br $forever))' }))).toBeLessThan(lateMs)
})

test('and one in a turn of its event loop', async () => {
  expect(
    await lateness(await watGuest('event-loop', { turn: '(loop $forever (br $forever)) (unreachable)' })),
  ).toBeLessThan(lateMs)
})

test('and turns without end', async () => {
  const turn = '(call $next (i32.const 1) (i64.const 0)) (i32.const 0)'
  expect(await lateness(await watGuest('event-loop', { turn }))).toBeLessThan(lateMs)
})

test('an allocator that takes longer than a slice within a host call is no error', async () => {
  const guest = await runtime.deploy(await watGuest('realloc-slow', { turns: '30000000' }))
  const { outcome, report } = await runtime.invoke(guest)
  expect(report.cpuMs).toBeGreaterThan(runtime.config.limits.sliceMs)
  expect(outcome).toMatchObject({ kind: 'success', payload: { length: 16 } })
})

test('what an allocator takes is counted, also where it runs after a wait', async () => {
  const guest = await runtime.deploy(await watGuest('realloc-late', { turns: '30000000' }))
  const { outcome, report } = await runtime.invoke(guest)
  expect(outcome).toMatchObject({ kind: 'success' })
  expect(report.cpuMs).toBeGreaterThan(runtime.config.limits.sliceMs)
})

describe('while a guest spins', () => {
  test('its neighbour keeps answering', async () => {
    const spinner = await runtime.deploy(await watGuest('infinite-loop'), { timeoutMs: 400 })
    const running = new Set([spinner.deployment])
    const spinning = runtime.invoke(spinner).finally(() => running.clear())
    let answered = 0
    while (running.size > 0) {
      await runtime.assertNeighbour()
      answered++
      await new Promise(setImmediate)
    }
    expect((await spinning).outcome).toMatchObject({ failure: { errorType: 'Sandbox.Timedout' } })
    console.log(`${answered} invocations of the neighbour in 400 ms`)
    // Some 350 on an idle machine, 46 on one with ten times more to do than cores; none if the spinner did not yield.
    expect(answered).toBeGreaterThanOrEqual(10)
  })

  test('so do other spinners: each gets its share and ends at its own deadline', async () => {
    const spinner = await runtime.deploy(await watGuest('infinite-loop'), { timeoutMs: 200 })
    const results = await Promise.all(Array.from({ length: 8 }, () => runtime.invoke(spinner)))
    for (const { outcome, report } of results) {
      expect(outcome).toMatchObject({ failure: { errorType: 'Sandbox.Timedout' } })
      expect(report.cpuMs).toBeGreaterThan(5)
      expect(report.cpuMs).toBeLessThan(150)
    }
  })
})
