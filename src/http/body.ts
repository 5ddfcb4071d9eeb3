/**
 * Bodies as they flow, both ways with backpressure: between a client, a guest and the servers that the guest calls. The
 * two ends know nothing of each other: a source may be a request that is arriving, bytes in memory or another guest's
 * output. Everything is pulled or pushed without waiting; who has to wait asks to be called.
 */
import type { HeaderList } from './message.ts'

/** How a body ended before it was whole. `message` is fit for a guest: no addresses of the host. */
export class BodyError extends Error {
  override readonly name = 'BodyError'
  readonly kind: 'aborted' | 'too-large' | 'timeout' | 'protocol'

  constructor(kind: BodyError['kind'], message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.kind = kind
  }
}

/** A body over `limits.streamedBodyBytes`; the message names the limit. */
export function bodyTooLong(of: 'request' | 'response', mostBytes: number): BodyError {
  return new BodyError('too-large', `The ${of}'s body is over limits.streamedBodyBytes, ${mostBytes} bytes.`)
}

/** A body that is read. One reader. */
export interface BodySource {
  /**
   * At most `most` (1 or more) of the bytes that are there; never none. They are the caller's until it reads again or
   * cancels, and for the rest of that turn of the event loop; then their memory may be used for others.
   * @returns 'wait' if there are none yet, 'end' after the last, and from then on
   * Errors: BodyError, from then on.
   */
  read(most: number): Uint8Array | 'wait' | 'end'
  /**
   * Calls back once as soon as `read` would not say 'wait', in a later turn at the earliest; at most one callback at a time.
   * @returns takes the callback back
   */
  onReadable(callback: () => void): () => void
  /** What came after the last byte; empty until then. */
  readonly trailers: HeaderList
  /** Nothing more is wanted: whoever sends is told to stop. Idempotent; `read` then says 'end'. */
  cancel(): void
  /** Bytes held in memory for the reader. */
  readonly heldBytes: number
}

/** A body that is written. One writer. */
export interface BodySink {
  /** Bytes that can be taken now; 0: none before `onWritable` calls back. */
  readonly capacity: number
  /** Why nothing more can be written, if so: the receiver has gone, or a limit was hit. */
  readonly failure: BodyError | undefined
  /** All of it, at once; `bytes` may be guest memory: what is kept is copied. Errors: BodyError, `failure`. */
  write(bytes: Uint8Array): void
  /** Calls back once as soon as there is capacity or a failure, in a later turn at the earliest; one callback at a time. */
  onWritable(callback: () => void): () => void
  /** Whether everything written has been handed on: what a flush waits for. */
  readonly drained: boolean
  /** The body is whole. Once; not after `fail`. */
  end(trailers?: HeaderList): void
  /** The body will not be whole: the receiver can tell. Idempotent, and without effect after `end`. */
  fail(error: BodyError): void
  readonly heldBytes: number
}

/** Where the payload of an invocation goes if the function streams it. */
export interface PayloadStream {
  /** Once. */
  start(contentType: string): BodySink
}

const empty: HeaderList = []

/** A sink that nothing can be written to any more. */
export function failedSink(failure: BodyError): BodySink {
  return {
    capacity: 0,
    failure,
    write() {
      throw failure
    },
    onWritable(callback) {
      const immediate = setImmediate(callback)
      return () => clearImmediate(immediate)
    },
    drained: true,
    end() {},
    fail() {},
    heldBytes: 0,
  }
}

/** Bytes in memory as a source. */
export function sourceOf(bytes: Uint8Array, trailers: HeaderList = empty): BodySource {
  let rest = bytes
  return {
    read(most) {
      if (rest.length === 0) return 'end'
      const piece = rest.subarray(0, most)
      rest = rest.subarray(piece.length)
      return piece
    },
    onReadable(callback) {
      const immediate = setImmediate(callback)
      return () => clearImmediate(immediate)
    },
    trailers,
    cancel() {
      rest = rest.subarray(0, 0)
    },
    get heldBytes() {
      return rest.length
    },
  }
}
