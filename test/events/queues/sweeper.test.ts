import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { startSweeper } from '../../../src/events/queues/sweeper.ts'
import { openDatabase } from '../../../src/store/database.ts'
import { createSqliteQueues } from '../../../src/store/sqlite-queues.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Sweeps of a store that has so many steps to do. */
function counted(steps: number, failure?: Error) {
  using database = openDatabase({ path: ':memory:' })
  const calls: number[] = []
  const sweep = async (now: number) => {
    calls.push(now)
    if (failure !== undefined) throw failure
    return calls.length % (steps + 1) === 0 ? 0 : 1
  }
  return { calls, store: { ...createSqliteQueues(database), sweep } }
}
const unexpected = (error: unknown) => expect.unreachable(String(error))
const settled = async () => {
  for (let i = 0; i < 20; i++) await setImmediate()
}

it('sweeps every five minutes until there is nothing left', async () => {
  const { calls, store } = counted(3)
  await using _sweeper = startSweeper(store, () => 7, unexpected)
  await vi.advanceTimersByTimeAsync(299_999)
  expect(calls).toEqual([])
  await vi.advanceTimersByTimeAsync(1)
  await settled()
  expect(calls).toEqual([7, 7, 7, 7])
  await vi.advanceTimersByTimeAsync(300_000)
  await settled()
  expect(calls).toHaveLength(8)
})

it('stops when it is disposed of, between two steps', async () => {
  const { calls, store } = counted(1_000)
  const sweeper = startSweeper(store, () => 7, unexpected)
  await vi.advanceTimersByTimeAsync(300_000)
  await sweeper[Symbol.asyncDispose]()
  const { length } = calls
  await vi.advanceTimersByTimeAsync(600_000)
  await settled()
  expect(calls).toHaveLength(length)
})

it('reports what fails and goes on the next time', async () => {
  const failure = new Error('locked')
  const { calls, store } = counted(1, failure)
  const reported: unknown[] = []
  await using _sweeper = startSweeper(
    store,
    () => 7,
    (error) => reported.push(error),
  )
  await vi.advanceTimersByTimeAsync(300_000)
  await settled()
  await vi.advanceTimersByTimeAsync(300_000)
  await settled()
  expect(calls).toHaveLength(2)
  expect(reported).toEqual([failure, failure])
})
