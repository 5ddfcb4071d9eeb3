/** What fields say of the length of a body. */
import type { FieldMap } from './field-map.ts'

/** RFC 9110, section 8.6: digits, and the same where it is there more than once. 15 digits are more than any body has. */
export function contentLength(fields: FieldMap): bigint | undefined | 'invalid' {
  const [first, ...others] = fields.get('content-length').map((value) => value.trim())
  if (first === undefined) return undefined
  return /^\d{1,15}$/.test(first) && others.every((value) => value === first) ? BigInt(first) : 'invalid'
}
