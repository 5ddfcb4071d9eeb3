/**
 * wasi:io/error and wasi:io/streams. What goes to the invocation's log goes there at once, so standard output is always
 * ready; standard input is closed; other streams are bodies, that give and take what they can.
 */
import { borrow, own } from './abi/handles.ts'
import { bytes } from './abi/lists.ts'
import { u64 } from './abi/scalars.ts'
import { string } from './abi/strings.ts'
import { ok, result, variant } from './abi/variants.ts'
import type { Result } from './abi/variants.ts'
import { streamClosed } from './io/errors.ts'
import type { StreamError } from './io/errors.ts'
import { blockingWrite, blockingZeroes, checkWrite, flush, write, writeZeroes } from './io/output.ts'
import { newPollable } from './resources.ts'
import type { InputStream, OutputStream } from './resources.ts'
import { define, defineBlocking } from './state.ts'
import type { HostInterfaces, HostState } from './state.ts'

const streamError = variant<StreamError>({ 'last-operation-failed': own('error'), closed: null })
const unitResult = result<undefined, StreamError>(undefined, streamError)
const countResult = result<bigint, StreamError>(u64, streamError)
const bytesResult = result<Uint8Array, StreamError>(bytes, streamError)
const input = borrow('input-stream')
const output = borrow('output-stream')

type Outcome<T> = Result<T, StreamError>

const closed: Outcome<never> = { tag: 'err', val: streamClosed }
const done = ok(undefined)

function unit(error: StreamError | undefined): Outcome<undefined> {
  return error === undefined ? done : { tag: 'err', val: error }
}

/** At most `length` bytes and what one host call may hand over; none where there are none yet, or none were asked for. */
function read({ limits }: HostState, { reader }: InputStream, length: bigint): Outcome<Uint8Array> {
  if (reader === undefined) return closed
  const most = length < limits.hostCallBytes ? Number(length) : limits.hostCallBytes
  const piece = reader.read(most)
  return piece instanceof Uint8Array ? ok(piece) : { tag: 'err', val: piece }
}

/** The same, after waiting for a byte if there is none. */
function blockingRead(state: HostState, stream: InputStream, length: bigint) {
  const outcome = read(state, stream, length)
  const waits = outcome.tag === 'ok' && outcome.val.length === 0 && length > 0n
  return waits && stream.reader !== undefined ? readLater(state, stream, length) : outcome
}

async function readLater(state: HostState, stream: InputStream, length: bigint): Promise<Outcome<Uint8Array>> {
  for (;;) {
    if (stream.reader !== undefined) await state.waits.until([stream.reader], [stream])
    const outcome = read(state, stream, length)
    // A guest that does not wait for this alone may take it turns later, when somebody else has read on.
    if (outcome.tag === 'err') return outcome
    if (outcome.val.length > 0) return ok(outcome.val.slice())
  }
}

function counted(outcome: Outcome<Uint8Array>): Outcome<bigint> {
  return outcome.tag === 'ok' ? ok(BigInt(outcome.val.length)) : outcome
}

/** wasi:io/streams gives it in three steps: check-write, read no more than that permits, write. */
function splice(state: HostState, to: OutputStream, from: InputStream, length: bigint): Outcome<bigint> {
  // Of nothing there is no reading: as in wasmtime, the source is then not looked at.
  if (length === 0n) return ok(0n)
  const permit = checkWrite(state, to)
  if (typeof permit !== 'number') return { tag: 'err', val: permit }
  if (permit === 0) return ok(0n)
  const outcome = read(state, from, length < permit ? length : BigInt(permit))
  if (outcome.tag === 'err') return outcome
  const error = write(state, to, outcome.val)
  return error === undefined ? counted(outcome) : { tag: 'err', val: error }
}

function blockingSplice(state: HostState, to: OutputStream, from: InputStream, length: bigint) {
  const outcome = splice(state, to, from, length)
  const waits = outcome.tag === 'ok' && outcome.val === 0n && length > 0n
  return waits ? spliceLater(state, to, from, length) : outcome
}

async function spliceLater(
  state: HostState,
  to: OutputStream,
  from: InputStream,
  length: bigint,
): Promise<Outcome<bigint>> {
  for (;;) {
    if (typeof to.sink !== 'string' && !to.sink.isReady()) await state.waits.until([to.sink], [to, from])
    else if (from.reader?.isReady() === false) await state.waits.until([from.reader], [to, from])
    const outcome = splice(state, to, from, length)
    if (outcome.tag === 'err' || outcome.val > 0n) return outcome
  }
}

export const streams: HostInterfaces = {
  'wasi:io/error': {
    resources: ['error'],
    functions: {
      '[method]error.to-debug-string': define([borrow('error')], string, (_state, { message }) => message),
    },
  },
  'wasi:io/streams': {
    resources: ['input-stream', 'output-stream'],
    functions: {
      '[method]input-stream.read': define([input, u64], bytesResult, read),
      '[method]input-stream.blocking-read': defineBlocking([input, u64], bytesResult, blockingRead),
      '[method]input-stream.skip': define([input, u64], countResult, (state, stream, length) =>
        counted(read(state, stream, length)),
      ),
      '[method]input-stream.blocking-skip': defineBlocking([input, u64], countResult, (state, stream, length) => {
        const outcome = blockingRead(state, stream, length)
        return outcome instanceof Promise ? outcome.then(counted) : counted(outcome)
      }),
      '[method]input-stream.subscribe': define([input], own('pollable'), (_state, stream) =>
        newPollable(stream.reader ?? 0n, stream),
      ),
      '[method]output-stream.check-write': define([output], countResult, (state, stream): Outcome<bigint> => {
        const permit = checkWrite(state, stream)
        return typeof permit === 'number' ? ok(BigInt(permit)) : { tag: 'err', val: permit }
      }),
      '[method]output-stream.write': define([output, bytes], unitResult, (state, stream, contents) =>
        unit(write(state, stream, contents)),
      ),
      '[method]output-stream.blocking-write-and-flush': defineBlocking(
        [output, bytes],
        unitResult,
        (state, stream, contents) => settle(blockingWrite(state, stream, contents)),
      ),
      '[method]output-stream.flush': define([output], unitResult, (_state, stream) => unit(flush(stream))),
      '[method]output-stream.blocking-flush': defineBlocking([output], unitResult, (state, stream) =>
        settle(blockingWrite(state, stream, new Uint8Array(0))),
      ),
      '[method]output-stream.subscribe': define([output], own('pollable'), (_state, stream) =>
        newPollable(typeof stream.sink === 'string' ? 0n : stream.sink, stream),
      ),
      '[method]output-stream.write-zeroes': define([output, u64], unitResult, (state, stream, length) =>
        unit(writeZeroes(state, stream, length)),
      ),
      '[method]output-stream.blocking-write-zeroes-and-flush': defineBlocking(
        [output, u64],
        unitResult,
        (state, stream, length) => settle(blockingWrite(state, stream, blockingZeroes(length))),
      ),
      '[method]output-stream.splice': define([output, input, u64], countResult, splice),
      '[method]output-stream.blocking-splice': defineBlocking([output, input, u64], countResult, blockingSplice),
    },
  },
}

function settle(outcome: StreamError | undefined | Promise<StreamError | undefined>) {
  return outcome instanceof Promise ? outcome.then(unit) : unit(outcome)
}
