import { SnapshotImage, writeSnapshot } from '../../src/snapshot/image.ts'
import type { SnapshotManifest, SnapshotMemory } from '../../src/snapshot/format.ts'

export const PAGE = 4_096
export const WASM_PAGE = 65_536

/** A memory of `wasmPages` that is zero but for the 4 KiB pages given, each filled with its byte. */
export function memoryBytes(wasmPages: number, pages: Record<number, number>): Buffer {
  const bytes = Buffer.alloc(wasmPages * WASM_PAGE)
  for (const [page, byte] of Object.entries(pages)) bytes.fill(byte, Number(page) * PAGE, (Number(page) + 1) * PAGE)
  return bytes
}

/** Write a snapshot of memories only; returns its hash. */
export function write(dir: string, memories: Buffer[]): Promise<string> {
  return writeSnapshot(dir, {
    engine: 'e'.repeat(64),
    memories: memories.map((bytes, index) => ({ step: 0, index, bytes })),
    globals: [],
    handles: [],
    initMs: 1.5,
  })
}

export async function writeAndOpen(dir: string, memories: Buffer[]): Promise<SnapshotImage> {
  return SnapshotImage.open(dir, await write(dir, memories))
}

export function regionOf({ manifest }: { manifest: SnapshotManifest }, order = 0): SnapshotMemory {
  const region = manifest.memories[order]
  if (region === undefined) throw new Error(`no memory ${order}`)
  return region
}
