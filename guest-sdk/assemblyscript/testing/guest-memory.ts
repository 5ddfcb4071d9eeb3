/** The guest's memory, as the host functions of a test read and write it. */

export interface GuestExports {
  memory: WebAssembly.Memory
  cabi_realloc(old: number, oldBytes: number, align: number, bytes: number): number
}

export class GuestMemory {
  #exports: GuestExports | undefined

  /** Once instantiated. */
  use(exports: GuestExports): void {
    this.#exports = exports
  }

  get view(): DataView {
    return new DataView(this.#guest.memory.buffer)
  }

  /** A copy. */
  bytes(at: number, length: number): Buffer {
    return Buffer.from(Buffer.from(this.#guest.memory.buffer, at, length))
  }

  text(at: number, length: number): string {
    return this.bytes(at, length).toString()
  }

  room(align: number, bytes: number): number {
    return this.#guest.cabi_realloc(0, 0, align, bytes)
  }

  /** Bytes, or text in UTF-8: where they are and how many goes to `at`. */
  putList(at: number, content: Uint8Array | string): void {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content
    const start = this.room(1, bytes.length)
    new Uint8Array(this.#guest.memory.buffer).set(bytes, start)
    this.view.setUint32(at, start, true)
    this.view.setUint32(at + 4, bytes.length, true)
  }

  get #guest(): GuestExports {
    if (this.#exports === undefined)
      throw new Error('Reading the environment or randomness during init is not for unit tests')
    return this.#exports
  }
}
