import { describe, expect, it } from 'vitest'
import { EventSlots } from '../../../src/events/event-slots.ts'
import type { EventResult } from '../../../src/events/invoking.ts'
import {
  accountId,
  createHarness,
  failure,
  minute,
  success,
  throttled,
  turn,
  type Call,
  type Harness,
} from './harness.ts'

/** Holds every invocation until it is let go. */
function holding(h: Harness) {
  const held: { call: Call; answer: (result: EventResult) => void }[] = []
  let reached = { count: Infinity, resolve: () => {} }
  h.script.respond = (call) =>
    new Promise((answer) => {
      held.push({ call, answer })
      if (held.length >= reached.count) reached.resolve()
    })
  return {
    held,
    names: () => held.map(({ call }) => call.functionName),
    /** Resolves when so many are in work. */
    async until(count: number): Promise<void> {
      const waiting = Promise.withResolvers<void>()
      reached = { count, resolve: waiting.resolve }
      if (held.length < count) await waiting.promise
    },
    release(count: number, result = success()): void {
      for (const { answer } of held.splice(0, count)) answer(result)
    },
  }
}

describe('a fair share', () => {
  it('takes the functions in turn, whoever came first with how many', async () => {
    const h = await createHarness({ limits: { eventConcurrency: 2 }, start: false })
    for (let index = 0; index < 50; index++) await h.accept('greedy', { requestId: `greedy${index}` })
    for (const name of ['a', 'b']) await h.accept(name)
    await h.queue.start()
    await h.settle()
    const order = h.calls.map(({ functionName }) => functionName)
    expect(order.slice(0, 6).toSorted()).toEqual(['a', 'b', 'greedy', 'greedy', 'greedy', 'greedy'])
    expect(h.calls).toHaveLength(52)
  })

  it('takes the oldest of a function first, retries before what came later', async () => {
    const h = await createHarness({ limits: { eventConcurrency: 2 } })
    h.answers.set('f', [failure(), success()])
    await h.accept('f', { requestId: 'old' })
    await h.settle()
    h.timers.skip(minute)
    const gate = holding(h)
    await h.accept('f', { requestId: 'busy' })
    await gate.until(1)
    for (const requestId of ['new', 'newer']) await h.accept('f', { requestId })
    const passing = h.timers.advanceTo(h.timers.now(), async () => {})
    await passing
    await turn()
    await turn()
    gate.release(1)
    await gate.until(1)
    expect(gate.held[0]?.call.requestId).toBe('old')
    h.script.respond = undefined
    gate.release(1)
    await h.settle()
    expect(h.calls.map(({ requestId }) => requestId)).toEqual(['old', 'busy', 'old', 'new', 'newer'])
  })

  it('leaves half of the slots to others, however long one function takes', async () => {
    const h = await createHarness({ limits: { eventConcurrency: 10 } })
    const gate = holding(h)
    for (let index = 0; index < 30; index++) await h.accept('slow')
    await gate.until(5)
    await turn()
    expect(gate.names()).toEqual(Array.from({ length: 5 }, () => 'slow'))
    await h.accept('other')
    await gate.until(6)
    expect(gate.names().at(-1)).toBe('other')
    h.script.respond = undefined
    gate.release(6)
    await h.settle()
    expect(h.calls).toHaveLength(31)
  })

  it('never has more in work than there are slots, shared with others', async () => {
    const slots = new EventSlots(4)
    for (let index = 0; index < 3; index++) await slots.acquire()
    const h = await createHarness({ slots })
    const gate = holding(h)
    for (const name of ['a', 'b', 'c']) await h.accept(name)
    await gate.until(1)
    await turn()
    expect(gate.held).toHaveLength(1)
    slots.release()
    await gate.until(2)
    h.script.respond = undefined
    gate.release(2)
    await h.settle()
    expect(h.calls).toHaveLength(3)
    expect(slots.used).toBe(2)
  })
})

describe('a throttled function', () => {
  it('ends up with one attempt a second, and is served fully again when it may', async () => {
    const h = await createHarness({ limits: { eventConcurrency: 20 } })
    h.answers.set('f', [throttled()])
    for (let index = 0; index < 200; index++) await h.accept('f')
    await h.pass(30_000)
    const before = h.calls.length
    await h.pass(10_000)
    expect(h.calls.length - before).toBeLessThanOrEqual(11)
    h.answers.set('f', [success()])
    await h.pass(6 * minute)
    expect(h.queue.pending(accountId)).toBe(0)
  })

  it('does not slow down the others', async () => {
    const h = await createHarness({ limits: { eventConcurrency: 4 } })
    h.answers.set('f', [throttled()])
    for (let index = 0; index < 100; index++) await h.accept('f')
    await h.pass(20_000)
    const at = h.timers.now()
    for (let index = 0; index < 50; index++) await h.accept('g')
    await h.settle()
    expect(h.calls.filter((call) => call.functionName === 'g' && call.at === at)).toHaveLength(50)
  })
})

describe('the limit of waiting events', () => {
  it('refuses more, an account at a time, and takes more as they are done', async () => {
    const h = await createHarness({ limits: { asyncEvents: 2 } })
    const gate = holding(h)
    await h.accept('f')
    await h.accept('g')
    await expect(h.accept('f')).rejects.toMatchObject({ code: 'TooManyRequests', message: 'Rate Exceeded.' })
    await h.accept('f', { accountId: '222222222222' })
    await gate.until(3)
    h.script.respond = undefined
    gate.release(3)
    await h.settle()
    await h.accept('f')
    await h.settle()
    expect(h.calls).toHaveLength(4)
  })

  it('counts what is stored, and only that', async () => {
    const h = await createHarness({ limits: { asyncEvents: 3 }, start: false })
    await h.accept()
    h.database[Symbol.dispose]()
    await expect(h.accept()).rejects.toBeDefined()
    expect(h.queue.pending(accountId)).toBe(1)
  })
})

describe('being stopped', () => {
  it('waits for what is in work, and picks nothing more', async () => {
    const h = await createHarness({ limits: { eventConcurrency: 2 } })
    const gate = holding(h)
    for (let index = 0; index < 3; index++) await h.accept('f')
    await gate.until(1)
    const stopping = h.queue.stop()
    await turn()
    gate.release(1)
    await stopping
    expect(h.calls).toHaveLength(1)
    expect(await h.events.census()).toMatchObject([{ ready: 2, waiting: 0 }])
  })

  it('aborts what takes too long, and keeps it as it was', async () => {
    const h = await createHarness({ limits: { drainMs: 1_000 } })
    h.script.respond = ({ signal }) =>
      new Promise((resolve) => {
        signal?.addEventListener('abort', () => resolve({ kind: 'unavailable', message: 'aborted' }))
      })
    await h.accept()
    await turn()
    const stopping = h.queue.stop()
    await h.timers.advanceTo(h.timers.now() + 1_000, turn)
    await stopping
    expect(await h.events.census()).toMatchObject([{ ready: 1, waiting: 0 }])
    expect(h.timers.pending).toBe(0)
  })

  it('ends even if an invocation does not heed its signal', async () => {
    const h = await createHarness({ limits: { drainMs: 1_000 } })
    const gate = holding(h)
    await h.accept()
    await gate.until(1)
    const stopping = h.queue.stop()
    await h.timers.advanceTo(h.timers.now() + 2_000, turn)
    await stopping
    expect(await h.events.census()).toMatchObject([{ ready: 1 }])
  })

  it('still accepts, for the next start', async () => {
    const h = await createHarness()
    await h.queue.stop()
    await h.accept()
    await turn()
    expect(h.calls).toEqual([])
    expect(await h.events.census()).toMatchObject([{ ready: 1 }])
  })
})

it('an event is not run twice while its function is read and others of it end', async () => {
  const h = await createHarness({ start: false })
  const gate = holding(h)
  const { next } = h.events
  const reading = Promise.withResolvers<void>()
  for (const requestId of ['a', 'b']) await h.accept('f', { requestId })
  h.events.next = async (lane, after) => {
    if (h.calls.length === 1) await reading.promise
    return next(lane, after)
  }
  await h.queue.start()
  await gate.until(1)
  await turn()
  gate.release(1)
  await turn()
  await turn()
  reading.resolve()
  await gate.until(1)
  await h.accept('f', { requestId: 'c' })
  await gate.until(2)
  await turn()
  h.script.respond = undefined
  gate.release(2)
  await h.settle()
  expect(h.calls.map(({ requestId }) => requestId)).toEqual(['a', 'b', 'c'])
})

describe('an error of the store', () => {
  it('while an outcome is written costs another attempt, and nothing else', async () => {
    const h = await createHarness()
    const { remove } = h.events
    h.events.remove = () => Promise.reject(new Error('disk full'))
    await h.accept()
    await h.settle()
    expect(h.queue.pending(accountId)).toBe(1)
    h.events.remove = remove
    await h.pass(1_000)
    expect(h.calls).toHaveLength(2)
    expect(h.queue.pending(accountId)).toBe(0)
  })

  it('while an event is read is tried again', async () => {
    const h = await createHarness()
    const { next } = h.events
    h.events.next = () => Promise.reject(new Error('locked'))
    await h.accept()
    await h.settle()
    h.events.next = next
    await h.pass(1_000)
    expect(h.calls).toHaveLength(1)
  })

  it('while a retry is read is tried again', async () => {
    const h = await createHarness()
    h.answers.set('f', [throttled(), success()])
    const { get } = h.events
    await h.accept()
    await h.settle()
    h.events.get = () => Promise.reject(new Error('locked'))
    await h.pass(1_000)
    expect(h.calls).toHaveLength(1)
    h.events.get = get
    await h.pass(1_000)
    expect(h.calls).toHaveLength(2)
  })

  it('while what is due is read is tried again', async () => {
    const h = await createHarness()
    h.answers.set('f', [throttled(), success()])
    const { promote } = h.events
    h.events.promote = () => Promise.reject(new Error('locked'))
    await h.accept()
    await h.pass(1_000)
    expect(h.calls).toHaveLength(1)
    h.events.promote = promote
    await h.pass(1_000)
    expect(h.calls).toHaveLength(2)
  })
})
