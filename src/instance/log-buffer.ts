/** What a guest writes to stdout and stderr during one invocation, in order, up to the log limit. */
export class LogBuffer {
  readonly #limitBytes: number
  #chunks: Uint8Array[] = []
  #bytes = 0
  #dropped = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** Copies what it keeps; never throws. What is past the limit is counted and dropped. */
  append(bytes: Uint8Array): void {
    const room = this.#limitBytes - this.#bytes
    const kept = bytes.length <= room ? bytes : bytes.subarray(0, room)
    this.#dropped += bytes.length - kept.length
    if (kept.length === 0) return
    this.#chunks.push(new Uint8Array(kept))
    this.#bytes += kept.length
    // A guest that writes byte by byte must not cost an object a byte.
    if (this.#chunks.length > 256) this.#chunks = [Buffer.concat(this.#chunks)]
  }

  get droppedBytes(): number {
    return this.#dropped
  }

  get heldBytes(): number {
    return this.#bytes
  }

  text(): string {
    if (this.#bytes === 0) return ''
    const only = this.#chunks[0]
    const all = this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks)
    return Buffer.from(all.buffer, all.byteOffset, all.length).toString('utf8')
  }
}
