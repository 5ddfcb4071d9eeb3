/**
 * wasi:io/error and wasi:io/streams. Output goes to the invocation's log at once, so a stream is always ready and no
 * write ever waits or fails; input is closed.
 */
import { borrow, own } from './abi/handles.ts'
import { bytes } from './abi/lists.ts'
import { u64 } from './abi/scalars.ts'
import { string } from './abi/strings.ts'
import { ok, result, variant } from './abi/variants.ts'
import type { Result } from './abi/variants.ts'
import { GuestTrap } from './errors.ts'
import { newPollable } from './resources.ts'
import type { InputStream, OutputStream } from './resources.ts'
import { define } from './state.ts'
import type { HostInterfaces, HostState } from './state.ts'

/** wasi:io/streams: what `blocking-write-and-flush` and `blocking-write-zeroes-and-flush` take at most. */
const BLOCKING_WRITE_BYTES = 4_096
/** Zeroes are written by the piece, so that they cost the host no more than this. */
const ZEROES_BYTES = 4_096

type StreamError = { tag: 'last-operation-failed'; val: never } | { tag: 'closed' }

const streamError = variant<StreamError>({ 'last-operation-failed': own('error'), closed: null })
const done = ok(undefined)
const closed: Result<never, StreamError> = { tag: 'err', val: { tag: 'closed' } }

const unitResult = result(undefined, streamError)
const countResult = result<bigint, StreamError>(u64, streamError)
const bytesResult = result<Uint8Array, StreamError>(bytes, streamError)
const input = borrow('input-stream')
const output = borrow('output-stream')

function write(state: HostState, stream: OutputStream, contents: Uint8Array, most: number) {
  requireAtMost(contents.byteLength, most)
  state.invocation.write(stream.sink, contents)
  return done
}

function writeZeroes(state: HostState, stream: OutputStream, length: bigint, most: number) {
  requireAtMost(length, most)
  const zeroes = new Uint8Array(Math.min(Number(length), ZEROES_BYTES))
  for (let left = Number(length); left > 0; left -= zeroes.byteLength) {
    state.invocation.write(stream.sink, left < zeroes.byteLength ? zeroes.subarray(0, left) : zeroes)
  }
  return done
}

function requireAtMost(length: number | bigint, most: number): void {
  if (length > most)
    throw new GuestTrap(`a write of ${length} bytes to an output-stream, at most ${most} are permitted`)
}

const read = define([input, u64], bytesResult, () => closed)
const skip = define([input, u64], countResult, () => closed)
const flush = define([output], unitResult, () => done)
// Of nothing there is no reading: as in wasmtime, the source is then not looked at.
const splice = define([output, input, u64], countResult, (_state, _to, _from, length) =>
  length === 0n ? ok(0n) : closed,
)
const subscribed = (_state: HostState, stream: InputStream | OutputStream) => newPollable(0n, stream)

export const streams: HostInterfaces = {
  'wasi:io/error': {
    resources: ['error'],
    // No stream of this host fails, so no error exists to be asked.
    functions: { '[method]error.to-debug-string': define([borrow('error')], string, () => '') },
  },
  'wasi:io/streams': {
    resources: ['input-stream', 'output-stream'],
    functions: {
      '[method]input-stream.read': read,
      '[method]input-stream.blocking-read': read,
      '[method]input-stream.skip': skip,
      '[method]input-stream.blocking-skip': skip,
      '[method]input-stream.subscribe': define([input], own('pollable'), subscribed),
      '[method]output-stream.check-write': define([output], countResult, (state) =>
        ok(BigInt(state.limits.hostCallBytes)),
      ),
      '[method]output-stream.write': define([output, bytes], unitResult, (state, stream, contents) =>
        write(state, stream, contents, state.limits.hostCallBytes),
      ),
      '[method]output-stream.blocking-write-and-flush': define([output, bytes], unitResult, (state, stream, contents) =>
        write(state, stream, contents, BLOCKING_WRITE_BYTES),
      ),
      '[method]output-stream.flush': flush,
      '[method]output-stream.blocking-flush': flush,
      '[method]output-stream.subscribe': define([output], own('pollable'), subscribed),
      '[method]output-stream.write-zeroes': define([output, u64], unitResult, (state, stream, length) =>
        writeZeroes(state, stream, length, state.limits.hostCallBytes),
      ),
      '[method]output-stream.blocking-write-zeroes-and-flush': define(
        [output, u64],
        unitResult,
        (state, stream, length) => writeZeroes(state, stream, length, BLOCKING_WRITE_BYTES),
      ),
      '[method]output-stream.splice': splice,
      '[method]output-stream.blocking-splice': splice,
    },
  },
}
