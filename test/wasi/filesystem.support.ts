/** A guest with files, and calls to wasi:filesystem in few words: an answer is its value, or the error's code in text. */
import { describe, expect, test } from 'vitest'
import type { FileGrant } from '../../src/wasi/fs/guest-files.ts'
import type { DescriptorFlag } from '../../src/wasi/fs/open-node.ts'
import type { OpenFlag } from '../../src/wasi/fs/open-at.ts'
import { packageRoot } from '../../src/wasi/fs/package-files.ts'
import { TestGuest } from './support.ts'
import type { GuestOptions } from './support.ts'

const TYPES = 'wasi:filesystem/types'
const STREAMS = 'wasi:io/streams'

export const packageContents: Readonly<Record<string, string>> = {
  'config.json': '{"stage":"test"}',
  'data/words.txt': 'one two three',
  'data/deep/er/empty': '',
}

export function packageOf(contents: Readonly<Record<string, string>>) {
  return packageRoot({
    files: Object.entries(contents).map(([path, text]) => ({ path, size: Buffer.byteLength(text) })),
    read({ path }, offset, into) {
      return Buffer.from(contents[path] ?? '').copy(into, 0, offset)
    },
  })
}

const megabyte: FileGrant = { temporaryBytes: 1_048_576, package: packageOf(packageContents) }

export class FileGuest extends TestGuest {
  readonly tmp: number
  readonly task: number

  constructor(options: GuestOptions = {}) {
    super({ files: megabyte, ...options })
    ;[this.tmp, this.task] = this.preopens()
  }

  preopens(): [tmp: number, task: number] {
    const answer = this.invoke('wasi:filesystem/preopens', 'get-directories')
    const found = new Map(Array.isArray(answer) ? answer.map(([handle, name]) => [String(name), Number(handle)]) : [])
    return [found.get('/tmp') ?? 0, found.get('/var/task') ?? 0]
  }

  /** The value of an `ok`, or the code of an `err`. */
  on(handle: number, method: string, ...values: unknown[]): unknown {
    return valueOf(this.invoke(TYPES, `[method]descriptor.${method}`, handle, ...values))
  }

  open(base: number, path: string, how: OpenFlag[] = [], flags: DescriptorFlag[] = ['read'], follow = true): unknown {
    return this.on(base, 'open-at', links(follow), path, new Set(how), new Set(flags))
  }

  /** Throws unless it opens. */
  opened(base: number, path: string, how: OpenFlag[] = [], flags: DescriptorFlag[] = ['read']): number {
    const answer = this.open(base, path, how, flags)
    if (typeof answer === 'number') return answer
    throw new Error(`open-at ${path}: ${String(answer)}`)
  }

  /** Makes a file in /tmp. */
  put(path: string, text = ''): void {
    const file = this.opened(this.tmp, path, ['create', 'truncate'], ['write'])
    const written = this.on(file, 'write', Buffer.from(text), 0n)
    this.close(file)
    if (written !== BigInt(Buffer.byteLength(text))) throw new Error(`write to ${path}: ${String(written)}`)
  }

  /** Of an open file. */
  contents(file: number, offset = 0n, length = 100_000n): string {
    const answer = this.on(file, 'read', length, offset)
    return Array.isArray(answer) ? Buffer.from(answer[0]).toString() : String(answer)
  }

  /** The text of what a path leads to, or why not. */
  read(base: number, path: string): string {
    const file = this.open(base, path)
    if (typeof file !== 'number') return String(file)
    const text = this.contents(file)
    this.close(file)
    return text
  }

  close(file: number): void {
    this.drop(TYPES, 'descriptor', file)
  }

  stat(base: number, path: string, follow = true): unknown {
    return this.on(base, 'stat-at', links(follow), path)
  }

  /** What is at a path: its type and size, or why not. */
  kind(base: number, path: string, follow = true): string {
    const stat = this.stat(base, path, follow)
    if (typeof stat !== 'object' || stat === null || !('type' in stat) || !('size' in stat)) return String(stat)
    return `${String(stat.type)} ${String(stat.size)}`
  }

  /** Names with their types, or why not. */
  list(folder: number): unknown {
    const stream = this.on(folder, 'read-directory')
    if (typeof stream !== 'number') return stream
    const names: string[] = []
    for (;;) {
      const entry = this.next(stream)
      if (entry === undefined) break
      names.push(entry)
    }
    this.drop(TYPES, 'directory-entry-stream', stream)
    return names
  }

  next(stream: number): string | undefined {
    const answer = valueOf(this.invoke(TYPES, '[method]directory-entry-stream.read-directory-entry', stream))
    if (answer === undefined) return undefined
    if (typeof answer !== 'object' || answer === null || !('name' in answer) || !('type' in answer))
      return String(answer)
    return `${String(answer.name)} ${String(answer.type)}`
  }

  /** Of a stream. */
  pull(stream: number, most = 100n): string {
    return plain(this.invoke(STREAMS, '[method]input-stream.blocking-read', stream, most))
  }

  push(stream: number, text: string): string {
    return plain(this.invoke(STREAMS, '[method]output-stream.blocking-write-and-flush', stream, Buffer.from(text)))
  }
}

export function links(follow: boolean): Set<string> {
  return new Set(follow ? ['symlink-follow'] : [])
}

function valueOf(answer: unknown): unknown {
  if (typeof answer !== 'object' || answer === null || !('tag' in answer) || !('val' in answer)) return answer
  return answer.val
}

function plain(answer: unknown): string {
  const value = valueOf(answer)
  if (value instanceof Uint8Array) return Buffer.from(value).toString()
  if (typeof value === 'object' && value !== null && 'tag' in value) return String(value.tag)
  return value === undefined ? 'ok' : String(value)
}

export type Row = [title: string, run: (guest: FileGuest) => unknown, wanted: unknown]

export function rows(name: string, table: Row[]): void {
  describe(`${name}`, () => {
    test.each(table)('%s', (_title, run, wanted) => {
      expect(run(new FileGuest())).toEqual(wanted)
    })
  })
}

export const now = { tag: 'now' }

export const noChange = { tag: 'no-change' }

export const at = (seconds: bigint, nanoseconds = 0) => ({ tag: 'timestamp', val: { seconds, nanoseconds } })

export const long = 'n'.repeat(256)

/** Folders, a file and links to play with. */
export function furnished(g: FileGuest): FileGuest {
  g.on(g.tmp, 'create-directory-at', 'dir')
  g.on(g.tmp, 'create-directory-at', 'dir/sub')
  g.put('dir/file', 'inside')
  g.put('file', 'hello world')
  g.on(g.tmp, 'symlink-at', 'dir/file', 'to-file')
  g.on(g.tmp, 'symlink-at', 'dir', 'to-dir')
  g.on(g.tmp, 'symlink-at', 'nowhere', 'to-nothing')
  g.on(g.tmp, 'symlink-at', 'loop-b', 'loop-a')
  g.on(g.tmp, 'symlink-at', 'loop-a', 'loop-b')
  g.on(g.tmp, 'symlink-at', '..', 'to-parent')
  g.on(g.tmp, 'symlink-at', '../../etc/passwd', 'to-host')
  return g
}

/** A new file in /tmp. */
export function writable(g: FileGuest): number {
  return g.opened(g.tmp, 'w', ['create'], ['read', 'write'])
}

export const f = (run: (guest: FileGuest) => unknown) => (guest: FileGuest) => run(furnished(guest))

export function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text))
}

export const outside = 'not-permitted'
