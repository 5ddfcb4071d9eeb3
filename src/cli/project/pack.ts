/** A function's folder as the zip that is deployed. */
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { join, matchesGlob } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { ZipFile } from 'yazl'
import { z } from 'zod'
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
  const contents: Record<string, string | Uint8Array> = Object.fromEntries(
    files.map((path) => [path, readFileSync(join(project.folder, path))]),
  )
  if (project.engine !== undefined) contents[manifest] = withEngine(contents[manifest], project)
  return zipOf(contents)
}

const manifest = 'package.json'

/** The package's manifest, with the engine that `thaw.json` asks for. Throws `Config` if it is no JSON object. */
function withEngine(content: string | Uint8Array | undefined, { folder, engine }: Project): string {
  const parsed = content === undefined ? {} : objectOf(Buffer.from(content).toString())
  if (parsed === undefined) throw new ThawError('Config', `${join(folder, manifest)} is no JSON object`)
  return JSON.stringify({ ...parsed, thaw: { ...objectOf(JSON.stringify(parsed['thaw'] ?? {})), engine } })
}

function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text))
  } catch {
    return undefined
  }
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
