/**
 * What a client uploads: a zip of files, or a component as it is. Everything about it is untrusted, the sizes in its
 * headers included; nothing is written to disk before all of it has passed.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fromBuffer, getFileNameLowLevel, type Entry, type ZipFile } from 'yauzl'
import type { Limits } from '../config.ts'
import { ThawError } from '../errors.ts'
import { inspectBinary } from './binary.ts'

export type PackageLimits = Pick<Limits, 'zipBytes' | 'unzippedBytes' | 'zipEntries'>

export type Package =
  /** Paths relative, with `/`, in the zip's order; contents owned by the receiver. */
  { kind: 'files'; files: Map<string, Uint8Array> } | { kind: 'component'; bytes: Uint8Array }

/** AWS's wording for a zip that cannot be read. */
const unreadable = 'Could not unzip uploaded file. Please check your file, then try to upload again.'

const fileTypeMask = 0o170000
const regularFile = 0o100000
const directory = 0o040000
const symbolicLink = 0o120000

/**
 * Refuses with `InvalidParameterValue`, naming the rule or limit. `bytes` is lent for the call, or kept if a component.
 * @param unzippedBytes what counts against the limit already
 */
export async function openPackage(bytes: Uint8Array, limits: PackageLimits, unzippedBytes = 0): Promise<Package> {
  if (bytes.length === 0) throw refusal('Uploaded file must be a non-empty zip')
  if (bytes.length > limits.zipBytes) {
    throw refusal(`The package has ${bytes.length} bytes; at most ${limits.zipBytes} are allowed (limit zipBytes)`)
  }
  const binary = inspectBinary(bytes)
  if (binary.kind === 'component') return { kind: 'component', bytes }
  if (binary.kind !== 'other') throw refusal(`The uploaded file is ${binary.reason}`)
  return { kind: 'files', files: await unzip(bytes, limits, unzippedBytes) }
}

export function unzippedBytesOf(opened: Package): number {
  if (opened.kind === 'component') return opened.bytes.length
  return opened.files.values().reduce((sum, { length }) => sum + length, 0)
}

/** Write a package's files below `folder`, which must exist. Paths were checked by `openPackage`. */
export async function writePackage(files: ReadonlyMap<string, Uint8Array>, folder: string): Promise<void> {
  const made = new Set<string>()
  for (const [path, content] of files) {
    const target = join(folder, path)
    const parent = dirname(target)
    if (!made.has(parent)) {
      await mkdir(parent, { recursive: true })
      made.add(parent)
    }
    await writeFile(target, content, { flag: 'wx' })
  }
}

async function unzip(
  bytes: Uint8Array,
  limits: PackageLimits,
  unzippedBytes: number,
): Promise<Map<string, Uint8Array>> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const zip = await openZip(buffer)
  try {
    if (zip.entryCount > limits.zipEntries) throw tooMany(limits)
    const files = new Map<string, Uint8Array>()
    const taken = new TakenPaths()
    let entries = 0
    let total = unzippedBytes
    for await (const entry of entriesOf(zip)) {
      // The header's count may lie; what is read does not.
      entries += 1
      if (entries > limits.zipEntries) throw tooMany(limits)
      const path = checkedPath(entry)
      const kind = checkedKind(entry, path)
      taken.add(path, kind)
      if (kind === 'directory') continue
      const content = await inflate(zip, entry, path, limits.unzippedBytes - total, limits)
      total += content.length
      files.set(path, content)
    }
    if (files.size === 0) throw refusal('Uploaded file must be a non-empty zip')
    return files
  } finally {
    zip.close()
  }
}

function openZip(buffer: Buffer): Promise<ZipFile> {
  return new Promise((resolve, reject) => {
    // Names stay bytes: the rules for paths are ours, below, not the library's.
    fromBuffer(buffer, { lazyEntries: true, decodeStrings: false, validateEntrySizes: true }, (error, zip) => {
      if (error === null) resolve(zip)
      else reject(malformed(error))
    })
  })
}

async function* entriesOf(zip: ZipFile): AsyncGenerator<Entry> {
  for (;;) {
    const entry = await new Promise<Entry | undefined>((resolve, reject) => {
      const settle = (finish: () => void) => {
        zip.removeAllListeners('entry').removeAllListeners('end').removeAllListeners('error')
        finish()
      }
      zip.once('entry', (next: Entry) => settle(() => resolve(next)))
      zip.once('end', () => settle(() => resolve(undefined)))
      zip.once('error', (error: Error) => settle(() => reject(malformed(error))))
      zip.readEntry()
    })
    if (entry === undefined) return
    yield entry
  }
}

/** The path as text, by the rules that keep it inside the folder on every system. */
function checkedPath(entry: Entry): string {
  const path = getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, true)
  const broken = (rule: string) => refusal(`The zip has a path that is not allowed: ${JSON.stringify(path)} ${rule}`)
  if (path.length === 0 || path.length > 1_024) throw broken('is empty or longer than 1,024 characters')
  if (path.includes('\0')) throw broken('contains a NUL')
  if (path.includes('\\')) throw broken('contains a backslash')
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path)) throw broken('is absolute')
  const parts = (path.endsWith('/') ? path.slice(0, -1) : path).split('/')
  if (parts.includes('..')) throw broken("contains '..'")
  if (parts.some((part) => part === '' || part === '.')) throw broken('contains an empty part or a dot')
  return parts.join('/') + (path.endsWith('/') ? '/' : '')
}

function checkedKind(entry: Entry, path: string): 'file' | 'directory' {
  if (entry.isEncrypted()) throw refusal(`The zip has an encrypted file: ${JSON.stringify(path)}`)
  const type = (entry.externalFileAttributes >>> 16) & fileTypeMask
  if (type === symbolicLink) throw refusal(`The zip has a symbolic link, which is not allowed: ${JSON.stringify(path)}`)
  if (type !== 0 && type !== regularFile && type !== directory) {
    throw refusal(`The zip has a special file, which is not allowed: ${JSON.stringify(path)}`)
  }
  return path.endsWith('/') ? 'directory' : 'file'
}

/** No two files at one place, and none where a folder must be. `whose` begins the refusal's sentence. */
export function assertDistinct(paths: Iterable<string>, whose: string): void {
  const taken = new TakenPaths(whose)
  for (const path of paths) taken.add(path, 'file')
}

/** Each path once, also on file systems that ignore case or Unicode form, and no file where a folder must be. */
class TakenPaths {
  readonly #kinds = new Map<string, 'file' | 'directory'>()
  readonly #whose: string

  constructor(whose = 'The zip has') {
    this.#whose = whose
  }

  add(path: string, kind: 'file' | 'directory'): void {
    const parts = (kind === 'directory' ? path.slice(0, -1) : path).split('/')
    for (let length = 1; length <= parts.length; length++) {
      const key = parts.slice(0, length).join('/').normalize('NFC').toLowerCase()
      const wanted = length < parts.length ? 'directory' : kind
      const known = this.#kinds.get(key)
      if (known === 'file' || (known === 'directory' && wanted === 'file')) {
        throw refusal(`${this.#whose} a path twice, or twice but for case: ${JSON.stringify(path)}`)
      }
      this.#kinds.set(key, wanted)
    }
  }
}

/** Inflate, counting what comes out: a header may promise less than it delivers. */
async function inflate(zip: ZipFile, entry: Entry, path: string, room: number, limits: PackageLimits) {
  const tooLarge = () =>
    refusal(`Unzipped size must be smaller than ${limits.unzippedBytes} bytes (limit unzippedBytes)`)
  if (entry.uncompressedSize > room) throw tooLarge()
  const stream = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
    zip.openReadStream(entry, (error, opened) => {
      if (error === null) resolve(opened)
      else reject(malformed(error))
    })
  })
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of stream) {
      const piece = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
      size += piece.length
      if (size > room) throw tooLarge()
      chunks.push(piece)
    }
  } catch (error) {
    throw error instanceof ThawError ? error : malformed(error, path)
  }
  return new Uint8Array(Buffer.concat(chunks, size))
}

const refusal = (message: string, cause?: unknown) => new ThawError('InvalidParameterValue', message, { cause })

const tooMany = (limits: PackageLimits) =>
  refusal(`The zip has more than ${limits.zipEntries} entries (limit zipEntries)`)

function malformed(cause: unknown, path?: string): ThawError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return refusal(`${unreadable} (${path === undefined ? '' : `${path}: `}${reason})`, cause)
}
