import { closeSync, ftruncateSync, openSync, renameSync, rmSync } from 'node:fs'
import { ThawError } from '../errors.ts'
import { createEpochClock } from './clock.ts'
import type { Libc } from './libc.ts'
import { MAP_FIXED, MAP_SHARED, O_CLOEXEC, O_RDWR, PROT_READ, PROT_WRITE, SEEK_END, loadLibc } from './libc.ts'
import {
  EPOCH_WORD,
  LAYOUT_VERSION,
  LIMITS_WORD,
  MAGIC,
  MAGIC_WORD,
  MAX_POOLS,
  MAX_STRIDE,
  pageBytes,
  POOLS_WORD,
  STRIDE_WORD,
  VERSION_WORD,
  WASM_PAGE_BYTES,
  WORKERS_WORD,
  WORKER_RECORDS,
  WORKER_WORDS,
  type PageShape,
} from './page-layout.ts'
import { ConcurrencySlots } from './slots.ts'
import type { WorkerRecord } from './worker-record.ts'
import { createWorkerRecord } from './worker-record.ts'

/** Of a page that nobody gave a shape: some pools for tests and for the building of snapshots. */
const SMALL: PageShape = { pools: 16, stride: 1_000 }
const LARGEST: PageShape = { pools: MAX_POOLS, stride: MAX_STRIDE }

/**
 * The page that controller and workers share: the epoch, each worker's "now running" record, the concurrency slots.
 * Guests import its memory as `$thaw` `epoch`, for one load at address 0 (the rewriter puts in nothing else).
 *
 * A page of a file stays mapped as long as its memory lives; disposing of it removes the file's name where this process
 * made it, nothing more, since a guest may still be reading the epoch.
 */
export class SharedPage implements Disposable {
  readonly memory: WebAssembly.Memory
  readonly slots: ConcurrencySlots
  readonly #words: Int32Array
  readonly #clock = createEpochClock()
  readonly #workers: WorkerRecord[] = []
  #ownPath: string | undefined

  private constructor(memory: WebAssembly.Memory, shape: PageShape, ownPath: string | undefined) {
    this.memory = memory
    this.#ownPath = ownPath
    this.#words = new Int32Array(memory.buffer)
    this.slots = new ConcurrencySlots(this.#words, shape)
    for (let index = 0; index < WORKER_RECORDS; index++) {
      const start = WORKERS_WORD + index * WORKER_WORDS
      this.#workers.push(createWorkerRecord(this.#words.subarray(start, start + WORKER_WORDS), this.#clock))
    }
  }

  /**
   * For the controller: make the file (sparse, mode 0600) and map it. A file of that name is replaced, not reused:
   * processes of an earlier controller may still have it mapped.
   */
  static create(path: string, shape: PageShape = SMALL): SharedPage {
    const libc = requireLibc()
    const temporary = `${path}.${process.pid}.tmp`
    rmSync(temporary, { force: true })
    const fd = openSync(temporary, 'wx+', 0o600)
    try {
      ftruncateSync(fd, pageBytes(shape))
      const memory = mapShared(libc, fd, pageBytes(shape))
      format(memory, shape)
      renameSync(temporary, path)
      return new SharedPage(memory, shape, path)
    } catch (error) {
      rmSync(temporary, { force: true })
      throw error
    } finally {
      closeSync(fd)
    }
  }

  /** For a worker: map the controller's file. ThawError('Artifact') when it is none, or of another layout. */
  static open(path: string): SharedPage {
    const libc = requireLibc()
    const fd = libc.open(path, O_RDWR | O_CLOEXEC)
    try {
      // Touching a mapping beyond its file's end would be SIGBUS.
      const bytes = libc.lseek(fd, 0, SEEK_END)
      const atLeast = LIMITS_WORD * Int32Array.BYTES_PER_ELEMENT
      if (bytes < atLeast || bytes % WASM_PAGE_BYTES !== 0 || bytes > pageBytes(LARGEST))
        throw new ThawError('Artifact', `Shared page: of ${bytes} bytes there is none`)
      const memory = mapShared(libc, fd, bytes)
      const words = new Int32Array(memory.buffer)
      if (Atomics.load(words, MAGIC_WORD) !== MAGIC) throw new ThawError('Artifact', 'Shared page: not one of Thaw')
      const version = Atomics.load(words, VERSION_WORD)
      if (version !== LAYOUT_VERSION)
        throw new ThawError('Artifact', `Shared page: layout version ${version}, not ${LAYOUT_VERSION}`)
      const shape = { pools: Atomics.load(words, POOLS_WORD), stride: Atomics.load(words, STRIDE_WORD) }
      if (pageBytes(shape) !== bytes)
        throw new ThawError('Artifact', `Shared page: ${bytes} bytes, not ${pageBytes(shape)}`)
      return new SharedPage(memory, shape, undefined)
    } finally {
      libc.close(fd)
    }
  }

  /** A page of this process only, its threads included: no file, no FFI. */
  static anonymous(shape: PageShape = SMALL): SharedPage {
    const memory = sharedMemory(pageBytes(shape))
    format(memory, shape)
    return new SharedPage(memory, shape, undefined)
  }

  /** The clock of all deadlines: CLOCK_MONOTONIC in ms, a wrapping i32, the same in every process. */
  now(): number {
    return this.#clock()
  }

  /** Write the epoch from the clock; returns it. */
  tick(): number {
    const epoch = this.#clock()
    Atomics.store(this.#words, EPOCH_WORD, epoch)
    return epoch
  }

  /** The record of worker `index`, 0 to 127. */
  worker(index: number): WorkerRecord {
    const record = this.#workers[index]
    if (record === undefined)
      throw new ThawError('Config', `Shared page: no worker ${index}, it has records 0 to ${WORKER_RECORDS - 1}`)
    return record
  }

  [Symbol.dispose](): void {
    if (this.#ownPath !== undefined) rmSync(this.#ownPath, { force: true })
    this.#ownPath = undefined
  }
}

function sharedMemory(bytes: number): WebAssembly.Memory {
  const pages = bytes / WASM_PAGE_BYTES
  return new WebAssembly.Memory({ shared: true, initial: pages, maximum: pages })
}

/** The mapping outlives the descriptor, and goes with the memory: V8 unmaps the whole reservation when it is collected. */
function mapShared(libc: Libc, fd: number, bytes: number): WebAssembly.Memory {
  const memory = sharedMemory(bytes)
  const address = libc.addressOf(memory.buffer)
  libc.mmap(address, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0)
  return memory
}

function format(memory: WebAssembly.Memory, { pools, stride }: PageShape): void {
  const words = new Int32Array(memory.buffer)
  Atomics.store(words, POOLS_WORD, pools)
  Atomics.store(words, STRIDE_WORD, stride)
  Atomics.store(words, VERSION_WORD, LAYOUT_VERSION)
  Atomics.store(words, MAGIC_WORD, MAGIC)
}

function requireLibc(): Libc {
  const libc = loadLibc()
  if (libc === undefined)
    throw new ThawError('Config', `Shared page: no FFI on ${process.platform}-${process.arch}, or addons not allowed`)
  return libc
}
