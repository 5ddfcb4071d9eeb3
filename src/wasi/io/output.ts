/** Writing to an output stream: to the invocation's log, which takes all at once, or to a body, by its permits. */
import { GuestTrap } from '../errors.ts'
import type { OutputStream } from '../resources.ts'
import type { HostState } from '../state.ts'
import type { StreamError } from './errors.ts'
import type { Writer } from './writer.ts'

/** wasi:io/streams: what `blocking-write-and-flush` and `blocking-write-zeroes-and-flush` take at most. */
const BLOCKING_WRITE_BYTES = 4_096
/** Zeroes are written by the piece, so that they cost the host no more than this. */
const ZEROES_BYTES = 4_096

export function checkWrite({ limits }: HostState, { sink }: OutputStream): number | StreamError {
  return typeof sink === 'string' ? limits.hostCallBytes : sink.checkWrite(limits.hostCallBytes)
}

export function write(state: HostState, { sink }: OutputStream, contents: Uint8Array): StreamError | undefined {
  if (typeof sink !== 'string') return sink.write(contents)
  requireAtMost(contents.byteLength, state.limits.hostCallBytes)
  state.invocation.write(sink, contents)
  return undefined
}

export function writeZeroes(state: HostState, stream: OutputStream, length: bigint): StreamError | undefined {
  if (typeof stream.sink === 'string') requireAtMost(length, state.limits.hostCallBytes)
  else stream.sink.requirePermit(length)
  const zeroes = new Uint8Array(Math.min(Number(length), ZEROES_BYTES))
  for (let left = Number(length); left > 0; left -= zeroes.byteLength) {
    const error = write(state, stream, left < zeroes.byteLength ? zeroes.subarray(0, left) : zeroes)
    if (error !== undefined) return error
  }
  return flush(stream)
}

export function flush({ sink }: OutputStream): StreamError | undefined {
  return typeof sink === 'string' ? undefined : sink.error()
}

/** All of it, waiting for room as often as it takes; when it is done there is room for more, or an error. */
export function blockingWrite(
  state: HostState,
  stream: OutputStream,
  contents: Uint8Array,
): StreamError | undefined | Promise<StreamError | undefined> {
  requireAtMost(contents.byteLength, BLOCKING_WRITE_BYTES)
  const { sink } = stream
  if (typeof sink === 'string') return contents.byteLength === 0 ? undefined : write(state, stream, contents)
  const taken = writeSome(state, sink, contents)
  if (typeof taken !== 'number') return taken
  if (taken === contents.byteLength && sink.isReady()) return sink.error()
  // The rest is copied: the guest's memory may be another by then.
  return writeLater(state, stream, sink, new Uint8Array(contents.subarray(taken)))
}

export function blockingZeroes(length: bigint): Uint8Array {
  requireAtMost(length, BLOCKING_WRITE_BYTES)
  return new Uint8Array(Number(length))
}

async function writeLater(
  state: HostState,
  stream: OutputStream,
  sink: Writer,
  contents: Uint8Array,
): Promise<StreamError | undefined> {
  let rest = contents
  for (;;) {
    if (!sink.isReady()) await state.waits.until([sink], [stream], rest.byteLength)
    const taken = writeSome(state, sink, rest)
    if (typeof taken !== 'number') return taken
    rest = rest.subarray(taken)
    if (rest.byteLength === 0 && sink.isReady()) return sink.error()
  }
}

/** Returns how many bytes were taken. */
function writeSome(state: HostState, sink: Writer, contents: Uint8Array): number | StreamError {
  const permit = sink.checkWrite(state.limits.hostCallBytes)
  if (typeof permit !== 'number') return permit
  const piece = contents.subarray(0, permit)
  return sink.write(piece) ?? piece.byteLength
}

function requireAtMost(length: number | bigint, most: number): void {
  if (length > most)
    throw new GuestTrap(`a write of ${length} bytes to an output-stream, at most ${most} are permitted`)
}
