/** Where a build's artifacts become everybody's: from the builder's staging folder to the content-addressed store. */
import { existsSync } from 'node:fs'
import { mkdir, open, readdir, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ThawError } from '../errors.ts'
import { engineFolder } from '../instance/engine.ts'
import { snapshotPaths } from '../snapshot/manifest.ts'
import { bundlePath } from '../snapshot/package-bundle.ts'
import type { Built } from './builder-protocol.ts'

/** Both folders on one file system. What is there already stays: its name is its content. */
export async function publishArtifacts(staging: string, artifactsDir: string, built: Built): Promise<void> {
  const from = snapshotPaths(staging, built.snapshot)
  const to = snapshotPaths(artifactsDir, built.snapshot)
  await move(engineFolder(staging, built.engine), engineFolder(artifactsDir, built.engine), 'engine.json')
  await move(from.image, to.image)
  if (built.files !== undefined) await move(bundlePath(staging, built.files), bundlePath(artifactsDir, built.files))
  // The manifest last: where it is, all of the snapshot is.
  await move(from.manifest, to.manifest)
}

/** Whether a build that was recorded can still be used. What the files hold is verified where they are loaded. */
export function artifactsExist(
  artifactsDir: string,
  { engine, snapshot, files }: Pick<Built, 'engine' | 'snapshot' | 'files'>,
): boolean {
  const { image, manifest } = snapshotPaths(artifactsDir, snapshot)
  const bundle = files === undefined ? [] : [bundlePath(artifactsDir, files)]
  const paths = [join(engineFolder(artifactsDir, engine), 'engine.json'), image, manifest, ...bundle]
  return paths.every((path) => existsSync(path))
}

/** The builder may not sync what it writes: that is done here, before the name is given. */
async function move(from: string, to: string, proof = ''): Promise<void> {
  if (existsSync(join(to, proof))) return
  const folder = dirname(to)
  await mkdir(folder, { recursive: true })
  try {
    if ((await stat(from)).isDirectory()) for (const name of await readdir(from)) await syncPath(join(from, name))
    await syncPath(from)
    await rename(from, to)
  } catch (cause) {
    // Another build may have been first.
    if (!existsSync(join(to, proof))) throw new ThawError('Build', 'The build could not be stored', { cause })
  }
  await syncPath(folder)
}

async function syncPath(path: string): Promise<void> {
  await using handle = await open(path, 'r')
  await handle.sync()
}
