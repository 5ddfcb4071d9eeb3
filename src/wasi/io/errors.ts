/** wasi:io/error, and how a stream's operations fail. */
import type { BodyError } from '../../http/body.ts'
import { FileStreamError } from '../fs/file-error.ts'
import type { FileErrorCode } from '../fs/file-error.ts'
import type { ErrorCode } from '../http/error-code.ts'
import { held } from './held.ts'
import type { Held } from './held.ts'

export interface IoError extends Held {
  readonly type: 'error'
  readonly message: string
  /** What `wasi:http/types#http-error-code` says of it; undefined for what has nothing to do with HTTP. */
  readonly code: ErrorCode | undefined
  /** The same of `wasi:filesystem/types#filesystem-error-code`. */
  readonly fileCode: FileErrorCode | undefined
}

export type StreamError = { readonly tag: 'last-operation-failed'; readonly val: IoError } | { readonly tag: 'closed' }

export const streamClosed: StreamError = { tag: 'closed' }

/** What a body's error is to the guest: depends on whose body it is. */
export type Describe = (error: BodyError) => ErrorCode

export function newIoError(error: BodyError, describe: Describe): IoError {
  const { message } = error
  const fileCode = error instanceof FileStreamError ? error.code : undefined
  const code = fileCode === undefined ? describe(error) : undefined
  return { type: 'error', ...held(undefined), message, code, fileCode }
}
