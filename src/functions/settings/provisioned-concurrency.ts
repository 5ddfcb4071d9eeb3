/** The four operations on provisioned concurrency: instances held pristine for a version or an alias. */
import type { Logger } from 'pino'
import type { Limits } from '../../config.ts'
import { ThawError } from '../../errors.ts'
import { provisionedConcurrencies, type ProvisionedConcurrency } from '../../store/concurrency.ts'
import type { Documents, Entry } from '../../store/documents.ts'
import { latest } from '../../store/records.ts'
import type { Clock, DataPlane, DataPlaneChange } from '../collaborators.ts'
import { lockKey } from '../deployer.ts'
import type { KeyedLock } from '../keyed-lock.ts'
import { functionNotFound, type FunctionRef } from '../names.ts'
import { accountLockKey, sum, type AccountConcurrency } from './account-concurrency.ts'
import { createAllocations } from './allocations.ts'
import type { Page, PageInput } from '../page.ts'
import type { QualifiedKey } from '../qualifier-settings.ts'
import { pageOfSettings } from './pages.ts'
import type { Target, Targets } from './targets.ts'

export interface ProvisionedConcurrencyOptions {
  documents: Documents
  targets: Targets
  account: AccountConcurrency
  dataPlane: DataPlane
  limits: Limits
  region: string
  clock: Clock
  lock: KeyedLock
  logger: Logger
}

export interface ProvisionedState extends ProvisionedConcurrency {
  qualifier: string
  /** Held now, in use or not. */
  allocated: number
  /** Held now and free. */
  available: number
}

/** Errors: `ResourceNotFound`, `ProvisionedConcurrencyConfigNotFound`, `ResourceConflict`, `InvalidParameterValue`, `ConcurrencyLimit`. */
export interface ProvisionedConcurrencySettings extends AsyncDisposable {
  /** Answers with the config IN_PROGRESS; the allocation goes on in the background. */
  put(ref: FunctionRef, concurrency: number): Promise<ProvisionedState>
  get(ref: FunctionRef): Promise<ProvisionedState>
  /** Of a config that is not there succeeds. */
  delete(ref: FunctionRef): Promise<void>
  list(ref: FunctionRef, input: PageInput): Promise<Page<ProvisionedState>>
  /** The qualifier is about to go. Call it under the function's lock. */
  drop(key: QualifiedKey): Promise<void>
  /** The alias points to other code: what it holds is made anew. */
  moved(key: QualifiedKey): Promise<void>
  served(): Promise<DataPlaneChange[]>
  /** Once, at start: follows the allocations that a crash interrupted. */
  recover(): Promise<void>
  /** Resolves when no allocation is in work. */
  idle(): Promise<void>
}

export function createProvisionedConcurrency(options: ProvisionedConcurrencyOptions): ProvisionedConcurrencySettings {
  const { documents, targets, account, dataPlane, limits, region, clock, lock } = options
  const collection = provisionedConcurrencies(documents)
  const allocations = createAllocations({ ...options, collection })
  const find = ({ accountId, functionName, qualifier }: QualifiedKey) =>
    collection.get(accountId, functionName, qualifier)

  const stateOf = async (key: QualifiedKey, value: ProvisionedConcurrency): Promise<ProvisionedState> => {
    const { accountId, functionName, qualifier } = key
    const held = Math.min(await dataPlane.provisioned({ accountId, functionName, qualifier }), value.requested)
    return {
      ...value,
      qualifier,
      // Once all of it was there, what is missing is in use or about to be replaced.
      allocated: value.status.name === 'READY' ? value.requested : held,
      available: held,
    }
  }

  const drop = async (key: QualifiedKey): Promise<void> => {
    const current = await find(key)
    if (current === undefined) return
    const { accountId, functionName, qualifier } = key
    await allocations.stop(key)
    await dataPlane.publish({ provision: { accountId, functionName, qualifier, concurrency: 0 } })
    const { revision } = (await find(key)) ?? current
    await collection.delete(accountId, functionName, qualifier, revision)
  }

  /** A version is provisioned by its number or by an alias, not by both. */
  const assertNoConflict = async (ref: FunctionRef, target: Target): Promise<void> => {
    const provisioned = await account.provisioned(ref.accountId, ref.functionName)
    if (target.kind === 'alias' && target.versions.some((version) => provisioned.has(version)))
      throw new ThawError(
        'ResourceConflict',
        "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
      )
    if (target.kind !== 'version') return
    for (const qualifier of provisioned.keys()) {
      const other = await targets.find({ ...ref, qualifier, explicitQualifier: qualifier })
      if (other?.kind === 'alias' && other.versions.includes(target.version))
        throw new ThawError('ResourceConflict', 'Version is pointed by a Provisioned Concurrency alias')
    }
  }

  const assertRoom = async (ref: FunctionRef, concurrency: number): Promise<void> => {
    const { accountId, functionName, qualifier } = ref
    const provisioned = await account.provisioned(accountId, functionName)
    provisioned.delete(qualifier)
    const others = sum(provisioned.values())
    const reserved = await account.reserved(accountId, functionName)
    if (reserved !== undefined) {
      if (others + concurrency > reserved)
        throw new ThawError(
          'InvalidParameterValue',
          'Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function',
        )
      return
    }
    const unreserved = (await account.unreserved(accountId, functionName)) - others
    const floor = limits.unreservedConcurrencyFloor
    if (concurrency > unreserved)
      throw new ThawError(
        'ConcurrencyLimit',
        `Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [${unreserved}].`,
      )
    if (unreserved - concurrency < floor)
      throw new ThawError(
        'ConcurrencyLimit',
        `Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [${floor}].`,
      )
  }

  return {
    async put(ref, concurrency) {
      assertPublished(ref, 'Provisioned Concurrency Configs cannot be applied to unpublished function versions.')
      return lock.run(accountLockKey(ref.accountId), () =>
        lock.run(lockKey(ref), async () => {
          const target = await targets.require(ref)
          const { accountId, functionName, qualifier } = ref
          if (target.kind === 'alias' && target.versions.includes(latest))
            throw new ThawError(
              'InvalidParameterValue',
              'Provisioned Concurrency Configs cannot be applied to unpublished function versions.',
            )
          await assertNoConflict(ref, target)
          await assertRoom(ref, concurrency)
          await allocations.stop(ref)
          const current = await find(ref)
          const value: ProvisionedConcurrency = {
            requested: concurrency,
            status: { name: 'IN_PROGRESS' },
            lastModified: clock.now().getTime(),
          }
          const { revision } = await collection.put(
            accountId,
            functionName,
            qualifier,
            value,
            current?.revision ?? 'absent',
          )
          const state = await stateOf(ref, value)
          allocations.start(ref, revision, value, { publish: true })
          return state
        }),
      )
    },

    async get(ref) {
      assertPublished(ref)
      await targets.require(ref)
      const found = await find(ref)
      if (found !== undefined) return stateOf(ref, found.value)
      throw new ThawError(
        'ProvisionedConcurrencyConfigNotFound',
        'No Provisioned Concurrency Config found for this function',
      )
    },

    async delete(ref) {
      assertPublished(ref)
      await lock.run(lockKey(ref), async () => {
        await targets.require(ref)
        await drop(ref)
      })
    },

    async list(ref, input) {
      if (!(await targets.functionExists(ref))) throw functionNotFound(region, ref, undefined)
      const { items, nextMarker } = await pageOfSettings(collection, ref, input)
      return { items: await Promise.all(items.map((entry) => stateOf(keyOf(entry), entry.value))), nextMarker }
    },

    drop,

    async moved(key) {
      await allocations.stop(key)
      const current = await find(key)
      if (current === undefined) return
      const value: ProvisionedConcurrency = { ...current.value, status: { name: 'IN_PROGRESS' } }
      const { accountId, functionName, qualifier } = key
      const { revision } = await collection.put(accountId, functionName, qualifier, value, current.revision)
      allocations.start(key, revision, value, { publish: false })
    },

    served: async () =>
      (await collection.list()).map((entry) => ({
        provision: { ...keyOf(entry), concurrency: entry.value.requested },
      })),

    async recover() {
      for (const entry of await collection.list())
        if (entry.value.status.name === 'IN_PROGRESS')
          allocations.start(keyOf(entry), entry.revision, entry.value, { publish: false })
    },

    idle: () => allocations.idle(),
    [Symbol.asyncDispose]: () => allocations[Symbol.asyncDispose](),
  }
}

const keyOf = ({ accountId, scope, key }: Entry<unknown>): QualifiedKey => ({
  accountId,
  functionName: scope,
  qualifier: key,
})

function assertPublished(
  { qualifier }: FunctionRef,
  message = 'The function resource provided must be an alias or a published version.',
): void {
  if (qualifier === latest) throw new ThawError('InvalidParameterValue', message)
}
