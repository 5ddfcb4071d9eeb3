/** The files that came with a function's code, as it sees them below /var/task: never changed, shared by its invocations. */
import { FileError } from './file-error.ts'
import { Directory } from './nodes.ts'

export interface PackageFile {
  /** Relative, with `/`; no empty, `.` or `..` parts. */
  readonly path: string
  readonly size: number
}

export interface PackageFiles {
  /** Each path once, and none where another needs a folder. */
  readonly files: readonly PackageFile[]
  /**
   * Fills `into` from `offset` on, as far as the file goes.
   * @param file one of `files`
   * @returns bytes filled
   * Errors: any; the guest is told `io`.
   */
  read(file: PackageFile, offset: number, into: Uint8Array): number
}

/** Made once for all invocations of the package. */
export function packageRoot(files: PackageFiles): Directory {
  let id = 0
  const root = new Directory(id++, undefined)
  for (const file of files.files) {
    const parts = file.path.split('/')
    const name = parts.pop() ?? ''
    let folder = root
    for (const part of parts) {
      const known = folder.get(part)
      const next = known?.kind === 'directory' ? known : new Directory(id++, undefined)
      if (known === undefined) folder.add(part, next)
      folder = next
    }
    const contents = { size: file.size, read: (offset: number, into: Uint8Array) => read(files, file, offset, into) }
    folder.add(name, { kind: 'regular-file', id: id++, times: undefined, contents, links: 1, opened: 0 })
  }
  return root
}

function read(files: PackageFiles, file: PackageFile, offset: number, into: Uint8Array): number {
  const length = Math.max(0, Math.min(into.length, file.size - offset))
  if (length === 0) return 0
  try {
    return files.read(file, offset, into.subarray(0, length))
  } catch (cause) {
    throw new FileError('io', { cause })
  }
}
