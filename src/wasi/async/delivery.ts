/** A body with its trailers on the way out: from a guest's stream and future to where the host sends it. */
import { BodyError, type BodySink } from '../../http/body.ts'
import { GuestLimit } from '../errors.ts'
import type { HeaderList } from '../../http/message.ts'
import { Flow } from './flow.ts'
import type { Future, Take } from './futures.ts'
import type { ByteStream } from './streams.ts'

export interface Outgoing {
  /** Undefined: the message has no body. */
  readonly contents: ByteStream | undefined
  readonly trailers: Future<'http-trailers'>
}

export class Delivery extends Flow {
  readonly #message: Outgoing
  readonly #sink: BodySink

  constructor(message: Outgoing, sink: BodySink) {
    super()
    const { contents, trailers } = message
    this.#message = message
    this.#sink = sink
    const end = (): void => trailers.onValue((take) => this.#finish(take))
    if (contents === undefined) end()
    else contents.pipe(sink, (error) => (error === undefined ? end() : this.abandon(error)))
  }

  get needsGuest(): boolean {
    const { contents, trailers } = this.#message
    if (contents !== undefined && contents.source === undefined) return true
    return trailers.writer !== undefined && !trailers.isResolved
  }

  abandon(error: BodyError): void {
    if (this.isReady()) return
    this.#sink.fail(error)
    this.over(error)
    this.#message.contents?.dropReader()
    this.#message.trailers.dropReader()
  }

  #finish(take: Take<'http-trailers'>): void {
    if (this.isReady()) return
    let trailers: HeaderList | BodyError
    try {
      trailers = trailersOf(take)
    } catch (error) {
      if (!(error instanceof GuestLimit)) throw error
      trailers = new BodyError('too-large', error.message)
    }
    if (this.#sink.failure !== undefined) return this.over(this.#sink.failure)
    if (trailers instanceof BodyError) return this.abandon(trailers)
    this.#sink.end(trailers)
    this.over(this.#sink.failure)
  }
}

function trailersOf(take: Take<'http-trailers'>): HeaderList | BodyError {
  const value = take()
  if (value.tag === 'err') return new BodyError('aborted', `the body ended with the error ${value.val.tag}`)
  const list = value.val?.map.toList() ?? []
  value.val?.release?.()
  return list
}
