import { ThawError } from '../errors.ts'
import type { FunctionRecord } from '../store/records.ts'
import type { Store } from '../store/store.ts'

export interface ListInput {
  /** From the page before; opaque to clients. */
  marker: string | undefined
  maxItems: number | undefined
  versions: 'latest' | 'all'
}

export interface ListPage {
  functions: FunctionRecord[]
  nextMarker: string | undefined
}

/** AWS: ListFunctions returns at most 50 items, whatever MaxItems says. */
const pageSize = 50

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

const encodeMarker = (name: string): string => Buffer.from(name).toString('base64url')

function decodeMarker(marker: string): string {
  const name = Buffer.from(marker, 'base64url').toString()
  if (/^[a-zA-Z0-9_-]{1,64}$/.test(name)) return name
  throw new ThawError('InvalidParameterValue', 'Invalid Marker: pass the NextMarker of the page before unchanged.')
}
