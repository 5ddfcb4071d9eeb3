import type { Libc } from '../../memory/libc.ts'
import { O_CLOEXEC, O_RDONLY } from '../../memory/libc.ts'
import type { PageFinder } from './finder.ts'

/** _IOWR('f', 16, struct pm_scan_arg), <linux/fs.h>, Linux 6.7. */
const PAGEMAP_SCAN = 0xc060_6610
const ARG_BYTES = 96
const REGION_WORDS = 6

/** Words (u32) of struct pm_scan_arg; each field is a u64. */
const SIZE = 0
const START = 4
const END = 6
const WALK_END = 8
const VEC = 10
const VEC_LEN = 12
const CATEGORY_INVERTED = 16
const CATEGORY_MASK = 18
const CATEGORY_ANYOF_MASK = 20
const RETURN_MASK = 22

const PAGE_IS_FILE = 1 << 2
const PAGE_IS_PRESENT = 1 << 3
const PAGE_IS_SWAPPED = 1 << 4

const TWO_32 = 2 ** 32

/**
 * One ioctl lists the pages that are (present or swapped) and not the file's. Swapped ones count: a page that was written
 * and then pushed out still has the last invocation's data. `regions`: how many ranges one call may return; the kernel
 * allocates that many each time, and 128 (3 KiB) cost 0.5 us less than 512.
 */
export function createScanFinder(libc: Libc, regions = 128): PageFinder {
  const fd = libc.open('/proc/self/pagemap', O_RDONLY | O_CLOEXEC)
  // Buffers of their own: the kernel is given their addresses once, so they must never move.
  const argument = new Uint32Array(new ArrayBuffer(ARG_BYTES))
  const vector = new Uint32Array(new ArrayBuffer(regions * REGION_WORDS * Uint32Array.BYTES_PER_ELEMENT))
  const ranges = new Float64Array(regions * 2)
  const argumentAddress = libc.addressOf(argument.buffer)
  const put = (word: number, value: number): void => {
    argument[word] = value % TWO_32
    argument[word + 1] = value / TWO_32
  }
  put(SIZE, ARG_BYTES)
  put(VEC, libc.addressOf(vector.buffer))
  put(VEC_LEN, regions)
  put(CATEGORY_INVERTED, PAGE_IS_FILE)
  put(CATEGORY_MASK, PAGE_IS_FILE)
  put(CATEGORY_ANYOF_MASK, PAGE_IS_PRESENT | PAGE_IS_SWAPPED)
  // The same for all, so that neighbouring pages come as one region.
  put(RETURN_MASK, PAGE_IS_FILE)
  let resume = 0
  let open = true
  return {
    ranges,
    get resume() {
      return resume
    },
    find(address, from, to) {
      put(START, address + from)
      put(END, address + to)
      const found = libc.ioctl(fd, PAGEMAP_SCAN, argumentAddress)
      for (let region = 0; region < found; region++) {
        const word = region * REGION_WORDS
        ranges[region * 2] = u64(vector, word) - address
        ranges[region * 2 + 1] = u64(vector, word + 2) - address
      }
      resume = u64(argument, WALK_END) - address
      return found
    },
    [Symbol.dispose]() {
      if (open) libc.close(fd)
      open = false
    },
  }
}

function u64(words: Uint32Array, word: number): number {
  return (words[word] ?? 0) + (words[word + 1] ?? 0) * TWO_32
}
