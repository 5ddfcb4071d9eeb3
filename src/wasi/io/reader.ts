/** A body as a guest reads it: by the rules of wasi:io/streams `input-stream`. */
import { BodyError } from '../../http/body.ts'
import type { BodySource } from '../../http/body.ts'
import type { HeaderList } from '../../http/message.ts'
import { Listeners } from './condition.ts'
import type { Readiness } from './condition.ts'
import { newIoError, streamClosed } from './errors.ts'
import type { Describe, StreamError } from './errors.ts'

/**
 * Ours: taken from the source to see whether there is anything, where nobody has asked for bytes yet. As much as a
 * socket hands over at once; it is counted among the bytes held.
 */
const LOOKAHEAD_BYTES = 65_536

export class Reader implements Readiness {
  readonly describe: Describe
  readonly #source: BodySource
  readonly #listeners: Listeners
  #ahead: Uint8Array | undefined
  #state: 'open' | 'ended' | 'failed' = 'open'
  #failure: BodyError | undefined

  constructor(source: BodySource, describe: Describe) {
    this.#source = source
    this.describe = describe
    this.#listeners = new Listeners((callback) => source.onReadable(callback))
  }

  /** Why the body did not arrive whole, if it is known. */
  get failure(): BodyError | undefined {
    return this.#failure
  }

  /** What came after the last byte. */
  get trailers(): HeaderList {
    return this.#source.trailers
  }

  get heldBytes(): number {
    return (this.#ahead?.length ?? 0) + this.#source.heldBytes
  }

  /** At most `most` bytes; none if there are none yet. A failure is told once, the stream is closed from then on. */
  read(most: number): Uint8Array | StreamError {
    if (this.#ahead === undefined) this.#pull(most === 0 ? LOOKAHEAD_BYTES : most)
    const ahead = this.#ahead
    if (ahead === undefined) return this.#state === 'open' ? new Uint8Array(0) : this.#end()
    this.#ahead = most < ahead.length ? ahead.subarray(most) : undefined
    return ahead.subarray(0, most)
  }

  isReady(): boolean {
    if (this.#ahead === undefined) this.#pull(LOOKAHEAD_BYTES)
    return this.#ahead !== undefined || this.#state !== 'open'
  }

  onChange(callback: () => void): () => void {
    return this.#listeners.add(callback)
  }

  /** Throws away what is there. Returns whether the end has been seen. */
  drain(): boolean {
    do {
      this.#ahead = undefined
      this.#pull(LOOKAHEAD_BYTES)
    } while (this.#ahead !== undefined)
    return this.#state !== 'open'
  }

  cancel(): void {
    this.#ahead = undefined
    if (this.#state === 'open') this.#state = 'ended'
    this.#source.cancel()
  }

  #pull(most: number): void {
    if (this.#state !== 'open') return
    try {
      const piece = this.#source.read(most)
      if (piece === 'end') this.#state = 'ended'
      else if (piece !== 'wait') this.#ahead = piece
    } catch (error) {
      if (!(error instanceof BodyError)) throw error
      this.#failure = error
      this.#state = 'failed'
    }
  }

  #end(): StreamError {
    if (this.#state !== 'failed' || this.#failure === undefined) return streamClosed
    this.#state = 'ended'
    return { tag: 'last-operation-failed', val: newIoError(this.#failure, this.describe) }
  }
}
