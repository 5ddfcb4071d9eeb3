/** PutFunctionConcurrency, GetFunctionConcurrency, DeleteFunctionConcurrency. */
import type { Limits } from '../../config.ts'
import { ThawError } from '../../errors.ts'
import { reservedConcurrencies, reservedConcurrencyKey } from '../../store/concurrency.ts'
import type { Documents } from '../../store/documents.ts'
import type { DataPlane, DataPlaneChange } from '../collaborators.ts'
import { lockKey } from '../deployer.ts'
import type { KeyedLock } from '../keyed-lock.ts'
import { functionNotFound, type FunctionRef } from '../names.ts'
import { accountLockKey, sum, type AccountConcurrency } from './account-concurrency.ts'
import { assertNoQualifier, type Targets } from './targets.ts'

export interface ReservedConcurrencyOptions {
  documents: Documents
  targets: Targets
  account: AccountConcurrency
  dataPlane: Pick<DataPlane, 'publish'>
  limits: Limits
  region: string
  lock: KeyedLock
}

/** Errors: `ResourceNotFound`, `InvalidParameterValue`, `ConcurrencyLimit`. */
export interface ReservedConcurrencySettings {
  /** 0 switches the function off. */
  put(ref: FunctionRef, concurrency: number): Promise<void>
  /** Undefined: none. */
  get(ref: FunctionRef): Promise<number | undefined>
  delete(ref: FunctionRef): Promise<void>
  served(): Promise<DataPlaneChange[]>
}

export function createReservedConcurrency(options: ReservedConcurrencyOptions): ReservedConcurrencySettings {
  const { documents, targets, account, dataPlane, limits, region, lock } = options
  const collection = reservedConcurrencies(documents)
  const find = ({ accountId, functionName }: FunctionRef) =>
    collection.get(accountId, functionName, reservedConcurrencyKey)

  /** The account's lock first, always: reservations are decided one after the other. */
  const locked = <T>(ref: FunctionRef, task: () => Promise<T>): Promise<T> =>
    lock.run(accountLockKey(ref.accountId), () => lock.run(lockKey(ref), task))

  const assertRoom = async ({ accountId, functionName }: FunctionRef, concurrency: number): Promise<void> => {
    const floor = limits.unreservedConcurrencyFloor
    if ((await account.unreserved(accountId, functionName)) - concurrency < floor)
      throw new ThawError(
        'ConcurrencyLimit',
        `Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [${floor}].`,
      )
    const provisioned = sum((await account.provisioned(accountId, functionName)).values())
    // The blanks are AWS's.
    if (concurrency < provisioned)
      throw new ThawError(
        'ConcurrencyLimit',
        ` ReservedConcurrentExecutions  ${concurrency} should not be lower than function's total provisioned concurrency [${provisioned}].`,
      )
  }

  return {
    async put(ref, concurrency) {
      assertNoQualifier(ref)
      await locked(ref, async () => {
        const { accountId, functionName, qualifier } = ref
        if (!(await targets.functionExists(ref))) throw functionNotFound(region, ref, qualifier)
        await assertRoom(ref, concurrency)
        const revision = (await find(ref))?.revision ?? 'absent'
        await collection.put(accountId, functionName, reservedConcurrencyKey, { concurrency }, revision)
        await dataPlane.publish({ reserve: { accountId, functionName, concurrency } })
      })
    },

    async get(ref) {
      assertNoQualifier(ref)
      if (!(await targets.functionExists(ref))) throw functionNotFound(region, ref, undefined)
      return (await find(ref))?.value.concurrency
    },

    async delete(ref) {
      assertNoQualifier(ref)
      await locked(ref, async () => {
        const { accountId, functionName, qualifier } = ref
        if (!(await targets.functionExists(ref))) throw functionNotFound(region, ref, qualifier)
        const current = await find(ref)
        if (current === undefined) return
        await collection.delete(accountId, functionName, reservedConcurrencyKey, current.revision)
        await dataPlane.publish({ reserve: { accountId, functionName, concurrency: undefined } })
      })
    },

    served: async () =>
      (await collection.list()).map(({ accountId, scope, value }) => ({
        reserve: { accountId, functionName: scope, concurrency: value.concurrency },
      })),
  }
}
