import type { FunctionRecord } from '../store/records.ts'
import type { Store } from '../store/store.ts'
import { decodeMarker, encodeMarker, pageSize, type PageInput } from './page.ts'

export interface ListInput extends PageInput {
  versions: 'latest' | 'all'
}

export interface ListPage {
  functions: FunctionRecord[]
  nextMarker: string | undefined
}

export async function listPage(store: Store, accountId: string, input: ListInput): Promise<ListPage> {
  const limit = Math.min(input.maxItems ?? pageSize, pageSize)
  const after = input.marker === undefined ? undefined : decodeMarker(input.marker)
  const { versions } = input
  // One more than asked for tells whether there is a next page.
  const found = await store.listFunctions({ accountId, after, limit: limit + 1, versions })
  const names = [...new Set(found.map((record) => record.functionName))]
  if (names.length <= limit) return { functions: found, nextMarker: undefined }
  const last = names[limit - 1] ?? ''
  const functions = found.filter((record) => record.functionName !== names[limit])
  return { functions, nextMarker: encodeMarker(last) }
}
