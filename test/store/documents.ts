/** What every driver of `Documents` does. */
import { beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createCollection, type Documents } from '../../src/store/documents.ts'

const accountId = '111111111111'

export function describeDocuments(name: string, open: () => Promise<Documents>): void {
  describe(`documents contract: ${name}`, () => {
    let documents: Documents
    const key = (key: string, scope = 'f', kind = 'alias') => ({ kind, accountId, scope, key })

    beforeEach(async () => {
      documents = await open()
    })

    it('returns what was put, with a rising revision', async () => {
      const first = await documents.put(key('a'), { x: [1, null, 'é'] }, 'absent')
      expect(first).toEqual({ ...key('a'), revision: first.revision, value: { x: [1, null, 'é'] } })
      expect(await documents.get(key('a'))).toEqual(first)
      const second = await documents.put(key('a'), 2, first.revision)
      expect(second.revision).toBeGreaterThan(first.revision)
      expect(await documents.get(key('a'))).toEqual(second)
    })

    it('has nothing under another kind, account, scope or key', async () => {
      await documents.put(key('a'), 1, 'absent')
      const others = [key('b'), key('a', 'g'), key('a', 'f', 'policy'), { ...key('a'), accountId: '222222222222' }]
      for (const other of others) expect(await documents.get(other)).toBeUndefined()
    })

    it('refuses to make what exists', async () => {
      await documents.put(key('a'), 1, 'absent')
      await expect(documents.put(key('a'), 2, 'absent')).rejects.toMatchObject({ code: 'ResourceConflict' })
      expect((await documents.get(key('a')))?.value).toBe(1)
    })

    it('refuses to replace or delete another revision, or what is gone', async () => {
      const { revision } = await documents.put(key('a'), 1, 'absent')
      const stale = { code: 'PreconditionFailed' }
      await expect(documents.put(key('a'), 2, revision + 1)).rejects.toMatchObject(stale)
      await expect(documents.delete(key('a'), revision + 1)).rejects.toMatchObject(stale)
      await documents.delete(key('a'), revision)
      expect(await documents.get(key('a'))).toBeUndefined()
      await expect(documents.put(key('a'), 2, revision)).rejects.toMatchObject(stale)
      await expect(documents.delete(key('a'), revision)).rejects.toMatchObject(stale)
    })

    it('never uses a revision twice, also after a deletion', async () => {
      const first = await documents.put(key('a'), 1, 'absent')
      await documents.delete(key('a'), first.revision)
      const again = await documents.put(key('a'), 1, 'absent')
      expect(again.revision).toBeGreaterThan(first.revision)
    })

    it('lets one of many concurrent changes of a revision win', async () => {
      const { revision } = await documents.put(key('a'), 0, 'absent')
      const attempts = Array.from({ length: 20 }, (_, value) => documents.put(key('a'), value + 1, revision))
      const outcomes = await Promise.allSettled(attempts)
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    })

    it('lists in order of account, scope and key, by account and scope, in pages', async () => {
      for (const name of ['c', 'a', 'B'])
        for (const scope of ['g', 'f']) await documents.put(key(name, scope), 1, 'absent')
      await documents.put({ ...key('z'), accountId: '222222222222' }, 1, 'absent')
      await documents.put(key('a', 'f', 'policy'), 1, 'absent')
      const names = async (query: Omit<Parameters<Documents['list']>[0], 'kind'>) =>
        (await documents.list({ kind: 'alias', ...query })).map(({ scope, key }) => scope + key)
      expect(await names({})).toEqual(['fB', 'fa', 'fc', 'gB', 'ga', 'gc', 'fz'])
      expect(await names({ accountId, scope: 'f' })).toEqual(['fB', 'fa', 'fc'])
      expect(await names({ accountId, limit: 2 })).toEqual(['fB', 'fa'])
      expect(await names({ accountId, after: { accountId, scope: 'f', key: 'a' }, limit: 2 })).toEqual(['fc', 'gB'])
      expect(await names({ accountId: '333333333333' })).toEqual([])
    })

    it('keeps a collection to its schema', async () => {
      const collection = createCollection(documents, 'alias', z.object({ version: z.string() }))
      const entry = await collection.put(accountId, 'f', 'live', { version: '1' }, 'absent')
      expect(await collection.get(accountId, 'f', 'live')).toEqual(entry)
      expect(await collection.list({ accountId })).toEqual([entry])
      await documents.put(key('broken'), { version: 1 }, 'absent')
      await expect(collection.get(accountId, 'f', 'broken')).rejects.toMatchObject({ code: 'Service' })
      await collection.delete(accountId, 'f', 'live', entry.revision)
      expect(await collection.get(accountId, 'f', 'live')).toBeUndefined()
    })
  })
}
