import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { z } from 'zod'
import { ThawError } from '../errors.ts'
import { accountCommand } from './account.ts'
import { doctorCommand } from './doctor.ts'
import { startCommand } from './start.ts'

/** `argv` as Node has it. What the user got wrong, and what the server failed by, is one line on stderr. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('thaw')
    .description("A self-hosted function runtime: AWS Lambda's model and API on WebAssembly and snapshots.")
    .version(packageVersion(), '-v, --version')
    .addCommand(startCommand())
    .addCommand(accountCommand())
    .addCommand(doctorCommand())
  try {
    await program.parseAsync(argv)
  } catch (error) {
    if (!(error instanceof ThawError)) throw error
    process.stderr.write(`thaw: ${error.message}\n`)
    // A server that failed may have left a channel to its launcher open.
    process.exit(1)
  }
}

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version
}
