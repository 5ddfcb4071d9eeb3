/**
 * The few libc calls Thaw needs, over FFI (koffi): mapping files over Wasm memories and asking the kernel which pages
 * were written. libc's `open` is not Node's: the permission model of a worker does not see it, so only paths that the
 * controller handed over are ever opened with it.
 */
import { createRequire } from 'node:module'
import { getSystemErrorName } from 'node:util'
import type * as Koffi from 'koffi'
import { ThawError } from '../errors.ts'

const darwin = process.platform === 'darwin'

/** Constants of <sys/mman.h> and <fcntl.h>, which Linux and macOS number differently. */
export const PROT_READ = 1
export const PROT_WRITE = 2
export const MAP_SHARED = 0x01
export const MAP_PRIVATE = 0x02
export const MAP_FIXED = 0x10
export const MAP_ANONYMOUS = darwin ? 0x1000 : 0x20
/** Private pages of a snapshot are not to count against the commit limit before they are written. */
export const MAP_NORESERVE = darwin ? 0x40 : 0x4000
export const MADV_DONTNEED = 4
export const O_RDONLY = 0
export const O_RDWR = 2
export const O_CLOEXEC = darwin ? 0x1000000 : 0x80000
export const MFD_CLOEXEC = 1
export const SEEK_END = 2
export const SEEK_DATA = darwin ? 4 : 3
export const SEEK_HOLE = darwin ? 3 : 4
export const ENXIO = 6

/**
 * Addresses are plain numbers: user space ends far below 2^53. Every call that fails throws ThawError naming the system
 * call and the errno: `Artifact` where it is about a file, `Service` where it is about memory.
 */
export interface Libc {
  /** The kernel's page, bytes: 4,096 on x64, up to 65,536 on arm64. */
  readonly pageBytes: number
  /** Where a buffer begins. Only for buffers that own their memory: V8 may move small typed arrays, never those. */
  addressOf(buffer: ArrayBufferLike): number
  /** A buffer over memory that the caller owns, and must detach (`transfer(0)`) before it unmaps that memory. */
  viewOf(address: number, bytes: number): ArrayBuffer
  mmap(address: number, bytes: number, protection: number, flags: number, fd: number, offset: number): number
  munmap(address: number, bytes: number): void
  madvise(address: number, bytes: number, advice: number): void
  open(path: string, flags: number): number
  close(fd: number): void
  ftruncate(fd: number, bytes: number): void
  /** Linux only. */
  memfdCreate(name: string, flags: number): number
  /** Linux only. `argument` is the address of the request's structure. */
  ioctl(fd: number, request: number, argument: number): number
  /** Reads into memory at `address`; returns bytes read. */
  pread(fd: number, address: number, bytes: number, offset: number): number
  /** The new position; -1 when there is no data or hole at or after `offset` (ENXIO), which is no error. */
  lseek(fd: number, offset: number, whence: number): number
  /** The last call's errno. */
  errno(): number
}

/** What libc itself has; the two at the end on Linux only. -1 is failure. */
interface Natives {
  mmap(address: number, bytes: number, protection: number, flags: number, fd: number, offset: number): number
  munmap(address: number, bytes: number): number
  madvise(address: number, bytes: number, advice: number): number
  open(path: string, flags: number): number
  close(fd: number): number
  ftruncate(fd: number, bytes: number): number
  pread(fd: number, address: number, bytes: number, offset: number): number
  lseek(fd: number, offset: number, whence: number): number
  getpagesize(): number
  memfdCreate?(name: string, flags: number): number
  ioctl?(fd: number, request: number, argument: number): number
}

// open and ioctl are variadic in C: open gets no third argument here, and Linux passes such arguments like any other.
function declare(library: Koffi.LibraryHandle): Natives {
  const natives: Natives = {
    mmap: library.func('intptr_t mmap(uintptr_t addr, size_t len, int prot, int flags, int fd, int64_t off)'),
    munmap: library.func('int munmap(uintptr_t addr, size_t len)'),
    madvise: library.func('int madvise(uintptr_t addr, size_t len, int advice)'),
    open: library.func('int open(const char *path, int flags)'),
    close: library.func('int close(int fd)'),
    ftruncate: library.func('int ftruncate(int fd, int64_t len)'),
    pread: library.func('intptr_t pread(int fd, uintptr_t buf, size_t len, int64_t off)'),
    lseek: library.func('int64_t lseek(int fd, int64_t off, int whence)'),
    getpagesize: library.func('int getpagesize()'),
  }
  if (darwin) return natives
  natives.memfdCreate = library.func('int memfd_create(const char *name, unsigned int flags)')
  natives.ioctl = library.func('int ioctl(int fd, unsigned long request, uintptr_t argument)')
  return natives
}

/** glibc, then musl by its name on each CPU; `null` is the program itself, which has libc loaded on every system. */
const libraryNames: Record<string, (string | null)[]> = {
  'linux-x64': ['libc.so.6', 'libc.musl-x86_64.so.1', null],
  'linux-arm64': ['libc.so.6', 'libc.musl-aarch64.so.1', null],
  'darwin-x64': ['/usr/lib/libSystem.B.dylib', null],
  'darwin-arm64': ['/usr/lib/libSystem.B.dylib', null],
}

function bindNatives(koffi: typeof Koffi): Natives | undefined {
  for (const name of libraryNames[`${process.platform}-${process.arch}`] ?? []) {
    try {
      return declare(koffi.load(name))
    } catch {
      // Not under this name here: the next one.
    }
  }
  return undefined
}

function bind(): Libc | undefined {
  let koffi: typeof Koffi
  try {
    koffi = createRequire(import.meta.url)('koffi')
  } catch {
    return undefined // no prebuilt binary for this system, or addons are not allowed
  }
  const natives = bindNatives(koffi)
  if (natives === undefined) return undefined

  const errno = (): number => koffi.errno()
  const checked = (result: number, code: 'Artifact' | 'Service', syscall: string): number => {
    if (result === -1) throw new ThawError(code, `${syscall} failed: ${errnoName(errno())}`)
    return result
  }
  const missing = (syscall: string): never => {
    throw new ThawError('Service', `${syscall} is not available on ${process.platform}`)
  }
  return {
    pageBytes: natives.getpagesize(),
    addressOf: (buffer) => Number(koffi.address(buffer)),
    viewOf: (address, bytes) => koffi.view(BigInt(address), bytes),
    mmap: (address, bytes, protection, flags, fd, offset) =>
      checked(natives.mmap(address, bytes, protection, flags, fd, offset), 'Service', 'mmap'),
    munmap: (address, bytes) => void checked(natives.munmap(address, bytes), 'Service', 'munmap'),
    madvise: (address, bytes, advice) => void checked(natives.madvise(address, bytes, advice), 'Service', 'madvise'),
    open: (path, flags) => checked(natives.open(path, flags), 'Artifact', 'open'),
    close: (fd) => void checked(natives.close(fd), 'Artifact', 'close'),
    ftruncate: (fd, bytes) => void checked(natives.ftruncate(fd, bytes), 'Artifact', 'ftruncate'),
    memfdCreate: (name, flags) =>
      checked(natives.memfdCreate?.(name, flags) ?? missing('memfd_create'), 'Service', 'memfd_create'),
    ioctl: (fd, request, argument) =>
      checked(natives.ioctl?.(fd, request, argument) ?? missing('ioctl'), 'Service', 'ioctl'),
    pread: (fd, address, bytes, offset) => checked(natives.pread(fd, address, bytes, offset), 'Artifact', 'pread'),
    lseek: (fd, offset, whence) => {
      const position = natives.lseek(fd, offset, whence)
      return position === -1 && errno() === ENXIO ? -1 : checked(position, 'Artifact', 'lseek')
    },
    errno,
  }
}

function errnoName(errno: number): string {
  try {
    return getSystemErrorName(-errno)
  } catch {
    return `errno ${errno}`
  }
}

/** What a process's libc is cannot change while it runs: bound at the first use, like a module, and kept. */
function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined
  return () => (made ??= { value: make() }).value
}

/** The bindings, or undefined where FFI is not to be had (unknown system, addons not allowed). Never throws. */
export const loadLibc: () => Libc | undefined = once(bind)
