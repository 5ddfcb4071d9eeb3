/** What a function's temporary files may take: Lambda's ephemeral storage, and a number of names. */
import { FileError } from './file-error.ts'

/**
 * What a file costs besides its contents: the objects of the node, and of each name that it has. Measured on V8, rounded
 * up; so the limit in bytes bounds the host's memory also for files that are empty.
 */
export const nodeBytes = 512
const nameBytes = 384

/** Ours: names (files, folders, links) that may exist at once: a node_modules folder, but no million. */
const mostNames = 32_768

export class Space {
  readonly limitBytes: number
  #usedBytes = 0
  #names = 0

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  get names(): number {
    return this.#names
  }

  /** Errors: `insufficient-space`, and then nothing has been taken. */
  take(bytes: number): void {
    if (this.#usedBytes + bytes > this.limitBytes) throw new FileError('insufficient-space')
    this.#usedBytes += bytes
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes
  }

  /** For a name, and what else comes or goes with it. Errors: `quota`, `insufficient-space`; then nothing has been taken. */
  takeName(name: string, otherBytes = 0): void {
    if (this.#names >= mostNames) throw new FileError('quota')
    this.take(costOfName(name) + otherBytes)
    this.#names += 1
  }

  giveName(name: string): void {
    this.#names -= 1
    this.give(costOfName(name))
  }
}

/** A symbolic link is a node with a text. */
export function costOfLink(target: string): number {
  return nodeBytes + 2 * target.length
}

/** V8 keeps a string as one or two bytes a UTF-16 unit. */
function costOfName(name: string): number {
  return nameBytes + 2 * name.length
}
