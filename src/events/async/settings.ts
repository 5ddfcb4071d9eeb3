/** What a function's settings say about its asynchronous events. Read when they are needed, so that changes count at once. */
import type { Limits } from '../../config.ts'
import { aliasesOf } from '../../store/aliases.ts'
import { reservedConcurrencies, reservedConcurrencyKey } from '../../store/concurrency.ts'
import type { Documents } from '../../store/documents.ts'
import { eventInvokeConfigs } from '../../store/event-invoke-configs.ts'
import { latest, type FunctionRecord } from '../../store/records.ts'
import { recursionConfigKey, recursionConfigs } from '../../store/recursion-configs.ts'
import type { Store } from '../../store/store.ts'

export interface EventInvokeConfig {
  /** Retries after the function's error: 0 to 2. */
  maximumRetryAttempts: number
  maximumEventAgeSeconds: number
  /** ARNs. */
  onSuccess: string | undefined
  onFailure: string | undefined
}

export interface AsyncTarget {
  accountId: string
  functionName: string
  /** `$LATEST`, a version's number, or an alias. */
  qualifier: string
}

export interface AsyncSettings {
  configOf(target: AsyncTarget): Promise<EventInvokeConfig>
  /** The function's `DeadLetterConfig.TargetArn`. */
  deadLetterTargetOf(target: AsyncTarget): Promise<string | undefined>
  /** Undefined: none. 0: the function is switched off. */
  reservedConcurrencyOf(target: AsyncTarget): Promise<number | undefined>
  /** `RecursiveLoop: Allow`. */
  allowsRecursion(target: AsyncTarget): Promise<boolean>
  /** Whether the function is there, with that qualifier. */
  exists(target: AsyncTarget): Promise<boolean>
}

/** AWS: two retries. */
const defaultRetryAttempts = 2

export interface AsyncSettingsOptions {
  store: Pick<Store, 'getFunction'>
  documents: Documents
  limits: Pick<Limits, 'asyncEventAgeSeconds'>
}

/** As the control plane has stored them, with AWS's defaults. */
export function createAsyncSettings({ store, documents, limits }: AsyncSettingsOptions): AsyncSettings {
  const configs = eventInvokeConfigs(documents)
  const aliases = aliasesOf(documents)
  const reserved = reservedConcurrencies(documents)
  const recursion = recursionConfigs(documents)

  const recordOf = async ({ accountId, functionName, qualifier }: AsyncTarget): Promise<FunctionRecord | undefined> => {
    const isVersion = qualifier === latest || /^\d+$/.test(qualifier)
    const alias = isVersion ? undefined : await aliases.get(accountId, functionName, qualifier)
    const version = isVersion ? qualifier : alias?.value.functionVersion
    return version === undefined ? undefined : store.getFunction({ accountId, functionName, version })
  }

  return {
    async configOf({ accountId, functionName, qualifier }) {
      const value = (await configs.get(accountId, functionName, qualifier))?.value
      return {
        maximumRetryAttempts: value?.maximumRetryAttempts ?? defaultRetryAttempts,
        maximumEventAgeSeconds: value?.maximumEventAgeInSeconds ?? limits.asyncEventAgeSeconds,
        onSuccess: value?.onSuccess,
        onFailure: value?.onFailure,
      }
    },
    deadLetterTargetOf: async (target) => (await recordOf(target))?.configuration.deadLetterTargetArn,
    reservedConcurrencyOf: async ({ accountId, functionName }) =>
      (await reserved.get(accountId, functionName, reservedConcurrencyKey))?.value.concurrency,
    allowsRecursion: async ({ accountId, functionName }) =>
      (await recursion.get(accountId, functionName, recursionConfigKey))?.value.recursiveLoop === 'Allow',
    exists: async (target) => (await recordOf(target)) !== undefined,
  }
}
