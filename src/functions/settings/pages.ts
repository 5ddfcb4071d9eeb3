/** Settings of one function's qualifiers, page by page. */
import type { Collection, Entry } from '../../store/documents.ts'
import { decodeMarker, encodeMarker, pageSize, type Page, type PageInput } from '../page.ts'

/** In the order of the qualifiers, `$LATEST` first. Errors: `InvalidParameterValue` for a marker that is none. */
export async function pageOfSettings<T>(
  collection: Collection<T>,
  { accountId, functionName }: { accountId: string; functionName: string },
  { marker, maxItems = pageSize }: PageInput,
): Promise<Page<Entry<T>>> {
  const scope = functionName
  // One more than asked for tells whether there is a next page.
  const limit = Math.min(maxItems, pageSize) + 1
  const after = marker === undefined ? {} : { after: { accountId, scope, key: decodeMarker(marker) } }
  const found = await collection.list({ accountId, scope, limit, ...after })
  if (found.length < limit) return { items: found, nextMarker: undefined }
  const items = found.slice(0, -1)
  return { items, nextMarker: encodeMarker(items.at(-1)?.key ?? '') }
}
