/** Ours: a piece below this is copied together with others: kept by itself it costs its size again, and more. */
const smallBytes = 2_048
const blockBytes = 16_384

interface Piece {
  /** Ours to write to behind `to`, if so. */
  isBlock: boolean
  bytes: Buffer
  from: number
  to: number
}

/** Bytes as they arrive, in as few pieces as is cheap: a client that sends a byte a chunk must not cost an object a byte. */
export class Pieces {
  readonly #onOver: ((bytes: Buffer) => void) | undefined
  /** Taken to its last byte, and looked at until more is taken. */
  #last: Buffer | undefined
  #pieces: Piece[] = []
  #bytes = 0

  /** @param onOver given each piece of memory that was taken to its last byte, once more is taken, or it is cleared */
  constructor(onOver?: (bytes: Buffer) => void) {
    this.#onOver = onOver
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Keeps it, or a copy. */
  push(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.#bytes += chunk.length
    let last = this.#pieces.at(-1)
    if (last === undefined || chunk.length >= smallBytes) {
      this.#pieces.push({ isBlock: false, bytes: chunk, from: 0, to: chunk.length })
      return
    }
    if (!last.isBlock || last.bytes.length - last.to < chunk.length) {
      last = { isBlock: true, bytes: Buffer.allocUnsafeSlow(blockBytes), from: 0, to: 0 }
      this.#pieces.push(last)
    }
    last.to += chunk.copy(last.bytes, last.to)
  }

  /** At most `most` of the first bytes; undefined if there are none. */
  take(most: number): Buffer | undefined {
    this.#endLast()
    const [first] = this.#pieces
    if (first === undefined) return undefined
    const taken = first.bytes.subarray(first.from, Math.min(first.to, first.from + most))
    first.from += taken.length
    this.#bytes -= taken.length
    if (first.from === first.to) {
      this.#pieces.shift()
      this.#last = first.bytes
    }
    return taken
  }

  /** All of it in one piece. */
  concat(): Buffer {
    const views = this.#pieces.map(({ bytes, from, to }) => bytes.subarray(from, to))
    const [first] = views
    return first !== undefined && views.length === 1 ? first : Buffer.concat(views, this.#bytes)
  }

  clear(): void {
    this.#endLast()
    this.#pieces = []
    this.#bytes = 0
  }

  #endLast(): void {
    if (this.#last !== undefined) this.#onOver?.(this.#last)
    this.#last = undefined
  }
}
