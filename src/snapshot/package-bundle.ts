/**
 * The files that came with a function's code, in one file: a length (u32 LE), the index (JSON) so long, then the contents
 * one after the other. Its name is the index's SHA-256, and the index has those of the contents, piece by piece: so what
 * is read is verified, when it is first read, and nothing is read before.
 */
import { createHash, hash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { ThawError } from '../errors.ts'
import { sync } from '../store/durable.ts'
import type { PackageFile, PackageFiles } from '../wasi/fs/package-files.ts'
import { canonicalJson, sha256Hex } from './manifest.ts'

/** What is verified at once: a read of one byte costs so much, once. */
const pieceBytes = 262_144
const lengthBytes = 4
/** Ours: 20,000 paths of 1,024 bytes fit (limit zipEntries). */
const mostIndexBytes = 67_108_864

const count = z.number().int().nonnegative()
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)

const indexSchema = z.strictObject({
  format: z.literal(1),
  files: z.array(z.strictObject({ path: z.string(), size: count })),
  contentsBytes: count,
  /** SHA-256 of each piece of the contents. */
  pieces: z.array(sha256),
})

/** `files/<first two digits>/<hash>.bundle` under the artifacts folder. */
export function bundlePath(artifactsDir: string, name: string): string {
  if (!sha256.safeParse(name).success)
    throw new ThawError('Artifact', `Package files ${JSON.stringify(name)}: not a SHA-256 in lower-case hex`)
  return join(artifactsDir, 'files', name.slice(0, 2), `${name}.bundle`)
}

/** Whole or not at all. `files`: contents by path. Returns its name. */
export async function writeBundle(artifactsDir: string, files: ReadonlyMap<string, Uint8Array>): Promise<string> {
  const sorted = [...files].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const index: z.infer<typeof indexSchema> = {
    format: 1,
    files: sorted.map(([path, { length }]) => ({ path, size: length })),
    contentsBytes: sorted.reduce((sum, [, { length }]) => sum + length, 0),
    pieces: piecesOf(sorted.map(([, content]) => content)),
  }
  const text = Buffer.from(canonicalJson(index))
  const name = sha256Hex(text)
  const path = bundlePath(artifactsDir, name)
  await mkdir(dirname(path), { recursive: true })
  const temporary = `${path}.${crypto.randomUUID()}.tmp`
  const length = Buffer.alloc(lengthBytes)
  length.writeUInt32LE(text.length)
  try {
    await using file = await open(temporary, 'wx', 0o444)
    for (const part of [length, text, ...sorted.map(([, content]) => content)]) await file.writeFile(part)
    await sync(file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await rename(temporary, path)
  return name
}

function piecesOf(contents: readonly Uint8Array[]): string[] {
  const pieces: string[] = []
  let digest = createHash('sha256')
  let filled = 0
  for (const content of contents) {
    for (let at = 0; at < content.length;) {
      const part = content.subarray(at, at + pieceBytes - filled)
      digest.update(part)
      at += part.length
      filled += part.length
      if (filled < pieceBytes) continue
      pieces.push(digest.digest('hex'))
      digest = createHash('sha256')
      filled = 0
    }
  }
  return filled > 0 ? [...pieces, digest.digest('hex')] : pieces
}

export class PackageBundle implements PackageFiles, Disposable {
  readonly files: readonly PackageFile[]
  readonly #name: string
  readonly #descriptor: number
  readonly #pieces: readonly string[]
  readonly #verified = new Set<number>()
  readonly #offsets = new Map<PackageFile, number>()
  /** Where the contents begin, and how long they are. */
  readonly #contentsAt: number
  readonly #contentsBytes: number

  /** Errors: `Artifact`, if it is missing or its index is not the one it is named by. */
  static open(artifactsDir: string, name: string): PackageBundle {
    const path = bundlePath(artifactsDir, name)
    let descriptor: number
    try {
      descriptor = openSync(path, 'r')
    } catch (cause) {
      throw new ThawError('Artifact', `Package files ${name} are missing`, { cause })
    }
    try {
      return new PackageBundle(name, descriptor)
    } catch (cause) {
      closeSync(descriptor)
      if (cause instanceof ThawError) throw cause
      throw new ThawError('Artifact', `Package files ${name} are damaged`, { cause })
    }
  }

  private constructor(name: string, descriptor: number) {
    this.#name = name
    this.#descriptor = descriptor
    const length = Buffer.alloc(lengthBytes)
    readWhole(descriptor, length, 0)
    const text = Buffer.alloc(Math.min(length.readUInt32LE(), mostIndexBytes))
    readWhole(descriptor, text, lengthBytes)
    if (sha256Hex(text) !== name) throw new ThawError('Artifact', `Package files ${name}: the index is damaged`)
    const index = indexSchema.parse(JSON.parse(text.toString()))
    this.files = index.files
    this.#pieces = index.pieces
    this.#contentsAt = lengthBytes + text.length
    this.#contentsBytes = index.contentsBytes
    let offset = 0
    for (const file of index.files) {
      this.#offsets.set(file, offset)
      offset += file.size
    }
  }

  /** Errors: `Artifact`, if what is on disk is not what was written. */
  read(file: PackageFile, offset: number, into: Uint8Array): number {
    const begin = this.#offsets.get(file)
    if (begin === undefined) throw new ThawError('Artifact', `Package files ${this.#name} have no such file`)
    const length = Math.max(0, Math.min(into.length, file.size - offset))
    if (length === 0) return 0
    const from = begin + offset
    for (let piece = Math.floor(from / pieceBytes); piece * pieceBytes < from + length; piece++) this.#verify(piece)
    readWhole(this.#descriptor, into.subarray(0, length), this.#contentsAt + from)
    return length
  }

  #verify(piece: number): void {
    if (this.#verified.has(piece)) return
    const begin = piece * pieceBytes
    const bytes = Buffer.alloc(Math.min(pieceBytes, this.#contentsBytes - begin))
    readWhole(this.#descriptor, bytes, this.#contentsAt + begin)
    if (hash('sha256', bytes) !== this.#pieces[piece])
      throw new ThawError('Artifact', `Package files ${this.#name}: the contents are damaged`)
    this.#verified.add(piece)
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor)
  }
}

function readWhole(descriptor: number, into: Uint8Array, position: number): void {
  for (let done = 0; done < into.length;) {
    const read = readSync(descriptor, into, done, into.length - done, position + done)
    if (read === 0) throw new Error('the file ends too early')
    done += read
  }
}
