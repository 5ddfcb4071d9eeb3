import { ThawError } from '../errors.ts'
import { loadLibc } from '../memory/libc.ts'
import type { SnapshotMemory } from './format.ts'
import type { SnapshotImage } from './image.ts'
import { createCopyRestorer } from './ways/copy.ts'
import { FileMappedMemory } from './ways/mapped.ts'
import { createPagemapFinder } from './ways/pagemap.ts'
import { probeFinder } from './ways/probe.ts'
import { createScanFinder } from './ways/scan.ts'

/** `scan`: PAGEMAP_SCAN (Linux 6.7); `pagemap`: /proc/self/pagemap (any Linux); `copy`: no mapping, no FFI. */
export type RestoreWay = 'scan' | 'pagemap' | 'copy'

/**
 * One linear memory bound to one region of one image. It borrows both: the image must stay open as long as it is bound.
 * Disposed of, it holds no pages any more and the memory's contents are void.
 */
export interface MappedMemory extends Disposable {
  /**
   * Bring the memory back to the image; returns the 4 KiB pages written back. No guest may be running on it, and it must
   * not have grown: ThawError('Service') if so, as it cannot shrink.
   */
  reset(): number
  /** Bind to another image, whose region has as many pages; the memory equals it afterwards. */
  reimage(image: SnapshotImage, region: SnapshotMemory): void
  /** Give private pages back to the kernel; the memory equals the image afterwards. */
  trim(): void
  /**
   * Make private, ahead of need, the pages that have data and some after them: what a guest is about to write, and what
   * `reimage` is about to fill, then costs no faults. The memory equals the image before and after.
   */
  prefault(): void
  /** Private bytes held, swapped ones included. */
  residentBytes(): number
  /** Compare every byte: the checking mode. */
  equalsImage(): boolean
}

export interface Restorer extends Disposable {
  readonly way: RestoreWay
  /** Bind `memory`, which must be of the region's size; what it had in it is lost. */
  map(memory: WebAssembly.Memory, image: SnapshotImage, region: SnapshotMemory): MappedMemory
}

export interface RestoreWayProbe {
  way: RestoreWay
  works: boolean
  /** Why it does not. */
  reason?: string
}

/** Best first: docs/measurements.md has what each costs. */
const WAYS: readonly RestoreWay[] = ['scan', 'pagemap', 'copy']

/** Try each way here, by a memory of its own: for `thaw doctor`. */
export function probeRestoreWays(): RestoreWayProbe[] {
  return WAYS.map((way) => {
    try {
      using _restorer = open(way)
      return { way, works: true }
    } catch (error) {
      return { way, works: false, reason: error instanceof Error ? error.message : String(error) }
    }
  })
}

/**
 * One restorer serves a whole worker. `auto` takes the first way that works here; one that is asked for by name and does not
 * work throws ThawError('Config').
 */
export function createRestorer(preferred: 'auto' | RestoreWay): Restorer {
  for (const way of preferred === 'auto' ? WAYS : [preferred]) {
    try {
      return open(way)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      if (preferred !== 'auto')
        throw new ThawError('Config', `restore: "${way}" does not work here: ${reason}`, { cause })
    }
  }
  throw new ThawError('Config', 'restore: no way works here')
}

/** Throws when the way does not work here. */
function open(way: RestoreWay): Restorer {
  if (way === 'copy') return createCopyRestorer()
  const libc = loadLibc()
  if (libc === undefined) throw new ThawError('Config', 'no FFI on this system, or addons are not allowed')
  const finder = way === 'scan' ? createScanFinder(libc) : createPagemapFinder(libc)
  try {
    const reason = probeFinder(libc, finder)
    if (reason !== undefined) throw new ThawError('Config', reason)
  } catch (error) {
    finder[Symbol.dispose]()
    throw error
  }
  return {
    way,
    map: (memory, image, region) => new FileMappedMemory(libc, finder, memory, image, region),
    [Symbol.dispose]: () => finder[Symbol.dispose](),
  }
}
