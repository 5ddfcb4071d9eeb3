/** PutFunctionRecursionConfig, GetFunctionRecursionConfig. */
import type { Documents } from '../../store/documents.ts'
import { recursionConfigKey, recursionConfigs, type RecursionConfig } from '../../store/recursion-configs.ts'
import { lockKey } from '../deployer.ts'
import type { KeyedLock } from '../keyed-lock.ts'
import { functionNotFound, type FunctionRef } from '../names.ts'
import { assertNoQualifier, type Targets } from './targets.ts'

export interface RecursionOptions {
  documents: Documents
  targets: Targets
  region: string
  lock: KeyedLock
}

export type RecursiveLoop = RecursionConfig['recursiveLoop']

/** Errors: `ResourceNotFound`, `InvalidParameterValue` for a qualified name. */
export interface RecursionSettings {
  put(ref: FunctionRef, recursiveLoop: RecursiveLoop): Promise<void>
  get(ref: FunctionRef): Promise<RecursiveLoop>
}

export function createRecursionSettings({ documents, targets, region, lock }: RecursionOptions): RecursionSettings {
  const collection = recursionConfigs(documents)

  const find = async (ref: FunctionRef) => {
    assertNoQualifier(ref)
    if (!(await targets.functionExists(ref))) throw functionNotFound(region, ref, undefined)
    return collection.get(ref.accountId, ref.functionName, recursionConfigKey)
  }

  return {
    put: (ref, recursiveLoop) =>
      lock.run(lockKey(ref), async () => {
        const revision = (await find(ref))?.revision ?? 'absent'
        await collection.put(ref.accountId, ref.functionName, recursionConfigKey, { recursiveLoop }, revision)
      }),
    // AWS: loops are stopped unless the function's owner says otherwise.
    get: async (ref) => (await find(ref))?.value.recursiveLoop ?? 'Terminate',
  }
}
