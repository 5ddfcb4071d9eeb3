/**
 * PutRuntimeManagementConfig, GetRuntimeManagementConfig: kept and shown. Thaw's runtimes come with Thaw, and a deployed
 * function keeps the engine it was built with until its next deployment, whatever is asked for here.
 */
import { z } from 'zod'
import { ThawError } from '../../errors.ts'
import { createCollection, type Documents } from '../../store/documents.ts'
import { latest } from '../../store/records.ts'
import { lockKey } from '../deployer.ts'
import type { KeyedLock } from '../keyed-lock.ts'
import type { FunctionRef } from '../names.ts'
import type { Targets } from './targets.ts'

const schema = z.object({
  updateRuntimeOn: z.enum(['Auto', 'Manual', 'FunctionUpdate']),
  /** Manual only. */
  runtimeVersionArn: z.string().optional(),
})
export type RuntimeManagement = z.infer<typeof schema>

export interface RuntimeManagementOptions {
  documents: Documents
  targets: Targets
  lock: KeyedLock
}

/** Errors: `ResourceNotFound`, `InvalidParameterValue`. */
export interface RuntimeManagementSettings {
  put(ref: FunctionRef, config: RuntimeManagement): Promise<void>
  get(ref: FunctionRef): Promise<RuntimeManagement>
}

export function createRuntimeManagement(options: RuntimeManagementOptions): RuntimeManagementSettings {
  const { documents, targets, lock } = options
  const collection = createCollection(documents, 'runtime-management', schema)
  const invalid = (message: string) => new ThawError('InvalidParameterValue', message)

  const find = async (ref: FunctionRef) => {
    if (ref.qualifier !== latest && !/^\d+$/.test(ref.qualifier))
      throw invalid('Runtime management is set for $LATEST or a published version, not for an alias.')
    await targets.require(ref)
    return collection.get(ref.accountId, ref.functionName, ref.qualifier)
  }

  return {
    async put(ref, config) {
      const manual = config.updateRuntimeOn === 'Manual'
      if (manual && config.runtimeVersionArn === undefined)
        throw invalid('RuntimeVersionArn is required when UpdateRuntimeOn is Manual.')
      if (!manual && config.runtimeVersionArn !== undefined)
        throw invalid(`RuntimeVersionArn cannot be specified when UpdateRuntimeOn is ${config.updateRuntimeOn}.`)
      await lock.run(lockKey(ref), async () => {
        const revision = (await find(ref))?.revision ?? 'absent'
        await collection.put(ref.accountId, ref.functionName, ref.qualifier, config, revision)
      })
    },
    get: async (ref) => (await find(ref))?.value ?? { updateRuntimeOn: 'Auto' },
  }
}
