import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { destination, pino, type Logger } from 'pino'
import { configFromEnvironment, type Config } from '../config.ts'
import { startController, type Controller } from '../controller/start.ts'
import { authModeOf } from '../identity/auth-mode.ts'
import { deployHello, usageLines } from './hello.ts'

interface StartOptions {
  host?: string
  port?: string
  data?: string
  workers?: string
  /** Undefined if neither `--dev` nor `--no-dev` was given. */
  dev?: boolean
}

/** A terminal sends Ctrl-C to the whole group, npm and the launcher pass it on as well: all these are one wish. */
const sameSignalMs = 300

export function startCommand(): Command {
  return new Command('start')
    .description('serve the Lambda API')
    .option('--host <address>', 'address to listen on (THAW_HOST)')
    .option('--port <number>', 'port, 0 for any that is free (THAW_PORT)')
    .option('--data <folder>', 'where functions and logs are kept (THAW_DATA)')
    .option('--workers <count>', 'processes that run functions (THAW_WORKERS)')
    .option('--dev', "take anybody's requests, as one account: loopback only, and the default there (THAW_AUTH=dev)")
    .option('--no-dev', 'take only what is signed with the key of an account: see "thaw account" (THAW_AUTH=accounts)')
    .action(async (options: StartOptions) => {
      await start(configFromEnvironment(process.env, overrides(options)))
    })
}

function overrides({ host, port, data, workers, dev }: StartOptions): Record<string, unknown> {
  const auth = dev === undefined ? undefined : dev ? 'dev' : 'accounts'
  const given = { host, port, dataDir: data, workers, auth }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

/** Runs until the server is closed, by a signal or by its own failure; then the process ends. */
async function start(config: Config): Promise<void> {
  const logger = pino({ level: config.logLevel, base: null }, destination({ fd: 2, sync: true }))
  const isNew = !existsSync(join(config.dataDir, 'thaw.db'))
  const say = (line: string): void => void process.stdout.write(`${line}\n`)
  const ending = onSignals(logger)
  const controller = await startController(config, { logger })
  const showExample = async (): Promise<void> => {
    if (isNew) await deployHello({ url: controller.url, config, say })
    for (const line of await usageLines({ url: controller.url, config })) say(line)
  }
  // The server is what was asked for; the example is a courtesy, and lost when the server is being closed.
  const lost = (err: unknown): void => {
    if (!ending.wanted()) logger.warn({ err }, 'the example could not be deployed')
  }
  ending.close(controller)
  if (!ending.wanted()) {
    say(`Thaw serves the Lambda API on ${controller.url}, data in ${config.dataDir}`)
    if (authModeOf(config) === 'accounts') say('Requests are to be signed: "thaw account" makes accounts and keys')
    else await showExample().catch(lost)
  }
  await controller.stopped
  process.exit(0)
}

interface Ending {
  /** Somebody asked for the end. */
  wanted(): boolean
  /** This is what is to be closed, at once if that has been asked for. */
  close(controller: Controller): void
}

/** From the first moment, so that nothing is left behind by a signal that comes while the server starts. */
function onSignals(logger: Logger): Ending {
  let controller: Controller | undefined
  let firstAtMs: number | undefined
  const end = (why: string): void => {
    if (firstAtMs === undefined) {
      firstAtMs = performance.now()
      logger.info({ why }, 'closing: open requests may finish; once more ends them')
      void controller?.close()
    } else if (performance.now() - firstAtMs > sameSignalMs) {
      controller?.abandon()
      process.exit(1)
    }
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end(signal))
  // The older Node that launched this one (thaw.mjs) was killed: whoever asked for the server is gone.
  if (process.env.THAW_LAUNCHER !== undefined) process.once('disconnect', () => end('launcher gone'))
  return {
    wanted: () => firstAtMs !== undefined,
    close(started) {
      controller = started
      if (firstAtMs !== undefined) void controller.close()
    },
  }
}
