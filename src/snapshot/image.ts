import { randomUUID } from 'node:crypto'
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ThawError } from '../errors.ts'
import { sync } from '../store/durable.ts'
import type { Libc } from '../memory/libc.ts'
import { MAP_PRIVATE, PROT_READ, SEEK_DATA, SEEK_HOLE, loadLibc } from '../memory/libc.ts'
import type { SnapshotGlobal, SnapshotHandle, SnapshotManifest, SnapshotMemory } from './format.ts'
import { WASM_PAGE_BYTES } from './format.ts'
import { canonicalJson, parseManifest, sha256Hex, snapshotPaths } from './manifest.ts'
import { PAGE_BYTES, PageHasher } from './page-hasher.ts'

export interface SnapshotParts {
  engine: string
  /** Whole memories, multiples of 64 KiB, in the order they get in the image. Borrowed until the promise settles. */
  memories: { step: number; index: number; bytes: Uint8Array }[]
  globals: SnapshotGlobal[]
  handles: SnapshotHandle[]
  initMs: number
}

/**
 * Write a snapshot under the artifacts folder `dir`; returns its hash, the SHA-256 of the canonical manifest. The image goes
 * first, so a manifest that is there has its image; both by temporary name, sync and rename, and never written again. A
 * whole snapshot that is there already is left alone, a damaged one is replaced.
 */
export async function writeSnapshot(dir: string, parts: SnapshotParts): Promise<string> {
  const hasher = new PageHasher()
  const memories: SnapshotMemory[] = []
  let offset = 0
  for (const { step, index, bytes } of parts.memories) {
    if (bytes.length % WASM_PAGE_BYTES !== 0)
      throw new ThawError(
        'Service',
        `Snapshot: a memory of ${bytes.length} bytes, not a multiple of ${WASM_PAGE_BYTES}`,
      )
    memories.push({ step, index, pages: bytes.length / WASM_PAGE_BYTES, offset })
    hasher.add(asBuffer(bytes), offset / PAGE_BYTES, 0, bytes.length / PAGE_BYTES)
    offset += bytes.length
  }
  const { sha256: imageSha256, dataRuns } = hasher.finish()
  const { engine, globals, handles, initMs } = parts
  const manifest: SnapshotManifest = {
    format: 1,
    engine,
    memories,
    globals,
    handles,
    imageBytes: offset,
    imageSha256,
    initMs,
  }
  const json = canonicalJson(manifest)
  const hash = sha256Hex(json)
  if (isWhole(dir, hash)) return hash

  const paths = snapshotPaths(dir, hash)
  await mkdir(paths.folder, { recursive: true })
  await writeOnce(paths.image, async (file) => {
    await file.truncate(offset)
    for (const [position, bytes] of dataChunks(parts, memories, dataRuns)) await writeAll(file, bytes, position)
  })
  await writeOnce(paths.manifest, (file) => file.writeFile(json))
  await syncFolder(paths.folder)
  await syncFolder(dirname(paths.folder))
  return hash
}

/** Each run of data within one memory, with its position in the image: what is between stays a hole. */
function* dataChunks(
  parts: SnapshotParts,
  memories: SnapshotMemory[],
  runs: Int32Array,
): Generator<[number, Uint8Array]> {
  for (const [order, { offset }] of memories.entries()) {
    const bytes = parts.memories[order]?.bytes ?? new Uint8Array()
    for (let run = 0; run < runs.length; run += 2) {
      // Runs may span two memories.
      const start = Math.max((runs[run] ?? 0) * PAGE_BYTES, offset)
      const end = Math.min((runs[run + 1] ?? 0) * PAGE_BYTES, offset + bytes.length)
      if (start < end) yield [start, bytes.subarray(start - offset, end - offset)]
    }
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}

async function writeOnce(path: string, write: (file: FileHandle) => Promise<unknown>): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`
  try {
    // Read-only for all but this handle: fchmod later is refused under Node's permission model.
    const file = await open(temporary, 'wx', 0o444)
    try {
      await write(file)
      await sync(file)
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return // it cannot open folders
  const folder = await open(path, 'r')
  try {
    await sync(folder)
  } finally {
    await folder.close()
  }
}

function isWhole(dir: string, hash: string): boolean {
  try {
    using _image = SnapshotImage.open(dir, hash)
    return true
  } catch (error) {
    if (error instanceof ThawError) return false
    throw error
  }
}

export interface OpenOptions {
  /** `buffer` reads the image into this process instead of mapping it; what happens anyway without FFI. */
  backing?: 'mapping' | 'buffer'
  /** `dataRuns` of the same snapshot as this process verified it before: the pass over its pages is then spared. */
  verifiedRuns?: Int32Array | undefined
}

/**
 * A snapshot, opened and verified: sizes, the manifest against its name, the image against the manifest. The opener owns
 * it and must not dispose of it while an instance is bound to it.
 */
export class SnapshotImage implements Disposable {
  readonly hash: string
  readonly manifest: SnapshotManifest
  /** Open for reading; the image's alone. */
  readonly fd: number
  /** [start, end) pairs of 4 KiB pages of the image that are not all zero, ascending. */
  readonly dataRuns: Int32Array
  readonly #backing: Backing
  #open = true

  private constructor(hash: string, manifest: SnapshotManifest, fd: number, backing: Backing, dataRuns: Int32Array) {
    this.hash = hash
    this.manifest = manifest
    this.fd = fd
    this.#backing = backing
    this.dataRuns = dataRuns
  }

  /** Throws ThawError('Artifact') naming what is missing or differs. Takes one pass over the non-zero pages (SHA-256). */
  static open(dir: string, hash: string, options: OpenOptions = {}): SnapshotImage {
    const paths = snapshotPaths(dir, hash)
    const manifest = parseManifest(
      found(hash, 'manifest', () => readFileSync(paths.manifest, 'utf8')),
      hash,
    )
    const fd = found(hash, 'image', () => openSync(paths.image, 'r'))
    let backing: Backing | undefined
    try {
      // Before mapping: to touch a page beyond the file's end would be SIGBUS, and nobody writes to it hereafter.
      const { size } = fstatSync(fd)
      if (size !== manifest.imageBytes)
        throw new ThawError('Artifact', `Snapshot ${hash}: the image has ${size} bytes, not ${manifest.imageBytes}`)
      const libc = options.backing === 'buffer' ? undefined : loadLibc()
      backing = libc === undefined || size === 0 ? readImage(fd, size) : mapImage(libc, fd, size)
      const dataRuns = options.verifiedRuns ?? verify(hash, manifest, backing, candidateRuns(libc, fd, size))
      return new SnapshotImage(hash, manifest, fd, backing, dataRuns)
    } catch (error) {
      backing?.free()
      closeSync(fd)
      throw error
    }
  }

  /** The whole image, not to be written to: where it is a mapping, that is a segmentation fault. */
  get bytes(): Buffer<ArrayBuffer> {
    // An instance reset from a detached buffer would keep its dirty page without a word.
    if (!this.#open) throw new ThawError('Service', `Snapshot ${this.hash}: used after it was disposed of`)
    return this.#backing.bytes
  }

  [Symbol.dispose](): void {
    if (!this.#open) return
    this.#open = false
    this.#backing.free()
    closeSync(this.fd)
  }
}

interface Backing {
  bytes: Buffer<ArrayBuffer>
  free(): void
}

function mapImage(libc: Libc, fd: number, size: number): Backing {
  const address = libc.mmap(0, size, PROT_READ, MAP_PRIVATE, fd, 0)
  const view = libc.viewOf(address, size)
  return {
    bytes: Buffer.from(view),
    free() {
      // Detached first: a view that someone kept is then empty, not a pointer into whatever comes to lie there next.
      view.transfer(0)
      libc.munmap(address, size)
    },
  }
}

function readImage(fd: number, size: number): Backing {
  const bytes = Buffer.from(new ArrayBuffer(size))
  for (let done = 0; done < size;) {
    const read = readSync(fd, bytes, done, size - done, done)
    if (read === 0) throw new ThawError('Artifact', `The snapshot's image ended at ${done} of ${size} bytes`)
    done += read
  }
  return { bytes, free: () => undefined }
}

/** [start, end) pages that may have data: what the file system says is no hole, since to read a hole allocates pages. */
function* candidateRuns(libc: Libc | undefined, fd: number, size: number): Generator<[number, number]> {
  if (libc === undefined) {
    yield [0, size / PAGE_BYTES]
    return
  }
  let end = 0
  while (end < size) {
    const start = libc.lseek(fd, end, SEEK_DATA)
    if (start === -1) return
    // A file system with smaller blocks than a page may split within one; none is to be given twice.
    const first = Math.max(Math.floor(start / PAGE_BYTES), Math.ceil(end / PAGE_BYTES))
    end = libc.lseek(fd, start, SEEK_HOLE)
    yield [first, Math.ceil(end / PAGE_BYTES)]
  }
}

/** The image's pages against the manifest; returns where it has data. */
function verify(
  hash: string,
  manifest: SnapshotManifest,
  backing: Backing,
  runs: Iterable<[number, number]>,
): Int32Array {
  const hasher = new PageHasher()
  for (const [start, end] of runs) hasher.add(backing.bytes, 0, start, end)
  const { sha256, dataRuns } = hasher.finish()
  if (sha256 === manifest.imageSha256) return dataRuns
  throw new ThawError('Artifact', `Snapshot ${hash}: the image's SHA-256 is ${sha256}, not ${manifest.imageSha256}`)
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function found<T>(hash: string, what: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new ThawError('Artifact', `Snapshot ${hash}: the ${what} cannot be read`, { cause })
  }
}
