/** The MD5 digests that SDKs verify. */
import { createHash } from 'node:crypto'
import type { MessageAttribute } from '../queues.ts'

export const md5OfBody = (body: string): string => createHash('md5').update(body).digest('hex')

const stringValue = Uint8Array.of(1)
const binaryValue = Uint8Array.of(2)

/**
 * SQS developer guide, "Calculating the MD5 message digest for message attributes": in the order of the names, the
 * lengths (4 bytes, big-endian) and bytes of name and type, a byte for the kind of value, the value's length and bytes.
 * Undefined if there are none.
 */
export function md5OfAttributes(attributes: Readonly<Record<string, MessageAttribute>>): string | undefined {
  const entries = Object.entries(attributes)
  if (entries.length === 0) return undefined
  const hash = createHash('md5')
  const add = (bytes: Uint8Array): void => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    hash.update(length).update(bytes)
  }
  for (const [name, attribute] of entries.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    add(Buffer.from(name))
    add(Buffer.from(attribute.dataType))
    hash.update(attribute.binaryValue === undefined ? stringValue : binaryValue)
    add(valueOf(attribute))
  }
  return hash.digest('hex')
}

export const valueOf = ({ stringValue, binaryValue }: MessageAttribute): Buffer =>
  binaryValue === undefined ? Buffer.from(stringValue ?? '') : Buffer.from(binaryValue, 'base64')
