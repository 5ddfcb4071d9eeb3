/** The body of a request, as the host has it: read when somebody asks for it. */
import types from 'wasi:http/types@0.3.0'
import { watchTurn } from '../http-loop.js'

const pieceBytes = 65_536

export class IncomingBody {
  #request
  #stream
  #trailers
  #isOver = false

  /** @param {object} request of wasi:http: this object's own from here on */
  constructor(request) {
    this.#request = request
  }

  /** @returns {Promise<Uint8Array | undefined>} undefined: it is over. Rejects if it ended too soon. */
  async read() {
    if (this.#isOver) return undefined
    this.#open()
    const piece = await this.#stream.read(pieceBytes)
    watchTurn()
    if (piece.length > 0) return piece
    this.#isOver = true
    const ended = await this.#trailers.read()
    if (ended.tag === 'err') throw new TypeError(`The body of the request is not whole: ${ended.val.tag}`)
    return undefined
  }

  /** Nobody wants the rest. */
  cancel() {
    if (this.#isOver) return
    this.#open()
    this.#isOver = true
    this.#stream.drop()
  }

  #open() {
    if (this.#stream !== undefined) return
    const { readable } = wit.Future.from({ tag: 'ok' }, wit.Future.RESULT_VOID_WASI_HTTP_TYPES_0_3_0_ERROR_CODE)
    ;[this.#stream, this.#trailers] = types.Request.consumeBody(this.#request, readable)
  }
}
