/**
 * A builder for the developer's loop (`thaw dev`): one process for many builds, whose tools are loaded and warm. What it
 * makes is what an ordinary build makes.
 */
import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ThawError } from '../../errors.ts'
import { openBases } from '../base/bases.ts'
import {
  basesFor,
  createBuilder,
  defaultCacheDir,
  type Builder,
  type BuilderOptions,
  type BuildRequest,
} from '../builder.ts'
import type { Built, Job } from '../builder-protocol.ts'
import { publishArtifacts } from '../publish.ts'
import { startQuickChild, type QuickChild } from './quick-child.ts'

/** Like `createBuilder`, which takes what cannot be built in this way. */
export function createQuickBuilder(options: BuilderOptions): Builder {
  const { artifactsDir, cacheDir = defaultCacheDir(artifactsDir), limits, logger, onChild } = options
  const bases = openBases({ cacheDir, limits, logger })
  const ordinary = createBuilder(options)
  const start = (): QuickChild =>
    startQuickChild({
      // Staged on the artifacts' own file system: publishing is then a rename.
      root: join(artifactsDir, `.quick-${randomUUID()}`),
      readable: [artifactsDir, cacheDir],
      limits,
      ...(onChild === undefined ? {} : { onStart: onChild }),
    })
  // At once: they are made and loaded while the server starts.
  void bases.path('event')
  let child = start()
  let disposed = false
  let last: Promise<unknown> = Promise.resolve()

  async function build(request: BuildRequest, signal: AbortSignal | undefined): Promise<Built | undefined> {
    signal?.throwIfAborted()
    if (disposed) throw new ThawError('Unavailable', 'The builder has been closed')
    if (!child.alive) {
      await child[Symbol.asyncDispose]()
      child = start()
    }
    const folder = join(child.root, randomUUID())
    const stagingFolder = join(folder, 'staging')
    try {
      const { runtime, handler, codePath, layerPaths = [] } = request
      const run = async (given: Job['bases'], own: string) => {
        const job = { kind: 'function' as const, runtime, handler, codePath, layerPaths: [...layerPaths], limits }
        return child.run({
          ...job,
          ...(given !== undefined && { bases: given }),
          workFolder: join(folder, own),
          stagingFolder,
        })
      }
      let answer = await run(await basesFor(bases, request), 'first')
      if (answer.kind === 'needs-base') answer = await run(await basesFor(bases, request, answer.base), 'second')
      if (answer.kind === 'needs-base') throw new ThawError('Build', 'The builder asked for a base twice')
      if (answer.kind === 'failed') throw new ThawError(answer.code, answer.message)
      if (answer.kind === 'unsuitable') {
        logger?.warn({ reason: answer.reason }, 'built in the ordinary way')
        // Some inputs poison jco's instance, and all that it is asked after.
        if (!answer.healthy) await child[Symbol.asyncDispose]()
        return undefined
      }
      await publishArtifacts(stagingFolder, artifactsDir, answer.built)
      return answer.built
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  return {
    async build(request, signal) {
      const mine = last.then(() => build(request, signal))
      last = mine.catch(() => {})
      const built = await mine
      return built === undefined ? ordinary.build(request, signal) : { ...built, cached: false }
    },

    async [Symbol.asyncDispose]() {
      disposed = true
      await child[Symbol.asyncDispose]()
      await last
      await ordinary[Symbol.asyncDispose]()
      await bases[Symbol.asyncDispose]()
    },
  }
}
