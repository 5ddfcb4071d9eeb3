/** A guest's answer on its way to the client. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { BodyError, bodyTooLong, type BodySink } from '../../http/body.ts'
import type { HeaderList, HttpResponder, HttpResponseHead } from '../../http/message.ts'
import { contentLength, endToEndFields, trailerFields, valuesOf } from './field-rules.ts'
import { CorkedResponse } from './corked-response.ts'
import { Wake } from './wake.ts'

export interface ResponderOptions {
  /** Taken of the body before the client has taken it. */
  windowBytes: number
  /** The whole body, `limits.streamedBodyBytes`; left out: as long as it likes. */
  bodyBytes?: number
  /** The host's own; the guest's fields of these names give way. */
  headers: HeaderList
}

/** What was said of the body in the head. */
interface Framing {
  /** Nobody gets it: the answer to HEAD, or of a status without. */
  isDropped: boolean
  /** As the guest said; undefined: it is whole when it ends. */
  lengthBytes: number | undefined
  mayHaveTrailers: boolean
  /** The head names trailers: then it is said by chunks where the body ends. */
  saysTrailer: boolean
}

/**
 * `respond` and `inform` throw BodyError `protocol` for a head that is none, `respond` also `too-large` for one that says a
 * body over the limit, before anything of it is sent: the caller may still answer otherwise.
 */
export function outgoingResponder(
  outgoing: ServerResponse<IncomingMessage>,
  { windowBytes, bodyBytes = Number.POSITIVE_INFINITY, headers }: ResponderOptions,
): HttpResponder {
  const { req } = outgoing
  const own = new Set(headers.map(([name]) => name.toLowerCase()))
  let isAnswered = false
  return {
    inform({ status, headers: fields }) {
      if (!Number.isInteger(status) || status < 100 || status > 199 || status === 101)
        throw new BodyError('protocol', `${status} is no status of an informational response.`)
      const kept = endToEndFields(fields).filter(([name]) => name.toLowerCase() !== 'content-length')
      // RFC 9110, section 15.2: an HTTP/1.0 client would take it for the response.
      if (req.httpVersionMinor === 0 || isAnswered || outgoing.headersSent || outgoing.destroyed) return
      outgoing.writeInformation(status, kept.flat())
    },

    respond(head) {
      const { status } = head
      if (!Number.isInteger(status) || status < 200 || status > 599)
        throw new BodyError('protocol', `${status} is no status of a response: those are 200 to 599.`)
      const framing = framingOf(head, req)
      if (!framing.isDropped && framing.lengthBytes !== undefined && framing.lengthBytes > bodyBytes)
        throw bodyTooLong('response', bodyBytes)
      const kept = endToEndFields(head.headers).filter(([name]) => {
        const lower = name.toLowerCase()
        return lower !== 'content-length' && !own.has(lower)
      })
      const fields = [...kept, ...headers].flat()
      const isWithoutLength = status === 204 || status === 205
      if (status === 205) fields.push('content-length', '0')
      else if (framing.lengthBytes !== undefined && !isWithoutLength)
        fields.push('content-length', String(framing.lengthBytes))
      const trailer = framing.mayHaveTrailers ? valuesOf(head.headers, 'trailer') : []
      framing.saysTrailer = trailer.length > 0
      if (framing.saysTrailer) fields.push('trailer', trailer.join(', '))
      isAnswered = true
      return new OutgoingBody(new CorkedResponse(outgoing, { status, fields }), framing, { windowBytes, bodyBytes })
    },
  }
}

function framingOf({ status, headers }: HttpResponseHead, req: IncomingMessage): Framing {
  const isDropped = req.method === 'HEAD' || status === 204 || status === 205 || status === 304
  const lengthBytes = contentLength(headers)
  const isChunked = !isDropped && lengthBytes === undefined && req.httpVersionMinor > 0
  const { te } = req.headers
  // RFC 9110, section 6.5.1: to a client that has not said so, they would be lost on the way.
  const wantsTrailers = te !== undefined && /(?:^|,)\s*trailers\s*(?:$|,)/i.test(String(te))
  return { isDropped, lengthBytes, mayHaveTrailers: isChunked && wantsTrailers, saysTrailer: false }
}

class OutgoingBody implements BodySink {
  readonly #outgoing: ServerResponse<IncomingMessage>
  readonly #framing: Framing
  readonly #windowBytes: number
  readonly #bodyBytes: number
  readonly #wake = new Wake(() => this.#failure !== undefined || this.capacity > 0)
  readonly #response: CorkedResponse
  #failure: BodyError | undefined
  #isEnded = false
  #writtenBytes = 0

  constructor(
    response: CorkedResponse,
    framing: Framing,
    { windowBytes, bodyBytes }: { windowBytes: number; bodyBytes: number },
  ) {
    const { outgoing } = response
    this.#response = response
    this.#outgoing = outgoing
    this.#framing = framing
    this.#windowBytes = windowBytes
    this.#bodyBytes = bodyBytes
    response.onTaken = () => this.#wake.check()
    const onGone = (): void => this.#gone()
    if (outgoing.destroyed) onGone()
    else outgoing.once('close', onGone)
    outgoing.on('error', onGone)
  }

  get capacity(): number {
    if (this.#failure !== undefined || this.#isEnded) return 0
    return Math.max(0, this.#windowBytes - this.heldBytes)
  }

  get failure(): BodyError | undefined {
    return this.#failure
  }

  get drained(): boolean {
    return this.heldBytes === 0
  }

  get heldBytes(): number {
    return this.#response.heldBytes
  }

  write(bytes: Uint8Array): void {
    if (this.#failure !== undefined) throw this.#failure
    if (bytes.length === 0 || this.#isEnded) return
    this.#writtenBytes += bytes.length
    const { isDropped, lengthBytes } = this.#framing
    if (isDropped) return
    if (lengthBytes !== undefined && this.#writtenBytes > lengthBytes) throw this.#misframed(lengthBytes)
    if (this.#writtenBytes > this.#bodyBytes) {
      const error = bodyTooLong('response', this.#bodyBytes)
      this.fail(error)
      throw error
    }
    this.#response.write(bytes)
  }

  onWritable(callback: () => void): () => void {
    return this.#wake.wait(callback)
  }

  end(trailers: HeaderList = []): void {
    if (this.#isEnded || this.#failure !== undefined) return
    const { isDropped, lengthBytes, mayHaveTrailers, saysTrailer } = this.#framing
    if (!isDropped && lengthBytes !== undefined && this.#writtenBytes < lengthBytes) {
      this.#misframed(lengthBytes)
      return
    }
    const kept = mayHaveTrailers && trailers.length > 0 ? checked(trailers) : []
    if (kept instanceof BodyError) return this.fail(kept)
    this.#isEnded = true
    const needsLength = !isDropped && lengthBytes === undefined && !saysTrailer && kept.length === 0
    this.#response.end(needsLength, kept)
  }

  fail(error: BodyError): void {
    if (this.#isEnded || this.#failure !== undefined) return
    this.#response.send()
    this.#failure ??= error
    const { socket } = this.#outgoing
    // Node would send it later in this turn, which is too late.
    this.#outgoing.uncork()
    // A body that ends with its connection looks whole, unless that ends by a reset.
    if (socket !== null && this.#endsWithConnection) socket.resetAndDestroy()
    this.#outgoing.destroy()
    this.#wake.check()
  }

  get #endsWithConnection(): boolean {
    const { isDropped, lengthBytes } = this.#framing
    return this.#outgoing.req.httpVersionMinor === 0 && !isDropped && lengthBytes === undefined
  }

  #misframed(lengthBytes: number): BodyError {
    const message = `The response's body is not of the ${lengthBytes} bytes that its Content-Length says.`
    const error = new BodyError('protocol', message)
    this.fail(error)
    return error
  }

  #gone(): void {
    this.#response.drop()
    if (this.#failure !== undefined || this.#outgoing.writableFinished) return
    this.#failure = new BodyError('aborted', 'The client closed the connection before the response was whole.')
    this.#wake.check()
  }
}

function checked(trailers: HeaderList): [name: string, value: string][] | BodyError {
  try {
    return trailerFields(trailers)
  } catch (error) {
    if (error instanceof BodyError) return error
    throw error
  }
}
