import { ThawError } from '../../errors.ts'
import type { Libc } from '../../memory/libc.ts'
import {
  MADV_DONTNEED,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
} from '../../memory/libc.ts'
import type { SnapshotMemory } from '../format.ts'
import type { SnapshotImage } from '../image.ts'
import { PAGE_BYTES } from '../page-hasher.ts'
import type { MappedMemory } from '../restorer.ts'
import type { PageFinder } from './finder.ts'
import { checkSize, regionBytes, regionRuns } from './regions.ts'

const SAME = 0
const PRIVATE = 1
const DIFFERS = 2

/**
 * Ours: pages that a re-image in place may make private at once, 96 KiB, or half as many as are private already. In place,
 * each costs a fault at once; mapping the new file instead costs about as much as 30 faults, gives up what is private, and
 * later costs a fault for every page touched (docs/measurements.md, first invocations).
 */
const IN_PLACE_FAULTS = 24
/** Ours: pages after each run of data that `prefault` takes as well, 128 KiB: where a heap goes on. */
const PREFAULT_BEYOND = 32

/**
 * The image file mapped copy-on-write over the Wasm memory.
 *
 * Invariant: a page is either private, or it is the mapped file's, and then it equals the bound image. After a re-image in
 * place the file mapped is still that of an earlier image (`#mapped`), so this holds because all pages that differ between
 * the two were written to, hence private; and only `#remap` may take private pages away.
 */
export class FileMappedMemory implements MappedMemory {
  readonly #libc: Libc
  readonly #finder: PageFinder
  readonly #memory: WebAssembly.Memory
  readonly #bytes: number
  readonly #address: number
  /** Made anew by V8 when the memory grows, by 0 pages too; `#live` is on it. */
  #buffer: ArrayBuffer
  #live: Buffer
  #image: SnapshotImage
  #region: SnapshotMemory
  /** The hash and place of the file region that is mapped, and where it has data. */
  #mapped: { hash: string; offset: number; runs: Int32Array }
  #disposed = false

  constructor(
    libc: Libc,
    finder: PageFinder,
    memory: WebAssembly.Memory,
    image: SnapshotImage,
    region: SnapshotMemory,
  ) {
    this.#libc = libc
    this.#finder = finder
    this.#memory = memory
    this.#image = image
    this.#region = region
    this.#bytes = regionBytes(image, region)
    this.#buffer = memory.buffer
    checkSize(this.#buffer.byteLength, this.#bytes)
    this.#live = Buffer.from(this.#buffer)
    this.#address = libc.addressOf(this.#buffer)
    this.#mapped = this.#remap()
  }

  reset(): number {
    this.#check()
    const live = this.#live
    const source = this.#image.bytes
    const offset = this.#region.offset
    const finder = this.#finder
    const ranges = finder.ranges
    let written = 0
    for (let from = 0; from < this.#bytes; from = finder.resume) {
      const found = finder.find(this.#address, from, this.#bytes)
      for (let range = 0; range < found * 2; range += 2) {
        const start = ranges[range] ?? 0
        const end = ranges[range + 1] ?? 0
        source.copy(live, start, offset + start, offset + end)
        written += end - start
      }
    }
    return written / PAGE_BYTES
  }

  /**
   * Copies in place where it can: into the private pages, which costs a thirtieth of the faults that mapping the new file
   * would bring back, and into those that differ, which are private from then on. An instance that goes to and fro between
   * functions soon faults no more.
   */
  reimage(image: SnapshotImage, region: SnapshotMemory): void {
    this.#check()
    checkSize(this.#bytes, regionBytes(image, region))
    const pages = this.#survey(image, region)
    this.#image = image
    this.#region = region
    if (pages === undefined) {
      this.#mapped = this.#remap()
      return
    }
    const source = image.bytes
    for (let page = 0; page < pages.length; page++) {
      if (pages[page] === SAME) continue
      const start = page * PAGE_BYTES
      while (page < pages.length && pages[page] !== SAME) page++
      source.copy(this.#live, start, region.offset + start, region.offset + page * PAGE_BYTES)
    }
  }

  prefault(): void {
    this.#check()
    const live = this.#live
    const { runs } = this.#mapped
    for (let run = 0; run < runs.length; run += 2) {
      const end = Math.min((runs[run + 1] ?? 0) + PREFAULT_BEYOND, this.#bytes / PAGE_BYTES)
      // A write of what is there already: all that it changes is whose page it is.
      for (let page = runs[run] ?? 0; page < end; page++) live[page * PAGE_BYTES] = live[page * PAGE_BYTES] ?? 0
    }
  }

  trim(): void {
    this.#check()
    // Private pages hide a file that may no longer be the bound image's: then they cannot just be dropped.
    if (this.#mapped.hash === this.#image.hash && this.#mapped.offset === this.#region.offset)
      this.#libc.madvise(this.#address, this.#bytes, MADV_DONTNEED)
    else this.#mapped = this.#remap()
  }

  residentBytes(): number {
    this.#check()
    let held = 0
    this.#eachPrivate((start, end) => (held += end - start))
    return held
  }

  equalsImage(): boolean {
    this.#check()
    const { offset } = this.#region
    return this.#image.bytes.compare(this.#live, 0, this.#bytes, offset, offset + this.#bytes) === 0
  }

  [Symbol.dispose](): void {
    if (this.#disposed) return
    this.#disposed = true
    // Where a grown memory was moved, V8 has unmapped this address and something else may lie there.
    if (this.#bytes === 0 || this.#libc.addressOf(this.#memory.buffer) !== this.#address) return
    const flags = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE | MAP_ANONYMOUS
    this.#libc.mmap(this.#address, this.#bytes, PROT_READ | PROT_WRITE, flags, -1, 0)
  }

  /** Map the bound image's file: no private pages are left. Returns what is mapped now. */
  #remap(): { hash: string; offset: number; runs: Int32Array } {
    const { offset } = this.#region
    const flags = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE
    if (this.#bytes > 0)
      this.#libc.mmap(this.#address, this.#bytes, PROT_READ | PROT_WRITE, flags, this.#image.fd, offset)
    return { hash: this.#image.hash, offset, runs: regionRuns(this.#image, this.#region) }
  }

  /** For each page whether it is private, or the mapped file's and unlike the image given; undefined: too many of those. */
  #survey(image: SnapshotImage, region: SnapshotMemory): Uint8Array | undefined {
    const pages = new Uint8Array(this.#bytes / PAGE_BYTES)
    let privatePages = 0
    this.#eachPrivate((start, end) => {
      pages.fill(PRIVATE, start / PAGE_BYTES, end / PAGE_BYTES)
      privatePages += (end - start) / PAGE_BYTES
    })
    const source = image.bytes
    const allowed = Math.max(IN_PLACE_FAULTS, privatePages / 2)
    let differing = 0
    // Beyond the data of both they are zero in both.
    for (const runs of [this.#mapped.runs, regionRuns(image, region)]) {
      for (let run = 0; run < runs.length; run += 2) {
        const end = runs[run + 1] ?? 0
        for (let page = runs[run] ?? 0; page < end; page++) {
          if (pages[page] !== SAME) continue
          const at = page * PAGE_BYTES
          const from = region.offset + at
          if (source.compare(this.#live, at, at + PAGE_BYTES, from, from + PAGE_BYTES) === 0) continue
          if (++differing > allowed) return undefined
          pages[page] = DIFFERS
        }
      }
    }
    return pages
  }

  #eachPrivate(visit: (start: number, end: number) => void): void {
    const finder = this.#finder
    for (let from = 0; from < this.#bytes; from = finder.resume) {
      const found = finder.find(this.#address, from, this.#bytes)
      for (let range = 0; range < found * 2; range += 2) visit(finder.ranges[range] ?? 0, finder.ranges[range + 1] ?? 0)
    }
  }

  /** Before every touch of the memory: it is ours still, where it was and as large. */
  #check(): void {
    if (this.#disposed) throw new ThawError('Service', 'Snapshot: a mapped memory was used after it was disposed of')
    const buffer = this.#memory.buffer
    if (buffer === this.#buffer) return
    checkSize(buffer.byteLength, this.#bytes)
    if (this.#libc.addressOf(buffer) !== this.#address) throw new ThawError('Service', 'Snapshot: the memory has moved')
    this.#buffer = buffer
    this.#live = Buffer.from(buffer)
  }
}
