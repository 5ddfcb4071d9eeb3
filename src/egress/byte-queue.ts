/** Bytes in the order they came. Small pieces are put together, so that what is held is not mostly overhead. */
export class ByteQueue {
  #pieces: Uint8Array[] = []
  /** Of the last piece, if it is a block of ours: how much of the block is in use. */
  #block: { bytes: Uint8Array<ArrayBuffer>; used: number } | undefined
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Takes ownership of `bytes`, if they are not small: copied they are anyway then. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#length += bytes.length
    if (bytes.length >= smallPiece) {
      this.#block = undefined
      this.#pieces.push(bytes)
      return
    }
    const block = this.#block
    const last = this.#pieces.at(-1)
    if (block !== undefined && last !== undefined && block.used + bytes.length <= block.bytes.length) {
      block.bytes.set(bytes, block.used)
      block.used += bytes.length
      this.#pieces[this.#pieces.length - 1] = block.bytes.subarray(last.byteOffset - block.bytes.byteOffset, block.used)
      return
    }
    // The first small piece gets no more room than it needs: most bodies are one.
    const fresh = new Uint8Array(last === undefined ? bytes.length : blockSize)
    fresh.set(bytes)
    this.#block = { bytes: fresh, used: bytes.length }
    this.#pieces.push(fresh.subarray(0, bytes.length))
  }

  /** 1 to `most` of the first bytes; undefined: there are none. */
  take(most: number): Uint8Array | undefined {
    const first = this.#pieces[0]
    if (first === undefined) return undefined
    const taken = first.subarray(0, most)
    this.#length -= taken.length
    if (taken.length === first.length) this.#pieces.shift()
    else this.#pieces[0] = first.subarray(taken.length)
    return taken
  }

  clear(): void {
    this.#pieces = []
    this.#block = undefined
    this.#length = 0
  }
}

const smallPiece = 1_024
const blockSize = 8_192
