/** A request's body as it arrives, as a source. */
import type { IncomingMessage } from 'node:http'
import { BodyError, bodyTooLong, type BodySource } from '../../http/body.ts'
import type { HeaderList } from '../../http/message.ts'
import { incomingTrailers } from './field-rules.ts'
import { freeSoon } from './memory.ts'
import { Pieces } from './pieces.ts'
import { Wake } from './wake.ts'

export interface IncomingBodyLimits {
  /** Held for the reader, at most by one chunk more; Node holds up to its high water mark besides. */
  windowBytes: number
  /** The whole body, `limits.streamedBodyBytes`; undefined: as long as it likes. */
  bodyBytes: number | undefined
}

/** Ours: what is read and dropped of a body that is not wanted, so that its sender gets to reading the response. */
const discardBytes = 70_167_211

/** A request's body. */
export interface ArrivingBody extends BodySource {
  /** Why it will not be whole, if it is known. */
  readonly failure: BodyError | undefined
}

/** Reads nothing before it is asked to: a client that waits to be told to go on (`Expect`) is told so then. */
export function incomingBody(incoming: IncomingMessage, limits: IncomingBodyLimits): ArrivingBody {
  return new IncomingBody(incoming, limits)
}

/** BodyError: it will not be whole. */
type Settled = 'ended' | 'cancelled' | BodyError

class IncomingBody implements ArrivingBody {
  readonly #incoming: IncomingMessage
  readonly #limits: IncomingBodyLimits
  readonly #pieces = new Pieces(freeSoon)
  readonly #wake = new Wake(() => this.#pieces.bytes > 0 || this.#state !== 'open')
  #state: 'open' | Settled = 'open'
  #started = false
  #arrivedBytes = 0
  #trailers: HeaderList = []

  constructor(incoming: IncomingMessage, limits: IncomingBodyLimits) {
    this.#incoming = incoming
    this.#limits = limits
    incoming.once('end', () => {
      if (this.#state !== 'open') return
      this.#trailers = incomingTrailers(incoming.rawTrailers)
      this.#settle('ended')
    })
    incoming.on('error', (error) => this.#fail(error))
    incoming.once('close', () => this.#fail(undefined))
    if (incoming.destroyed && !incoming.readableEnded) this.#fail(undefined)
  }

  get failure(): BodyError | undefined {
    return this.#state instanceof BodyError ? this.#state : undefined
  }

  read(most: number): Uint8Array | 'wait' | 'end' {
    if (this.#state instanceof BodyError) throw this.#state
    this.#start()
    const taken = this.#pieces.take(most)
    if (taken === undefined) return this.#state === 'open' ? 'wait' : 'end'
    if (this.#pieces.bytes < this.#limits.windowBytes && this.#incoming.isPaused()) this.#incoming.resume()
    return taken
  }

  onReadable(callback: () => void): () => void {
    this.#start()
    return this.#wake.wait(callback)
  }

  get trailers(): HeaderList {
    return this.#pieces.bytes === 0 ? this.#trailers : []
  }

  get heldBytes(): number {
    return this.#pieces.bytes + this.#incoming.readableLength
  }

  cancel(): void {
    this.#pieces.clear()
    if (this.#state !== 'open') return
    this.#settle('cancelled')
    // Unread, it would keep a client that sends first from reading; the response may be under way.
    let leftBytes = discardBytes
    this.#incoming.off('data', this.#take)
    this.#incoming.on('data', (chunk: Buffer) => {
      leftBytes -= chunk.length
      if (leftBytes < 0) this.#incoming.pause()
    })
    this.#incoming.resume()
  }

  #start(): void {
    if (this.#started || this.#state !== 'open') return
    this.#started = true
    this.#incoming.on('data', this.#take)
  }

  readonly #take = (chunk: Buffer): void => {
    this.#arrivedBytes += chunk.length
    const { windowBytes, bodyBytes } = this.#limits
    if (bodyBytes !== undefined && this.#arrivedBytes > bodyBytes) {
      this.cancel()
      this.#state = bodyTooLong('request', bodyBytes)
      return
    }
    this.#pieces.push(chunk)
    if (this.#pieces.bytes >= windowBytes) this.#incoming.pause()
    this.#wake.check()
  }

  #fail(error: Error | undefined): void {
    if (this.#state !== 'open') return
    this.#pieces.clear()
    const gone = 'The client closed the connection before the body was whole.'
    this.#settle(error instanceof BodyError ? error : new BodyError('aborted', gone, { cause: error }))
  }

  #settle(state: Settled): void {
    this.#state = state
    this.#wake.check()
  }
}
