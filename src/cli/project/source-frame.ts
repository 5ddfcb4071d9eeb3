/** The lines of source that an error speaks of. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ThawError } from '../../errors.ts'

const linesAround = 2
/** ` (lib/a.ts:3:7)` in a build's message, `at f (/var/task/a.mjs:3:7)` in a trace. */
const place = /\(?(?:\/var\/task\/)?((?:[\w.@-]+\/)*[\w.@-]+\.[cm]?[jt]sx?):(\d+):(\d+)\)?/

/** The message, and below it the lines around the first place in it that is a file of the folder. */
export function withSourceFrame(message: string, folder: string): string {
  // The compilers' own reports have their frames.
  if (/[╭│]|^\s*\d+ *\|/m.test(message)) return message
  const frame = sourceFrame(message, folder)
  return frame === undefined ? message : `${message}\n${frame}`
}

export function sourceFrame(message: string, folder: string): string | undefined {
  for (const line of message.split('\n')) {
    const match = place.exec(line)
    if (match === null) continue
    const [, file = '', row = '', column = ''] = match
    const source = read(join(folder, file))
    if (source !== undefined) return frameOf(source.split('\n'), Number(row), Number(column))
  }
  return undefined
}

function frameOf(lines: readonly string[], row: number, column: number): string {
  const first = Math.max(1, row - linesAround)
  const last = Math.min(lines.length, row + linesAround)
  const width = String(last).length
  const shown: string[] = []
  for (let number = first; number <= last; number++) {
    shown.push(`${number === row ? '>' : ' '} ${String(number).padStart(width)} | ${lines[number - 1] ?? ''}`)
    if (number === row) shown.push(`  ${' '.repeat(width)} | ${' '.repeat(Math.max(0, column - 1))}^`)
  }
  return shown.join('\n')
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** Errors: the same, a failed build with the source it speaks of. */
export async function withFrames<T>(folder: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof ThawError) || error.code !== 'Build') throw error
    throw new ThawError('Build', withSourceFrame(error.message, folder), { cause: error })
  }
}
