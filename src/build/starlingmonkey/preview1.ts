/**
 * WASI preview 1 for an engine that is initialized in this process: files in memory, its environment, stdin as text, and
 * nothing of the host's but clocks and randomness. What is not here fails the call that asks for it.
 */
import { getRandomValues } from 'node:crypto'

/** errno, preview 1's `typenames.witx`. */
const errno = { success: 0, badf: 8, noent: 44, nosys: 52, spipe: 70 }
const filetype = { characterDevice: 2, directory: 3, regularFile: 4 }
const folder = 3
const maxOutputChars = 20_000

export interface Preview1Options {
  /** Paths without the leading slash, below the one folder there is. */
  files: ReadonlyMap<string, Uint8Array>
  environment: Readonly<Record<string, string>>
  stdin: string
}

/** The engine has ended itself. */
export class Exited extends Error {
  override readonly name = 'Exited'
}

interface OpenFile {
  bytes: Uint8Array
  at: number
}

export interface Preview1 {
  imports: Record<string, (...args: never[]) => number>
  /** What was written to stdout and stderr, cut at 20,000 characters. */
  output(): string
}

export function createPreview1(memory: WebAssembly.Memory, options: Preview1Options): Preview1 {
  const { files } = options
  const encoder = new TextEncoder()
  const variables = Object.entries(options.environment).map(([name, value]) => encoder.encode(`${name}=${value}\0`))
  const open = new Map<number, OpenFile>([[0, { bytes: encoder.encode(options.stdin), at: 0 }]])
  const decoder = new TextDecoder()
  let nextDescriptor = folder + 1
  let written = ''

  const bytes = () => new Uint8Array(memory.buffer)
  const view = () => new DataView(memory.buffer)
  const setU32 = (at: number, value: number) => view().setUint32(at, value, true)
  const setU64 = (at: number, value: bigint) => view().setBigUint64(at, value, true)
  const text = (at: number, length: number) => decoder.decode(bytes().slice(at, at + length))
  const fileAt = (path: number, length: number) => files.get(text(path, length).replace(/^\/+/, ''))

  /** Each of the guest's buffers in turn, until `each` has nothing more. Returns how many bytes that were. */
  function overBuffers(vectors: number, count: number, each: (buffer: Uint8Array) => number): number {
    let total = 0
    for (let index = 0; index < count; index++) {
      const start = view().getUint32(vectors + 8 * index, true)
      const length = view().getUint32(vectors + 8 * index + 4, true)
      const done = each(bytes().subarray(start, start + length))
      total += done
      if (done < length) break
    }
    return total
  }

  const imports = {
    args_sizes_get(count: number, size: number) {
      setU32(count, 0)
      setU32(size, 0)
      return errno.success
    },
    args_get: () => errno.success,
    environ_sizes_get(count: number, size: number) {
      setU32(count, variables.length)
      setU32(
        size,
        variables.reduce((sum, { length }) => sum + length, 0),
      )
      return errno.success
    },
    environ_get(pointers: number, buffer: number) {
      let at = buffer
      for (const [index, variable] of variables.entries()) {
        setU32(pointers + 4 * index, at)
        bytes().set(variable, at)
        at += variable.length
      }
      return errno.success
    },
    clock_time_get(id: number, _precision: bigint, result: number) {
      setU64(result, id === 0 ? BigInt(Date.now()) * 1_000_000n : process.hrtime.bigint())
      return errno.success
    },
    random_get(buffer: number, length: number) {
      const random = bytes().subarray(buffer, buffer + length)
      for (let at = 0; at < random.length; at += 65_536) getRandomValues(random.subarray(at, at + 65_536))
      return errno.success
    },
    fd_write(_descriptor: number, vectors: number, count: number, result: number) {
      const total = overBuffers(vectors, count, (buffer) => {
        if (written.length < maxOutputChars) written += decoder.decode(buffer.subarray(0, maxOutputChars))
        return buffer.length
      })
      setU32(result, total)
      return errno.success
    },
    fd_read(descriptor: number, vectors: number, count: number, result: number) {
      const file = open.get(descriptor)
      if (file === undefined) return errno.badf
      const total = overBuffers(vectors, count, (buffer) => {
        const piece = file.bytes.subarray(file.at, file.at + buffer.length)
        buffer.set(piece)
        file.at += piece.length
        return piece.length
      })
      setU32(result, total)
      return errno.success
    },
    fd_seek(descriptor: number, offset: bigint, whence: number, result: number) {
      const file = open.get(descriptor)
      if (file === undefined) return errno.badf
      if (descriptor === 0) return errno.spipe
      file.at = Number(offset) + ([0, file.at, file.bytes.length][whence] ?? 0)
      setU64(result, BigInt(file.at))
      return errno.success
    },
    fd_close: (descriptor: number) => (open.delete(descriptor) ? errno.success : errno.badf),
    fd_fdstat_get(descriptor: number, result: number) {
      if (descriptor > folder && !open.has(descriptor)) return errno.badf
      const type = descriptor < folder ? filetype.characterDevice : filetype.regularFile
      bytes().fill(0, result, result + 24)
      view().setUint8(result, descriptor === folder ? filetype.directory : type)
      // All rights: what there is to do is decided above.
      setU64(result + 8, 0xffff_ffffn)
      setU64(result + 16, 0xffff_ffffn)
      return errno.success
    },
    fd_fdstat_set_flags: () => errno.success,
    fd_prestat_get(descriptor: number, result: number) {
      if (descriptor !== folder) return errno.badf
      setU32(result, 0)
      setU32(result + 4, 1)
      return errno.success
    },
    fd_prestat_dir_name(_descriptor: number, path: number) {
      bytes().set(encoder.encode('/'), path)
      return errno.success
    },
    path_filestat_get(_descriptor: number, _flags: number, path: number, length: number, result: number) {
      const file = fileAt(path, length)
      if (file === undefined) return errno.noent
      bytes().fill(0, result, result + 64)
      view().setUint8(result + 16, filetype.regularFile)
      setU64(result + 32, BigInt(file.length))
      return errno.success
    },
    path_open(
      _descriptor: number,
      _lookup: number,
      path: number,
      length: number,
      _flags: number,
      _base: bigint,
      _inheriting: bigint,
      _fdflags: number,
      result: number,
    ) {
      const file = fileAt(path, length)
      if (file === undefined) return errno.noent
      open.set(nextDescriptor, { bytes: file, at: 0 })
      setU32(result, nextDescriptor++)
      return errno.success
    },
    fd_readdir: () => errno.nosys,
    proc_exit(code: number): never {
      throw new Exited(`exit status ${code}`)
    },
  }
  return { imports, output: () => written }
}
