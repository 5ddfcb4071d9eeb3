import { expect, it } from 'vitest'
import { createTimers } from '../../src/events/timers.ts'

it('runs at its time and not before, by the clock it was given', async () => {
  const timers = createTimers({ now: () => new Date() })
  const at = timers.now() + 20
  const ran = await new Promise<number>((resolve) => {
    timers.at(at, () => resolve(timers.now()))
  })
  expect(ran).toBeGreaterThanOrEqual(at)
})

it('waits on when the clock was set back', async () => {
  let backMs = 0
  const timers = createTimers({ now: () => new Date(Date.now() - backMs) })
  const at = timers.now() + 5
  const ran = new Promise<number>((resolve) => {
    timers.at(at, () => resolve(timers.now()))
  })
  backMs = 20
  expect(await ran).toBeGreaterThanOrEqual(at)
})

it('does not run what was called off', async () => {
  const timers = createTimers({ now: () => new Date() })
  const ran: string[] = []
  const cancel = timers.at(timers.now() + 1, () => ran.push('cancelled'))
  cancel()
  await new Promise<void>((resolve) => {
    timers.at(timers.now() + 10, resolve)
  })
  expect(ran).toEqual([])
})
