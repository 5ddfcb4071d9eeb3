/** What every driver of `AsyncEvents` does. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { AsyncEvents, AsyncOutcome, NewAsyncEvent } from '../../src/store/async-events.ts'

const accountId = '111111111111'

export const asyncDraft = (overrides: Partial<NewAsyncEvent> = {}): NewAsyncEvent => ({
  accountId,
  functionName: 'f',
  qualifier: '$LATEST',
  requestId: 'request',
  payload: Buffer.from('{}'),
  clientContext: undefined,
  hops: 0,
  acceptedAt: 1_000,
  ...overrides,
})

export function describeAsyncEvents(name: string, open: () => Promise<AsyncEvents>): void {
  describe(`asynchronous events contract: ${name}`, () => {
    let events: AsyncEvents
    const lane = { accountId, functionName: 'f' }
    const outcome: AsyncOutcome = {
      condition: 'RetriesExhausted',
      error: { code: 200, message: 'né' },
      endedAt: 5_000,
      targets: [{ kind: 'destination', arn: 'arn:a' }],
    }
    const fresh = { attempts: 0, backoffs: 0, response: undefined, outcome: undefined }

    const order = async (of = lane): Promise<string[]> => {
      const found: string[] = []
      for (let after = 0; ;) {
        const event = await events.next(of, after)
        if (event === undefined) return found
        found.push(event.requestId)
        after = event.seq
      }
    }

    beforeEach(async () => {
      events = await open()
    })

    it('returns what was accepted, byte for byte', async () => {
      const payload = Uint8Array.from({ length: 256 }, (_, index) => index)
      const event = asyncDraft({ payload, clientContext: '{"a":"é"}', hops: 3, qualifier: 'live' })
      const seq = await events.accept(event)
      const found = await events.next(lane, 0)
      expect(found).toEqual({ ...event, payload: expect.anything(), ...fresh, seq })
      expect(Buffer.compare(Buffer.from(found?.payload ?? []), Buffer.from(payload))).toBe(0)
    })

    it('hands them out by age, one function at a time', async () => {
      for (const requestId of ['a', 'b', 'c']) await events.accept(asyncDraft({ requestId }))
      await events.accept(asyncDraft({ requestId: 'other', functionName: 'g' }))
      await events.accept(asyncDraft({ requestId: 'foreign', accountId: '222222222222' }))
      expect(await order()).toEqual(['a', 'b', 'c'])
      expect(await order({ accountId, functionName: 'g' })).toEqual(['other'])
      expect(await order({ accountId: '222222222222', functionName: 'f' })).toEqual(['foreign'])
    })

    it('takes an empty payload, and one of 1 MB', async () => {
      await events.accept(asyncDraft({ payload: new Uint8Array() }))
      const first = await events.next(lane, 0)
      expect(first?.payload).toHaveLength(0)
      await events.accept(asyncDraft({ payload: Buffer.alloc(1_048_576, 'x') }))
      expect((await events.next(lane, first?.seq ?? 0))?.payload).toHaveLength(1_048_576)
    })

    it('removes', async () => {
      const seq = await events.accept(asyncDraft())
      await events.remove(seq)
      expect(await events.next(lane, 0)).toBeUndefined()
      expect(await events.census()).toEqual([])
    })

    it('never uses a number again', async () => {
      const first = await events.accept(asyncDraft())
      await events.remove(first)
      expect(await events.accept(asyncDraft())).toBeGreaterThan(first)
    })

    it('holds back what waits, until it is due', async () => {
      const seq = await events.accept(asyncDraft())
      await events.postpone(seq, fresh, 2_000)
      expect(await events.next(lane, 0)).toBeUndefined()
      expect(await events.nextDueAt()).toBe(2_000)
      expect(await events.promote(1_999, 10)).toEqual([])
      expect(await events.promote(2_000, 10)).toEqual([{ ...lane, seq }])
      expect(await events.nextDueAt()).toBeUndefined()
      expect((await events.next(lane, 0))?.seq).toBe(seq)
    })

    it('gives one by its number, while it is ready', async () => {
      const seq = await events.accept(asyncDraft({ requestId: 'a' }))
      expect((await events.get(seq))?.requestId).toBe('a')
      await events.postpone(seq, fresh, 2_000)
      expect(await events.get(seq)).toBeUndefined()
      await events.promote(2_000, 1)
      expect((await events.get(seq))?.seq).toBe(seq)
      await events.remove(seq)
      expect(await events.get(seq)).toBeUndefined()
    })

    it('keeps the progress of what waits', async () => {
      const seq = await events.accept(asyncDraft())
      const response = { payload: Buffer.from('{"errorMessage":"x"}'), executedVersion: '7' }
      await events.postpone(seq, { attempts: 2, backoffs: 3, response, outcome }, 2_000)
      await events.promote(2_000, 1)
      const found = await events.next(lane, 0)
      expect(found).toMatchObject({ attempts: 2, backoffs: 3, outcome, response: { executedVersion: '7' } })
      expect(Buffer.from(found?.response?.payload ?? []).toString()).toBe('{"errorMessage":"x"}')
    })

    it('promotes no more than asked for, the longest due first', async () => {
      const seqs: number[] = []
      for (const dueAt of [3_000, 1_000, 2_000]) {
        const seq = await events.accept(asyncDraft({ requestId: `${dueAt}` }))
        seqs.push(seq)
        await events.postpone(seq, fresh, dueAt)
      }
      const promoted = (await events.promote(5_000, 2)).map(({ seq }) => seq).toSorted((a, b) => a - b)
      expect(promoted).toEqual([seqs[1], seqs[2]])
      expect(await events.nextDueAt()).toBe(3_000)
      // By age again, not by the time they were due.
      expect(await order()).toEqual(['1000', '2000'])
    })

    it('counts by function', async () => {
      await events.accept(asyncDraft())
      await events.accept(asyncDraft({ functionName: 'g' }))
      const seq = await events.accept(asyncDraft())
      await events.postpone(seq, fresh, 2_000)
      const found = (await events.census()).toSorted((a, b) => (a.functionName < b.functionName ? -1 : 1))
      expect(found).toEqual([
        { ...lane, ready: 1, waiting: 1 },
        { accountId, functionName: 'g', ready: 1, waiting: 0 },
      ])
    })

    it('takes progress and removal of what is gone as done', async () => {
      const seq = await events.accept(asyncDraft())
      await events.remove(seq)
      await events.remove(seq)
      await events.postpone(seq, fresh, 2_000)
      expect(await events.census()).toEqual([])
    })
  })
}
