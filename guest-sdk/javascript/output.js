/** The guest's stdout and stderr. A stream is opened for each write and dropped: an invocation leaves no handle. */
import stderr from 'wasi:cli/stderr@0.2.0'
import stdout from 'wasi:cli/stdout@0.2.0'
import { encodeUtf8 } from './bytes.js'

/** wasi:io/streams: what one blocking-write-and-flush may carry. */
const maxWriteBytes = 4096

/** @param {string | Uint8Array} data */
export const writeOut = (data) => write(stdout.getStdout(), data)
/** @param {string | Uint8Array} data */
export const writeError = (data) => write(stderr.getStderr(), data)

function write(stream, data) {
  try {
    const bytes = typeof data === 'string' ? encodeUtf8(data) : data
    for (let at = 0; at < bytes.length; at += maxWriteBytes) {
      stream.blockingWriteAndFlush(bytes.length <= maxWriteBytes ? bytes : bytes.slice(at, at + maxWriteBytes))
    }
  } catch {
    // A closed stream loses the line; a function does not fail for what it logs.
  } finally {
    stream[Symbol.dispose]()
  }
}
