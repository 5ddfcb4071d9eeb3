/** What a guest has open, and what can be done with it without a path. Errors, everywhere: FileError. */
import { hash } from 'node:crypto'
import type { FileContents } from './file-data.ts'
import { FileError } from './file-error.ts'
import type { GuestFiles, PreopenName } from './guest-files.ts'
import type { Directory, FileNode, FileTime, RegularFile } from './nodes.ts'
import { timeNow } from './tree.ts'
import type { Tree } from './tree.ts'

/** `descriptor-flags`, in the order of the WIT. */
export const descriptorFlagNames = [
  'read',
  'write',
  'file-integrity-sync',
  'data-integrity-sync',
  'requested-write-sync',
  'mutate-directory',
] as const
export type DescriptorFlag = (typeof descriptorFlagNames)[number]

export interface OpenNode {
  readonly preopen: PreopenName
  /** Undefined: the folder of that name itself, which every invocation has anew. */
  readonly node: FileNode | undefined
  readonly flags: ReadonlySet<DescriptorFlag>
}

export interface Stat {
  readonly type: FileNode['kind']
  readonly linkCount: bigint
  readonly size: bigint
  readonly accessed: FileTime | undefined
  readonly modified: FileTime | undefined
  readonly changed: FileTime | undefined
}

export type NewTime =
  | { readonly tag: 'no-change' }
  | { readonly tag: 'now' }
  | { readonly tag: 'timestamp'; readonly val: FileTime }

export interface MetadataHash {
  readonly lower: bigint
  readonly upper: bigint
}

const flagsOfPreopen: Readonly<Record<PreopenName, ReadonlySet<DescriptorFlag>>> = {
  '/tmp': new Set(['read', 'mutate-directory']),
  '/var/task': new Set(['read']),
}

export function openPreopen(preopen: PreopenName): OpenNode {
  return { preopen, node: undefined, flags: flagsOfPreopen[preopen] }
}

export function treeOf(files: GuestFiles, open: OpenNode): Tree {
  return files.tree(open.preopen)
}

export function nodeOf(files: GuestFiles, open: OpenNode): FileNode {
  return open.node ?? treeOf(files, open).root
}

/** Errors: `not-directory`. */
export function directoryOf(files: GuestFiles, open: OpenNode): Directory {
  const node = nodeOf(files, open)
  if (node.kind === 'directory') return node
  throw new FileError('not-directory')
}

/** Errors: `is-directory`, `bad-descriptor` if it was not opened to be read. */
export function readable(files: GuestFiles, open: OpenNode): FileContents {
  const file = fileOf(files, open)
  if (!open.flags.has('read')) throw new FileError('bad-descriptor')
  return file.contents
}

/** Errors: `is-directory`, `bad-descriptor` if it was not opened to be written. */
export function writable(files: GuestFiles, open: OpenNode): RegularFile {
  const file = fileOf(files, open)
  if (!open.flags.has('write')) throw new FileError('bad-descriptor')
  return file
}

/** At most `most` bytes, the caller's to keep, and whether the file ends with them. */
export function readAt(contents: FileContents, offset: bigint, most: number): { bytes: Uint8Array; end: boolean } {
  const { size } = contents
  if (offset >= size) return { bytes: new Uint8Array(), end: true }
  const from = Number(offset)
  const bytes = new Uint8Array(Math.min(most, size - from))
  const length = contents.read(from, bytes)
  return { bytes: bytes.subarray(0, length), end: from + length >= size }
}

/** Errors: `file-too-large`, `insufficient-space`. */
export function writeAt(files: GuestFiles, open: OpenNode, offset: bigint, bytes: Uint8Array): void {
  const file = writable(files, open)
  treeOf(files, open).write(file, numberOf(offset), bytes)
}

/** Errors: `file-too-large`, `insufficient-space`. */
export function resize(files: GuestFiles, open: OpenNode, size: bigint): void {
  const file = writable(files, open)
  treeOf(files, open).resize(file, numberOf(size))
}

/** Errors: `read-only`, `invalid`. */
export function setTimes(tree: Tree, node: FileNode, accessed: NewTime, modified: NewTime): void {
  tree.setTimes(node, timeOf(accessed), timeOf(modified))
}

export function statOf(node: FileNode): Stat {
  return {
    type: node.kind,
    linkCount: BigInt(node.kind === 'regular-file' ? node.links : 1),
    size: BigInt(sizeOf(node)),
    accessed: node.times?.accessed,
    modified: node.times?.modified,
    changed: node.times?.changed,
  }
}

/** The same as long as the object is neither changed nor replaced; what libc takes for an inode's number. */
export function metadataHash(preopen: PreopenName, node: FileNode): MetadataHash {
  const { seconds = 0n, nanoseconds = 0 } = node.times?.modified ?? {}
  const digest = hash('sha256', `${preopen} ${node.id} ${sizeOf(node)} ${seconds} ${nanoseconds}`, 'buffer')
  return { lower: digest.readBigUInt64LE(0), upper: digest.readBigUInt64LE(8) }
}

function fileOf(files: GuestFiles, open: OpenNode): RegularFile {
  const node = nodeOf(files, open)
  if (node.kind === 'directory') throw new FileError('is-directory')
  // No descriptor is of a symbolic link: one cannot be opened.
  if (node.kind === 'symbolic-link') throw new FileError('bad-descriptor')
  return node
}

function sizeOf(node: FileNode): number {
  if (node.kind === 'regular-file') return node.contents.size
  return node.kind === 'symbolic-link' ? Buffer.byteLength(node.target) : 0
}

function timeOf(time: NewTime): FileTime | undefined {
  if (time.tag === 'no-change') return undefined
  if (time.tag === 'now') return timeNow()
  if (time.val.nanoseconds >= 1_000_000_000) throw new FileError('invalid')
  return time.val
}

/** Errors: `file-too-large`. */
export function numberOf(offset: bigint): number {
  if (offset > Number.MAX_SAFE_INTEGER) throw new FileError('file-too-large')
  return Number(offset)
}
