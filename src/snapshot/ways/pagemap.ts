import { ThawError } from '../../errors.ts'
import type { Libc } from '../../memory/libc.ts'
import { O_CLOEXEC, O_RDONLY } from '../../memory/libc.ts'
import type { PageFinder } from './finder.ts'

/** Upper halves of the bits of an entry (Documentation/admin-guide/mm/pagemap.rst): 61 file or shared, 62 swapped, 63 present. */
const FILE_BIT = 1 << (61 - 32)
const HELD_BITS = (1 << (62 - 32)) | (1 << (63 - 32))

const ENTRY_BYTES = 8

/** Reads one entry of 8 bytes for every page there is, written or not: any Linux, at a cost by the memory's size. */
export function createPagemapFinder(libc: Libc, entries = 2_048): PageFinder {
  const fd = libc.open('/proc/self/pagemap', O_RDONLY | O_CLOEXEC)
  // A buffer of its own: the kernel is given its address once, so it must never move.
  const words = new Uint32Array(new ArrayBuffer(entries * ENTRY_BYTES))
  const wordsAddress = libc.addressOf(words.buffer)
  // At worst every second page is a range.
  const ranges = new Float64Array(entries + 2)
  const pageBytes = libc.pageBytes
  let resume = 0
  let open = true
  return {
    ranges,
    get resume() {
      return resume
    },
    find(address, from, to) {
      const pages = Math.min(entries, (to - from) / pageBytes)
      const bytes = pages * ENTRY_BYTES
      const read = libc.pread(fd, wordsAddress, bytes, ((address + from) / pageBytes) * ENTRY_BYTES)
      // Pages not looked at would count as clean.
      if (read !== bytes) throw new ThawError('Service', `pagemap: ${read} bytes read, not ${bytes}`)
      let found = 0
      let start = -1
      for (let page = 0; page <= pages; page++) {
        const entry = page === pages ? 0 : (words[page * 2 + 1] ?? 0)
        const own = (entry & HELD_BITS) !== 0 && (entry & FILE_BIT) === 0
        if (own && start === -1) start = page
        if (own || start === -1) continue
        ranges[found * 2] = from + start * pageBytes
        ranges[found * 2 + 1] = from + page * pageBytes
        found++
        start = -1
      }
      resume = from + pages * pageBytes
      return found
    },
    [Symbol.dispose]() {
      if (open) libc.close(fd)
      open = false
    },
  }
}
