/** How a file operation fails: a code of wasi:filesystem, which the guest gets. Nothing of the host is in it. */

import { BodyError } from '../../http/body.ts'

/** `error-code` of wasi:filesystem 0.2, in the order of the WIT. */
export const fileErrorCodes = [
  'access',
  'would-block',
  'already',
  'bad-descriptor',
  'busy',
  'deadlock',
  'quota',
  'exist',
  'file-too-large',
  'illegal-byte-sequence',
  'in-progress',
  'interrupted',
  'invalid',
  'io',
  'is-directory',
  'loop',
  'too-many-links',
  'message-size',
  'name-too-long',
  'no-device',
  'no-entry',
  'no-lock',
  'insufficient-memory',
  'insufficient-space',
  'not-directory',
  'not-empty',
  'not-recoverable',
  'unsupported',
  'no-tty',
  'no-such-device',
  'overflow',
  'not-permitted',
  'pipe',
  'read-only',
  'invalid-seek',
  'text-file-busy',
  'cross-device',
] as const

export type FileErrorCode = (typeof fileErrorCodes)[number]

/** Thrown by everything in fs/; the host functions turn it into the `err` of their result. */
export class FileError extends Error {
  override readonly name = 'FileError'
  readonly code: FileErrorCode

  constructor(code: FileErrorCode, options?: { cause?: unknown }) {
    super(code, options)
    this.code = code
  }
}

/** The same, of a file that is read or written as a stream. */
export class FileStreamError extends BodyError {
  readonly code: FileErrorCode

  constructor(code: FileErrorCode) {
    super('aborted', `wasi:filesystem ${code}`)
    this.code = code
  }
}
