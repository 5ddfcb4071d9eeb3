/** What every driver of the queues' storage must do. Times are made up: a driver has no clock. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defaultAttributes } from '../../src/events/queues/attributes.ts'
import type { NewMessage, QueueAttributes, QueueStore, ReceiveQuery } from '../../src/store/queues.ts'

const accountId = '111111111111'
const gone = { code: 'ResourceNotFound' }

export interface OpenQueues extends Disposable {
  store: QueueStore
}

export function describeQueueStore(name: string, open: () => Promise<OpenQueues>): void {
  describe(`queue store contract: ${name}`, () => {
    let opened: OpenQueues
    let store: QueueStore
    let ids = 0

    beforeEach(async () => {
      opened = await open()
      store = opened.store
    })
    afterEach(() => opened[Symbol.dispose]())

    const create = async (queueName: string, change: Partial<QueueAttributes> = {}) =>
      store.createQueue({
        accountId,
        queueName,
        attributes: { ...defaultAttributes(queueName.endsWith('.fifo'), 1_048_576), ...change },
        tags: { a: 'b' },
        createdAt: 5,
      })
    const message = (body: string, change: Partial<NewMessage> = {}): NewMessage => ({
      messageId: `id-${ids++}`,
      body,
      attributes: {},
      groupId: undefined,
      deduplicationId: undefined,
      traceHeader: undefined,
      hops: 0,
      sentAt: 1_000,
      visibleAt: 1_000,
      ...change,
    })
    const inGroup = (body: string, groupId: string, change: Partial<NewMessage> = {}) =>
      message(body, { groupId, deduplicationId: body, ...change })
    const once = { scope: 'queue', expiresAt: 301_000 } as const
    const query = (queueId: number, change: Partial<ReceiveQuery> = {}): ReceiveQuery => ({
      queueId,
      now: 1_000,
      max: 10,
      hiddenUntil: 31_000,
      ordered: false,
      expiredAt: 0,
      redrive: undefined,
      cancelled: () => false,
      inFlightLimit: undefined,
      ...change,
    })
    const bodies = async (queueId: number, change: Partial<ReceiveQuery> = {}) =>
      (await store.receive(query(queueId, change))).messages.map(({ body }) => body)

    it('keeps queues with all that is theirs', async () => {
      const created = await create('one', { delaySeconds: 3, policy: '{}' })
      expect(created).toMatchObject({ accountId, queueName: 'one', tags: { a: 'b' }, createdAt: 5, modifiedAt: 5 })
      expect(created.attributes).toEqual({ ...defaultAttributes(false, 1_048_576), delaySeconds: 3, policy: '{}' })
      expect(await store.getQueue(accountId, 'one')).toEqual(created)
      expect(await store.getQueue('222222222222', 'one')).toBeUndefined()
      await expect(create('one')).rejects.toMatchObject({ code: 'ResourceConflict' })
    })

    it('changes a queue on the expected revision only', async () => {
      const { queueId, revision, attributes } = await create('one')
      const changed = await store.updateQueue(queueId, revision, { tags: {}, modifiedAt: 9 })
      expect(changed).toMatchObject({ attributes, tags: {}, modifiedAt: 9 })
      expect(changed.revision).toBeGreaterThan(revision)
      await expect(store.updateQueue(queueId, revision, { tags: {} })).rejects.toMatchObject({
        code: 'PreconditionFailed',
      })
      expect(await store.getQueue(accountId, 'one')).toEqual(changed)
    })

    it('lists by name and prefix, in pages, and by dead-letter queue', async () => {
      const redrive = { deadLetterTargetArn: 'arn:target', maxReceiveCount: 2 }
      for (const queueName of ['b', 'a_1', 'a%1', 'B', 'ab']) await create(queueName)
      await create('source', { redrive })
      const list = async (change: Partial<Parameters<QueueStore['listQueues']>[0]>) => {
        const found = await store.listQueues({ accountId, prefix: '', after: undefined, limit: 10, ...change })
        return found.map(({ queueName }) => queueName)
      }
      expect(await list({})).toEqual(['B', 'a%1', 'a_1', 'ab', 'b', 'source'])
      expect(await list({ prefix: 'a_' })).toEqual(['a_1'])
      expect(await list({ prefix: 'a', after: 'a%1', limit: 1 })).toEqual(['a_1'])
      expect(await list({ deadLetterTargetArn: 'arn:target' })).toEqual(['source'])
      expect(await list({ accountId: '222222222222' })).toEqual([])
    })

    it('returns what was sent, member for member', async () => {
      const { queueId } = await create('one')
      const attributes = {
        text: { dataType: 'String', stringValue: 'ü', binaryValue: undefined },
        bytes: { dataType: 'Binary.x', stringValue: undefined, binaryValue: 'AAEC' },
      }
      const sent = message('böse\n\u{1f600}', { attributes, groupId: 'g', traceHeader: 'Root=1', hops: 7 })
      const [{ sequence } = { sequence: 0 }] = await store.send(queueId, [sent], undefined)
      const { messages } = await store.receive(query(queueId, { now: 2_000 }))
      const { visibleAt: _, ...members } = sent
      const counts = { receiveCount: 1, receivedElsewhere: 0, firstReceivedAt: 2_000, deadLetterSource: undefined }
      expect(messages).toEqual([{ ...members, ...counts, sequence }])
    })

    it('gives out each message once until its time comes again', async () => {
      const { queueId } = await create('one')
      await store.send(queueId, [message('a'), message('b'), message('c')], undefined)
      expect(await bodies(queueId, { max: 2 })).toEqual(['a', 'b'])
      expect(await bodies(queueId)).toEqual(['c'])
      const nothing = await store.receive(query(queueId, { now: 30_999 }))
      expect(nothing).toMatchObject({ messages: [], nextDueAt: 31_000 })
      const again = await store.receive(query(queueId, { now: 31_000 }))
      expect(again.messages.map(({ body, receiveCount }) => [body, receiveCount])).toEqual([
        ['a', 2],
        ['b', 2],
        ['c', 2],
      ])
      expect(again.messages[0]?.firstReceivedAt).toBe(1_000)
    })

    it('gives out nothing twice in one receive that does not hide', async () => {
      const { queueId } = await create('one')
      await store.send(queueId, [message('a'), message('b')], undefined)
      expect(await bodies(queueId, { hiddenUntil: 1_000 })).toEqual(['a', 'b'])
      expect(await bodies(queueId)).toEqual(['a', 'b'])
    })

    it('keeps what is delayed until then', async () => {
      const { queueId } = await create('one')
      await store.send(queueId, [message('late', { visibleAt: 5_000 })], undefined)
      expect(await store.receive(query(queueId, { now: 4_999 }))).toMatchObject({ messages: [], nextDueAt: 5_000 })
      expect(await bodies(queueId, { now: 5_000 })).toEqual(['late'])
    })

    it('takes nothing for a caller who has gone', async () => {
      const { queueId } = await create('one')
      await store.send(queueId, [message('a')], undefined)
      expect(await bodies(queueId, { cancelled: () => true })).toEqual([])
      expect((await store.receive(query(queueId))).messages).toMatchObject([{ body: 'a', receiveCount: 1 }])
    })

    it('removes what has expired instead of giving it out', async () => {
      const { queueId } = await create('one')
      await store.send(queueId, [message('old'), message('new', { sentAt: 1_001 })], undefined)
      expect(await store.counts(queueId, 2_000, 1_000)).toEqual({ visible: 1, inFlight: 0, delayed: 0 })
      expect(await bodies(queueId, { expiredAt: 1_000 })).toEqual(['new'])
      expect(await bodies(queueId, { expiredAt: 0, now: 99_000 })).toEqual(['new'])
    })

    it('does not look through all of a great heap of expired messages in one receive', async () => {
      const { queueId } = await create('one')
      const heap = Array.from({ length: 2_000 }, () => message('old'))
      await store.send(queueId, [...heap, message('new', { sentAt: 1_001, visibleAt: 1_001 })], undefined)
      const receive = () => store.receive(query(queueId, { expiredAt: 1_000, now: 2_000 }))
      expect(await receive()).toMatchObject({ messages: [], nextDueAt: 2_000 })
      let received = await receive()
      for (let i = 0; i < 10 && received.messages.length === 0; i++) received = await receive()
      expect(received.messages).toMatchObject([{ body: 'new' }])
    })

    it('counts what is visible, in flight and delayed', async () => {
      const { queueId } = await create('one')
      const late = message('late', { visibleAt: 9_000 })
      await store.send(queueId, [message('a'), message('b'), message('c'), late], undefined)
      await bodies(queueId, { max: 2 })
      expect(await store.counts(queueId, 1_000, 0)).toEqual({ visible: 1, inFlight: 2, delayed: 1 })
      expect(await store.counts(queueId, 31_000, 0)).toEqual({ visible: 4, inFlight: 0, delayed: 0 })
    })

    it('takes no more than may be in flight', async () => {
      const { queueId } = await create('one')
      await store.send(
        queueId,
        ['a', 'b', 'c', 'd'].map((body) => message(body)),
        undefined,
      )
      expect(await store.receive(query(queueId, { max: 2, inFlightLimit: 3 }))).toMatchObject({ inFlight: 0 })
      expect(await bodies(queueId, { inFlightLimit: 3 })).toEqual(['c'])
      expect(await store.receive(query(queueId, { inFlightLimit: 3 }))).toMatchObject({ messages: [], inFlight: 3 })
      expect(await bodies(queueId, { inFlightLimit: 3, now: 31_000 })).toHaveLength(3)
    })

    it('tells the states of receipts apart, and deletes by them', async () => {
      const { queueId } = await create('one')
      await store.send(queueId, [message('a')], undefined)
      const [first] = (await store.receive(query(queueId))).messages
      if (first === undefined) throw new Error('nothing received')
      const states = (now: number) => store.delete(queueId, [first], now, [])
      expect(await states(30_999)).toEqual(['current'])
      expect(await states(31_000)).toEqual(['visible'])
      await store.receive(query(queueId, { now: 31_000, hiddenUntil: 61_000 }))
      expect(await states(31_000)).toEqual(['stale'])
      const again = { ...first, receiveCount: 2 }
      expect(await store.delete(queueId, [first, again], 31_000, ['current', 'visible'])).toEqual(['stale', 'current'])
      expect(await store.delete(queueId, [again], 31_000, ['current'])).toEqual(['gone'])
      expect(await bodies(queueId, { now: 99_000 })).toEqual([])
    })

    it('changes the visibility of what is in flight, within the limit', async () => {
      const { queueId } = await create('one')
      await store.send(queueId, [message('a'), message('b')], undefined)
      const [a, b] = (await store.receive(query(queueId))).messages
      if (a === undefined || b === undefined) throw new Error('nothing received')
      const change = (visibleAt: number, now: number, taken = a) =>
        store.changeVisibility(queueId, [{ ...taken, visibleAt }], now, 100_000)
      expect(await change(2_000, 2_000)).toEqual(['current'])
      expect(await change(50_000, 2_000)).toEqual(['visible'])
      expect(await change(101_001, 2_000, b)).toEqual(['beyond'])
      expect(await change(101_000, 2_000, b)).toEqual(['current'])
      expect(await bodies(queueId, { now: 100_999, hiddenUntil: 200_000 })).toEqual(['a'])
      expect(await change(5_000, 2_000, { ...a, sequence: 99 })).toEqual(['gone'])
    })

    it('moves what was received too often to the dead-letter queue', async () => {
      const { queueId } = await create('one')
      const dead = await create('dead')
      const redrive = { targetQueueId: dead.queueId, sourceArn: 'arn:one', maxReceiveCount: 1 }
      await store.send(queueId, [message('a', { messageId: 'kept' }), message('b')], undefined)
      expect(await bodies(queueId, { redrive, max: 1, hiddenUntil: 1_000 })).toEqual(['a'])
      const next = await store.receive(query(queueId, { redrive, now: 2_000, hiddenUntil: 9_000 }))
      expect(next).toMatchObject({ messages: [{ body: 'b' }], moved: 1 })
      const moved = await store.receive(query(dead.queueId, { now: 3_000 }))
      expect(moved.messages).toMatchObject([
        {
          messageId: 'kept',
          deadLetterSource: 'arn:one',
          receiveCount: 1,
          receivedElsewhere: 1,
          sentAt: 1_000,
          firstReceivedAt: 1_000,
        },
      ])
    })

    it('gives out what could not be moved', async () => {
      const { queueId } = await create('one')
      const dead = await create('dead')
      const redrive = { targetQueueId: dead.queueId, sourceArn: 'arn:one', maxReceiveCount: 1 }
      await store.send(queueId, [message('a')], undefined)
      await bodies(queueId, { redrive })
      await store.deleteQueue(dead.queueId)
      expect(await bodies(queueId, { redrive, now: 31_000 })).toEqual(['a'])
    })

    it('keeps the order of a group, and holds it back while a message of it is in flight', async () => {
      const { queueId } = await create('one.fifo')
      const sent = ['x1', 'y1', 'x2', 'x3', 'y2'].map((body) => inGroup(body, body.slice(0, 1)))
      await store.send(queueId, sent, once)
      const fifo = { ordered: true, max: 2 }
      const [x1, x2] = (await store.receive(query(queueId, fifo))).messages
      if (x1 === undefined || x2 === undefined) throw new Error('nothing received')
      expect([x1.body, x2.body]).toEqual(['x1', 'x2'])
      expect(await bodies(queueId, { ...fifo, max: 5 })).toEqual(['y1', 'y2'])
      await store.delete(queueId, [x1], 2_000, ['current'])
      expect(await bodies(queueId, { ...fifo, now: 2_000 })).toEqual([])
      await store.delete(queueId, [x2], 2_000, ['current'])
      expect(await bodies(queueId, { ...fifo, now: 2_000 })).toEqual(['x3'])
    })

    it('knows when a group can be received again', async () => {
      const { queueId } = await create('one.fifo')
      await store.send(
        queueId,
        ['1', '2'].map((body) => inGroup(body, 'g')),
        once,
      )
      const taken = await store.receive(query(queueId, { ordered: true, max: 1 }))
      expect(taken.nextDueAt).toBe(31_000)
      const expired = await store.receive(query(queueId, { ordered: true, now: 40_000, expiredAt: 1_000 }))
      expect(expired).toMatchObject({ messages: [], nextDueAt: undefined })
    })

    it('begins a group again from its first message that is left', async () => {
      const { queueId } = await create('one.fifo')
      await store.send(
        queueId,
        ['1', '2', '3'].map((body) => inGroup(body, 'g')),
        once,
      )
      const fifo = { ordered: true }
      const taken = (await store.receive(query(queueId, { ...fifo, max: 2 }))).messages
      const changes = taken.map(({ sequence, receiveCount }) => ({ sequence, receiveCount, visibleAt: 2_000 }))
      await store.changeVisibility(queueId, changes.slice(0, 1), 2_000, 100_000)
      expect(await store.receive(query(queueId, { ...fifo, now: 2_000 }))).toMatchObject({
        messages: [],
        nextDueAt: 31_000,
      })
      await store.changeVisibility(queueId, changes.slice(1), 2_000, 100_000)
      expect(await bodies(queueId, { ...fifo, now: 2_000 })).toEqual(['1', '2', '3'])
    })

    it('takes a message with a known id for the first one, within the scope and the time', async () => {
      const { queueId } = await create('one.fifo')
      const send = async (groupId: string, scope: 'queue' | 'messageGroup', sentAt: number) => {
        const draft = inGroup('same', groupId, { sentAt, visibleAt: sentAt })
        const [sent] = await store.send(queueId, [draft], { scope, expiresAt: sentAt + 300_000 })
        return { ...sent, own: sent?.messageId === draft.messageId }
      }
      const first = await send('g', 'queue', 1_000)
      expect(first).toMatchObject({ duplicate: false, own: true })
      const { messageId, sequence } = first
      expect(await send('h', 'queue', 300_999)).toEqual({ messageId, sequence, duplicate: true, own: false })
      expect(await send('h', 'queue', 301_000)).toMatchObject({ duplicate: false, own: true })
      expect(await send('h', 'messageGroup', 301_000)).toMatchObject({ duplicate: false })
      expect(await send('g', 'messageGroup', 301_000)).toMatchObject({ duplicate: false })
      expect(await send('g', 'messageGroup', 301_001)).toMatchObject({ duplicate: true })
    })

    it('moves in order to a dead-letter queue, where the age starts anew', async () => {
      const { queueId } = await create('one.fifo')
      const dead = await create('dead.fifo')
      const redrive = { targetQueueId: dead.queueId, sourceArn: 'arn:one', maxReceiveCount: 1 }
      await store.send(
        queueId,
        ['1', '2', '3'].map((body) => inGroup(body, 'g')),
        once,
      )
      await bodies(queueId, { ordered: true, max: 2, redrive })
      expect(await bodies(queueId, { ordered: true, redrive, now: 31_000 })).toEqual(['3'])
      const moved = await store.receive(query(dead.queueId, { ordered: true, now: 32_000 }))
      expect(moved.messages).toMatchObject([
        { body: '1', sentAt: 31_000 },
        { body: '2', sentAt: 31_000 },
      ])
    })

    it('purges at once, and still knows what was sent', async () => {
      const { queueId } = await create('one.fifo')
      const fifo = { ordered: true }
      await store.send(queueId, [inGroup('a', 'g'), inGroup('b', 'h')], once)
      const [taken] = (await store.receive(query(queueId, { ...fifo, max: 1 }))).messages
      if (taken === undefined) throw new Error('nothing received')
      await store.purge(queueId, 2_000)
      expect(await store.getQueue(accountId, 'one.fifo')).toMatchObject({ queueId, purgedAt: 2_000 })
      expect(await bodies(queueId, { ...fifo, now: 99_000 })).toEqual([])
      expect(await store.delete(queueId, [taken], 2_000, ['current'])).toEqual(['gone'])
      expect(await store.send(queueId, [inGroup('a', 'g')], once)).toMatchObject([{ duplicate: true }])
      await store.send(queueId, [inGroup('c', 'g')], once)
      expect(await bodies(queueId, fifo)).toEqual(['c'])
    })

    it('deletes a queue with what is in it: one made anew is empty', async () => {
      const { queueId } = await create('one')
      await store.send(queueId, [message('a')], undefined)
      await store.deleteQueue(queueId)
      expect(await store.getQueue(accountId, 'one')).toBeUndefined()
      await expect(store.send(queueId, [message('b')], undefined)).rejects.toMatchObject(gone)
      await expect(store.receive(query(queueId))).rejects.toMatchObject(gone)
      await expect(store.purge(queueId, 1)).rejects.toMatchObject(gone)
      await expect(store.deleteQueue(queueId)).rejects.toMatchObject(gone)
      const again = await create('one')
      expect(again.queueId).not.toBe(queueId)
      expect(await bodies(again.queueId)).toEqual([])
    })

    it('sends a batch whole or not at all', async () => {
      const { queueId } = await create('one')
      const first = message('a')
      // What no driver can hold fails within the batch.
      await expect(store.send(queueId, [first, message('b', { hops: 0.5 })], undefined)).rejects.toThrow('hops')
      expect(await bodies(queueId)).toEqual([])
    })

    it('sweeps what was discarded, has expired, and need not be remembered, in steps', async () => {
      const { queueId } = await create('one.fifo', { retentionSeconds: 60 })
      const kept = await create('kept')
      await store.send(
        queueId,
        ['a', 'b', 'c'].map((body) => inGroup(body, body)),
        once,
      )
      await store.send(kept.queueId, [message('kept')], undefined)
      expect(await store.sweep(1_000, 2)).toBe(0)
      const sweepAll = async (now: number) => {
        let steps = 0
        while ((await store.sweep(now, 2)) > 0) expect(steps++).toBeLessThan(50)
        return steps
      }
      expect(await sweepAll(61_000)).toBeGreaterThan(1)
      expect(await store.counts(queueId, 1_000, 0)).toEqual({ visible: 0, inFlight: 0, delayed: 0 })
      expect(await store.receive(query(queueId, { ordered: true }))).toMatchObject({ nextDueAt: undefined })
      await store.send(queueId, [inGroup('d', 'd', { sentAt: 61_000 })], once)
      await store.purge(queueId, 62_000)
      await store.deleteQueue(queueId)
      await sweepAll(400_000)
      expect(await bodies(kept.queueId)).toEqual(['kept'])
    })
  })
}
