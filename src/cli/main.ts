import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { z } from 'zod'
import { ThawError } from '../errors.ts'
import { UsageError } from './options.ts'

/** Exit codes, besides 0: what was asked for failed, or it made no sense. docs/cli.md tells users. */
const failed = 1
const misused = 2

/** Loaded when they are wanted: most need little, some the whole server. In the order in which help shows them. */
const commands: Record<string, () => Promise<Command>> = {
  start: async () => (await import('./start.ts')).startCommand(),
  init: async () => (await import('./init.ts')).initCommand(),
  dev: async () => (await import('./dev.ts')).devCommand(),
  build: async () => (await import('./build.ts')).buildCommand(),
  deploy: async () => (await import('./deploy.ts')).deployCommand(),
  invoke: async () => (await import('./invoke.ts')).invokeCommand(),
  logs: async () => (await import('./logs.ts')).logsCommand(),
  ls: async () => (await import('./ls.ts')).lsCommand(),
  rm: async () => (await import('./rm.ts')).rmCommand(),
  route: async () => (await import('./route.ts')).routeCommand(),
  egress: async () => (await import('./egress.ts')).egressCommand(),
  bench: async () => (await import('./bench.ts')).benchCommand(),
  account: async () => (await import('./account.ts')).accountCommand(),
  doctor: async () => (await import('./doctor.ts')).doctorCommand(),
}

/** `argv` as Node has it. What the user got wrong, and what failed, is one line on stderr (a build's report may be more). */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('thaw')
    .description("A self-hosted function runtime: AWS Lambda's model and API on WebAssembly and snapshots.")
    .version(packageVersion(), '-v, --version')
  const wanted = commands[argv[2] ?? '']
  const loaded =
    wanted === undefined ? await Promise.all(Object.values(commands).map((load) => load())) : [await wanted()]
  for (const command of loaded) program.addCommand(command)
  if (wanted === undefined) {
    const { completionCommand } = await import('./completion.ts')
    program.addCommand(completionCommand(() => program))
  }
  tame(program)
  try {
    await program.parseAsync(argv)
  } catch (error) {
    // Commander has printed what it had to say: help, the version, or what is wrong.
    if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : misused)
    if (!(error instanceof ThawError)) throw error
    process.stderr.write(`thaw: ${error.message}\n`)
    // A server that failed may have left a channel to its launcher open.
    process.exit(error instanceof UsageError ? misused : failed)
  }
}

/** Every command throws instead of exiting, and says what is wrong in one line. */
function tame(command: Command): void {
  command.exitOverride().configureOutput({
    outputError: (text, write) =>
      write(
        `thaw: ${text
          .trim()
          .replace(/^error: /, '')
          .replaceAll(/\s*\n\s*/g, ' ')}\n`,
      ),
  })
  for (const one of command.commands) tame(one)
}

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version
}
