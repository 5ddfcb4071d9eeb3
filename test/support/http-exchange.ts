/** A request to a guest without a server, and what comes back. */
import { sourceOf, type BodyError, type BodySink, type BodySource } from '../../src/http/body.ts'
import type { HeaderList, HttpExchange, HttpRequest, HttpResponseHead } from '../../src/http/message.ts'

export interface RequestOptions {
  method?: string
  headers?: HeaderList
  body?: string | Uint8Array | BodySource
  scheme?: 'http' | 'https'
  authority?: string
}

export class TestExchange implements HttpExchange {
  readonly request: HttpRequest
  readonly informed: HttpResponseHead[] = []
  head: HttpResponseHead | undefined
  error: { code: string; message: string | undefined } | undefined
  readonly sink = new CollectingSink()

  constructor(
    path: string,
    { method = 'GET', headers = [], body = '', scheme = 'http', authority = 'test' }: RequestOptions = {},
  ) {
    const source =
      typeof body === 'string' ? sourceOf(Buffer.from(body)) : body instanceof Uint8Array ? sourceOf(body) : body
    this.request = { method, scheme, authority, pathWithQuery: path, headers, body: source }
  }

  readonly responder = {
    inform: (head: HttpResponseHead) => void this.informed.push(head),
    respond: (head: HttpResponseHead): BodySink => {
      if (this.head !== undefined) throw new Error('a second response')
      this.head = head
      return this.sink
    },
  }

  failed(code: string, message?: string): void {
    this.error = { code, message }
  }

  get status(): number | undefined {
    return this.head?.status
  }

  get body(): string {
    return Buffer.concat(this.sink.pieces).toString()
  }
}

/** Takes everything, `window` bytes a turn of the event loop. */
export class CollectingSink implements BodySink {
  readonly pieces: Uint8Array[] = []
  failure: BodyError | undefined
  ended: HeaderList | undefined
  readonly heldBytes = 0
  readonly drained = true
  readonly #window: number
  #taken = 0

  constructor(window = 65_536) {
    this.#window = window
  }

  get capacity(): number {
    return this.#window - this.#taken
  }

  write(bytes: Uint8Array): void {
    if (this.failure !== undefined) throw this.failure
    if (bytes.length > this.capacity)
      throw new Error(`${bytes.length} bytes written where ${this.capacity} were asked for`)
    if (this.ended !== undefined) throw new Error('written after the end')
    this.#taken += bytes.length
    this.pieces.push(bytes.slice())
  }

  onWritable(callback: () => void): () => void {
    const immediate = setImmediate(() => {
      this.#taken = 0
      callback()
    })
    return () => clearImmediate(immediate)
  }

  end(trailers: HeaderList = []): void {
    if (this.failure !== undefined) throw new Error('ended after a failure')
    if (this.ended !== undefined) throw new Error('ended twice')
    this.ended = trailers
  }

  fail(error: BodyError): void {
    if (this.ended === undefined) this.failure ??= error
  }
}
