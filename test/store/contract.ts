/** What every store driver must do. Each driver's own test file runs this. */
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { latest, type FunctionRecord } from '../../src/store/records.ts'
import type { FunctionChange, Store } from '../../src/store/store.ts'
import { accountId, draft } from './drafts.ts'

const activated = (record: FunctionRecord): FunctionChange => ({
  revisionId: randomUUID(),
  deployment: 'keep',
  state: { name: 'Active' },
  lastUpdate: { status: 'Successful' },
  live: {
    deployment: record.deployment,
    codeSha256: record.code.sha256,
    runtime: 'nodejs24.x',
    handler: 'index.handler',
    memoryMb: 128,
    timeoutSeconds: 3,
    environment: {},
    logGroup: '/g',
    engine: 'e'.repeat(64),
    snapshot: 'f'.repeat(64),
    snapshotMemoryBytes: 1_000,
    initMs: 1.5,
  },
})

export function describeStore(name: string, open: () => Promise<Store>): void {
  describe(`store contract: ${name}`, () => {
    let store: Store
    const key = (functionName: string, version = latest) => ({ accountId, functionName, version })

    beforeEach(async () => {
      store = await open()
    })
    afterEach(() => store[Symbol.asyncDispose]())

    it('returns what was created, member for member', async () => {
      const input = draft('one')
      const created = await store.createFunction(input)
      expect(created).toEqual({ ...input, deployment: 1 })
      expect(await store.getFunction(key('one'))).toEqual(created)
    })

    it('keeps an absent environment apart from an empty one', async () => {
      const { configuration } = draft('x')
      await store.createFunction(draft('none', { configuration: { ...configuration, environment: undefined } }))
      await store.createFunction(draft('empty', { configuration: { ...configuration, environment: {} } }))
      expect((await store.getFunction(key('none')))?.configuration.environment).toBeUndefined()
      expect((await store.getFunction(key('empty')))?.configuration.environment).toEqual({})
    })

    it('has nothing under other accounts, names, versions', async () => {
      await store.createFunction(draft('one'))
      expect(await store.getFunction({ ...key('one'), accountId: '222222222222' })).toBeUndefined()
      expect(await store.getFunction(key('two'))).toBeUndefined()
      for (const version of ['1', '0', '-1', 'alias', '$latest', '01', '9'.repeat(40)])
        expect(await store.getFunction(key('one', version))).toBeUndefined()
    })

    it('refuses to create what exists', async () => {
      await store.createFunction(draft('one'))
      await expect(store.createFunction(draft('one'))).rejects.toMatchObject({
        code: 'ResourceConflict',
        message: 'Function already exist: one',
      })
    })

    it('updates on the expected revision, whole', async () => {
      const created = await store.createFunction(draft('one'))
      const change = activated(created)
      const updated = await store.updateFunction(key('one'), created.revisionId, change)
      expect(updated).toEqual({ ...created, ...change, deployment: created.deployment })
      expect(await store.getFunction(key('one'))).toEqual(updated)
    })

    it('refuses an update or deletion on any other revision, and changes nothing', async () => {
      const created = await store.createFunction(draft('one'))
      const stale = { code: 'PreconditionFailed' }
      await expect(store.updateFunction(key('one'), randomUUID(), activated(created))).rejects.toMatchObject(stale)
      await expect(store.updateFunction(key('two'), created.revisionId, activated(created))).rejects.toMatchObject(
        stale,
      )
      await expect(store.deleteFunction(accountId, 'one', randomUUID())).rejects.toMatchObject(stale)
      await expect(store.deleteFunction(accountId, 'two', created.revisionId)).rejects.toMatchObject(stale)
      expect(await store.getFunction(key('one'))).toEqual(created)
    })

    it('lets one of many concurrent updates of a revision win', async () => {
      const created = await store.createFunction(draft('one'))
      const attempts = Array.from({ length: 20 }, () =>
        store.updateFunction(key('one'), created.revisionId, activated(created)),
      )
      const outcomes = await Promise.allSettled(attempts)
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    })

    it('gives out deployment numbers once, rising, also after a deletion', async () => {
      const one = await store.createFunction(draft('one'))
      const two = await store.createFunction(draft('two'))
      const again = await store.updateFunction(key('one'), one.revisionId, { revisionId: 'r', deployment: 'next' })
      await store.deleteFunction(accountId, 'two', two.revisionId)
      const three = await store.createFunction(draft('two'))
      const numbers = [one, two, again, three].map(({ deployment }) => deployment)
      expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b))
    })

    it('deletes so that nothing remains and the name is free', async () => {
      const created = await store.createFunction(draft('one'))
      await store.deleteFunction(accountId, 'one', created.revisionId)
      expect(await store.getFunction(key('one'))).toBeUndefined()
      expect(await store.listUnsettled()).toEqual([])
      const next = await store.createFunction(draft('one', { tags: { other: 'y' } }))
      expect(next.tags).toEqual({ other: 'y' })
    })

    it('lists by name in pages, of one account', async () => {
      for (const name of ['c', 'a', 'B', 'd', 'b']) await store.createFunction(draft(name))
      await store.createFunction(draft('a', { accountId: '222222222222' }))
      const names = async (after: string | undefined, limit: number) => {
        const page = await store.listFunctions({ accountId, after, limit, versions: 'latest' })
        return page.map(({ functionName }) => functionName)
      }
      expect(await names(undefined, 2)).toEqual(['B', 'a'])
      expect(await names('a', 2)).toEqual(['b', 'c'])
      expect(await names('c', 2)).toEqual(['d'])
    })

    it('lists every version when asked to, and counts functions against the limit', async () => {
      for (const name of ['a', 'b']) {
        await store.createFunction(draft(name))
        for (const version of ['2', '10']) await store.createFunction(draft(name, { version }))
      }
      const all = await store.listFunctions({ accountId, after: undefined, limit: 1, versions: 'all' })
      expect(all.map(({ functionName, version }) => [functionName, version])).toEqual([
        ['a', latest],
        ['a', '2'],
        ['a', '10'],
      ])
      const own = await store.listFunctions({ accountId, after: undefined, limit: 5, versions: 'latest' })
      expect(own.map(({ version }) => version)).toEqual([latest, latest])
    })

    it('deletes the versions with their function', async () => {
      const { revisionId } = await store.createFunction(draft('a'))
      await store.createFunction(draft('a', { version: '1' }))
      await store.deleteFunction(accountId, 'a', revisionId)
      expect(await store.getFunction(key('a', '1'))).toBeUndefined()
    })

    it('lists what is unsettled, in the order of acceptance', async () => {
      const pending = await store.createFunction(draft('pending'))
      const active = await store.createFunction(draft('active'))
      await store.updateFunction(key('active'), active.revisionId, activated(active))
      const busy = await store.createFunction(draft('busy', { state: { name: 'Active' } }))
      const inProgress = { status: 'InProgress', reasonCode: 'Creating', reason: 'r' } as const
      const change = { revisionId: 'r2', deployment: 'next', lastUpdate: inProgress } as const
      const updating = await store.updateFunction(key('busy'), busy.revisionId, change)
      const failed = { name: 'Failed', reasonCode: 'FunctionError', reason: 'r' } as const
      await store.createFunction(draft('failed', { state: failed }))
      expect(await store.listUnsettled()).toEqual([pending, updating])
    })

    it('lists what is live', async () => {
      const one = await store.createFunction(draft('one'))
      await store.createFunction(draft('two'))
      const live = await store.updateFunction(key('one'), one.revisionId, activated(one))
      expect(await store.listLive()).toEqual([live])
    })

    it('sums the usage of an account', async () => {
      expect(await store.usage(accountId)).toEqual({ functionCount: 0, codeBytes: 0 })
      await store.createFunction(draft('one'))
      await store.createFunction(draft('one', { version: '1', code: { sha256: 'b'.repeat(64), sizeBytes: 5 } }))
      await store.createFunction(draft('two', { accountId: '222222222222' }))
      expect(await store.usage(accountId)).toEqual({ functionCount: 1, codeBytes: 15 })
    })

    it('lists the code in use, configured or live', async () => {
      const one = await store.createFunction(draft('one'))
      const live = await store.updateFunction(key('one'), one.revisionId, activated(one))
      const code = { sha256: 'b'.repeat(64), sizeBytes: 5 }
      await store.updateFunction(key('one'), live.revisionId, { revisionId: 'r', deployment: 'next', code })
      expect(await store.listCode()).toEqual(new Set(['a'.repeat(64), 'b'.repeat(64)]))
    })

    it('can be disposed twice', async () => {
      await store[Symbol.asyncDispose]()
      await expect(store[Symbol.asyncDispose]()).resolves.toBeUndefined()
    })
  })
}
