/** A builder over folders of its own, and uploads for it. */
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createBuilder, type Builder, type BuildRequest } from '../../src/build/builder.ts'
import { limitsSchema, type Limits } from '../../src/config.ts'
import { testCacheDir } from '../support/cache-dir.ts'
import { zipOf } from './zip.support.ts'

export interface TestBuilder {
  builder: Builder
  artifactsDir: string
  tempDir: string
  /** Process ids of the children, in the order in which they were started. */
  children: number[]
  /** Resolves with the next child's process id. */
  nextChild: () => Promise<number>
  /** A request with an upload of these bytes or files. */
  request: (
    upload: Uint8Array | Record<string, string>,
    options?: Partial<Pick<BuildRequest, 'runtime' | 'handler'>>,
    /** The layers, in order. */
    layers?: readonly Record<string, string>[],
  ) => Promise<BuildRequest>
  /** What builds have left behind in the folder for temporary files and in the staging. */
  leftovers: () => Promise<string[]>
}

export async function testBuilder(limits: Partial<Limits> = {}): Promise<TestBuilder> {
  const folder = await mkdtemp(join(tmpdir(), 'thaw-builder-'))
  const artifactsDir = join(folder, 'artifacts')
  const tempDir = join(folder, 'temp')
  const uploads = join(folder, 'uploads')
  await mkdir(uploads, { recursive: true })
  const children: number[] = []
  const waiting: ((pid: number) => void)[] = []
  const builder = createBuilder({
    artifactsDir,
    tempDir,
    cacheDir: testCacheDir,
    limits: limitsSchema.parse(limits),
    onChild(pid) {
      children.push(pid)
      waiting.shift()?.(pid)
    },
  })
  onTestFinished(async () => {
    await builder[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })
  return {
    builder,
    artifactsDir,
    tempDir,
    children,
    nextChild: () => new Promise((resolve) => waiting.push(resolve)),
    async request(upload, options = {}, layers = []) {
      const save = async (content: Uint8Array | Record<string, string>): Promise<string> => {
        const path = join(uploads, randomUUID())
        await writeFile(path, content instanceof Uint8Array ? content : await zipOf(content))
        return path
      }
      const codePath = await save(upload)
      const layerPaths: string[] = []
      for (const layer of layers) layerPaths.push(await save(layer))
      return { runtime: 'nodejs24.x', handler: 'index.handler', codePath, layerPaths, ...options }
    },
    async leftovers() {
      const staging = (await readdir(artifactsDir).catch(() => [])).filter((name) => name.startsWith('.staging'))
      return [...(await readdir(tempDir).catch(() => [])), ...staging]
    },
  }
}
