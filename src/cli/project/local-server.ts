/** A server of this process's own, in a temporary folder, that leaves nothing behind but its cache. */
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { destination, pino } from 'pino'
import type { Builder, BuilderOptions } from '../../build/builder.ts'
import { configFromEnvironment } from '../../config.ts'
import { startController, type Controller } from '../../controller/start.ts'
import { userCacheDir } from './user-cache.ts'

export interface LocalServer extends AsyncDisposable {
  readonly url: string
  readonly dataDir: string
  readonly accountId: string
  readonly controller: Controller
  /** At once, without waiting for anything: before `process.exit`. */
  abandon(): void
}

export interface LocalServerOptions {
  /** Over the environment's configuration. */
  config: Record<string, unknown>
  createBuilder?: (options: BuilderOptions) => Builder
}

/** On loopback and for anybody there: as `thaw start` is by itself. Errors as `startController`. */
export async function startLocalServer({ config: given, createBuilder }: LocalServerOptions): Promise<LocalServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'thaw-'))
  try {
    const config = configFromEnvironment(process.env, {
      host: '127.0.0.1',
      auth: 'dev',
      logLevel: 'error',
      workers: 1,
      dataDir,
      // A server for a moment: what it would make first, another has made.
      cacheDir: userCacheDir(),
      ...given,
    })
    const logger = pino({ level: config.logLevel, base: null }, destination({ fd: 2, sync: true }))
    const controller = await startController(config, {
      logger,
      ...(createBuilder === undefined ? {} : { createBuilder }),
    })
    return {
      url: controller.url,
      dataDir,
      accountId: config.accountId,
      controller,
      abandon() {
        controller.abandon()
        rmSync(dataDir, { recursive: true, force: true })
      },
      async [Symbol.asyncDispose]() {
        await controller.close()
        await rm(dataDir, { recursive: true, force: true })
      },
    }
  } catch (error) {
    await rm(dataDir, { recursive: true, force: true })
    throw error
  }
}

/** A terminal sends Ctrl-C to the whole group, and a launcher passes it on as well: all these are one wish. */
const sameSignalMs = 300

/** Resolves when the user wants the end; asked for once more, `abandon` is called and the process ends. */
export function untilInterrupted(abandon: () => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  let firstAtMs: number | undefined
  const end = (): void => {
    firstAtMs ??= performance.now()
    if (performance.now() - firstAtMs > sameSignalMs) {
      abandon()
      process.exit(1)
    }
    resolve()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end)
  // The older Node that launched this one (thaw.mjs) was killed.
  if (process.env.THAW_LAUNCHER !== undefined) process.once('disconnect', end)
  return promise
}
