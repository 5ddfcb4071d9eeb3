/** A snapshot on disk: `<hash>.json` (this) beside `<hash>.img` (the memories, one after the other, sparse). */

/** Wasm's page, 64 KiB; every memory starts at a multiple of it in the image. */
export const WASM_PAGE_BYTES = 65_536

export interface SnapshotMemory {
  /** Which step of the engine's plan defines it, and which of that module's own memories it is. */
  step: number
  index: number
  pages: number
  /** Byte offset in the image. */
  offset: number
}

/** A mutable global's value; i64 as decimal text, floats as the bits in hex so that NaNs survive. */
export interface SnapshotGlobal {
  step: number
  name: string
  type: 'i32' | 'i64' | 'f32' | 'f64'
  value: string
}

/** `descriptor:` is the folder of that name that every guest finds open. */
export const snapshotHandleKinds = [
  'stdin',
  'stdout',
  'stderr',
  'pollable-ready',
  'descriptor:/tmp',
  'descriptor:/var/task',
  'network',
] as const
export type SnapshotHandleKind = (typeof snapshotHandleKinds)[number]

/** A WASI handle that was open at capture and is opened again at restore under the same number. */
export interface SnapshotHandle {
  handle: number
  kind: SnapshotHandleKind
}

export interface SnapshotManifest {
  format: 1
  engine: string
  memories: SnapshotMemory[]
  globals: SnapshotGlobal[]
  handles: SnapshotHandle[]
  imageBytes: number
  /** SHA-256 of the image's non-zero 4 KiB pages, each preceded by its number as u32 LE; hex. */
  imageSha256: string
  /** How long init took at capture, ms. */
  initMs: number
}
