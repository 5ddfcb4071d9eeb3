import { createHash } from 'node:crypto'
import type { FunctionRecord } from './records.ts'

/** Equal for records whose code and configuration are equal: what decides whether there is anything new to publish. */
export function sourceDigest({ code, configuration }: Pick<FunctionRecord, 'code' | 'configuration'>): string {
  return createHash('sha256')
    .update(JSON.stringify([code.sha256, sorted(configuration)]))
    .digest('hex')
}

/** Members that are absent, undefined, or in another order make no difference. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => [key, sorted(member)])
}
