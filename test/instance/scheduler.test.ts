import { expect, test } from 'vitest'
import { Scheduler } from '../../src/instance/scheduler.ts'
import { SharedPage } from '../../src/memory/shared-page.ts'

test('its clock is the shared page’s', () => {
  const page = SharedPage.anonymous()
  const scheduler = new Scheduler({ sliceMs: 5 })
  const before = page.now()
  const now = scheduler.epochNow()
  const after = page.now()
  // Two origins, each found with a small error.
  expect((now - before) | 0).toBeGreaterThanOrEqual(-2)
  expect((after - now) | 0).toBeGreaterThanOrEqual(-2)
})

test('alone, a guest has whole slices; while others are served, a short first one and shorter ones after it', () => {
  const scheduler = new Scheduler({ sliceMs: 5 })
  expect(scheduler.sliceMs(0)).toBe(5)
  expect(scheduler.sliceMs(9)).toBe(5)
  scheduler.begun(performance.now())
  expect(scheduler.sliceMs(0)).toBeLessThan(5)
  expect(scheduler.sliceMs(9)).toBeLessThan(scheduler.sliceMs(0))
  expect(new Scheduler({ sliceMs: 0.25 }).sliceMs(0)).toBe(0.25)
})

test('a turn lets everybody else go first, and ends though others keep coming', async () => {
  const scheduler = new Scheduler({ sliceMs: 5 })
  let others = 0
  let over = false
  const busy = () => {
    if (over) return
    others++
    scheduler.begun(performance.now())
    setImmediate(busy)
  }
  setImmediate(busy)
  await scheduler.turn(100)
  over = true
  expect(others).toBeGreaterThan(1)
  expect(others).toBeLessThan(10)
})
