import { ThawError } from '../../errors.ts'
import type { SnapshotMemory } from '../format.ts'
import { WASM_PAGE_BYTES } from '../format.ts'
import type { SnapshotImage } from '../image.ts'
import { PAGE_BYTES } from '../page-hasher.ts'
import type { MappedMemory, Restorer } from '../restorer.ts'
import { checkSize, regionBytes } from './regions.ts'

/** No kernel to ask: every page is compared with the image, and copied where it differs. Works on any system. */
export function createCopyRestorer(): Restorer {
  return {
    way: 'copy',
    map: (memory, image, region) => new CopiedMemory(memory, image, region),
    [Symbol.dispose]: () => undefined,
  }
}

class CopiedMemory implements MappedMemory {
  readonly #memory: WebAssembly.Memory
  readonly #bytes: number
  #buffer: ArrayBuffer
  #live: Buffer
  #image: SnapshotImage
  #region: SnapshotMemory
  #disposed = false

  constructor(memory: WebAssembly.Memory, image: SnapshotImage, region: SnapshotMemory) {
    this.#memory = memory
    this.#image = image
    this.#region = region
    this.#bytes = regionBytes(image, region)
    this.#buffer = memory.buffer
    checkSize(this.#buffer.byteLength, this.#bytes)
    this.#live = Buffer.from(this.#buffer)
    this.reset()
  }

  reset(): number {
    this.#check()
    const live = this.#live
    const source = this.#image.bytes
    const { offset } = this.#region
    let written = 0
    // A Wasm page at a time, as most are clean and a call costs as much as comparing half a kilobyte.
    for (let chunk = 0; chunk < this.#bytes; chunk += WASM_PAGE_BYTES) {
      const chunkEnd = chunk + WASM_PAGE_BYTES
      if (source.compare(live, chunk, chunkEnd, offset + chunk, offset + chunkEnd) === 0) continue
      for (let at = chunk; at < chunkEnd; at += PAGE_BYTES) {
        const end = at + PAGE_BYTES
        if (source.compare(live, at, end, offset + at, offset + end) === 0) continue
        source.copy(live, at, offset + at, offset + end)
        written++
      }
    }
    return written
  }

  reimage(image: SnapshotImage, region: SnapshotMemory): void {
    checkSize(this.#bytes, regionBytes(image, region))
    this.#image = image
    this.#region = region
    this.reset()
  }

  /** V8 has no way to give back a part of a memory: the contents are the image's, the pages stay. */
  trim(): void {
    this.reset()
  }

  /** Every page is this process's own from the start. */
  prefault(): void {}

  /** All of it: without the kernel's word any page may be there. */
  residentBytes(): number {
    this.#check()
    return this.#bytes
  }

  equalsImage(): boolean {
    this.#check()
    const { offset } = this.#region
    return this.#image.bytes.compare(this.#live, 0, this.#bytes, offset, offset + this.#bytes) === 0
  }

  [Symbol.dispose](): void {
    this.#disposed = true
  }

  #check(): void {
    if (this.#disposed) throw new ThawError('Service', 'Snapshot: a mapped memory was used after it was disposed of')
    const buffer = this.#memory.buffer
    if (buffer === this.#buffer) return
    checkSize(buffer.byteLength, this.#bytes)
    this.#buffer = buffer
    this.#live = Buffer.from(buffer)
  }
}
