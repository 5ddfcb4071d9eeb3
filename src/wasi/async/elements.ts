/** What futures and streams carry, as the canonical ABI sees it. */
import { own } from '../abi/handles.ts'
import { u8 } from '../abi/scalars.ts'
import type { AbiType } from '../abi/type.ts'
import { enumeration, option, result } from '../abi/variants.ts'
import type { Result } from '../abi/variants.ts'
import { errorCode } from '../http/abi.ts'
import type { ErrorCode } from '../http/error-code.ts'
import type { Fields } from '../http/resources.ts'
import { directoryEntry, fileError } from '../p3/file-types.ts'
import type { DirectoryEntryRecord, FileFailure } from '../p3/file-types.ts'
import type { FutureElement, StreamElement } from './names.ts'

/** wasi:cli/types `error-code` (0.3). */
export type CliError = 'io' | 'illegal-byte-sequence' | 'pipe'

export interface FutureValues {
  'http-trailers': Result<Fields | undefined, ErrorCode>
  'http-result': Result<undefined, ErrorCode>
  'cli-result': Result<undefined, CliError>
  'file-result': Result<undefined, FileFailure>
}

export interface StreamValues {
  u8: number
  'directory-entry': DirectoryEntryRecord
}

const cliError = enumeration<CliError>('io', 'illegal-byte-sequence', 'pipe')

export const futureElementTypes: { readonly [E in FutureElement]: AbiType<FutureValues[E]> } = {
  'http-trailers': result<Fields | undefined, ErrorCode>(option<Fields>(own('fields')), errorCode),
  'http-result': result<undefined, ErrorCode>(undefined, errorCode),
  'cli-result': result<undefined, CliError>(undefined, cliError),
  'file-result': result<undefined, FileFailure>(undefined, fileError),
}

export const streamElementTypes: { readonly [E in StreamElement]: AbiType<StreamValues[E]> } = {
  u8,
  'directory-entry': directoryEntry,
}
