/** The controller: wires store, builder, control plane and workers, and takes them down again. */
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { createBuilder, type Builder, type BuilderOptions } from '../build/builder.ts'
import type { Config } from '../config.ts'
import { ThawError } from '../errors.ts'
import type { Accounts } from '../identity/accounts.ts'
import { authModeOf, isLoopback } from '../identity/auth-mode.ts'
import { WORKER_RECORDS } from '../memory/page-layout.ts'
import { SharedPage } from '../memory/shared-page.ts'
import { startTicker } from '../memory/ticker.ts'
import { openArtifacts } from '../store/artifacts.ts'
import { openDatabase } from '../store/database.ts'
import { createSqliteUsage } from '../store/sqlite-usage.ts'
import type { Usage } from '../store/usage.ts'
import { startAdminServer } from './admin-server.ts'
import { createControlPlane } from './control-plane.ts'
import { startControlServer } from './control-server.ts'
import { lockFolder } from './folder-lock.ts'
import { createInvoker } from './invoker.ts'
import { createLogFiles } from './log-files.ts'
import { assertPortFree } from './port.ts'
import { openRunFolder } from './run-folder.ts'
import { Supervisor } from './supervisor.ts'
import { createUsageMeter } from './usage.ts'
import { forkWorker } from './worker-process.ts'

export interface ControllerOptions {
  logger: Logger
  /** Left out: `createBuilder`. */
  createBuilder?: (options: BuilderOptions) => Builder
  /** Tests only: see WorkerInit. */
  runtimeModule?: string
}

export interface Controller extends AsyncDisposable {
  /** `http://127.0.0.1:9000` */
  readonly url: string
  readonly port: number
  /** Resolves once closed; rejects, after closing, if workers could not be kept alive. */
  readonly stopped: Promise<void>
  /** What an account's functions used, by name; the configured account's if left out. */
  usage(accountId?: string): Promise<Record<string, Usage>>
  /** Process ids of the workers. */
  workers(): { serving: number[]; standby: number[]; quarantine: number[] }
  /** Lets open requests finish, within limits.drainMs, then ends everything. Idempotent. */
  close(): Promise<void>
  /** Kills the workers and removes what is on disk of the running server, at once: before `process.exit`. */
  abandon(): void
}

/** Throws `Config` (folder or port in use) or `Service` (workers cannot start); then nothing is left running. */
export async function startController(config: Config, options: ControllerOptions): Promise<Controller> {
  const { logger } = options
  const { dataDir, limits } = config
  const authMode = authModeOf(config)
  // Closed in the reverse order: the supervisor first, the folder's lock last.
  await using building = new AsyncDisposableStack()
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  building.use(lockFolder(dataDir))
  await assertPortFree(config.host, config.port)
  const run = building.use(openRunFolder(dataDir))
  const shape = { pools: limits.concurrencyPools, stride: limits.accountConcurrency }
  const page = building.use(SharedPage.create(run.pagePath, shape))

  const artifactsDir = join(dataDir, 'artifacts')
  const tempDir = join(dataDir, 'tmp')
  await removeHalfBuilt(artifactsDir, tempDir)
  const logs = building.use(await createLogFiles({ folder: join(dataDir, 'logs'), logger }))
  const database = building.use(openDatabase({ path: join(dataDir, 'thaw.db') }))
  const clock = { now: () => new Date() }
  const usage = building.use(createUsageMeter({ store: createSqliteUsage(database), clock, logger }))
  const artifacts = await openArtifacts({ directory: artifactsDir })
  const cache = config.cacheDir === undefined ? {} : { cacheDir: config.cacheDir }
  const builder = building.use(
    (options.createBuilder ?? createBuilder)({ artifactsDir, tempDir, ...cache, limits, logger }),
  )

  const controllerSocketPath = run.socketPath('controller')
  const stopped = Promise.withResolvers<void>()
  stopped.promise.catch(() => {})
  let running: { resources: AsyncDisposableStack; closing?: Promise<void> } | undefined
  const close = (): Promise<void> | undefined => {
    if (running !== undefined) running.closing ??= running.resources.disposeAsync()
    return running?.closing
  }
  // Before it is started, `start` rejects instead.
  const fail = async (error: ThawError): Promise<void> => {
    logger.fatal({ err: error }, 'the server ends')
    await close()
    stopped.reject(error)
  }
  const supervisor = new Supervisor({
    workers: config.workers,
    host: config.host,
    port: config.port,
    drainMs: limits.drainMs,
    accountConcurrency: limits.accountConcurrency,
    page,
    run,
    logger,
    launch: (place, changes, onHeld) =>
      forkWorker({
        init: {
          ...place,
          config,
          pagePath: run.pagePath,
          artifactsDir,
          controllerSocketPath,
          changes,
          runtimeModule: options.runtimeModule,
        },
        onBatch: (batch) => {
          usage.add(batch.usage)
          for (const [name, text] of Object.entries(batch.logs)) logs.append(name, text)
        },
        onHeld,
        onNotice: ({ level, message, fields }) => logger[level]({ index: place.index, ...fields }, message),
      }),
    onFatal: (error) => void fail(error),
  })
  let url: string | undefined
  const invoker = building.use(createInvoker({ sockets: () => supervisor.sockets() }))
  const controlPlane = building.use(
    await createControlPlane({
      database,
      artifacts,
      builder,
      dataPlane: supervisor,
      invoke: invoker.invoke,
      publicUrl: () => url,
      config,
      clock,
      logger,
    }),
  )
  if (authMode === 'accounts' && !isLoopback(config.host)) await assertSomeAccount(controlPlane.accounts, config.host)
  const { headerSectionBytes } = config.limits
  building.use(await startControlServer(controlPlane.api, controllerSocketPath, headerSectionBytes))
  building.use(await startAdminServer(controlPlane.accounts, run.socketPath('admin')))
  const ticker = startTicker({
    page,
    workers: WORKER_RECORDS,
    graceMs: limits.stuckGraceMs,
    onStuck: (stuck) => supervisor.stuck(stuck),
  })
  building.defer(() => ticker.stop())
  building.use(supervisor)
  building.defer(() => controlPlane.stopEvents())
  const started = supervisor.start(await controlPlane.served())
  await controlPlane.start()
  const port = await started
  url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`
  running = { resources: building.move() }

  const closeAll = async (): Promise<void> => {
    await close()
    stopped.resolve()
  }
  return {
    url,
    port,
    stopped: stopped.promise,
    usage: (accountId = config.accountId) => usage.totals(accountId),
    workers: () => supervisor.pids(),
    close: closeAll,
    abandon() {
      supervisor.kill()
      run[Symbol.dispose]()
    },
    [Symbol.asyncDispose]: closeAll,
  }
}

/** On a public address, a server that nobody can use is a mistake. */
async function assertSomeAccount(accounts: Accounts, host: string): Promise<void> {
  if ((await accounts.list()).length > 0) return
  throw new ThawError(
    'Config',
    `Requests to ${host} must be signed with the key of an account, and there is none: run "thaw account create" first.`,
  )
}

/** What a killed controller left of builds in the making. */
async function removeHalfBuilt(artifactsDir: string, tempDir: string): Promise<void> {
  await rm(tempDir, { recursive: true, force: true })
  await mkdir(artifactsDir, { recursive: true, mode: 0o700 })
  const staged = (await readdir(artifactsDir)).filter((name) => name.startsWith('.staging-'))
  await Promise.all(staged.map((name) => rm(join(artifactsDir, name), { recursive: true, force: true })))
}
