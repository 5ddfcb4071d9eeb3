/** The contents of a temporary file: pieces made when they are first written, so that a hole costs the host nothing. */
import { FileError } from './file-error.ts'
import type { Space } from './space.ts'

/** What a file's size is rounded up to where it is counted, and what pieces grow by. */
export const blockBytes = 4_096
const pieceBytes = 65_536

/** A regular file's contents as its readers see them. */
export interface FileContents {
  readonly size: number
  /**
   * Fills `into` from `offset` on, as far as the file goes.
   * @returns bytes filled
   * Errors: FileError `io`, where contents are on disk.
   */
  read(offset: number, into: Uint8Array): number
}

/** Counted by its size, holes included: what it takes of the host is never more. */
export class FileData implements FileContents, Disposable {
  readonly #space: Space
  /** By number. A piece that is missing, or shorter than the file there, is zeroes. */
  readonly #pieces = new Map<number, Uint8Array<ArrayBuffer>>()
  #size = 0

  constructor(space: Space) {
    this.#space = space
  }

  get size(): number {
    return this.#size
  }

  read(offset: number, into: Uint8Array): number {
    const length = Math.max(0, Math.min(into.length, this.#size - offset))
    for (let done = 0; done < length;) {
      const { index, start, end } = within(offset + done, length - done)
      const target = into.subarray(done, done + end - start)
      const held = this.#pieces.get(index)?.subarray(start, end) ?? new Uint8Array()
      target.set(held)
      target.fill(0, held.length)
      done += target.length
    }
    return length
  }

  /** All of it or nothing. Errors: `file-too-large`, `insufficient-space`. */
  write(offset: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return
    if (offset + bytes.length > this.#size) this.#reserve(offset + bytes.length)
    for (let done = 0; done < bytes.length;) {
      const { index, start, end } = within(offset + done, bytes.length - done)
      this.#piece(index, end).set(bytes.subarray(done, done + end - start), start)
      done += end - start
    }
  }

  /** Errors: `file-too-large`, `insufficient-space`. */
  resize(size: number): void {
    const before = this.#size
    this.#reserve(size)
    if (size >= before) return
    for (const [index, piece] of this.#pieces) {
      const kept = Math.min(pieceBytes, Math.max(0, size - index * pieceBytes))
      // What is cut off must read as zeroes if the file grows again.
      if (piece.length <= roundUp(kept)) piece.fill(0, kept)
      else {
        if (kept === 0) this.#pieces.delete(index)
        else this.#pieces.set(index, resized(piece.subarray(0, kept), roundUp(kept)))
        free(piece)
      }
    }
  }

  /** Takes the space for a size and sets it. */
  #reserve(size: number): void {
    if (size > Number.MAX_SAFE_INTEGER) throw new FileError('file-too-large')
    this.#space.take(roundUp(size) - roundUp(this.#size))
    this.#size = size
  }

  /** The piece, made at least so long. */
  #piece(index: number, length: number): Uint8Array {
    const known = this.#pieces.get(index)
    if (known !== undefined && known.length >= length) return known
    const made = resized(known ?? new Uint8Array(), roundUp(length))
    this.#pieces.set(index, made)
    if (known !== undefined) free(known)
    return made
  }

  /** Gives back the space and the memory, at once: half a gigabyte would not wait well for the collector. */
  [Symbol.dispose](): void {
    this.#space.give(roundUp(this.#size))
    this.#size = 0
    for (const piece of this.#pieces.values()) free(piece)
    this.#pieces.clear()
  }
}

/** The part of one piece that a range begins with. */
function within(offset: number, length: number): { index: number; start: number; end: number } {
  const index = Math.floor(offset / pieceBytes)
  const start = offset - index * pieceBytes
  return { index, start, end: Math.min(pieceBytes, start + length) }
}

function resized(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const made = new Uint8Array(length)
  made.set(bytes)
  return made
}

function free(piece: Uint8Array<ArrayBuffer>): void {
  if (piece.buffer.byteLength > 0) piece.buffer.transfer(0)
}

function roundUp(size: number): number {
  return Math.ceil(size / blockBytes) * blockBytes
}
