/** wasi:filesystem/types: files as streams. They never wait: a file gives and takes at once. */
import { BodyError } from '../http/body.ts'
import type { BodySource } from '../http/body.ts'
import type { HeaderList } from '../http/message.ts'
import { borrow, own } from './abi/handles.ts'
import { u64 } from './abi/scalars.ts'
import { fallible } from './filesystem-types.ts'
import { FileError, FileStreamError } from './fs/file-error.ts'
import type { FileContents } from './fs/file-data.ts'
import type { GuestFiles } from './fs/guest-files.ts'
import { nodeOf, numberOf, readAt, readable, treeOf, writable } from './fs/open-node.ts'
import type { OpenNode } from './fs/open-node.ts'
import type { RegularFile } from './fs/nodes.ts'
import type { Tree } from './fs/tree.ts'
import type { ErrorCode } from './http/error-code.ts'
import { Reader } from './io/reader.ts'
import { Writer } from './io/writer.ts'
import type { WriteEnd } from './io/writer.ts'
import { newInputStream, newOutputStream } from './resources.ts'
import type { InputStream, OutputStream } from './resources.ts'
import type { HostFunction } from './state.ts'

/** Ours: what a stream to a file takes at once, as wasmtime's. */
const capacityBytes = 1_048_576

export class FileSource implements BodySource {
  readonly trailers: HeaderList = []
  readonly heldBytes = 0
  readonly #contents: FileContents
  #offset: bigint
  #close: (() => void) | undefined

  constructor(contents: FileContents, offset: bigint, close: () => void) {
    this.#contents = contents
    this.#offset = offset
    this.#close = close
  }

  read(most: number): Uint8Array | 'end' {
    if (this.#close === undefined) return 'end'
    const { bytes } = told(() => readAt(this.#contents, this.#offset, most))
    this.#offset += BigInt(bytes.length)
    if (bytes.length > 0) return bytes
    // Whoever passes it on to a sink drops it no more after this.
    this.cancel()
    return 'end'
  }

  onReadable(callback: () => void): () => void {
    return soon(callback)
  }

  cancel(): void {
    this.#close?.()
    this.#close = undefined
  }
}

export class FileSink implements WriteEnd {
  readonly #tree: Tree
  readonly #file: RegularFile
  /** Undefined: at whatever then is the end. */
  #offset: bigint | undefined
  #failure: BodyError | undefined

  constructor(tree: Tree, file: RegularFile, offset: bigint | undefined) {
    this.#tree = tree
    this.#file = file
    this.#offset = offset
  }

  get capacity(): number {
    return this.#failure === undefined ? capacityBytes : 0
  }

  get failure(): BodyError | undefined {
    return this.#failure
  }

  write(bytes: Uint8Array): void {
    try {
      told(() => this.#tree.write(this.#file, numberOf(this.#offset ?? BigInt(this.#file.contents.size)), bytes))
    } catch (error) {
      if (error instanceof BodyError) this.#failure = error
      throw error
    }
    if (this.#offset !== undefined) this.#offset += BigInt(bytes.length)
  }

  onWritable(callback: () => void): () => void {
    return soon(callback)
  }
}

function soon(callback: () => void): () => void {
  const immediate = setImmediate(callback)
  return () => clearImmediate(immediate)
}

function told<T>(run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw error instanceof FileError ? new FileStreamError(error.code) : error
  }
}

// Never asked: what fails in a file has a code of its own.
const describe = (): ErrorCode => ({ tag: 'internal-error', val: undefined })

function inputStream(files: GuestFiles, open: OpenNode, offset: bigint): InputStream {
  const contents = readable(files, open)
  const [tree, node] = [treeOf(files, open), nodeOf(files, open)]
  tree.opened(node)
  const reader = new Reader(new FileSource(contents, offset, () => tree.closed(node)), describe)
  return {
    ...newInputStream(reader),
    get heldBytes() {
      return reader.heldBytes
    },
    release: () => reader.cancel(),
  }
}

function outputStream(files: GuestFiles, open: OpenNode, offset: bigint | undefined): OutputStream {
  const file = writable(files, open)
  const tree = treeOf(files, open)
  tree.opened(file)
  const sink = new FileSink(tree, file, offset)
  return { ...newOutputStream(new Writer(sink, describe)), release: () => tree.closed(file) }
}

const self = borrow('descriptor')

export const streamMethods: Readonly<Record<string, HostFunction>> = {
  '[method]descriptor.read-via-stream': fallible([self, u64], own('input-stream'), ({ files }, open, offset) =>
    inputStream(files, open, offset),
  ),
  '[method]descriptor.write-via-stream': fallible([self, u64], own('output-stream'), ({ files }, open, offset) =>
    outputStream(files, open, offset),
  ),
  '[method]descriptor.append-via-stream': fallible([self], own('output-stream'), ({ files }, open) =>
    outputStream(files, open, undefined),
  ),
}
