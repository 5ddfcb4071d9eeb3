/** Zips for tests: honest ones by yazl, and dishonest ones by editing its output. */
import { buffer } from 'node:stream/consumers'
import { ZipFile } from 'yazl'

export interface ZipOptions {
  /** Unix mode with file type bits. */
  mode?: number
}

export async function zipOf(files: Record<string, string | Uint8Array>, options: ZipOptions = {}): Promise<Uint8Array> {
  const zip = new ZipFile()
  const mtime = new Date(0)
  for (const [path, content] of Object.entries(files)) {
    if (path.endsWith('/')) zip.addEmptyDirectory(path, { mtime })
    else zip.addBuffer(Buffer.from(content), path, { mtime, ...options })
  }
  zip.end()
  return new Uint8Array(await buffer(zip.outputStream))
}

/** The same zip with a path replaced by one of the same length, in the local header and in the central directory. */
export function withPath(zip: Uint8Array, from: string, to: string): Uint8Array {
  return replaced(zip, Buffer.from(from), Buffer.from(to))
}

/** The same zip with a claimed uncompressed size replaced, in every header that has it. */
export function withClaimedSize(zip: Uint8Array, from: number, to: number): Uint8Array {
  return replaced(zip, u32(from), u32(to))
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function replaced(source: Uint8Array, from: Buffer, to: Buffer): Uint8Array {
  if (from.length !== to.length) throw new Error('A replacement must have the same length')
  const bytes = Buffer.from(source)
  for (let at = bytes.indexOf(from); at !== -1; at = bytes.indexOf(from, at + to.length)) to.copy(bytes, at)
  return new Uint8Array(bytes)
}
