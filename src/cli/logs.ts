import { existsSync, readdirSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Command } from 'commander'
import { configFromEnvironment } from '../config.ts'
import { ThawError } from '../errors.ts'
import { jsonOption, UsageError, type JsonOptions } from './options.ts'
import { followLog, readLog } from './project/log-tail.ts'
import { print } from './terminal.ts'

interface Options extends JsonOptions {
  data?: string
  account?: string
  follow?: true
  since?: string
}

const unitMs: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

export function logsCommand(): Command {
  return new Command('logs')
    .description("print a function's log, from the data folder of a server on this machine")
    .argument('<name>', 'name of the function')
    .option('-f, --follow', 'go on with what is logged from now on, until Ctrl-C')
    .option('--since <time>', 'from then on: 30s, 10m, 2h, 1d, or a date')
    .option('--data <folder>', "the server's data folder (THAW_DATA)")
    .option('--account <id>', 'whose function (THAW_ACCOUNT_ID)')
    .addOption(jsonOption())
    .action(async (name: string, options: Options) => {
      const since = options.since === undefined ? undefined : parseSince(options.since, Date.now())
      const path = logPath(name, options)
      const { text, end } = await readLog(path, since)
      const show = (piece: string): void => {
        if (options.json !== true) process.stdout.write(piece)
        else for (const line of piece.split('\n')) if (line !== '') print(JSON.stringify({ line }))
      }
      show(text)
      if (options.follow !== true) return
      const abort = new AbortController()
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort())
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      await followLog(path, end, show, abort.signal)
    })
}

/** Throws `Config` if there is no log, saying what there is, and where a log is looked for. */
function logPath(name: string, { data, account, follow }: Options): string {
  if (!/^[\w-]{1,64}$/.test(name)) throw new UsageError(`${name} is no function name`)
  const given = {
    ...(data === undefined ? {} : { dataDir: data }),
    ...(account === undefined ? {} : { accountId: account }),
  }
  const { dataDir, accountId } = configFromEnvironment(process.env, given)
  if (!existsSync(join(dataDir, 'thaw.db'))) {
    throw new ThawError(
      'Config',
      `${dataDir} is no server's data folder: logs are read on the server's own machine, --data says where they are`,
    )
  }
  const folder = join(dataDir, 'logs', accountId)
  const path = join(folder, `${name}.log`)
  if (existsSync(path) || existsSync(`${path}.1`) || follow === true) return path
  const known = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.log')) : []
  const names = known.map((file) => file.slice(0, -4)).join(', ')
  throw new ThawError('Config', `${name} has logged nothing${names === '' ? '' : `; there are logs of ${names}`}`)
}

export function parseSince(text: string, nowMs: number): Date {
  const [, count = '', unit = ''] = /^(\d+)([smhd])$/.exec(text) ?? []
  const date = count === '' ? new Date(text) : new Date(nowMs - Number(count) * (unitMs[unit] ?? 0))
  if (Number.isNaN(date.getTime())) throw new UsageError(`--since takes 30s, 10m, 2h, 1d or a date, not ${text}`)
  return date
}
