import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { message, openBench } from './support.ts'

/** Node's own timers stand still until a test moves them; the database's group commit goes on (setImmediate). */
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})
const now = () => new Date()
const timers = () => vi.getTimerCount()
/** As many turns of the event loop as an attempt takes. */
const settled = async () => {
  for (let i = 0; i < 10; i++) await setImmediate()
}

describe('a receive that waits', () => {
  it('gets what is sent meanwhile, at once', async () => {
    const { create, send, bodies } = openBench({ now })
    const arn = await create('one')
    const polls = [bodies(arn, { waitMs: 20_000 }), bodies(arn, { waitMs: 20_000 })]
    await settled()
    await send(arn, 'a')
    expect(await polls[0]).toEqual(['a'])
    await send(arn, 'b')
    expect(await polls[1]).toEqual(['b'])
  })

  it('ends with nothing after its time, and leaves no timer', async () => {
    const { create, bodies } = openBench({ now })
    const arn = await create('one')
    const before = timers()
    const poll = bodies(arn, { waitMs: 20_000 })
    await settled()
    expect(timers()).toBe(before + 1)
    await vi.advanceTimersByTimeAsync(20_000)
    expect(await poll).toEqual([])
    expect(timers()).toBe(before)
  })

  it('is woken when a delay ends, and not before', async () => {
    const { create, send, bodies } = openBench({ now })
    const arn = await create('one')
    await send(arn, 'before', { delaySeconds: 7 })
    let got: string[] | undefined
    const poll = bodies(arn, { waitMs: 20_000 }).then((found) => (got = found))
    await settled()
    await send(arn, 'sooner', { delaySeconds: 5 })
    await vi.advanceTimersByTimeAsync(4_999)
    await settled()
    expect(got).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1)
    expect(await poll).toEqual(['sooner'])
  })

  it('is woken when a visibility timeout ends, is shortened, or given up', async () => {
    const { queues, create, send, receive, bodies } = openBench({ now })
    const arn = await create('one')
    for (const body of ['a', 'b', 'c']) await send(arn, body)
    const taken = await receive(arn, { visibilityTimeoutSeconds: 15 })
    const handles = taken.map(({ receiptHandle }) => receiptHandle)
    const polls = [1, 2, 3].map(() => bodies(arn, { max: 1, waitMs: 20_000 }))
    await settled()
    await queues.changeVisibility(arn, handles.slice(0, 1), 0)
    expect(await polls[0]).toEqual(['a'])
    await queues.changeVisibility(arn, handles.slice(1, 2), 3)
    await vi.advanceTimersByTimeAsync(3_000)
    expect(await polls[1]).toEqual(['b'])
    await vi.advanceTimersByTimeAsync(12_000)
    expect(await polls[2]).toEqual(['c'])
  })

  it('is woken by what another receive hides for less time than it waits', async () => {
    const { create, send, bodies } = openBench({ now })
    const arn = await create('one')
    await send(arn, 'a', { delaySeconds: 1 })
    const first = bodies(arn, { waitMs: 20_000, visibilityTimeoutSeconds: 2 })
    const second = bodies(arn, { waitMs: 20_000 })
    await settled()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await first).toEqual(['a'])
    await vi.advanceTimersByTimeAsync(2_000)
    expect(await second).toEqual(['a'])
  })

  it('gets the next of a group when the one before is deleted', async () => {
    const { queues, create, send, receive, bodies } = openBench({ now })
    const arn = await create('one.fifo', { ContentBasedDeduplication: 'true' })
    for (const body of ['1', '2']) await send(arn, body, { groupId: 'g' })
    const [first] = await receive(arn, { max: 1 })
    const poll = bodies(arn, { waitMs: 20_000 })
    await settled()
    await queues.delete(arn, [first?.receiptHandle ?? ''])
    expect(await poll).toEqual(['2'])
  })

  it('is woken by what a redrive brings', async () => {
    const { create, send, bodies } = openBench({ now })
    const dead = await create('dead')
    const redrive = JSON.stringify({ deadLetterTargetArn: dead, maxReceiveCount: 1 })
    const arn = await create('one', { RedrivePolicy: redrive })
    await send(arn, 'poison')
    await bodies(arn, { visibilityTimeoutSeconds: 0 })
    const poll = bodies(dead, { waitMs: 20_000 })
    await settled()
    expect(await bodies(arn)).toEqual([])
    expect(await poll).toEqual(['poison'])
  })

  it('serves all that wait from one batch', async () => {
    const { queues, create, bodies } = openBench({ now })
    const arn = await create('one')
    const polls = Array.from({ length: 5 }, () => bodies(arn, { waitMs: 20_000, max: 1 }))
    await settled()
    await queues.sendBatch(
      arn,
      ['a', 'b', 'c', 'd', 'e'].map((body) => message(body)),
    )
    expect((await Promise.all(polls)).flat().toSorted()).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  it('serves all that wait when many messages come due together', async () => {
    const { create, send, bodies } = openBench({ now })
    const arn = await create('one')
    for (const body of ['a', 'b', 'c']) await send(arn, body, { delaySeconds: 4 })
    const polls = Array.from({ length: 3 }, () => bodies(arn, { waitMs: 20_000, max: 1 }))
    await settled()
    await vi.advanceTimersByTimeAsync(4_000)
    expect((await Promise.all(polls)).flat().toSorted()).toEqual(['a', 'b', 'c'])
  })

  it('takes nothing once its caller has gone', async () => {
    const { create, send, receive, bodies } = openBench({ now })
    const arn = await create('one')
    const before = timers()
    const waiting = new AbortController()
    const poll = bodies(arn, { waitMs: 20_000, signal: waiting.signal })
    await settled()
    waiting.abort()
    expect(await poll).toEqual([])
    expect(timers()).toBe(before)
    expect(await bodies(arn, { waitMs: 20_000, signal: waiting.signal })).toEqual([])

    // Gone while the attempt that would have found something is in work.
    const trying = new AbortController()
    await send(arn, 'a')
    const late = bodies(arn, { waitMs: 20_000, signal: trying.signal })
    // Microtasks only: up to the group commit, which is a turn of the event loop away.
    for (let i = 0; i < 100; i++) await Promise.resolve()
    trying.abort()
    expect(await late).toEqual([])
    expect(await receive(arn)).toMatchObject([{ body: 'a', receiveCount: 1 }])
  })

  it('leaves the message to the next in line if its caller has gone', async () => {
    const { create, send, bodies } = openBench({ now })
    const arn = await create('one')
    const leaving = new AbortController()
    const first = bodies(arn, { waitMs: 20_000, signal: leaving.signal })
    const second = bodies(arn, { waitMs: 20_000 })
    await settled()
    const sent = send(arn, 'a')
    leaving.abort()
    await sent
    expect(await first).toEqual([])
    expect(await second).toEqual(['a'])
  })

  it('fails when its queue is deleted', async () => {
    const { queues, create, bodies } = openBench({ now })
    const arn = await create('one')
    const poll = bodies(arn, { waitMs: 20_000 })
    // Handled before it fails.
    const failed = poll.catch((error: unknown) => error)
    await settled()
    await queues.remove(arn)
    await create('one')
    expect(await failed).toMatchObject({ queueCode: 'QueueDoesNotExist' })
  })

  it('ends when the server does', async () => {
    const { queues, create, bodies } = openBench({ now })
    const arn = await create('one')
    const polls = [1, 2, 3].map(() => bodies(arn, { waitMs: 20_000 }))
    await settled()
    await queues[Symbol.asyncDispose]()
    expect(await Promise.all(polls)).toEqual([[], [], []])
  })

  it('costs one timer each and one for the queue, however many there are', async () => {
    const { create, send, bodies } = openBench({ now })
    const arn = await create('one')
    await send(arn, 'later', { delaySeconds: 900 })
    const before = timers()
    const waiting = new AbortController()
    const polls = Array.from({ length: 500 }, () => bodies(arn, { waitMs: 20_000, signal: waiting.signal }))
    await settled()
    expect(timers()).toBe(before + 501)
    waiting.abort()
    await Promise.all(polls)
    expect(timers()).toBe(before)
  })
})
