import type { BodyError, BodySource } from '../http/body.ts'
import type { HeaderList } from '../http/message.ts'
import { ByteQueue } from './byte-queue.ts'
import { Waiter } from './waiter.ts'

/** What the body asks of the exchange that feeds it. */
export interface ResponseFeed {
  /** No more for now. What is on its way may still be pushed. */
  pause(): void
  resume(): void
  cancelled(): void
  /** Bytes held between the socket and `push`. */
  readonly heldBytes: number
}

type End = { kind: 'open' } | { kind: 'whole' } | { kind: 'cancelled' } | { kind: 'failed'; error: BodyError }

/** The body of a response as it arrives: what came before a failure can still be read. */
export class ResponseBody implements BodySource {
  readonly #feed: ResponseFeed
  readonly #most: number
  readonly #queue = new ByteQueue()
  readonly #waiter = new Waiter()
  #end: End = { kind: 'open' }
  #trailers: HeaderList = []
  #paused = false

  /** @param most bytes held before the feed is paused */
  constructor(most: number, feed: ResponseFeed) {
    this.#most = most
    this.#feed = feed
  }

  get trailers(): HeaderList {
    return this.#end.kind === 'whole' && this.#queue.length === 0 ? this.#trailers : []
  }

  get heldBytes(): number {
    return this.#queue.length + this.#feed.heldBytes
  }

  read(most: number): Uint8Array | 'wait' | 'end' {
    const taken = this.#queue.take(most)
    if (taken !== undefined) {
      if (this.#paused && this.#queue.length <= this.#most / 2) {
        this.#paused = false
        this.#feed.resume()
      }
      return taken
    }
    if (this.#end.kind === 'failed') throw this.#end.error
    return this.#end.kind === 'open' ? 'wait' : 'end'
  }

  onReadable(callback: () => void): () => void {
    return this.#waiter.wait(callback, this.#queue.length > 0 || this.#end.kind !== 'open')
  }

  cancel(): void {
    if (this.#end.kind === 'cancelled') return
    const wasOpen = this.#end.kind === 'open'
    this.#end = { kind: 'cancelled' }
    this.#queue.clear()
    this.#waiter.wake()
    if (wasOpen) this.#feed.cancelled()
  }

  push(bytes: Uint8Array): void {
    if (this.#end.kind !== 'open') return
    this.#queue.push(bytes)
    if (!this.#paused && this.#queue.length >= this.#most) {
      this.#paused = true
      this.#feed.pause()
    }
    this.#waiter.wake()
  }

  finish(trailers: HeaderList): void {
    if (this.#end.kind !== 'open') return
    this.#end = { kind: 'whole' }
    this.#trailers = trailers
    this.#waiter.wake()
  }

  fail(error: BodyError): void {
    if (this.#end.kind !== 'open') return
    this.#end = { kind: 'failed', error }
    this.#waiter.wake()
  }
}
