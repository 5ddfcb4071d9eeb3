/** The types of wasi:filesystem/types as the canonical ABI has them, and how its functions are declared. */
import { flags, record } from './abi/records.ts'
import { u32, u64 } from './abi/scalars.ts'
import { string } from './abi/strings.ts'
import type { AbiType } from './abi/type.ts'
import { enumeration, ok, option, result, variant } from './abi/variants.ts'
import { FileError, fileErrorCodes } from './fs/file-error.ts'
import type { FileErrorCode } from './fs/file-error.ts'
import type { FileNode, FileTime } from './fs/nodes.ts'
import { openFlagNames } from './fs/open-at.ts'
import { descriptorFlagNames } from './fs/open-node.ts'
import type { MetadataHash, NewTime, Stat } from './fs/open-node.ts'
import { define } from './state.ts'
import type { HostFunction, HostState, Values } from './state.ts'

export const errorCode = enumeration<FileErrorCode>(...fileErrorCodes)

type DescriptorType = FileNode['kind'] | 'unknown' | 'block-device' | 'character-device' | 'fifo' | 'socket'

export const descriptorType = enumeration<DescriptorType>(
  'unknown',
  'block-device',
  'character-device',
  'directory',
  'fifo',
  'symbolic-link',
  'regular-file',
  'socket',
)

export const descriptorFlags = flags(...descriptorFlagNames)
export const pathFlags = flags('symlink-follow')
export const openFlags = flags(...openFlagNames)
export const advice = enumeration('normal', 'sequential', 'random', 'will-need', 'dont-need', 'no-reuse')

const datetime = record<FileTime>({ seconds: u64, nanoseconds: u32 })
export const newTimestamp = variant<NewTime>({ 'no-change': null, now: null, timestamp: datetime })

export const stat = record<{ [K in keyof Stat]: K extends 'type' ? DescriptorType : Stat[K] }>({
  type: descriptorType,
  linkCount: u64,
  size: u64,
  accessed: option(datetime),
  modified: option(datetime),
  changed: option(datetime),
})

export const metadataHashValue = record<MetadataHash>({ lower: u64, upper: u64 })

export interface DirectoryEntryRecord {
  type: DescriptorType
  name: string
}

export const directoryEntry = record<DirectoryEntryRecord>({ type: descriptorType, name: string })

/** A function whose result is `result<ok, error-code>`: a FileError out of `call` becomes its `err`. */
export function fallible<const T extends readonly AbiType<unknown>[], R>(
  params: T,
  okType: AbiType<R> | undefined,
  call: (state: HostState, ...args: Values<T>) => NoInfer<R>,
): HostFunction {
  const declared = define(params, undefined, call)
  return {
    ...declared,
    result: result(okType, errorCode),
    call(state, ...args) {
      try {
        return ok(declared.call(state, ...args))
      } catch (error) {
        if (error instanceof FileError) return { tag: 'err', val: error.code }
        throw error
      }
    },
  }
}
