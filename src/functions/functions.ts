/** The control plane's operations on functions. Every answer follows from the store; nothing is cached here. */
import { createHash, randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { ThawError } from '../errors.ts'
import type { FunctionSpec } from '../invocation.ts'
import type { Alias } from '../store/aliases.ts'
import type { Artifacts } from '../store/artifacts.ts'
import type { Collection } from '../store/documents.ts'
import { latest, type FunctionConfiguration, type FunctionRecord } from '../store/records.ts'
import type { AccountUsage, FunctionChange, NewFunction, Publication, Store } from '../store/store.ts'
import type { CodeStorage } from './code-storage.ts'
import type { Builder, Clock, DataPlane } from './collaborators.ts'
import { createDeployer, creating, lockKey } from './deployer.ts'
import { ifStale, maxAttempts, tooManyChanges } from './if-stale.ts'
import type { CreateFunctionInput, PublishVersionInput, UpdateCodeInput, UpdateConfigurationInput } from './inputs.ts'
import type { KeyedLock } from './keyed-lock.ts'
import type { Layers } from './layers.ts'
import { functionArn, functionNotFound, parseFunctionRef, type FunctionRef } from './names.ts'
import { permittedNetworks } from './private-egress.ts'
import { listPage, type ListInput, type ListPage } from './list.ts'
import type { Page, PageInput } from './page.ts'
import type { QualifierSettings } from './qualifier-settings.ts'
import {
  assertFunctionName,
  assertOwnDeadLetterQueue,
  assertUnqualified,
  assertUpdatable,
  changedConfiguration,
  memoryShortfall,
  newConfiguration,
  requireZip,
} from './rules.ts'
import { assertTags } from './settings/tags.ts'
import { functionSpec, sameBuild } from './spec.ts'
import { createVersions, versionDraft } from './versions.ts'

export interface FunctionsOptions {
  store: Store
  aliases: Collection<Alias>
  layers: Pick<Layers, 'resolve' | 'packages'>
  storage: CodeStorage
  artifacts: Artifacts
  builder: Builder
  dataPlane: DataPlane
  config: Pick<Config, 'region' | 'limits' | 'auth' | 'host' | 'egressPrivateNetworks'>
  clock: Clock
  logger: Logger
  /** One for all that belongs to functions, by `lockKey`. */
  lock: KeyedLock
  settings: Pick<QualifierSettings, 'dropQualifier'>
}

/** Refs come from `parseFunctionRef`. What is not there is `ResourceNotFound` throughout. */
export interface Functions extends AsyncDisposable {
  /** Answers with the function Pending, or with version 1 if that is to be published; the build goes on in the background. */
  create(accountId: string, name: string, input: CreateFunctionInput): Promise<FunctionRecord>
  /** The version that the qualifier stands for; of an alias, the one it points to. */
  get(ref: FunctionRef): Promise<FunctionRecord>
  list(accountId: string, input: ListInput): Promise<ListPage>
  /** Resolves when invocations of the version are served. */
  publishVersion(ref: FunctionRef, input: PublishVersionInput): Promise<FunctionRecord>
  listVersions(ref: FunctionRef, input: PageInput): Promise<Page<FunctionRecord>>
  /** Answers with $LATEST, or with the version if one is to be published. */
  updateCode(ref: FunctionRef, input: UpdateCodeInput): Promise<FunctionRecord>
  updateConfiguration(ref: FunctionRef, input: UpdateConfigurationInput): Promise<FunctionRecord>
  /** One version, or the function with all that belongs to it. Resolves when no worker runs it any more. */
  delete(ref: FunctionRef): Promise<void>
  /** Errors: why it cannot be invoked, whether or not the workers have heard of it yet. */
  assertInvokable(ref: FunctionRef): Promise<void>
  /** Why no worker knows this function: what Invoke has to answer. */
  whyNotInvokable(ref: FunctionRef): Promise<ThawError>
  /** The package that the configuration shows; owned by the caller. */
  readCode(ref: FunctionRef): Promise<Uint8Array>
  usage(accountId: string): Promise<AccountUsage>
  /** Once, at start, before requests: takes up interrupted deployments and drops packages nobody refers to. */
  recover(): Promise<void>
  /** What a worker must know when it starts. */
  specs(): Promise<FunctionSpec[]>
  /** Resolves when no deployment is in work. */
  idle(): Promise<void>
}

export function createFunctions(options: FunctionsOptions): Functions {
  const { store, aliases, layers, storage, artifacts, dataPlane, config, clock, lock } = options
  const { limits, region } = config
  const rules = { limits, permitted: permittedNetworks(config) }
  const deployer = createDeployer(options)
  const versions = createVersions({ ...options, deployer, region })

  const arnOf = (ref: FunctionRef): string => functionArn({ accountId: ref.accountId, region }, ref.functionName)

  const find = async (ref: FunctionRef): Promise<FunctionRecord | undefined> => {
    const { accountId, functionName, qualifier } = ref
    if (qualifier === latest || /^\d+$/.test(qualifier))
      return store.getFunction({ accountId, functionName, version: qualifier })
    const alias = await aliases.get(accountId, functionName, qualifier)
    if (alias === undefined) return undefined
    return store.getFunction({ accountId, functionName, version: alias.value.functionVersion })
  }

  const get = async (ref: FunctionRef): Promise<FunctionRecord> => {
    const record = await find(ref)
    if (record === undefined) throw functionNotFound(region, ref, ref.explicitQualifier)
    return record
  }

  /** The build that a version was to share, if it is still that of $LATEST. */
  const liveSource = async (record: FunctionRecord) => (await store.getFunction({ ...record, version: latest }))?.live

  /** Of packages that are uploaded: what is inside is the build's to judge. */
  /** Why the function cannot run, by what is stored of it. */
  const obstacleOf = (ref: FunctionRef, record: FunctionRecord | undefined): ThawError | undefined => {
    if (record === undefined) return functionNotFound(region, ref, ref.qualifier)
    if (record.live !== undefined) return undefined
    return new ThawError(
      'ResourceConflict',
      `The operation cannot be performed at this time. The function is currently in the following state: ${record.state.name}`,
    )
  }

  const storePackage = async (accountId: string, zip: Uint8Array) => {
    await storage.assertRoom(accountId, zip.length)
    const { sha256, sizeBytes } = await artifacts.putCode(zip)
    return { sha256, sizeBytes }
  }

  /** Reads, decides, writes; again from the start if someone else was faster. */
  const update = async (
    ref: FunctionRef,
    { revisionId, publish }: { revisionId: string | undefined; publish: boolean },
    decide: (current: FunctionRecord) => Promise<Pick<FunctionChange, 'code' | 'configuration'>>,
  ): Promise<Pick<Publication, 'latest'> & Partial<Publication>> => {
    assertUnqualified(ref)
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const current = await get(ref)
      assertUpdatable(current, arnOf(ref), revisionId)
      const change: FunctionChange = {
        ...(await decide(current)),
        // What never became active is created anew; anything else keeps serving meanwhile.
        state: current.state.name === 'Failed' ? { name: 'Pending', ...creating } : current.state,
        lastUpdate: { status: 'InProgress', ...creating },
        lastModified: clock.now(),
        revisionId: randomUUID(),
        deployment: 'next',
      }
      const written = publish
        ? store.publishVersion(current, current.revisionId, versionDraft(), change)
        : store.updateFunction(current, current.revisionId, change).then((record) => ({ latest: record }))
      const answer = await ifStale(written, undefined)
      if (answer !== undefined) return answer
    }
    throw tooManyChanges(arnOf(ref))
  }

  const remove = (ref: FunctionRef): Promise<void> =>
    lock.run(lockKey(ref), async () => {
      for (let attempt = 0; attempt < maxAttempts; attempt++) {
        const record = await store.getFunction({ ...ref, version: latest })
        if (record === undefined) throw functionNotFound(region, ref, undefined)
        const { accountId, functionName } = record
        // Workers first: should this fail, the function is still there to be deleted again.
        await dataPlane.publish({ removeFunction: { accountId, functionName } })
        const deleted = store.deleteFunction(accountId, functionName, record.revisionId).then(() => true)
        if (await ifStale(deleted, false)) return
      }
      throw tooManyChanges(arnOf(ref))
    })

  return {
    async create(accountId, name, input) {
      const ref = parseFunctionRef(name, undefined, { accountId, region })
      const { functionName } = ref
      assertFunctionName(functionName)
      assertTags(input.tags)
      if (ref.accountId !== accountId)
        throw new ThawError(
          'InvalidParameterValue',
          `Account ${accountId} cannot create functions in ${ref.accountId}.`,
        )
      const resolved = await layers.resolve(accountId, input.layers)
      const configuration = newConfiguration(functionName, input, resolved, rules)
      assertOwnDeadLetterQueue(configuration.deadLetterTargetArn, accountId)
      const zip = requireZip(input.zipFile, configuration.runtime, limits)
      // Before the package is stored; the store decides again, exactly.
      if ((await store.getFunction({ accountId, functionName, version: latest })) !== undefined)
        throw new ThawError('ResourceConflict', `Function already exist: ${functionName}`)
      const draft: NewFunction = {
        accountId,
        functionName,
        version: latest,
        revisionId: randomUUID(),
        lastModified: clock.now(),
        configuration,
        code: await storePackage(accountId, zip),
        state: { name: 'Pending', ...creating },
        lastUpdate: { status: 'None' },
        live: undefined,
        tags: input.tags,
      }
      const record = await store.createFunction(draft, input.publish ? versionDraft() : undefined)
      const first = input.publish ? await store.getFunction({ ...record, version: '1' }) : undefined
      deployer.start(first === undefined ? [record] : [first, record], { reuse: undefined })
      return first ?? record
    },

    get,
    list: (accountId, input) => listPage(store, accountId, input),
    publishVersion: (ref, input) => versions.publish(ref, input),
    listVersions: (ref, input) => versions.list(ref, input),

    async updateCode(ref, input) {
      const withArchitecture = (configuration: FunctionConfiguration): FunctionConfiguration => ({
        ...configuration,
        architecture: input.architecture ?? configuration.architecture,
      })
      if (input.dryRun) {
        assertUnqualified(ref)
        const current = await get(ref)
        assertUpdatable(current, arnOf(ref), input.revisionId)
        const zip = requireZip(input.zipFile, current.configuration.runtime, limits)
        const code = { sha256: createHash('sha256').update(zip).digest('hex'), sizeBytes: zip.length }
        return { ...current, code, configuration: withArchitecture(current.configuration) }
      }
      const written = await update(ref, input, async ({ configuration }) => ({
        code: await storePackage(ref.accountId, requireZip(input.zipFile, configuration.runtime, limits)),
        configuration: withArchitecture(configuration),
      }))
      const { version, isNew } = written
      const isPublished = version !== undefined && isNew === true
      deployer.start(isPublished ? [version, written.latest] : [written.latest], { reuse: undefined })
      return version ?? written.latest
    },

    async updateConfiguration(ref, input) {
      const resolved = await layers.resolve(ref.accountId, input.layers)
      const options = { revisionId: input.revisionId, publish: false }
      const { latest: record } = await update(ref, options, async (current) => {
        const configuration = changedConfiguration(current.configuration, input, resolved, rules)
        assertOwnDeadLetterQueue(input.deadLetterTargetArn, current.accountId)
        if (current.live !== undefined && sameBuild({ ...current, configuration }, current.live)) {
          const shortfall = memoryShortfall(configuration.memoryMb, current.live.snapshotMemoryBytes)
          if (shortfall !== undefined) throw new ThawError('InvalidParameterValue', shortfall)
        }
        return { configuration }
      })
      deployer.start([record], { reuse: record.live })
      return record
    },

    async delete(ref) {
      const { explicitQualifier: qualifier } = ref
      // Texts and order: aws-recorded.json, these answers come before any look at the function.
      if (qualifier === latest)
        throw new ThawError('InvalidParameterValue', '$LATEST version cannot be deleted without deleting the function.')
      if (qualifier !== undefined && !/^\d+$/.test(qualifier))
        throw new ThawError('InvalidParameterValue', 'Deletion of aliases is not currently supported.')
      if (qualifier !== undefined) return versions.delete(ref)
      await remove(ref)
      deployer.cancel({ ...ref, version: latest })
    },

    async assertInvokable(ref) {
      const obstacle = obstacleOf(ref, await find(ref))
      if (obstacle !== undefined) throw obstacle
    },

    async whyNotInvokable(ref) {
      const obstacle = obstacleOf(ref, await find(ref))
      if (obstacle !== undefined) return obstacle
      return new ThawError('Unavailable', `The function ${ref.functionName} is being handed to the workers: try again.`)
    },

    readCode: async (ref) => artifacts.readCode((await get(ref)).code.sha256),
    usage: (accountId) => storage.usage(accountId),

    async recover() {
      await artifacts.retainCode(new Set([...(await store.listCode()), ...(await layers.packages())]))
      for (const record of await store.listUnsettled()) deployer.start([record], { reuse: await liveSource(record) })
    },

    async specs() {
      const records = await store.listLive()
      return records.flatMap((record) => (record.live === undefined ? [] : [functionSpec(record, record.live, region)]))
    },

    idle: () => deployer.idle(),
    [Symbol.asyncDispose]: () => deployer[Symbol.asyncDispose](),
  }
}
