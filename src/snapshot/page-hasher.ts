import { createHash } from 'node:crypto'

/** The unit of an image: what is zero is left out, what is dirty is written back. Any kernel page is a multiple of it. */
export const PAGE_BYTES = 4_096

const RECORD_BYTES = 4 + PAGE_BYTES
/** Records handed to the hash at once: a call costs about as much as hashing a page, so not one by one. */
const BATCH = 32

/**
 * The image's hash (SnapshotManifest.imageSha256), and where its non-zero pages are, in one pass.
 * Pages are to be added in ascending order; what is not added counts as zero.
 */
export class PageHasher {
  readonly #hash = createHash('sha256')
  readonly #batch = Buffer.allocUnsafeSlow(BATCH * RECORD_BYTES)
  readonly #zero = Buffer.alloc(PAGE_BYTES)
  readonly #runs: number[] = []
  #batched = 0

  /** Add pages `start` to `end` (exclusive) of `bytes`; `bytes` begins at page `first` of the image. */
  add(bytes: Buffer, first: number, start: number, end: number): void {
    for (let page = start; page < end; page++) {
      const at = page * PAGE_BYTES
      if (bytes.compare(this.#zero, 0, PAGE_BYTES, at, at + PAGE_BYTES) === 0) continue
      const number = first + page
      if (this.#runs.at(-1) === number) this.#runs[this.#runs.length - 1] = number + 1
      else this.#runs.push(number, number + 1)
      const record = this.#batched * RECORD_BYTES
      this.#batch.writeUInt32LE(number, record)
      bytes.copy(this.#batch, record + 4, at, at + PAGE_BYTES)
      if (++this.#batched === BATCH) this.#flush()
    }
  }

  /** `dataRuns`: [start, end) pairs of non-zero pages, ascending, none touching the next. */
  finish(): { sha256: string; dataRuns: Int32Array } {
    this.#flush()
    return { sha256: this.#hash.digest('hex'), dataRuns: Int32Array.from(this.#runs) }
  }

  #flush(): void {
    this.#hash.update(this.#batch.subarray(0, this.#batched * RECORD_BYTES))
    this.#batched = 0
  }
}
