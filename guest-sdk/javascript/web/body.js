/** What Request and Response share: a body, read once (Fetch Standard, 5.2 and 5.3). */
import { decodeUtf8, encodeUtf8 } from '../bytes.js'
import { Blob, bytesOf, joined } from './blob.js'
import { bufferBytes } from './define.js'
import { FormData } from './form-data.js'
import { decodeForm, encodeForm } from './multipart.js'
import { isDisturbed, ReadableStream, TransformStream } from './streams.js'
import { URLSearchParams } from './url.js'

/**
 * A body as it was given. Bytes become a stream only if somebody asks for one.
 * @param {unknown} source a BodyInit, not null
 * @returns {{ bytes?: Uint8Array, stream?: ReadableStream, type: string | null }}
 */
export function extract(source) {
  if (typeof source === 'string') return { bytes: encodeUtf8(source), type: 'text/plain;charset=UTF-8' }
  if (source instanceof ReadableStream) {
    if (source.locked || isDisturbed(source))
      throw new TypeError('The body is a stream that is locked or was read from')
    return { stream: source, type: null }
  }
  const bytes = bufferBytes(source)
  if (bytes !== undefined) return { bytes: bytes.slice(), type: null }
  if (source instanceof Blob) return { bytes: bytesOf(source), type: source.type === '' ? null : source.type }
  if (source instanceof FormData) return encodeForm(source)
  if (source instanceof URLSearchParams) {
    return { bytes: encodeUtf8(String(source)), type: 'application/x-www-form-urlencoded;charset=UTF-8' }
  }
  if (typeof source[Symbol.asyncIterator] === 'function') return { stream: ReadableStream.from(source), type: null }
  return { bytes: encodeUtf8(String(source)), type: 'text/plain;charset=UTF-8' }
}

/** Bytes at once where no stream was asked for; undefined if reading must wait. */
export let bytesNow

export class Body {
  /** @type {Uint8Array | undefined} */
  #bytes
  /** @type {ReadableStream | undefined} */
  #stream
  /** What comes from the host, as long as nobody has asked for a stream of it. @type {{ read(): Promise<Uint8Array | undefined>, cancel(): void } | undefined} */
  #source
  /** Bytes, or the source, were read without a stream of them having been made. */
  #read = false

  constructor(body) {
    this.#bytes = body?.bytes
    this.#stream = body?.stream
    this.#source = body?.source
  }
  get body() {
    if (this.#stream === undefined && this.#source !== undefined) {
      this.#stream = streamFrom(this.#source, this.#read)
      this.#source = undefined
    }
    if (this.#stream === undefined && this.#bytes !== undefined) {
      this.#stream = streamOf(this.#bytes)
      if (this.#read) {
        // Used up, as it would be had the stream been there to read from.
        void this.#stream.cancel()
        this.#stream.getReader()
      }
    }
    return this.#stream ?? null
  }
  get bodyUsed() {
    return this.#read || (this.#stream !== undefined && isDisturbed(this.#stream))
  }
  async arrayBuffer() {
    return copied(await this.#consume()).buffer
  }
  async bytes() {
    return copied(await this.#consume())
  }
  async text() {
    return decodeUtf8(await this.#consume()).replace(/^\ufeff/, '')
  }
  async json() {
    return JSON.parse(await this.text())
  }
  async blob() {
    return new Blob([await this.#consume()], { type: this.headers.get('content-type') ?? '' })
  }
  async formData() {
    return decodeForm(await this.#consume(), this.headers.get('content-type') ?? '')
  }

  #assertUnused() {
    if (this.bodyUsed || this.#stream?.locked) throw new TypeError('Body is unusable: it has already been read')
  }
  async #consume() {
    this.#assertUnused()
    const pieces = []
    if (this.#stream === undefined) {
      if (this.#bytes === undefined && this.#source === undefined) return new Uint8Array(0)
      this.#read = true
      if (this.#source === undefined) return this.#bytes
      for (let piece; (piece = await this.#source.read()) !== undefined;) pieces.push(piece)
      return joined(pieces)
    }
    for await (const piece of this.#stream) {
      if (!(piece instanceof Uint8Array)) throw new TypeError('A body is made of chunks of type Uint8Array')
      pieces.push(piece)
    }
    return joined(pieces)
  }

  /** A source has become a stream, if there was one. */
  #open() {
    if (this.#source !== undefined) void this.body
  }

  /** @protected The body for a copy of this; both can be read. */
  _tee() {
    this.#assertUnused()
    this.#open()
    if (this.#stream === undefined) return this.#bytes === undefined ? undefined : { bytes: this.#bytes }
    const [mine, theirs] = this.#stream.tee()
    this.#stream = mine
    return { stream: theirs }
  }
  /** @protected The body for an object that takes its place; this one has none left to read. */
  _take() {
    this.#assertUnused()
    this.#open()
    if (this.#stream === undefined) {
      if (this.#bytes === undefined) return undefined
      this.#read = true
      return { bytes: this.#bytes }
    }
    return { stream: this.#stream.pipeThrough(new TransformStream()) }
  }

  static {
    bytesNow = (body) => {
      if (body.#stream !== undefined || body.#source !== undefined || body.#read) return undefined
      body.#read = body.#bytes !== undefined
      return body.#bytes ?? new Uint8Array(0)
    }
  }
}

const copied = (bytes) => new Uint8Array(bytes)

/** `used`: it has been read, or is being. */
function streamFrom(source, used) {
  const stream = new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      const piece = await source.read()
      if (piece !== undefined) return controller.enqueue(piece)
      controller.close()
      controller.byobRequest?.respond(0)
    },
    cancel: () => (used ? undefined : source.cancel()),
  })
  if (used) {
    void stream.cancel()
    stream.getReader()
  }
  return stream
}

function streamOf(bytes) {
  return new ReadableStream({
    type: 'bytes',
    pull(controller) {
      if (bytes.length > 0) controller.enqueue(bytes.slice())
      controller.close()
      controller.byobRequest?.respond(0)
    },
  })
}
