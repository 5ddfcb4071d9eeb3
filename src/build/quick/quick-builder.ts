/**
 * A builder for the developer's loop (`thaw dev`): one process for many builds. JavaScript is built in a tenth of a second
 * and not in seconds, as the engine is compiled once and not in every build. The engine is that of an ordinary build, the
 * snapshot as good as it.
 */
import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ThawError } from '../../errors.ts'
import { createBuilder, type Builder, type BuilderOptions, type BuildRequest } from '../builder.ts'
import type { Built } from '../builder-protocol.ts'
import { publishArtifacts } from '../publish.ts'
import { startQuickChild, type QuickChild } from './quick-child.ts'

/** Like `createBuilder`, which takes what cannot be built in this way. */
export function createQuickBuilder(options: BuilderOptions): Builder {
  const { artifactsDir, limits, logger, onChild } = options
  const ordinary = createBuilder(options)
  const start = (): QuickChild =>
    startQuickChild({
      // Staged on the artifacts' own file system: publishing is then a rename.
      root: join(artifactsDir, `.quick-${randomUUID()}`),
      readable: artifactsDir,
      limits,
      ...(onChild === undefined ? {} : { onStart: onChild }),
    })
  // At once: the base is made while the server starts.
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
      const job = { runtime, handler, codePath, layerPaths: [...layerPaths], limits }
      const answer = await child.run({ ...job, workFolder: join(folder, 'work'), stagingFolder })
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
    },
  }
}
