/** The control plane's operations on functions. Every answer follows from the store; nothing is cached here. */
import { createHash, randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { ThawError } from '../errors.ts'
import type { FunctionSpec } from '../invocation.ts'
import type { Artifacts } from '../store/artifacts.ts'
import { latest, type FunctionConfiguration, type FunctionRecord } from '../store/records.ts'
import type { AccountUsage, FunctionChange, Store } from '../store/store.ts'
import type { Builder, Clock, DataPlane } from './collaborators.ts'
import { createDeployer, lockKey } from './deployer.ts'
import type { CreateFunctionInput, UpdateCodeInput, UpdateConfigurationInput } from './inputs.ts'
import { createKeyedLock } from './keyed-lock.ts'
import { functionArn, functionNotFound, parseFunctionRef, type FunctionRef } from './names.ts'
import { listPage, type ListInput, type ListPage } from './list.ts'
import {
  assertFunctionName,
  assertUpdatable,
  changedConfiguration,
  memoryShortfall,
  newConfiguration,
  requireZip,
} from './rules.ts'
import { functionSpec, sameBuild } from './spec.ts'

export interface FunctionsOptions {
  store: Store
  artifacts: Artifacts
  builder: Builder
  dataPlane: DataPlane
  config: Pick<Config, 'region' | 'limits'>
  clock: Clock
  logger: Logger
}

/** Refs come from `parseFunctionRef`. What is not there is `ResourceNotFound` throughout. */
export interface Functions extends AsyncDisposable {
  /** Answers with the function Pending; the build goes on in the background. */
  create(accountId: string, name: string, input: CreateFunctionInput): Promise<FunctionRecord>
  get(ref: FunctionRef): Promise<FunctionRecord>
  list(accountId: string, input: ListInput): Promise<ListPage>
  updateCode(ref: FunctionRef, input: UpdateCodeInput): Promise<FunctionRecord>
  updateConfiguration(ref: FunctionRef, input: UpdateConfigurationInput): Promise<FunctionRecord>
  /** Resolves when no worker runs the function any more. */
  delete(ref: FunctionRef): Promise<void>
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

/** AWS: 75 GB of packages an account (docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html). */
export const totalCodeBytesLimit = 80_530_636_800

const creating = { reasonCode: 'Creating', reason: 'The function is being created.' }
/** A change lost to another five times in a row is contention that the caller should hear of. */
const maxAttempts = 5

export function createFunctions(options: FunctionsOptions): Functions {
  const { store, artifacts, dataPlane, config, clock } = options
  const { limits, region } = config
  const lock = createKeyedLock()
  const deployer = createDeployer({ ...options, lock })

  const arnOf = (ref: FunctionRef): string => functionArn({ accountId: ref.accountId, region }, ref.functionName)

  const get = async (ref: FunctionRef): Promise<FunctionRecord> => {
    const record = await store.getFunction({ ...ref, version: ref.qualifier })
    if (record === undefined) throw functionNotFound(region, ref, ref.explicitQualifier)
    return record
  }

  /** Reads, decides, writes; again from the start if someone else was faster. */
  const update = async (
    ref: FunctionRef,
    revisionId: string | undefined,
    decide: (current: FunctionRecord) => Promise<Pick<FunctionChange, 'code' | 'configuration'>>,
  ): Promise<FunctionRecord> => {
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
      const record = await ifStale(store.updateFunction(current, current.revisionId, change), undefined)
      if (record !== undefined) return record
    }
    throw new ThawError('ResourceConflict', `Too many concurrent changes to ${arnOf(ref)}: try again.`)
  }

  const remove = (ref: FunctionRef): Promise<void> =>
    lock.run(lockKey(ref), async () => {
      for (let attempt = 0; attempt < maxAttempts; attempt++) {
        const record = await store.getFunction({ ...ref, version: latest })
        if (record === undefined) throw functionNotFound(region, ref, undefined)
        const { accountId, functionName, version } = record
        // Workers first: should this fail, the function is still there to be deleted again.
        await dataPlane.publish({ remove: { accountId, functionName, version } })
        const deleted = store.deleteFunction(accountId, functionName, record.revisionId).then(() => true)
        if (await ifStale(deleted, false)) return
      }
      throw new ThawError('ResourceConflict', `Too many concurrent changes to ${arnOf(ref)}: try again.`)
    })

  return {
    async create(accountId, name, input) {
      const ref = parseFunctionRef(name, undefined, { accountId, region })
      const { functionName } = ref
      assertFunctionName(functionName)
      if (ref.accountId !== accountId)
        throw new ThawError(
          'InvalidParameterValue',
          `Account ${accountId} cannot create functions in ${ref.accountId}.`,
        )
      const configuration = newConfiguration(functionName, input, limits)
      const zip = requireZip(input.zipFile, configuration.runtime, limits)
      // Before the package is stored; the store decides again, exactly.
      if ((await store.getFunction({ accountId, functionName, version: latest })) !== undefined)
        throw new ThawError('ResourceConflict', `Function already exist: ${functionName}`)
      const { codeBytes } = await store.usage(accountId)
      if (codeBytes + zip.length > totalCodeBytesLimit)
        throw new ThawError('CodeStorageExceeded', `Code storage limit of ${totalCodeBytesLimit} bytes exceeded.`)
      const { sha256, sizeBytes } = await artifacts.putCode(zip)
      const record = await store.createFunction({
        accountId,
        functionName,
        version: latest,
        revisionId: randomUUID(),
        lastModified: clock.now(),
        configuration,
        code: { sha256, sizeBytes },
        state: { name: 'Pending', ...creating },
        lastUpdate: { status: 'None' },
        live: undefined,
        tags: input.tags,
      })
      deployer.start(record, { reuse: false })
      return record
    },

    get,
    list: (accountId, input) => listPage(store, accountId, input),

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
      const record = await update(ref, input.revisionId, async ({ configuration }) => {
        const { sha256, sizeBytes } = await artifacts.putCode(requireZip(input.zipFile, configuration.runtime, limits))
        return { code: { sha256, sizeBytes }, configuration: withArchitecture(configuration) }
      })
      deployer.start(record, { reuse: false })
      return record
    },

    async updateConfiguration(ref, input) {
      const record = await update(ref, input.revisionId, async (current) => {
        const configuration = changedConfiguration(current.configuration, input, limits)
        if (current.live !== undefined && sameBuild({ ...current, configuration }, current.live)) {
          const shortfall = memoryShortfall(configuration.memoryMb, current.live.snapshotMemoryBytes)
          if (shortfall !== undefined) throw new ThawError('InvalidParameterValue', shortfall)
        }
        return { configuration }
      })
      deployer.start(record, { reuse: true })
      return record
    },

    async delete(ref) {
      const { explicitQualifier: qualifier } = ref
      // Texts and order: aws-recorded.json, these answers come before any look at the function.
      if (qualifier === latest)
        throw new ThawError('InvalidParameterValue', '$LATEST version cannot be deleted without deleting the function.')
      if (qualifier !== undefined && !/^\d+$/.test(qualifier))
        throw new ThawError('InvalidParameterValue', 'Deletion of aliases is not currently supported.')
      if (qualifier !== undefined) {
        // AWS: deleting a version that is not there succeeds if the function is. There are no versions yet.
        const found = await store.getFunction({ ...ref, version: latest })
        if (found === undefined) throw functionNotFound(region, ref, undefined)
        return
      }
      await remove(ref)
      deployer.cancel({ ...ref, version: latest })
    },

    async whyNotInvokable(ref) {
      const record = await store.getFunction({ ...ref, version: ref.qualifier })
      if (record === undefined) return functionNotFound(region, ref, ref.qualifier)
      if (record.live === undefined)
        return new ThawError(
          'ResourceConflict',
          `The operation cannot be performed at this time. The function is currently in the following state: ${record.state.name}`,
        )
      return new ThawError('Unavailable', `The function ${ref.functionName} is being handed to the workers: try again.`)
    },

    readCode: async (ref) => artifacts.readCode((await get(ref)).code.sha256),
    usage: (accountId) => store.usage(accountId),

    async recover() {
      await artifacts.retainCode(await store.listCode())
      for (const record of await store.listUnsettled()) deployer.start(record, { reuse: false })
    },

    async specs() {
      const records = await store.listLive()
      return records.flatMap((record) => (record.live === undefined ? [] : [functionSpec(record, record.live, region)]))
    },

    idle: () => deployer.idle(),
    [Symbol.asyncDispose]: () => deployer[Symbol.asyncDispose](),
  }
}

function assertUnqualified({ explicitQualifier }: FunctionRef): void {
  if (explicitQualifier === undefined || explicitQualifier === latest) return
  throw new ThawError(
    'InvalidParameterValue',
    'This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.',
  )
}

/** The store's answer, or the fallback if the record had changed since it was read. */
async function ifStale<T, F>(answer: Promise<T>, fallback: F): Promise<T | F> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof ThawError && error.code === 'PreconditionFailed') return fallback
    throw error
  }
}
