/** Where the running server's sockets and its shared page are. Nothing in it outlives the server. */
import { createHash } from 'node:crypto'
import { accessSync, constants, mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** sockaddr_un's path: 108 bytes on Linux, 104 on macOS, one for the NUL. */
const socketPathLimit = 103
/** `w127-2147483647.sock` */
const longestName = 20

export interface RunFolder extends Disposable {
  readonly pagePath: string
  socketPath(name: string): string
  /** The name of a process that is gone. */
  removeSocket(path: string): void
}

/** Where a server on this data folder listens, whether or not one runs. */
export function socketPathOf(dataDir: string, name: string): string {
  return join(folderOf(dataDir), `${name}.sock`)
}

/** By the data folder, so that the next server on it finds what this one leaves when it is killed. */
const idOf = (dataDir: string): string => createHash('sha256').update(dataDir).digest('hex').slice(0, 16)

function folderOf(dataDir: string): string {
  const inside = join(dataDir, 'run')
  const fits = Buffer.byteLength(join(inside, 'x'.repeat(longestName))) <= socketPathLimit
  return fits ? inside : join(tmpdir(), `thaw-${idOf(dataDir)}`)
}

/** Only under the data folder's lock: what an earlier server left behind is removed. */
export function openRunFolder(dataDir: string): RunFolder {
  const id = idOf(dataDir)
  const folder = folderOf(dataDir)
  const pagePath = join(isWritable('/dev/shm') ? '/dev/shm' : dataDir, `thaw-${id}.page`)
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true })
    rmSync(pagePath, { force: true })
  }
  remove()
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return {
    pagePath,
    socketPath: (name) => socketPathOf(dataDir, name),
    removeSocket: (path) => rmSync(path, { force: true }),
    [Symbol.dispose]: remove,
  }
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}
