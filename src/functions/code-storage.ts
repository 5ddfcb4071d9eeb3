/** What the packages of an account take: of functions, of their versions, of layers. */
import type { Limits } from '../config.ts'
import { ThawError } from '../errors.ts'
import type { LayerCollections } from '../store/layers.ts'
import type { AccountUsage, Store } from '../store/store.ts'

export interface CodeStorage {
  usage(accountId: string): Promise<AccountUsage>
  /** Errors: `CodeStorageExceeded`. */
  assertRoom(accountId: string, bytes: number): Promise<void>
}

export interface CodeStorageOptions {
  store: Pick<Store, 'usage'>
  versions: LayerCollections['versions']
  limits: Pick<Limits, 'codeStorageBytes'>
}

export function createCodeStorage({ store, versions, limits }: CodeStorageOptions): CodeStorage {
  const usage = async (accountId: string): Promise<AccountUsage> => {
    const { functionCount, codeBytes } = await store.usage(accountId)
    const layers = await versions.list({ accountId })
    return { functionCount, codeBytes: layers.reduce((sum, { value }) => sum + value.sizeBytes, codeBytes) }
  }
  return {
    usage,
    async assertRoom(accountId, bytes) {
      const { codeBytes } = await usage(accountId)
      if (codeBytes + bytes > limits.codeStorageBytes)
        throw new ThawError('CodeStorageExceeded', `Code storage limit of ${limits.codeStorageBytes} bytes exceeded.`)
    },
  }
}
