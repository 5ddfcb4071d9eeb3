/** What takes long to make and does not change: kept under node_modules/.cache/thaw/bench by the hash of what it is made of. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'

export const repository = join(import.meta.dirname, '..')
const cacheFolder = join(repository, 'node_modules', '.cache', 'thaw', 'bench')

/** The folder or file of that name and key, made by `make` if it is not there. `make` writes to the path it is given. */
export async function cached(name: string, key: string, make: (path: string) => Promise<void>): Promise<string> {
  const path = join(cacheFolder, `${name}-${key.slice(0, 16)}`)
  if (existsSync(path)) return path
  mkdirSync(cacheFolder, { recursive: true })
  const staging = `${path}.${process.pid}.tmp`
  rmSync(staging, { recursive: true, force: true })
  try {
    await make(staging)
    // Earlier versions of it: nobody asks for them again, and some are large.
    for (const other of readdirSync(cacheFolder))
      if (other.startsWith(`${name}-`) && other.length === `${name}-`.length + 16)
        rmSync(join(cacheFolder, other), { recursive: true, force: true })
    renameSync(staging, path)
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
  return path
}

/** Digest of files and of all files below folders, by path and content; paths are relative to the repository. */
export function hashOfFiles(paths: readonly string[], ...more: string[]): string {
  const hash = createHash('sha256')
  for (const path of paths.flatMap((path) => filesBelow(path)).sort())
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(repository, path)))
      .update('\0')
  for (const text of more) hash.update(`${text}\0`)
  return hash.digest('hex')
}

function filesBelow(path: string): string[] {
  const full = join(repository, path)
  if (!existsSync(full)) return []
  if (!statSync(full).isDirectory()) return [path]
  return readdirSync(full).flatMap((name) => filesBelow(join(path, name)))
}
