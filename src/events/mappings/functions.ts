/** What mappings ask about functions, read from the store as it is now. */
import type { Documents } from '../../store/documents.ts'
import { aliasesOf } from '../../store/aliases.ts'
import { latest } from '../../store/records.ts'
import { recursionConfigKey, recursionConfigs } from '../../store/recursion-configs.ts'
import type { Store } from '../../store/store.ts'
import type { FunctionTarget } from './invoker.ts'
import type { MappingCollaborators } from './running-mapping.ts'

export function createMappedFunctions(
  store: Pick<Store, 'getFunction'>,
  documents: Documents,
): Pick<MappingCollaborators, 'allowsRecursion' | 'functionTimeoutMs'> {
  const aliases = aliasesOf(documents)
  const recursion = recursionConfigs(documents)

  /** An alias may stand for two. */
  const versionsOf = async ({ accountId, functionName, qualifier }: FunctionTarget): Promise<string[]> => {
    if (qualifier === latest || /^\d+$/.test(qualifier)) return [qualifier]
    const alias = (await aliases.get(accountId, functionName, qualifier))?.value
    if (alias === undefined) return []
    return alias.additional === undefined ? [alias.functionVersion] : [alias.functionVersion, alias.additional.version]
  }

  return {
    async functionTimeoutMs(target) {
      const { accountId, functionName } = target
      const versions = await versionsOf(target)
      const found = await Promise.all(
        versions.map((version) => store.getFunction({ accountId, functionName, version })),
      )
      const seconds = found.flatMap((record) => (record === undefined ? [] : [record.configuration.timeoutSeconds]))
      return seconds.length === 0 ? undefined : Math.max(...seconds) * 1_000
    },
    allowsRecursion: async ({ accountId, functionName }) =>
      (await recursion.get(accountId, functionName, recursionConfigKey))?.value.recursiveLoop === 'Allow',
  }
}
