/** A payload that a function streams, as the response of its URL or route. */
import { BodyError, failedSink, type BodySink, type PayloadStream } from '../../http/body.ts'
import type { HttpResponder, HttpResponseHead } from '../../http/message.ts'
import { IntegrationHeadReader, integrationType } from './integration-head.ts'

/** Before the head is whole, nothing can be written further: what is taken meanwhile is held here. */
const headBytes = 65_536

export function httpPayloadStream(responder: HttpResponder): PayloadStream {
  return {
    start(contentType) {
      if (contentType.toLowerCase().startsWith(integrationType)) return new IntegrationBody(responder)
      return responder.respond({ status: 200, headers: [['content-type', contentType]] })
    },
  }
}

const noHead = () => new BodyError('protocol', 'the streamed response does not begin with a head and eight zero bytes')

/** The body of a payload that brings its own head. */
class IntegrationBody implements BodySink {
  readonly #responder: HttpResponder
  readonly #reader = new IntegrationHeadReader()
  #body: BodySink | undefined

  constructor(responder: HttpResponder) {
    this.#responder = responder
  }

  get capacity(): number {
    return this.#body?.capacity ?? headBytes
  }

  get failure(): BodyError | undefined {
    return this.#body?.failure
  }

  get drained(): boolean {
    return this.#body?.drained ?? true
  }

  get heldBytes(): number {
    return this.#body?.heldBytes ?? this.#reader.heldBytes
  }

  write(bytes: Uint8Array): void {
    if (this.#body !== undefined) return this.#body.write(bytes)
    const read = this.#reader.push(bytes)
    if (read === undefined) return
    this.#body = read === 'invalid' ? failedSink(noHead()) : this.#respond(read.head)
    if (read !== 'invalid' && read.rest.length > 0 && this.#body.failure === undefined) this.#body.write(read.rest)
  }

  #respond(head: HttpResponseHead): BodySink {
    try {
      return this.#responder.respond(head)
    } catch (error) {
      if (error instanceof BodyError) return failedSink(error)
      throw error
    }
  }

  onWritable(callback: () => void): () => void {
    if (this.#body !== undefined) return this.#body.onWritable(callback)
    const immediate = setImmediate(callback)
    return () => clearImmediate(immediate)
  }

  /** Without a head there is no response: the caller of the function answers for it. */
  end(): void {
    if (this.#body === undefined) this.#body = failedSink(noHead())
    else this.#body.end()
  }

  fail(error: BodyError): void {
    this.#body?.fail(error)
  }
}
