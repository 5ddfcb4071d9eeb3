import { expect, it, onTestFinished } from 'vitest'
import { createLeases } from '../../../src/events/mappings/leases.ts'
import { openDatabase } from '../../../src/store/database.ts'
import { createSqliteDocuments } from '../../../src/store/sqlite-documents.ts'
import { FakeTimers } from '../fake-timers.ts'
import { createHarness, heldFunction, ok, settle } from './harness.ts'

const account = '111111111111'

function world() {
  const database = openDatabase({ path: ':memory:' })
  onTestFinished(() => database[Symbol.dispose]())
  const documents = createSqliteDocuments(database)
  const timers = new FakeTimers()
  const lost: string[] = []
  const owner = (ownerId: string, own = timers) =>
    createLeases({ documents, timers: own, ownerId, ttlMs: 30_000, onLost: () => lost.push(ownerId) })
  return { timers, owner, lost, advance: (ms: number) => timers.advanceTo(timers.now() + ms, settle) }
}

it('gives a source to one owner', async () => {
  const { owner, advance } = world()
  const [a, b] = [owner('a'), owner('b')]
  const both = await Promise.all([a.acquire(account, 'u'), b.acquire(account, 'u')])
  expect(both.filter(Boolean)).toHaveLength(1)
  expect([a.isHeld('u'), b.isHeld('u')]).toEqual(both)
  await advance(600_000)
  expect([a.isHeld('u'), b.isHeld('u')]).toEqual(both)
  expect(await Promise.all([a.acquire(account, 'u'), b.acquire(account, 'u')])).toEqual(both)
})

it('gives it to another when it is released, or its owner has gone', async () => {
  const { owner } = world()
  const [a, b, c] = [owner('a'), owner('b'), owner('c')]
  expect(await a.acquire(account, 'u')).toBe(true)
  await a.release(account, 'u')
  expect(a.isHeld('u')).toBe(false)
  expect(await b.acquire(account, 'u')).toBe(true)
  expect(await c.acquire(account, 'u')).toBe(false)
  await b[Symbol.asyncDispose]()
  expect(b.isHeld('u')).toBe(false)
  expect(await c.acquire(account, 'u')).toBe(true)
})

it('gives it to another when its owner has shown no sign of life', async () => {
  const { owner, timers, lost } = world()
  // Its timers do not run: it is stuck.
  const stuck = new FakeTimers(timers.now())
  const [a, b] = [owner('a', stuck), owner('b')]
  expect(await a.acquire(account, 'u')).toBe(true)
  expect(await a.acquire(account, 'v')).toBe(true)
  timers.skip(29_999)
  expect(await b.acquire(account, 'u')).toBe(false)
  timers.skip(1)
  expect(await b.acquire(account, 'u')).toBe(true)
  // It wakes up in the belief that no time has passed.
  expect(a.isHeld('u')).toBe(true)
  await stuck.advanceTo(stuck.now() + 10_000, settle)
  expect(lost).toEqual(['a'])
  expect([a.isHeld('u'), a.isHeld('v')]).toEqual([false, false])
  expect([await a.acquire(account, 'u'), await a.acquire(account, 'v')]).toEqual([false, true])
})

it('does not believe in a lease that it could not renew', async () => {
  const { owner, timers } = world()
  const a = owner('a')
  await a.acquire(account, 'u')
  timers.skip(30_000)
  expect(a.isHeld('u')).toBe(false)
})

it('knows its own after a crash', async () => {
  const { owner, advance, lost } = world()
  const before = owner('a')
  await before.acquire(account, 'u')
  const after = owner('a')
  expect(await after.acquire(account, 'u')).toBe(true)
  await advance(10_000)
  // Should the one before still live, it learns that it must not.
  expect(lost).toEqual(['a'])
  expect([before.isHeld('u'), after.isHeld('u')]).toEqual([false, true])
})

it('a mapping that lost its lease tells its source nothing more, and another reads on', async () => {
  const harness = createHarness()
  const held = heldFunction()
  harness.state.behaviour = held.behaviour
  harness.broker.send('x')
  await harness.map()
  expect(held.open).toHaveLength(1)
  // The process was asleep; another one found its owner expired.
  harness.timers.skip(31_000)
  const other = harness.engine('other')
  await other.mappings.start()
  await settle()
  held.open[0]?.end(ok())
  await settle()
  expect(held.open).toHaveLength(2)
  expect(harness.broker.left()).toEqual(['m0'])
  held.open[1]?.end(ok())
  await settle()
  expect(harness.broker.left()).toEqual([])
  await harness.advance(60_000)
  // The first has noticed, and stays away.
  expect(harness.broker.open).toBe(1)
})
