/** Published versions: immutable, numbered, each with the build that $LATEST had. */
import { randomUUID } from 'node:crypto'
import { ThawError } from '../errors.ts'
import type { Alias } from '../store/aliases.ts'
import type { Collection } from '../store/documents.ts'
import { latest, type FunctionRecord } from '../store/records.ts'
import type { Store, VersionDraft } from '../store/store.ts'
import type { CodeStorage } from './code-storage.ts'
import type { DataPlane } from './collaborators.ts'
import { creating, lockKey, type Deployer } from './deployer.ts'
import { ifStale, maxAttempts, tooManyChanges } from './if-stale.ts'
import type { PublishVersionInput } from './inputs.ts'
import type { KeyedLock } from './keyed-lock.ts'
import { functionArn, functionNotFound, type FunctionRef } from './names.ts'
import { decodeMarker, encodeMarker, pageSize, type Page, type PageInput } from './page.ts'
import type { QualifierSettings } from './qualifier-settings.ts'
import { assertPublishable, assertUnqualified, assertUpdatable } from './rules.ts'

export interface VersionsOptions {
  store: Store
  aliases: Collection<Alias>
  storage: CodeStorage
  dataPlane: DataPlane
  deployer: Deployer
  lock: KeyedLock
  settings: Pick<QualifierSettings, 'dropQualifier'>
  region: string
}

export interface Versions {
  /** Resolves when invocations of the version are served. */
  publish(ref: FunctionRef, input: PublishVersionInput): Promise<FunctionRecord>
  /** $LATEST first, then by number. */
  list(ref: FunctionRef, input: PageInput): Promise<Page<FunctionRecord>>
  /** By the number in `qualifier`. One that is not there is gone already, as on AWS. */
  delete(ref: FunctionRef): Promise<void>
}

/** Pending until workers have it. */
export const versionDraft = (description?: string): VersionDraft => ({
  revisionId: randomUUID(),
  latestRevisionId: randomUUID(),
  description,
  state: { name: 'Pending', ...creating },
})

export function createVersions(options: VersionsOptions): Versions {
  const { store, aliases, storage, dataPlane, deployer, lock, settings, region } = options

  const requireLatest = async (ref: FunctionRef): Promise<FunctionRecord> => {
    const record = await store.getFunction({ ...ref, version: latest })
    if (record === undefined) throw functionNotFound(region, ref, undefined)
    return record
  }

  const remove = async (ref: FunctionRef): Promise<void> => {
    const { accountId, functionName, qualifier } = ref
    await requireLatest(ref)
    const referring = (await aliases.list({ accountId, scope: functionName }))
      .filter(({ value: { functionVersion, additional } }) =>
        [functionVersion, additional?.version].includes(qualifier),
      )
      .map(({ value }) => value.name)
    if (referring.length > 0)
      throw new ThawError(
        'ResourceConflict',
        `Unable to delete version because the following aliases reference it: [${referring.join(', ')}]`,
      )
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const record = await store.getFunction({ ...ref, version: qualifier })
      if (record === undefined) return
      // Workers first: should this fail, the version is still there to be deleted again.
      await dataPlane.publish({ remove: { accountId, functionName, version: record.version } })
      await settings.dropQualifier({ accountId, functionName, qualifier })
      const deleted = store.deleteVersion(record, record.revisionId).then(() => true)
      if (await ifStale(deleted, false)) return
    }
    throw tooManyChanges(functionArn({ accountId, region }, functionName, qualifier))
  }

  return {
    async publish(ref, { codeSha256, description, revisionId }) {
      assertUnqualified(ref)
      const arn = functionArn({ accountId: ref.accountId, region }, ref.functionName)
      for (let attempt = 0; attempt < maxAttempts; attempt++) {
        const current = await requireLatest(ref)
        assertUpdatable(current, arn, revisionId)
        assertPublishable(current, codeSha256)
        await storage.assertRoom(ref.accountId, current.code.sizeBytes)
        const publication = store.publishVersion(current, current.revisionId, versionDraft(description))
        const published = await ifStale(publication, undefined)
        if (published === undefined) continue
        const { version, isNew } = published
        if (isNew) deployer.start([version], { reuse: current.live })
        // Also where somebody else has just published it.
        await deployer.settled(version)
        return (await store.getFunction(version)) ?? version
      }
      throw tooManyChanges(arn)
    },

    async list(ref, { marker, maxItems }) {
      await requireLatest(ref)
      const { accountId, functionName } = ref
      const limit = Math.min(maxItems ?? pageSize, pageSize)
      const after = marker === undefined ? undefined : decodeMarker(marker)
      // One more than asked for tells whether there is a next page.
      const found = await store.listVersions({ accountId, functionName, after, limit: limit + 1 })
      if (found.length <= limit) return { items: found, nextMarker: undefined }
      const items = found.slice(0, limit)
      return { items, nextMarker: encodeMarker(items.at(-1)?.version ?? latest) }
    },

    delete: (ref) => lock.run(lockKey(ref), () => remove(ref)),
  }
}
