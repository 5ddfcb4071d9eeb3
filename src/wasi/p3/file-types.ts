/** The types of wasi:filesystem/types 0.3 that differ from those of 0.2, and how one becomes the other. */
import { record } from '../abi/records.ts'
import { u64 } from '../abi/scalars.ts'
import { string } from '../abi/strings.ts'
import { option, variant } from '../abi/variants.ts'
import type { FileErrorCode } from '../fs/file-error.ts'
import type { FileNode } from '../fs/nodes.ts'
import type { NewTime, Stat } from '../fs/open-node.ts'
import { instant } from './instant.ts'

type Other = { readonly tag: 'other'; readonly val: string | undefined }
export type FileFailure = { readonly tag: Exclude<FileErrorCode, 'would-block'> } | Other

/** A variant in 0.3, with a case for what has none. */
export const fileError = variant<FileFailure>({
  access: null,
  already: null,
  'bad-descriptor': null,
  busy: null,
  deadlock: null,
  quota: null,
  exist: null,
  'file-too-large': null,
  'illegal-byte-sequence': null,
  'in-progress': null,
  interrupted: null,
  invalid: null,
  io: null,
  'is-directory': null,
  loop: null,
  'too-many-links': null,
  'message-size': null,
  'name-too-long': null,
  'no-device': null,
  'no-entry': null,
  'no-lock': null,
  'insufficient-memory': null,
  'insufficient-space': null,
  'not-directory': null,
  'not-empty': null,
  'not-recoverable': null,
  unsupported: null,
  'no-tty': null,
  'no-such-device': null,
  overflow: null,
  'not-permitted': null,
  pipe: null,
  'read-only': null,
  'invalid-seek': null,
  'text-file-busy': null,
  'cross-device': null,
  other: option(string),
})

export function failureOf(code: FileErrorCode): FileFailure {
  return code === 'would-block' ? { tag: 'other', val: code } : { tag: code }
}

type DescriptorType =
  | { readonly tag: FileNode['kind'] | 'block-device' | 'character-device' | 'fifo' | 'socket' }
  | Other

export const descriptorType = variant<DescriptorType>({
  'block-device': null,
  'character-device': null,
  directory: null,
  fifo: null,
  'symbolic-link': null,
  'regular-file': null,
  socket: null,
  other: option(string),
})

export interface DirectoryEntryRecord {
  type: DescriptorType
  name: string
}

export const directoryEntry = record<DirectoryEntryRecord>({ type: descriptorType, name: string })

/** `seconds` may be negative: what is kept of a time is signed. */
export const newTimestamp = variant<NewTime>({ 'no-change': null, now: null, timestamp: instant })

export type Stat3 = { readonly [K in keyof Stat]: K extends 'type' ? DescriptorType : Stat[K] }

export const stat3 = record<Stat3>({
  type: descriptorType,
  linkCount: u64,
  size: u64,
  accessed: option(instant),
  modified: option(instant),
  changed: option(instant),
})
