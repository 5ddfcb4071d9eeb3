/** The files of one invocation: /tmp, empty at its begin and gone at its end, and its package. Nothing of the host. */
import type { Directory, FileNode } from './nodes.ts'
import { Space } from './space.ts'
import { Tree } from './tree.ts'

/** The folders that a guest finds open, as Lambda has them. */
export const preopenNames = ['/tmp', '/var/task'] as const
export type PreopenName = (typeof preopenNames)[number]

/** What an invocation is given. */
export interface FileGrant {
  /** What /tmp may hold; 0: nothing can be written. */
  readonly temporaryBytes: number
  /** Of `packageRoot`; undefined: /var/task is empty. */
  readonly package: Directory | undefined
}

export class GuestFiles implements Disposable {
  readonly #temporary: Tree
  readonly #package: Tree

  /** @param refused called when something was to be written to /tmp and nothing may be */
  constructor({ temporaryBytes, package: root }: FileGrant, refused: () => void) {
    this.#temporary = new Tree(undefined, temporaryBytes === 0 ? undefined : new Space(temporaryBytes), refused)
    this.#package = new Tree(root, undefined)
  }

  tree(preopen: PreopenName): Tree {
    return preopen === '/tmp' ? this.#temporary : this.#package
  }

  /** What /tmp takes of the host's memory. */
  get temporaryBytes(): number {
    return this.#temporary.usedBytes
  }

  [Symbol.dispose](): void {
    this.#temporary[Symbol.dispose]()
  }
}

/** Where something is in its tree, for people; undefined if it has been removed. */
export function pathOf(root: Directory, wanted: FileNode): string | undefined {
  for (let entry = root.after(0); entry !== undefined; entry = root.after(entry.order)) {
    if (entry.node === wanted) return entry.name
    const below = entry.node.kind === 'directory' ? pathOf(entry.node, wanted) : undefined
    if (below !== undefined) return `${entry.name}/${below}`
  }
  return undefined
}
