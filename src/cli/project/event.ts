import { readFileSync } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { ThawError } from '../../errors.ts'
import { UsageError } from '../options.ts'

/** An event from a file, or with `-` from stdin. Throws `Config` if it cannot be read. */
export async function readEvent(file: string): Promise<Uint8Array> {
  if (file === '-') {
    if (process.stdin.isTTY) throw new UsageError('--event - reads the event from stdin, and stdin is a terminal')
    return buffer(process.stdin)
  }
  try {
    return readFileSync(file)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ThawError('Config', `The event could not be read: ${reason}`, { cause })
  }
}
