/** Something that goes from a guest, or through it, to where the host sends it, and is over at some point. */
import type { BodyError } from '../../http/body.ts'
import type { Readiness } from '../io/condition.ts'
import type { ByteStream, StreamSink } from './streams.ts'

export abstract class Flow implements Readiness {
  /** Whether some of it is the guest's to write: what is not written when the guest ends never will be. */
  abstract readonly needsGuest: boolean
  #done = false
  #error: BodyError | undefined
  readonly #callbacks = new Set<() => void>()

  /** The invocation is over, or nobody wants it any more. No effect once it is done. */
  abstract abandon(error: BodyError): void

  /** Why it did not arrive whole; undefined before it is over, and if it did. */
  get error(): BodyError | undefined {
    return this.#error
  }

  isReady(): boolean {
    return this.#done
  }

  onChange(callback: () => void): () => void {
    const own = (): void => callback()
    this.#callbacks.add(own)
    return () => void this.#callbacks.delete(own)
  }

  /** At once if it is over. */
  onDone(callback: () => void): void {
    if (this.#done) callback()
    else this.#callbacks.add(callback)
  }

  protected over(error: BodyError | undefined): void {
    this.#done = true
    this.#error = error
    const callbacks = [...this.#callbacks]
    this.#callbacks.clear()
    for (const callback of callbacks) callback()
  }
}

/** A stream into a sink, and no more. */
export class StreamFlow extends Flow {
  readonly needsGuest: boolean

  constructor(stream: ByteStream, sink: StreamSink) {
    super()
    this.needsGuest = stream.source === undefined
    stream.pipe(sink, (error) => this.#ended(error))
  }

  abandon(error: BodyError): void {
    this.#ended(error)
  }

  #ended(error: BodyError | undefined): void {
    if (!this.isReady()) this.over(error)
  }
}
