/** A function's log file, from a point in time and as it grows (controller/log-files.ts writes it). */
import { watch } from 'node:fs'
import { open, readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StringDecoder } from 'node:string_decoder'

/** `2026-01-31T12:00:00.000Z`, with which a line begins that a function logged. */
const stamp = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)\s/

/**
 * The lines from `since` on, of the file put aside and of the present one. A line without a time belongs to the one
 * before it, and START to what follows: whole invocations are shown.
 */
export async function readLog(path: string, since: Date | undefined): Promise<{ text: string; end: number }> {
  const before = await readFile(`${path}.1`, 'utf8').catch(() => '')
  const present = await readFile(path).catch(() => Buffer.alloc(0))
  const text = before + present.toString()
  return { text: since === undefined ? text : from(text, since), end: present.length }
}

function from(text: string, since: Date): string {
  const lines = text.split('\n')
  let start = 0
  for (const [index, line] of lines.entries()) {
    if (line.startsWith('START ')) start = index
    const time = stamp.exec(line)?.[1]
    if (time !== undefined && new Date(time) >= since) return lines.slice(start).join('\n')
  }
  return ''
}

/** Calls `show` with what is appended after `position`, until the signal: also across a file that was put aside. */
export async function followLog(
  path: string,
  position: number,
  show: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  // A character may be written in two parts.
  const decoder = new StringDecoder('utf8')
  let at = position
  let reading: Promise<void> = Promise.resolve()
  const read = async (): Promise<void> => {
    const size = (await stat(path).catch(() => undefined))?.size ?? 0
    // Put aside: what is here now is new.
    if (size < at) at = 0
    if (size === at) return
    await using file = await open(path, 'r')
    const bytes = Buffer.alloc(size - at)
    const { bytesRead } = await file.read(bytes, 0, bytes.length, at)
    at += bytesRead
    show(decoder.write(bytes.subarray(0, bytesRead)))
  }
  const next = (): void => {
    reading = reading.then(read, read)
  }
  // The folder, not the file: that is replaced when it is full.
  const watcher = watch(dirname(path), next)
  next()
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  watcher.close()
  await reading
}
