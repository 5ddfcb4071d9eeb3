/** A tree of files and what can be done in it: POSIX's rules, with wasi:filesystem's names for its errors. */
import { FileData } from './file-data.ts'
import { FileError } from './file-error.ts'
import { Directory } from './nodes.ts'
import type { FileNode, FileTime, FileTimes, RegularFile } from './nodes.ts'
import { assertName, assertPath, resolve } from './resolve.ts'
import type { Place } from './resolve.ts'
import { costOfLink, nodeBytes } from './space.ts'
import type { Space } from './space.ts'

export interface OpenOptions {
  readonly follow: boolean
  readonly create: boolean
  readonly exclusive: boolean
  readonly truncate: boolean
  /** Only a folder will do. */
  readonly directory: boolean
}

export class Tree implements Disposable {
  readonly root: Directory
  /** Undefined: nothing can be changed. */
  readonly #space: Space | undefined
  readonly #refused: () => void
  readonly #live = new Set<FileData>()
  #nextId = 1

  /** @param refused called when something was to be changed in a tree without space */
  constructor(root: Directory | undefined, space: Space | undefined, refused: () => void = () => undefined) {
    this.#space = space
    this.#refused = refused
    this.root = root ?? new Directory(0, space === undefined ? undefined : timesNow())
  }

  /** Errors: as `resolve`, and `no-entry`. */
  find(base: Directory, path: string, follow: boolean): FileNode {
    const { node } = resolve(base, path, follow)
    if (node === undefined) throw new FileError('no-entry')
    return node
  }

  /** The caller calls `opened` if he keeps it. Errors: as `resolve`, and those of open(2). */
  open(base: Directory, path: string, options: OpenOptions): FileNode {
    const { create, exclusive, truncate, directory } = options
    const place = resolve(base, path, options.follow && !(create && exclusive))
    const { node } = place
    if (node === undefined) {
      if (!create) throw new FileError('no-entry')
      if (place.slash) throw new FileError('is-directory')
      const { space, name } = this.#room(place)
      space.takeName(name, nodeBytes)
      const data = new FileData(space)
      this.#live.add(data)
      const made: FileNode = this.#file(data)
      this.#put(place.directory, name, made)
      return made
    }
    if (create && exclusive) throw new FileError('exist')
    if (node.kind === 'symbolic-link') throw new FileError('loop')
    if (directory && node.kind !== 'directory') throw new FileError('not-directory')
    if (node.kind === 'directory' && (create || truncate)) throw new FileError('is-directory')
    if (node.kind === 'regular-file' && truncate) this.resize(node, 0)
    return node
  }

  createDirectory(base: Directory, path: string): void {
    const place = resolve(base, path, false)
    if (place.node !== undefined) throw new FileError('exist')
    const { space, name } = this.#room(place)
    space.takeName(name, nodeBytes)
    this.#put(place.directory, name, new Directory(this.#nextId++, timesNow()))
  }

  createSymbolicLink(base: Directory, path: string, target: string): void {
    assertPath(target)
    const place = resolve(base, path, false)
    if (place.node !== undefined) throw new FileError('exist')
    if (place.slash) throw new FileError('no-entry')
    const { space, name } = this.#room(place)
    space.takeName(name, costOfLink(target))
    this.#put(place.directory, name, { kind: 'symbolic-link', id: this.#nextId++, times: timesNow(), target })
  }

  /** Errors: `not-permitted` for what is no regular file. */
  link(from: Directory, oldPath: string, follow: boolean, to: Directory, newPath: string): void {
    const node = this.find(from, oldPath, follow)
    if (node.kind !== 'regular-file') throw new FileError('not-permitted')
    const place = resolve(to, newPath, false)
    if (place.node !== undefined) throw new FileError('exist')
    if (place.slash) throw new FileError('no-entry')
    const { space, name } = this.#room(place)
    space.takeName(name)
    node.links += 1
    touch(node, 'changed')
    this.#put(place.directory, name, node)
  }

  removeDirectory(base: Directory, path: string): void {
    const { directory, name, node } = resolve(base, path, false)
    if (name === undefined) throw new FileError('invalid')
    if (node === undefined) throw new FileError('no-entry')
    if (node.kind !== 'directory') throw new FileError('not-directory')
    if (node.size > 0) throw new FileError('not-empty')
    this.#take(directory, name, node)
  }

  unlink(base: Directory, path: string): void {
    const { directory, name, node } = resolve(base, path, false)
    if (node === undefined) throw new FileError('no-entry')
    if (node.kind === 'directory' || name === undefined) throw new FileError('is-directory')
    this.#take(directory, name, node)
  }

  rename(from: Directory, oldPath: string, to: Directory, newPath: string): void {
    const old = resolve(from, oldPath, false)
    const place = resolve(to, newPath, false)
    const { node } = old
    if (old.name === undefined || place.name === undefined) throw new FileError('invalid')
    if (node === undefined) throw new FileError('no-entry')
    if (place.slash && node.kind !== 'directory') throw new FileError('not-directory')
    if (node.kind === 'directory' && isWithin(place.directory, node)) throw new FileError('invalid')
    const other = place.node
    if (other === node) {
      this.#writable()
      return
    }
    if (other?.kind === 'directory') {
      if (node.kind !== 'directory') throw new FileError('is-directory')
      if (other.size > 0) throw new FileError('not-empty')
    } else if (other !== undefined && node.kind === 'directory') throw new FileError('not-directory')
    const { space, name } = this.#room(place)
    if (other !== undefined) this.#take(place.directory, name, other)
    space.giveName(old.name)
    try {
      space.takeName(name)
    } catch (error) {
      // A longer name that there is no room for; a name that was replaced left the room.
      space.takeName(old.name)
      throw error
    }
    old.directory.remove(old.name)
    touch(old.directory, 'modified')
    touch(node, 'changed')
    this.#put(place.directory, name, node)
  }

  resize(file: RegularFile, size: number): void {
    this.#data(file).resize(size)
    touch(file, 'modified')
  }

  write(file: RegularFile, offset: number, bytes: Uint8Array): void {
    this.#data(file).write(offset, bytes)
    if (bytes.length > 0) touch(file, 'modified')
  }

  /** Undefined leaves a time as it is. */
  setTimes(node: FileNode, accessed: FileTime | undefined, modified: FileTime | undefined): void {
    this.#writable()
    const now = timesNow()
    const before = node.times ?? now
    node.times = {
      accessed: accessed ?? before.accessed,
      modified: modified ?? before.modified,
      changed: now.changed,
    }
  }

  /** A descriptor or a stream has the file open from now on; `closed` ends that. */
  opened(node: FileNode): void {
    if (node.kind === 'regular-file' && node.contents instanceof FileData) node.opened += 1
  }

  closed(node: FileNode): void {
    // A package's files are all invocations' together: nothing is noted in them.
    if (node.kind !== 'regular-file' || !(node.contents instanceof FileData)) return
    node.opened -= 1
    this.#dropIfGone(node)
  }

  /** Bytes that the host holds for it. */
  get usedBytes(): number {
    return this.#space?.usedBytes ?? 0
  }

  [Symbol.dispose](): void {
    for (const data of this.#live) data[Symbol.dispose]()
    this.#live.clear()
  }

  #file(contents: FileData): RegularFile {
    return { kind: 'regular-file', id: this.#nextId++, times: timesNow(), contents, links: 1, opened: 0 }
  }

  #put(directory: Directory, name: string, node: FileNode): void {
    directory.add(name, node)
    touch(directory, 'modified')
  }

  /** Takes a name away, and with its last name what nobody has open. */
  #take(directory: Directory, name: string, node: FileNode): void {
    const space = this.#writable()
    directory.remove(name)
    space.giveName(name)
    touch(directory, 'modified')
    if (node.kind === 'regular-file') {
      node.links -= 1
      touch(node, 'changed')
      this.#dropIfGone(node)
      return
    }
    space.give(node.kind === 'symbolic-link' ? costOfLink(node.target) : nodeBytes)
  }

  #dropIfGone(file: RegularFile): void {
    if (file.links > 0 || file.opened > 0 || !(file.contents instanceof FileData)) return
    if (!this.#live.delete(file.contents)) return
    file.contents[Symbol.dispose]()
    this.#space?.give(nodeBytes)
  }

  /** Where something may be made. Errors: `read-only`, `no-entry` in a folder that was removed, `name-too-long`. */
  #room({ directory, name = '' }: Place): { space: Space; name: string } {
    assertName(name)
    if (directory !== this.root && directory.parent === undefined) throw new FileError('no-entry')
    return { space: this.#writable(), name }
  }

  #writable(): Space {
    if (this.#space !== undefined) return this.#space
    this.#refused()
    throw new FileError('read-only')
  }

  #data({ contents }: RegularFile): FileData {
    this.#writable()
    if (contents instanceof FileData) return contents
    throw new FileError('read-only')
  }
}

/** Whether a folder is another, or below it. */
function isWithin(directory: Directory, other: Directory): boolean {
  for (let at: Directory | undefined = directory; at !== undefined; at = at.parent) if (at === other) return true
  return false
}

function touch(node: FileNode, what: 'modified' | 'changed'): void {
  if (node.times === undefined) return
  const now = timeNow()
  node.times.changed = now
  if (what === 'modified') node.times.modified = now
}

function timesNow(): FileTimes {
  const now = timeNow()
  return { accessed: now, modified: now, changed: now }
}

/** To the millisecond, as wasi:clocks' wall clock. */
export function timeNow(): FileTime {
  const nowMs = Date.now()
  const seconds = Math.floor(nowMs / 1_000)
  return { seconds: BigInt(seconds), nanoseconds: (nowMs - seconds * 1_000) * 1_000_000 }
}
