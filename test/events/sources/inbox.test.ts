import { expect, test } from 'vitest'
import { createInbox, type Inbox } from '../../../src/events/sources/inbox.ts'
import { brokerRecord } from '../../../src/events/sources/record.ts'

const record = (id: string, orderKey: string | undefined = undefined) =>
  brokerRecord({ id, orderKey, json: { id }, filterable: {}, createdAt: 0, attempt: 1 })

const take = async (inbox: Inbox<string>, max = 10, waitMs = 0) =>
  (await inbox.receive({ max, waitMs, signal: new AbortController().signal })).map(({ id }) => id)

test('a record that comes again while it is held only gets its new handle', async () => {
  using inbox = createInbox<string>()
  expect(inbox.arrive(record('a'), 'first')).toBe('new')
  expect(await take(inbox)).toEqual(['a'])
  expect(inbox.arrive(record('a'), 'second')).toBe('held')
  expect(inbox.handle({ id: 'a' })).toBe('second')
  expect(await take(inbox)).toEqual([])
  inbox.settle({ id: 'a' })
  expect(inbox.handle({ id: 'a' })).toBeUndefined()
  expect(inbox.arrive(record('a'), 'third')).toBe('new')
})

test('a finished record is told from a new one until it is forgotten', async () => {
  using inbox = createInbox<string>()
  inbox.arrive(record('a'), 'first')
  expect(await take(inbox)).toEqual(['a'])
  inbox.finish({ id: 'a' })
  expect([inbox.size, inbox.held(), inbox.handle({ id: 'a' })]).toEqual([0, [], undefined])
  expect(inbox.arrive(record('a'), 'second')).toBe('done')
  inbox.forgetFinished()
  expect(inbox.arrive(record('a'), 'third')).toBe('new')
})

test('a deferred record blocks its key alone, and comes back in its place', async () => {
  using inbox = createInbox<string>()
  for (const id of ['a1', 'a2', 'b1', 'a3']) inbox.arrive(record(id, id[0]), id)
  expect(await take(inbox, 2)).toEqual(['a1', 'a2'])
  inbox.defer({ id: 'a1' }, 20)
  inbox.defer({ id: 'a2' }, 0)
  expect(await take(inbox)).toEqual(['b1'])
  expect(await take(inbox, 10, 5_000)).toEqual(['a1', 'a2', 'a3'])
  expect(inbox.held().map(({ id, attempt }) => [id, attempt])).toEqual([
    ['a1', 2],
    ['a2', 2],
    ['b1', 1],
    ['a3', 1],
  ])
})

test('settling a deferred record frees its key', async () => {
  using inbox = createInbox<string>()
  inbox.arrive(record('a1', 'a'), '1')
  inbox.arrive(record('a2', 'a'), '2')
  expect(await take(inbox, 1)).toEqual(['a1'])
  inbox.defer({ id: 'a1' }, 60_000)
  expect(await take(inbox)).toEqual([])
  inbox.settle({ id: 'a1' })
  expect(await take(inbox)).toEqual(['a2'])
})

test('tells of demand, and ends it when it is closed', async () => {
  const inbox = createInbox<string>()
  const demand = inbox.demand()
  const waiting = take(inbox, 7, 60_000)
  expect(await demand).toBe(7)
  inbox.arrive(record('a'), '1')
  expect(await waiting).toEqual(['a'])
  const none = inbox.demand()
  inbox[Symbol.dispose]()
  expect(await none).toBeUndefined()
  expect(await take(inbox, 1, 60_000)).toEqual([])
})
