/** Pages of lists that fit into memory. */
import { ThawError } from '../errors.ts'

export interface PageInput {
  /** From the page before; opaque to clients. */
  marker: string | undefined
  maxItems: number | undefined
}

export interface Page<T> {
  items: T[]
  nextMarker: string | undefined
}

/** AWS: 50 items a page at most, whatever MaxItems says. */
export const pageSize = 50

/** @param keyOf unique, and what the items are in the order of; a page begins after the marker's key, wherever that is */
export function pageOf<T>(items: readonly T[], keyOf: (item: T) => string, { marker, maxItems }: PageInput): Page<T> {
  const limit = Math.min(maxItems ?? pageSize, pageSize)
  const after = marker === undefined ? undefined : decodeMarker(marker)
  const from = after === undefined ? 0 : items.findIndex((item) => keyOf(item) > after)
  const page = from === -1 ? [] : items.slice(from, from + limit)
  const last = page.at(-1)
  const isMore = last !== undefined && from + limit < items.length
  return { items: page, nextMarker: isMore ? encodeMarker(keyOf(last)) : undefined }
}

export const encodeMarker = (key: string): string => Buffer.from(key).toString('base64url')

/** Errors: `InvalidParameterValue` for what is no marker of ours. */
export function decodeMarker(marker: string): string {
  const key = Buffer.from(marker, 'base64url').toString()
  if (/^[a-zA-Z0-9_$-]{1,140}$/.test(key)) return key
  throw new ThawError('InvalidParameterValue', 'Invalid Marker: pass the NextMarker of the page before unchanged.')
}
