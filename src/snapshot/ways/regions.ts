import { ThawError } from '../../errors.ts'
import type { SnapshotMemory } from '../format.ts'
import { WASM_PAGE_BYTES } from '../format.ts'
import type { SnapshotImage } from '../image.ts'
import { PAGE_BYTES } from '../page-hasher.ts'

/** Bytes of a region, once it is sure that the image has it: to map or copy past its end would be SIGBUS or stale data. */
export function regionBytes(image: SnapshotImage, region: SnapshotMemory): number {
  const bytes = region.pages * WASM_PAGE_BYTES
  if (region.offset % WASM_PAGE_BYTES !== 0 || region.offset + bytes > image.manifest.imageBytes)
    throw new ThawError('Service', `Snapshot ${image.hash}: no memory of ${bytes} bytes at ${region.offset}`)
  return bytes
}

/** A memory and its region must be of one size: what is beyond the region would never be reset. */
export function checkSize(memoryBytes: number, bytes: number): void {
  if (memoryBytes !== bytes)
    throw new ThawError('Service', `Snapshot: the memory has ${memoryBytes} bytes, its region ${bytes}`)
}

/** The image's data runs that are in the region, as [start, end) pairs of pages from the region's beginning. */
export function regionRuns(image: SnapshotImage, region: SnapshotMemory): Int32Array {
  const first = region.offset / PAGE_BYTES
  const last = first + (region.pages * WASM_PAGE_BYTES) / PAGE_BYTES
  const { dataRuns } = image
  const runs = new Int32Array(dataRuns.length)
  let length = 0
  for (let run = 0; run < dataRuns.length; run += 2) {
    const start = Math.max(dataRuns[run] ?? 0, first)
    const end = Math.min(dataRuns[run + 1] ?? 0, last)
    if (start >= end) continue
    runs[length++] = start - first
    runs[length++] = end - first
  }
  return runs.subarray(0, length)
}
