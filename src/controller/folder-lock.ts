/** One controller a data folder. */
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import koffi from 'koffi'
import { ThawError } from '../errors.ts'

/** <sys/file.h>, the same on Linux and macOS. */
const LOCK_EX = 2
const LOCK_NB = 4

/**
 * Holds `<folder>/lock` with flock(2), which the kernel lets go when the process dies, however it dies: a lock cannot be
 * stale. The pid in the file is for the message only. Throws `Config` if another process, or this one, has it.
 */
export function lockFolder(folder: string): Disposable {
  const path = join(folder, 'lock')
  // Not inherited by workers: Node opens with O_CLOEXEC.
  let fd: number | undefined = openSync(path, 'a+', 0o600)
  const flock = koffi.load(null).func('int flock(int fd, int operation)')
  const result: unknown = flock(fd, LOCK_EX | LOCK_NB)
  if (result !== 0) {
    closeSync(fd)
    const holder = readFileSync(path, 'utf8').trim() || 'unknown'
    throw new ThawError('Config', `The data folder ${folder} is in use by another server (pid ${holder}).`)
  }
  ftruncateSync(fd)
  writeSync(fd, `${process.pid}\n`)
  return {
    [Symbol.dispose]() {
      // The file stays: removed, the next to come could lock a name that another already holds by the old file.
      if (fd !== undefined) closeSync(fd)
      fd = undefined
    },
  }
}
