import { describe, expect, it } from 'vitest'
import { accountId, createHarness, failure, hour, minute, success, throttled, unavailable } from './harness.ts'

const since = (start: number, calls: { at: number }[]): number[] => calls.map(({ at }) => at - start)

describe('a function that works', () => {
  it('is invoked once, with what was accepted', async () => {
    const h = await createHarness()
    const payload = Buffer.from('{"n":7}')
    const requestId = await h.accept('f', { payload, qualifier: 'live', clientContext: '{"c":1}', hops: 2 })
    await h.settle()
    expect(h.calls).toMatchObject([
      { accountId, functionName: 'f', qualifier: 'live', requestId, clientContext: '{"c":1}', hops: 2 },
    ])
    expect(Buffer.from(h.calls[0]?.payload ?? []).toString()).toBe('{"n":7}')
    await h.pass(7 * hour)
    expect(h.calls).toHaveLength(1)
    expect(h.queue.pending(accountId)).toBe(0)
    expect(await h.events.census()).toEqual([])
  })

  it('leaves no timer behind: an idle queue does nothing', async () => {
    const h = await createHarness()
    await h.accept()
    await h.settle()
    expect(h.timers.pending).toBe(0)
    expect(h.slots.used).toBe(0)
  })
})

describe("the function's error", () => {
  it('is retried after 1 min, then after 2 min, as the same request', async () => {
    const h = await createHarness()
    h.answers.set('f', [failure()])
    const start = h.timers.now()
    const requestId = await h.accept()
    await h.pass(7 * hour)
    expect(since(start, h.calls)).toEqual([0, minute, 3 * minute])
    expect(new Set(h.calls.map((call) => call.requestId))).toEqual(new Set([requestId]))
    expect(await h.events.census()).toEqual([])
  })

  it('is forgotten when a retry succeeds', async () => {
    const h = await createHarness()
    h.answers.set('f', [failure(), success()])
    await h.accept()
    await h.pass(7 * hour)
    expect(h.calls).toHaveLength(2)
  })

  it.each([0, 1, 2])('is retried %i times if the config says so', async (maximumRetryAttempts) => {
    const h = await createHarness()
    h.settings.set('f', { maximumRetryAttempts })
    h.answers.set('f', [failure()])
    await h.accept()
    await h.pass(7 * hour)
    expect(h.calls).toHaveLength(maximumRetryAttempts + 1)
  })

  it('is not retried past the maximum age, which is decided at once', async () => {
    const h = await createHarness()
    h.settings.set('f', { maximumEventAgeSeconds: 179 })
    h.answers.set('f', [failure()])
    const start = h.timers.now()
    await h.accept()
    await h.pass(minute)
    expect(since(start, h.calls)).toEqual([0, minute])
    expect(h.queue.pending(accountId)).toBe(0)
  })

  it('counts a change of the config made meanwhile', async () => {
    const h = await createHarness()
    h.answers.set('f', [failure()])
    await h.accept()
    await h.settle()
    h.settings.set('f', { maximumRetryAttempts: 1 })
    await h.pass(7 * hour)
    expect(h.calls).toHaveLength(2)
  })
})

describe('throttles and platform errors', () => {
  it.each([
    ['throttles', throttled()],
    ['platform errors', unavailable],
    ['a function that is there, but not active', { kind: 'missing', message: 'not active' } as const],
  ])('%s back off from 1 s to 5 min, until the age ends them', async (_name, answer) => {
    const h = await createHarness()
    h.answers.set('f', [answer])
    h.settings.set('f', { maximumEventAgeSeconds: 3_600 })
    const start = h.timers.now()
    await h.accept()
    await h.pass(2 * hour)
    const times = since(start, h.calls)
    const delays = times.slice(1).map((at, index) => (at - (times[index] ?? 0)) / 1_000)
    const doubled = [1, 2, 4, 8, 16, 32, 64, 128, 256]
    expect(delays.slice(0, 9)).toEqual(doubled)
    expect(delays.slice(9, -1).every((delay) => delay === 300)).toBe(true)
    // The last chance is a second before the end.
    expect(times.at(-1)).toBe(3_599_000)
    expect(h.queue.pending(accountId)).toBe(0)
  })

  it('cost no attempt', async () => {
    const h = await createHarness()
    h.answers.set('f', [throttled(), throttled(), failure(), unavailable, failure(), throttled(), failure()])
    const start = h.timers.now()
    await h.accept()
    await h.pass(7 * hour)
    expect(since(start, h.calls).map((ms) => ms / 1_000)).toEqual([0, 1, 3, 63, 64, 184, 185])
  })
})

it('an event that waited too long is not run at all', async () => {
  const h = await createHarness({ start: false })
  await h.accept()
  h.timers.skip(6 * hour + 1)
  await h.queue.start()
  await h.settle()
  expect(h.calls).toEqual([])
  expect(h.queue.pending(accountId)).toBe(0)
  expect(h.logs).toMatchObject([{ condition: 'EventAgeExceeded' }])
})

it('an event just within its age is run', async () => {
  const h = await createHarness({ start: false })
  await h.accept()
  h.timers.skip(6 * hour)
  await h.queue.start()
  await h.settle()
  expect(h.calls).toHaveLength(1)
})
