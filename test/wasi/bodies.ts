/** Bodies, exchanges and servers that do what a test says, and tell what was done to them. */
import { BodyError } from '../../src/http/body.ts'
import type { BodySink, BodySource } from '../../src/http/body.ts'
import { EgressError } from '../../src/http/egress.ts'
import type { EgressClient, EgressExchange, EgressResponse, EgressTimeouts } from '../../src/http/egress.ts'
import type {
  HeaderList,
  HttpExchange,
  HttpRequest,
  HttpRequestHead,
  HttpResponseHead,
} from '../../src/http/message.ts'

export class TestSource implements BodySource {
  trailers: HeaderList = []
  cancelled = false
  #pieces: Uint8Array[] = []
  #read: Uint8Array | undefined
  #end: 'open' | 'end' | BodyError = 'open'
  #callback: (() => void) | undefined

  /** Callbacks that are registered: 0 or 1. */
  get listeners(): number {
    return this.#callback === undefined ? 0 : 1
  }

  get heldBytes(): number {
    return this.#pieces.reduce((bytes, { length }) => bytes + length, 0)
  }

  push(...texts: string[]): this {
    this.#pieces.push(...texts.map((text) => new Uint8Array(Buffer.from(text, 'latin1'))))
    return this.#wake()
  }

  end(trailers: HeaderList = []): this {
    this.#end = 'end'
    this.trailers = trailers
    return this.#wake()
  }

  fail(kind: BodyError['kind'], message = `it was ${kind}`): this {
    this.#end = new BodyError(kind, message)
    return this.#wake()
  }

  /** Calls back for nothing. */
  tease(): void {
    this.#wake()
  }

  read(most: number): Uint8Array | 'wait' | 'end' {
    if (most < 1) throw new RangeError('a read of nothing')
    this.#spoil()
    if (this.cancelled) return 'end'
    const [first] = this.#pieces
    if (first === undefined) {
      if (this.#end instanceof BodyError) throw this.#end
      return this.#end === 'end' ? 'end' : 'wait'
    }
    if (most < first.length) this.#pieces[0] = first.subarray(most)
    else this.#pieces.shift()
    this.#read = first.slice(0, most)
    return this.#read
  }

  onReadable(callback: () => void): () => void {
    if (this.#callback !== undefined) throw new Error('two callbacks at a time')
    this.#callback = callback
    return () => {
      if (this.#callback === callback) this.#callback = undefined
    }
  }

  cancel(): void {
    this.#spoil()
    this.cancelled = true
    this.#pieces = []
  }

  /** What was read is the reader's no longer. */
  #spoil(): void {
    const read = this.#read
    if (read !== undefined) setImmediate(() => read.fill(0xee))
    this.#read = undefined
  }

  #wake(): this {
    const callback = this.#callback
    this.#callback = undefined
    callback?.()
    return this
  }
}

export class TestSink implements BodySink {
  text = ''
  failure: BodyError | undefined
  /** How its writer ended it. */
  outcome: { end: HeaderList } | { failed: string } | undefined
  #capacity: number
  readonly #mostBytes: number
  #callback: (() => void) | undefined

  /** @param mostBytes of all of it: the write that goes beyond fails */
  constructor(capacity = 1_000_000, mostBytes = Number.POSITIVE_INFINITY) {
    this.#capacity = capacity
    this.#mostBytes = mostBytes
  }

  get capacity(): number {
    return this.outcome === undefined && this.failure === undefined ? this.#capacity : 0
  }

  get listeners(): number {
    return this.#callback === undefined ? 0 : 1
  }

  get heldBytes(): number {
    return 0
  }

  get drained(): boolean {
    return true
  }

  /** There is room for more. */
  take(bytes: number): void {
    this.#capacity += bytes
    this.#wake()
  }

  refuse(kind: BodyError['kind'], message = `it was ${kind}`): void {
    this.failure = new BodyError(kind, message)
    this.#wake()
  }

  write(bytes: Uint8Array): void {
    if (this.outcome !== undefined) throw new Error('a write after the end')
    if (this.text.length + bytes.length > this.#mostBytes)
      this.failure ??= new BodyError('too-large', `it is over ${this.#mostBytes} bytes`)
    if (this.failure !== undefined) throw this.failure
    this.text += Buffer.from(bytes).toString('latin1')
    this.#capacity = Math.max(0, this.#capacity - bytes.length)
  }

  onWritable(callback: () => void): () => void {
    if (this.#callback !== undefined) throw new Error('two callbacks at a time')
    this.#callback = callback
    return () => {
      if (this.#callback === callback) this.#callback = undefined
    }
  }

  end(trailers: HeaderList = []): void {
    if (this.outcome !== undefined) throw new Error('ended twice')
    this.outcome = { end: trailers }
  }

  fail(error: BodyError): void {
    this.outcome ??= { failed: error.message }
  }

  #wake(): void {
    const callback = this.#callback
    this.#callback = undefined
    callback?.()
  }
}

/** A request to the guest, and what became of it. */
export class TestExchange implements HttpExchange {
  readonly body = new TestSource()
  readonly sink: TestSink
  readonly request: HttpRequest
  readonly informed: HttpResponseHead[] = []
  response: HttpResponseHead | undefined
  failure: { code: string; message: string | undefined } | undefined

  constructor(head: Partial<HttpRequestHead> = {}, sink: TestSink = new TestSink()) {
    this.sink = sink
    this.request = {
      method: 'GET',
      scheme: 'https',
      authority: 'example.com',
      pathWithQuery: '/a?b=c',
      headers: [],
      ...head,
      body: this.body,
    }
  }

  readonly responder = {
    inform: (head: HttpResponseHead) => void this.informed.push(head),
    respond: (head: HttpResponseHead): BodySink => {
      if (this.response !== undefined) throw new Error('responded twice')
      this.response = head
      return this.sink
    },
  }

  failed(code: string, message?: string): void {
    if (this.failure !== undefined || this.response !== undefined) throw new Error('answered twice')
    this.failure = { code, message }
  }
}

export class TestEgressExchange implements EgressExchange {
  readonly head: HttpRequestHead
  readonly options: { timeouts: EgressTimeouts; hasBody: boolean }
  readonly body: TestSink
  readonly source = new TestSource()
  cancelled = false
  readonly #response = Promise.withResolvers<EgressResponse>()

  constructor(head: HttpRequestHead, options: { timeouts: EgressTimeouts; hasBody: boolean }, body = new TestSink()) {
    this.head = head
    this.options = options
    this.body = body
  }

  get response(): Promise<EgressResponse> {
    return this.#response.promise
  }

  respond(status: number, headers: HeaderList = []): void {
    this.#response.resolve({ status, headers, body: this.source })
  }

  fail(error: EgressError): void {
    this.#response.reject(error)
  }

  cancel(): void {
    this.cancelled = true
    this.fail(new EgressError('connection-terminated', 'cancelled'))
  }
}

export class TestEgress implements EgressClient {
  readonly exchanges: TestEgressExchange[] = []
  closed = false
  refusal: EgressError | undefined
  readonly #newBody: () => TestSink

  constructor(newBody = () => new TestSink()) {
    this.#newBody = newBody
  }

  get last(): TestEgressExchange {
    const last = this.exchanges.at(-1)
    if (last === undefined) throw new Error('nothing was sent')
    return last
  }

  send(head: HttpRequestHead, options: { timeouts: EgressTimeouts; hasBody: boolean }): EgressExchange {
    if (this.refusal !== undefined) throw this.refusal
    const exchange = new TestEgressExchange(head, options, this.#newBody())
    this.exchanges.push(exchange)
    return exchange
  }

  close(): void {
    this.closed = true
    for (const exchange of this.exchanges) exchange.cancel()
  }
}
