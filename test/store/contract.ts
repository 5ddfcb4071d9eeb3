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

    const pending = { name: 'Pending', reasonCode: 'Creating', reason: 'r' } as const
    const version = (description?: string) => ({
      revisionId: randomUUID(),
      latestRevisionId: randomUUID(),
      description,
      state: pending,
    })

    it('publishes what $LATEST is, not its build, under a number and a deployment of its own', async () => {
      const created = await store.createFunction(draft('a'))
      const live = await store.updateFunction(key('a'), created.revisionId, activated(created))
      const wanted = version('first')
      const published = await store.publishVersion(key('a'), live.revisionId, wanted)
      expect(published).toEqual({
        latest: { ...live, revisionId: wanted.latestRevisionId },
        version: {
          ...live,
          version: '1',
          revisionId: wanted.revisionId,
          deployment: 2,
          configuration: { ...live.configuration, description: 'first' },
          state: pending,
          lastUpdate: { status: 'None' },
          live: undefined,
        },
        isNew: true,
      })
      expect(await store.getFunction(key('a'))).toEqual(published.latest)
      expect(await store.getFunction(key('a', '1'))).toEqual(published.version)
      expect(await store.listUnsettled()).toEqual([published.version])
    })

    it('publishes a creation along with it', async () => {
      const wanted = version()
      const created = await store.createFunction(draft('a'), wanted)
      expect(created).toMatchObject({ version: latest, deployment: 1, revisionId: wanted.latestRevisionId })
      expect(await store.getFunction(key('a', '1'))).toMatchObject({ deployment: 2, revisionId: wanted.revisionId })
    })

    it('changes $LATEST and publishes the change in one step', async () => {
      const { revisionId } = await store.createFunction(draft('a'))
      const code = { sha256: 'b'.repeat(64), sizeBytes: 5 }
      const change = { revisionId: 'r', deployment: 'next', code } as const
      const published = await store.publishVersion(key('a'), revisionId, version(), change)
      expect(published.latest).toMatchObject({ code, deployment: 2 })
      expect(published.version).toMatchObject({ code, deployment: 3, version: '1' })
    })

    it('publishes the same only once, whatever the description is to be', async () => {
      const { revisionId } = await store.createFunction(draft('a'))
      const first = await store.publishVersion(key('a'), revisionId, version('one'))
      const second = await store.publishVersion(key('a'), first.latest.revisionId, version('two'))
      expect(second).toEqual({ ...first, isNew: false })
      const { configuration } = first.latest
      const change = {
        revisionId: 'r',
        deployment: 'next',
        configuration: { ...configuration, timeoutSeconds: 9 },
      } as const
      const third = await store.publishVersion(key('a'), first.latest.revisionId, version(), change)
      expect(third).toMatchObject({ isNew: true, version: { version: '2', configuration: { timeoutSeconds: 9 } } })
      const back = { revisionId: 's', deployment: 'next', configuration } as const
      const fourth = await store.publishVersion(key('a'), third.latest.revisionId, version(), back)
      expect(fourth).toMatchObject({ isNew: true, version: { version: '3' } })
    })

    it('applies a change although what it makes is published already', async () => {
      const { revisionId } = await store.createFunction(draft('a'))
      const first = await store.publishVersion(key('a'), revisionId, version())
      const change = { revisionId: 'r', deployment: 'next' } as const
      const second = await store.publishVersion(key('a'), first.latest.revisionId, version(), change)
      expect(second).toMatchObject({ isNew: false, version: first.version, latest: { revisionId: 'r', deployment: 3 } })
      expect(await store.getFunction(key('a'))).toEqual(second.latest)
    })

    it('uses no number twice, and publishes anew what was deleted or had failed', async () => {
      const { revisionId } = await store.createFunction(draft('a'))
      const first = await store.publishVersion(key('a'), revisionId, version())
      await store.deleteVersion(key('a', '1'), first.version.revisionId)
      expect(await store.getFunction(key('a', '1'))).toBeUndefined()
      const second = await store.publishVersion(key('a'), first.latest.revisionId, version())
      expect(second).toMatchObject({ isNew: true, version: { version: '2' } })
      const failed = { name: 'Failed', reasonCode: 'InternalError', reason: 'r' } as const
      const change = { revisionId: 'r', deployment: 'keep', state: failed } as const
      await store.updateFunction(key('a', '2'), second.version.revisionId, change)
      const third = await store.publishVersion(key('a'), second.latest.revisionId, version())
      expect(third).toMatchObject({ isNew: true, version: { version: '3' } })
    })

    it('refuses a publication or deletion on any other revision, and the deletion of $LATEST', async () => {
      const { revisionId } = await store.createFunction(draft('a'))
      const stale = { code: 'PreconditionFailed' }
      await expect(store.publishVersion(key('a'), 'other', version())).rejects.toMatchObject(stale)
      await expect(store.publishVersion(key('b'), revisionId, version())).rejects.toMatchObject(stale)
      await expect(store.deleteVersion(key('a', '1'), revisionId)).rejects.toMatchObject(stale)
      await store.deleteVersion(key('a'), revisionId)
      expect(await store.listVersions({ ...key('a'), after: undefined, limit: 10 })).toHaveLength(1)
    })

    it('lists the versions of one function in pages, $LATEST first, then by number', async () => {
      for (const name of ['a', 'b'])
        for (const number of [latest, '10', '9']) await store.createFunction(draft(name, { version: number }))
      const numbers = async (after: string | undefined) =>
        (await store.listVersions({ ...key('a'), after, limit: 2 })).map((record) => record.version)
      expect(await numbers(undefined)).toEqual([latest, '9'])
      expect(await numbers(latest)).toEqual(['9', '10'])
      expect(await numbers('10')).toEqual([])
    })

    it('sets the tags of all versions, and no revision', async () => {
      const created = await store.createFunction(draft('a'))
      await store.createFunction(draft('a', { version: '1' }))
      const tags = { b: '1', 2: 'x' }
      await store.setTags(accountId, 'a', created.tags, tags)
      expect(await store.getFunction(key('a'))).toEqual({ ...created, tags })
      expect((await store.getFunction(key('a', '1')))?.tags).toEqual(tags)
      await store.setTags(accountId, 'a', tags, {})
      expect((await store.getFunction(key('a')))?.tags).toEqual({})
    })

    it('refuses to set tags that have changed, or of a function that is gone', async () => {
      const created = await store.createFunction(draft('a', { tags: { t: 'x' } }))
      const stale = { code: 'PreconditionFailed' }
      await expect(store.setTags(accountId, 'a', { t: 'y' }, {})).rejects.toMatchObject(stale)
      await expect(store.setTags(accountId, 'b', {}, {})).rejects.toMatchObject(stale)
      await expect(store.setTags('222222222222', 'a', { t: 'x' }, {})).rejects.toMatchObject(stale)
      expect(await store.getFunction(key('a'))).toEqual(created)
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

    it('lists the packages of layers in use, configured or live', async () => {
      const layer = (sha256: string) => ({ arn: `arn:${sha256}`, sha256, sizeBytes: 1 })
      const { configuration } = draft('x')
      const layers = [layer('c'.repeat(64)), layer('d'.repeat(64))]
      const one = await store.createFunction(draft('one', { configuration: { ...configuration, layers } }))
      const { live } = activated(one)
      if (live === undefined) throw new Error('nothing is live')
      const change = { ...activated(one), live: { ...live, layers: ['e'.repeat(64)] } }
      await store.updateFunction(key('one'), one.revisionId, change)
      expect(await store.listCode()).toEqual(new Set(['a', 'c', 'd', 'e'].map((letter) => letter.repeat(64))))
    })

    it('can be disposed twice', async () => {
      await store[Symbol.asyncDispose]()
      await expect(store[Symbol.asyncDispose]()).resolves.toBeUndefined()
    })
  })
}
