/** Blob and File (File API). Bytes are held whole, in one piece. */
import { decodeUtf8, encodeUtf8 } from '../bytes.js'
import { bufferBytes, defineGlobals, webInterface } from './define.js'
import { ReadableStream } from './streams.js'

/** What a stream of a blob hands out at a time. */
const chunkBytes = 65_536

/** A type with anything but printable ASCII is no type. */
const typeOf = (type) => (/^[\x20-\x7e]*$/.test(type) ? type.toLowerCase() : '')

/** The bytes of a blob; not a copy. */
export let bytesOf

export class Blob {
  #bytes = new Uint8Array(0)
  #type = ''

  constructor(parts = [], options = {}) {
    if (typeof parts !== 'object' || parts === null || typeof parts[Symbol.iterator] !== 'function') {
      throw new TypeError('The "blobParts" argument must be a sequence')
    }
    if (options !== null && typeof options !== 'object' && typeof options !== 'function') {
      throw new TypeError('The "options" argument must be an object')
    }
    const endings = String(options?.endings ?? 'transparent')
    if (endings !== 'transparent' && endings !== 'native') throw new TypeError(`"${endings}" is not a valid EndingType`)
    const pieces = Array.from(parts, (part) => pieceOf(part, endings))
    this.#bytes = joined(pieces)
    this.#type = typeOf(String(options?.type ?? ''))
  }
  get size() {
    return this.#bytes.length
  }
  get type() {
    return this.#type
  }
  slice(start = 0, end = this.size, type = '') {
    const part = new Blob()
    // Shared: nothing changes a blob's bytes.
    part.#bytes = this.#bytes.subarray(
      clamped(start, this.size),
      Math.max(clamped(start, this.size), clamped(end, this.size)),
    )
    part.#type = typeOf(String(type))
    return part
  }
  async text() {
    return decodeUtf8(this.#bytes).replace(/^\ufeff/, '')
  }
  async arrayBuffer() {
    return this.#bytes.slice().buffer
  }
  async bytes() {
    return this.#bytes.slice()
  }
  stream() {
    const bytes = this.#bytes
    let at = 0
    return new ReadableStream({
      type: 'bytes',
      pull(controller) {
        if (at < bytes.length) controller.enqueue(bytes.slice(at, (at += chunkBytes)))
        if (at < bytes.length) return
        controller.close()
        controller.byobRequest?.respond(0)
      },
    })
  }

  static {
    bytesOf = (blob) => blob.#bytes
  }
}

export class File extends Blob {
  #name
  #lastModified
  constructor(parts, name, options = {}) {
    if (arguments.length < 2) throw new TypeError('The "fileBits" and "fileName" arguments must be specified')
    super(parts, options)
    this.#name = String(name).toWellFormed()
    this.#lastModified =
      options?.lastModified === undefined ? Date.now() : Math.trunc(Number(options.lastModified)) || 0
  }
  get name() {
    return this.#name
  }
  get lastModified() {
    return this.#lastModified
  }
  get webkitRelativePath() {
    return ''
  }
}

function pieceOf(part, endings) {
  if (part instanceof Blob) return bytesOf(part)
  const bytes = bufferBytes(part)
  if (bytes !== undefined) return bytes
  const text = String(part)
  return encodeUtf8(endings === 'native' ? text.replaceAll(/\r\n?|\n/g, '\n') : text)
}

export function joined(pieces) {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

function clamped(position, size) {
  const wanted = Math.trunc(Number(position)) || 0
  return wanted < 0 ? Math.max(size + wanted, 0) : Math.min(wanted, size)
}

webInterface(Blob, 'Blob', ['size', 'type', 'slice', 'text', 'arrayBuffer', 'bytes', 'stream'])
webInterface(File, 'File', ['name', 'lastModified', 'webkitRelativePath'])
defineGlobals({ Blob, File })
