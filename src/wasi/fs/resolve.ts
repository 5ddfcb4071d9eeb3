/**
 * Paths below a folder (wasi:filesystem, "path resolution"): relative ones only, and no step of the way, `..` and
 * symbolic links included, may leave the folder it began in.
 */
import { FileError } from './file-error.ts'
import type { Directory, FileNode } from './nodes.ts'

/** Linux: symbolic links on the way, bytes of a path, bytes of a name. */
const mostLinks = 40
const mostPathBytes = 4_096
const mostNameBytes = 255

/** Where a path leads. */
export interface Place {
  /** The folder that has it, or would. */
  readonly directory: Directory
  /** Undefined if the path ends in `.` or `..`: then `node` is `directory`. */
  readonly name: string | undefined
  /** Undefined: there is nothing yet. */
  readonly node: FileNode | undefined
  /** The path ends in a slash: it names a folder. */
  readonly slash: boolean
}

/**
 * @param followLast whether a symbolic link at the end is followed; before it, and before a slash, every one is
 * Errors: FileError `no-entry`, `not-directory`, `not-permitted`, `loop`, `name-too-long`, `invalid`.
 */
export function resolve(base: Directory, path: string, followLast: boolean): Place {
  assertPath(path)
  const rest = partsOf(path)
  let slash = path.endsWith('/')
  let directory = base
  let links = 0
  for (let part = rest.pop(); part !== undefined; part = rest.pop()) {
    if (part === '.') continue
    if (part === '..') {
      if (directory === base || directory.parent === undefined) throw new FileError('not-permitted')
      directory = directory.parent
      continue
    }
    const node = directory.get(part)
    const last = rest.length === 0
    if (node?.kind === 'symbolic-link' && (!last || slash || followLast)) {
      if (++links > mostLinks) throw new FileError('loop')
      if (last && node.target.endsWith('/')) slash = true
      rest.push(...partsOf(node.target))
      continue
    }
    if (last) {
      if (slash && node !== undefined && node.kind !== 'directory') throw new FileError('not-directory')
      return { directory, name: part, node, slash }
    }
    if (node === undefined) throw new FileError(Buffer.byteLength(part) > mostNameBytes ? 'name-too-long' : 'no-entry')
    if (node.kind !== 'directory') throw new FileError('not-directory')
    directory = node
  }
  return { directory, name: undefined, node: directory, slash: true }
}

/** Also of what a symbolic link is made with: so none leads to an absolute path. */
export function assertPath(path: string): void {
  if (path === '') throw new FileError('no-entry')
  if (path.includes('\0')) throw new FileError('invalid')
  if (path.startsWith('/')) throw new FileError('not-permitted')
  if (path.length > mostPathBytes || Buffer.byteLength(path) > mostPathBytes) throw new FileError('name-too-long')
}

export function assertName(name: string): void {
  if (Buffer.byteLength(name) > mostNameBytes) throw new FileError('name-too-long')
}

/** The last one first. */
function partsOf(path: string): string[] {
  return path
    .split('/')
    .filter((part) => part !== '')
    .toReversed()
}
