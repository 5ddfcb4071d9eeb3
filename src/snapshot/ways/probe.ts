import type { Libc } from '../../memory/libc.ts'
import { MAP_FIXED, MAP_PRIVATE, MFD_CLOEXEC, PROT_READ, PROT_WRITE } from '../../memory/libc.ts'
import { WASM_PAGE_BYTES } from '../format.ts'
import type { PageFinder } from './finder.ts'

/**
 * Try a finder on what it is for: of a file mapped privately over a Wasm memory it must name the page that was written and
 * not the one that was read. Returns why it does not do, or undefined when it does. Throws what the system calls throw.
 */
export function probeFinder(libc: Libc, finder: PageFinder): string | undefined {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 })
  const address = libc.addressOf(memory.buffer)
  const fd = libc.memfdCreate('thaw-probe', MFD_CLOEXEC)
  try {
    libc.ftruncate(fd, WASM_PAGE_BYTES)
    libc.mmap(address, WASM_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0)
  } finally {
    libc.close(fd)
  }
  const last = WASM_PAGE_BYTES - libc.pageBytes
  if (last < libc.pageBytes) return `the kernel's pages of ${libc.pageBytes} bytes are too large`
  const bytes = new Uint8Array(memory.buffer)
  bytes[last] = (bytes[0] ?? 0) + 1
  const found = finder.find(address, 0, WASM_PAGE_BYTES)
  // Also the last use of `bytes`: until here the memory must not be collected.
  const exact = found === 1 && finder.ranges[0] === last && finder.ranges[1] === WASM_PAGE_BYTES && bytes[last] === 1
  return exact && finder.resume === WASM_PAGE_BYTES ? undefined : 'the kernel does not tell written pages from others'
}
