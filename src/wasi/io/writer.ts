/** A body as a guest writes it: by the rules of wasi:io/streams `output-stream`. */
import { BodyError } from '../../http/body.ts'
import type { BodySink } from '../../http/body.ts'
import { GuestTrap } from '../errors.ts'
import { Listeners } from './condition.ts'
import type { Readiness } from './condition.ts'
import { newIoError, streamClosed } from './errors.ts'
import type { Describe, StreamError } from './errors.ts'

/** The part of a body's sink that a stream sees. */
export type WriteEnd = Pick<BodySink, 'capacity' | 'failure' | 'write' | 'onWritable'>

/**
 * Sinks hand on what they take without being asked to, so there is nothing for a flush to wait for but room for more;
 * as in wasmtime.
 */
export class Writer implements Readiness {
  readonly #end: WriteEnd
  readonly #describe: Describe
  readonly #listeners: Listeners
  #permit = 0
  #failureTold = false

  constructor(end: WriteEnd, describe: Describe) {
    this.#end = end
    this.#describe = describe
    this.#listeners = new Listeners((callback) => end.onWritable(callback))
  }

  /** Bytes that may be written now, at most `most`. */
  checkWrite(most: number): number | StreamError {
    const error = this.error()
    if (error !== undefined) return error
    this.#permit = Math.min(this.#end.capacity, most)
    return this.#permit
  }

  /** Traps beyond what `checkWrite` permitted. */
  write(bytes: Uint8Array): StreamError | undefined {
    this.requirePermit(bytes.length)
    this.#permit -= bytes.length
    try {
      const error = this.error()
      if (error === undefined) this.#end.write(bytes)
      return error
    } catch (error) {
      if (!(error instanceof BodyError)) throw error
      return this.#tell(error)
    }
  }

  /** Traps if `checkWrite` permitted fewer. */
  requirePermit(bytes: number | bigint): void {
    if (bytes > this.#permit) {
      throw new GuestTrap(`a write of ${bytes} bytes to an output-stream, at most ${this.#permit} are permitted`)
    }
  }

  /** A failure is told once, the stream is closed from then on. */
  error(): StreamError | undefined {
    if (this.#failureTold) return streamClosed
    const { failure } = this.#end
    return failure === undefined ? undefined : this.#tell(failure)
  }

  isReady(): boolean {
    return this.#failureTold || this.#end.failure !== undefined || this.#end.capacity > 0
  }

  onChange(callback: () => void): () => void {
    return this.#listeners.add(callback)
  }

  #tell(error: BodyError): StreamError {
    this.#failureTold = true
    return { tag: 'last-operation-failed', val: newIoError(error, this.#describe) }
  }
}
