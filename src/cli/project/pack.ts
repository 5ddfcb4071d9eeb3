/** A function's folder as the zip that is deployed. */
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { join, matchesGlob } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { ZipFile } from 'yazl'
import { ThawError } from '../../errors.ts'
import { projectFile, type Project } from './project.ts'

/** Never part of a package: tests, notes, what tools leave, and all whose name begins with a dot (`.git`, `.env`). */
const excluded = [
  'test/**',
  '**/*.test.*',
  '*.md',
  'event.json',
  'package-lock.json',
  projectFile,
  'node_modules/@types/**',
]

/** The same files give the same bytes. Throws `Config` if there are none. */
export async function packProject(project: Project): Promise<Buffer> {
  const files = filesOf(project)
  if (files.length === 0) throw new ThawError('Config', `There is nothing to deploy in ${project.folder}`)
  return zipOf(Object.fromEntries(files.map((path) => [path, readFileSync(join(project.folder, path))])))
}

export async function zipOf(files: Readonly<Record<string, string | Uint8Array>>): Promise<Buffer> {
  const zip = new ZipFile()
  for (const [path, content] of Object.entries(files))
    zip.addBuffer(Buffer.from(content), path, { mtime: new Date(0), mode: 0o100644 })
  zip.end()
  return buffer(zip.outputStream)
}

/** Paths from the folder with `/`, sorted. Links are followed. */
export function filesOf(project: Project): string[] {
  const patterns = [...excluded, ...project.exclude]
  return [...walk(project.folder, '', patterns, [realpathSync(project.folder)])]
}

function* walk(
  folder: string,
  prefix: string,
  patterns: readonly string[],
  above: readonly string[],
): Generator<string> {
  for (const name of readdirSync(folder).toSorted()) {
    const path = prefix + name
    if (name.startsWith('.') || patterns.some((pattern) => matchesGlob(path, pattern))) continue
    const full = join(folder, name)
    const kind = statSync(full, { throwIfNoEntry: false })
    if (kind?.isFile() === true) yield path
    if (kind?.isDirectory() !== true) continue
    // A link to a folder that it is in has no end.
    const real = realpathSync(full)
    if (!above.includes(real)) yield* walk(full, `${path}/`, patterns, [...above, real])
  }
}
