/** Which records must not be in two batches at once. */
import type { SourceRecord } from '../sources/source.ts'

/** Queues: those of one FIFO group. */
export const laneOfKey = ({ orderKey }: SourceRecord): string | undefined => orderKey

/** Streams: as many lanes as batches may run side by side; a key is always in the same one. */
export function laneOfStream(lanes: number): (record: SourceRecord) => string {
  let next = 0
  return ({ orderKey }) => String(orderKey === undefined ? next++ % lanes : hash(orderKey) % lanes)
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193) >>> 0
  return value
}
