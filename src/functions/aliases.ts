/** Aliases: names for versions, which may share out invocations between two. */
import { randomUUID } from 'node:crypto'
import { ThawError } from '../errors.ts'
import type { Alias } from '../store/aliases.ts'
import type { Collection, Entry } from '../store/documents.ts'
import { latest } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import type { AliasRoute, DataPlane } from './collaborators.ts'
import { lockKey } from './deployer.ts'
import type { KeyedLock } from './keyed-lock.ts'
import { functionArn, functionNotFound, type FunctionRef } from './names.ts'
import { pageOf, type Page, type PageInput } from './page.ts'
import type { QualifierSettings } from './qualifier-settings.ts'
import { assertRevision, assertUnqualified } from './rules.ts'

export interface AliasInput {
  name: string
  functionVersion: string | undefined
  description: string | undefined
  /** By version, 0 to 1. Empty: all goes to `functionVersion`. Undefined: as before. */
  weights: Readonly<Record<string, number>> | undefined
}

export interface AliasesOptions {
  collection: Collection<Alias>
  store: Pick<Store, 'getFunction'>
  dataPlane: Pick<DataPlane, 'publish'>
  /** That of the functions, so that no deletion comes between. */
  lock: KeyedLock
  region: string
  settings: QualifierSettings
}

/**
 * Changes resolve when every worker knows them. Errors: `ResourceNotFound`, `ResourceConflict`, `PreconditionFailed`,
 * `InvalidParameterValue`.
 */
export interface Aliases {
  create(ref: FunctionRef, input: AliasInput & { functionVersion: string }): Promise<Alias>
  get(ref: FunctionRef, name: string): Promise<Alias>
  update(ref: FunctionRef, input: AliasInput, revisionId: string | undefined): Promise<Alias>
  /** One that is not there is gone already, as on AWS. */
  delete(ref: FunctionRef, name: string): Promise<void>
  /** By name; with `functionVersion`, those that send invocations to it. */
  list(ref: FunctionRef, functionVersion: string | undefined, page: PageInput): Promise<Page<Alias>>
  /** What workers must know when they start. */
  routes(): Promise<AliasRoute[]>
}

export function createAliases(options: AliasesOptions): Aliases {
  const { collection, store, dataPlane, lock, region, settings } = options

  const arnOf = (ref: FunctionRef, name: string) =>
    functionArn({ accountId: ref.accountId, region }, ref.functionName, name)
  const find = (ref: FunctionRef, name: string) => collection.get(ref.accountId, ref.functionName, name)

  const assertVersion = async ({ accountId, functionName }: FunctionRef, version: string): Promise<void> => {
    if ((await store.getFunction({ accountId, functionName, version })) !== undefined) return
    const missing = { accountId, functionName, qualifier: version, explicitQualifier: version }
    throw functionNotFound(region, missing, version)
  }

  /** Errors: as AWS words them, in its order. */
  const additionalOf = async (
    ref: FunctionRef,
    functionVersion: string,
    weights: Readonly<Record<string, number>>,
  ): Promise<Alias['additional']> => {
    const [first, ...more] = Object.entries(weights)
    if (first === undefined) return undefined
    if (more.length > 0) throw invalid('Number of items in AdditionalVersionWeights cannot be greater than 1')
    const [version, weight] = first
    if (version === functionVersion)
      throw invalid(
        `Invalid function version ${version}. Function version ${version} is already included in routing configuration.`,
      )
    if (functionVersion === latest)
      throw invalid('$LATEST is not supported for an alias pointing to more than 1 version')
    await assertVersion(ref, version)
    return { version, weight }
  }

  /** Workers first: what the caller is told is so everywhere. What was goes back to them if it cannot be written. */
  const write = async (ref: FunctionRef, value: Alias, before: Entry<Alias> | undefined): Promise<Alias> => {
    const { accountId, functionName } = ref
    const publish = (alias: Alias) => dataPlane.publish({ putAlias: routeOf(accountId, functionName, alias) })
    try {
      await publish(value)
      await collection.put(accountId, functionName, value.name, value, before?.revision ?? 'absent')
    } catch (error) {
      const back =
        before === undefined
          ? dataPlane.publish({ removeAlias: { accountId, functionName, alias: value.name } })
          : publish(before.value)
      // Should that fail too: the first failure is the one to hear of.
      await Promise.allSettled([back])
      throw error
    }
    return value
  }

  return {
    create: (ref, { name, functionVersion, description = '', weights = {} }) =>
      lock.run(lockKey(ref), async () => {
        assertUnqualified(ref)
        await assertVersion(ref, functionVersion)
        if ((await find(ref, name)) !== undefined)
          throw new ThawError('ResourceConflict', `Alias already exists: ${arnOf(ref, name)}`)
        const additional = await additionalOf(ref, functionVersion, weights)
        return write(ref, { name, description, functionVersion, additional, revisionId: randomUUID() }, undefined)
      }),

    async get(ref, name) {
      const found = await find(ref, name)
      if (found !== undefined) return found.value
      throw new ThawError('ResourceNotFound', `Cannot find alias arn: ${arnOf(ref, name)}`)
    },

    update: (ref, input, revisionId) =>
      lock.run(lockKey(ref), async () => {
        assertUnqualified(ref)
        const before = await find(ref, input.name)
        if (before === undefined) throw new ThawError('ResourceNotFound', `Alias not found: ${arnOf(ref, input.name)}`)
        const { value } = before
        assertRevision(value.revisionId, revisionId)
        const { functionVersion = value.functionVersion, description = value.description } = input
        await assertVersion(ref, functionVersion)
        const { additional: kept } = value
        const weights = input.weights ?? (kept === undefined ? {} : { [kept.version]: kept.weight })
        const additional = await additionalOf(ref, functionVersion, weights)
        const { name } = value
        const after = { name, description, functionVersion, additional, revisionId: randomUUID() }
        await write(ref, after, before)
        const { accountId, functionName } = ref
        if (functionVersion !== value.functionVersion || additional?.version !== kept?.version)
          await settings.aliasMoved({ accountId, functionName, qualifier: name })
        return after
      }),

    delete: (ref, name) =>
      lock.run(lockKey(ref), async () => {
        assertUnqualified(ref)
        const { accountId, functionName } = ref
        if ((await store.getFunction({ accountId, functionName, version: latest })) === undefined)
          throw functionNotFound(region, ref, undefined)
        const found = await find(ref, name)
        if (found === undefined) return
        await dataPlane.publish({ removeAlias: { accountId, functionName, alias: name } })
        await settings.dropQualifier({ accountId, functionName, qualifier: name })
        await collection.delete(accountId, functionName, name, found.revision)
      }),

    async list(ref, functionVersion, page) {
      const { accountId, functionName } = ref
      if ((await store.getFunction({ accountId, functionName, version: latest })) === undefined)
        throw functionNotFound(region, ref, undefined)
      const all = (await collection.list({ accountId, scope: functionName })).map(({ value }) => value)
      const wanted = all.filter(
        (alias) =>
          functionVersion === undefined || [alias.functionVersion, alias.additional?.version].includes(functionVersion),
      )
      return pageOf(wanted, ({ name }) => name, page)
    },

    routes: async () =>
      (await collection.list()).map(({ accountId, scope, value }) => routeOf(accountId, scope, value)),
  }
}

const invalid = (message: string) => new ThawError('InvalidParameterValue', message)

const routeOf = (accountId: string, functionName: string, alias: Alias): AliasRoute => ({
  accountId,
  functionName,
  alias: alias.name,
  version: alias.functionVersion,
  additional: alias.additional,
})
