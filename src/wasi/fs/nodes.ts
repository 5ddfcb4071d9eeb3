/** What a tree of files is made of. Nodes have no names: a folder's entries name them. */
import type { FileContents } from './file-data.ts'

/** As in wasi:clocks: since the Unix epoch. */
export interface FileTime {
  readonly seconds: bigint
  readonly nanoseconds: number
}

export interface FileTimes {
  accessed: FileTime
  modified: FileTime
  changed: FileTime
}

interface NodeBase {
  /** Tells nodes of one tree apart; never used again. */
  readonly id: number
  /** Undefined where none are kept: in a package. */
  times: FileTimes | undefined
}

export interface RegularFile extends NodeBase {
  readonly kind: 'regular-file'
  readonly contents: FileContents
  /** Names it has. */
  links: number
  /** Descriptors and streams that have it open: with neither these nor names it is gone. */
  opened: number
}

export interface SymbolicLink extends NodeBase {
  readonly kind: 'symbolic-link'
  readonly target: string
}

export type FileNode = Directory | RegularFile | SymbolicLink

export interface DirectoryEntry {
  readonly name: string
  /** Undefined once removed. */
  node: FileNode | undefined
  /** Rises with each entry made in the folder. */
  readonly order: number
}

export class Directory implements NodeBase {
  readonly kind = 'directory'
  readonly id: number
  times: FileTimes | undefined
  /** Undefined: the root of a tree, or removed. */
  parent: Directory | undefined
  readonly #entries = new Map<string, DirectoryEntry>()
  /** By `order`; removed entries stay until there are many. */
  #ordered: DirectoryEntry[] = []
  #nextOrder = 1

  constructor(id: number, times: FileTimes | undefined) {
    this.id = id
    this.times = times
  }

  get size(): number {
    return this.#entries.size
  }

  get(name: string): FileNode | undefined {
    return this.#entries.get(name)?.node
  }

  /** Precondition: no such name. */
  add(name: string, node: FileNode): void {
    const entry: DirectoryEntry = { name, node, order: this.#nextOrder++ }
    this.#entries.set(name, entry)
    this.#ordered.push(entry)
    if (node.kind === 'directory') node.parent = this
  }

  /** Precondition: there is such a name. */
  remove(name: string): void {
    const entry = this.#entries.get(name)
    if (entry?.node?.kind === 'directory') entry.node.parent = undefined
    if (entry !== undefined) entry.node = undefined
    this.#entries.delete(name)
    if (this.#ordered.length > 2 * this.#entries.size + 16)
      this.#ordered = this.#ordered.filter(({ node }) => node !== undefined)
  }

  /**
   * The first entry after that of `order`; 0 begins. Whoever lists a folder keeps only where he is, so that what he lists
   * may change meanwhile: what is there throughout comes exactly once.
   */
  after(order: number): (DirectoryEntry & { node: FileNode }) | undefined {
    let low = 0
    let high = this.#ordered.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#ordered[middle]?.order ?? 0) <= order) low = middle + 1
      else high = middle
    }
    for (let at = low; at < this.#ordered.length; at++) {
      const entry = this.#ordered[at]
      if (entry?.node !== undefined) return { ...entry, node: entry.node }
    }
    return undefined
  }
}
