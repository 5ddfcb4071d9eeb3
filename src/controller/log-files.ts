/** Functions' logs: `<folder>/<accountId>/<functionName>.log`, the one before it in `….log.1`. */
import { appendFile, mkdir, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Logger } from 'pino'

export interface LogFiles extends AsyncDisposable {
  /** `name`: `<accountId>/<functionName>`. Whole lines. Returns at once; what a slow disk cannot take is dropped and counted. */
  append(name: string, text: string): void
  /** Resolves when all is written. */
  idle(): Promise<void>
}

export interface LogFilesOptions {
  folder: string
  logger: Logger
  /** A file that has reached this is put aside; ours, 10 MiB by default: with the one before, 20 MiB a function. */
  fileBytes?: number
  /** What may wait to be written, of all functions together; ours, 16 MiB by default. */
  pendingBytes?: number
}

interface Pending {
  text: string
  droppedBytes: number
}

export async function createLogFiles(options: LogFilesOptions): Promise<LogFiles> {
  const { folder, logger, fileBytes = 10_485_760, pendingBytes = 16_777_216 } = options
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const pending = new Map<string, Pending>()
  const writing = new Map<string, Promise<void>>()
  const sizes = new Map<string, number>()
  let waitingBytes = 0

  const sizeOf = async (path: string): Promise<number> => {
    try {
      return (await stat(path)).size
    } catch {
      return 0
    }
  }

  const write = async (name: string): Promise<void> => {
    const path = join(folder, `${name}.log`)
    for (let next = pending.get(name); next !== undefined; next = pending.get(name)) {
      pending.delete(name)
      const notice =
        next.droppedBytes === 0 ? '' : `[thaw] ${next.droppedBytes} bytes of log dropped: the disk is slow\n`
      try {
        let bytes = sizes.get(name) ?? (await sizeOf(path))
        if (bytes >= fileBytes) {
          await rename(path, `${path}.1`)
          bytes = 0
        }
        // Before the first text, and again where somebody cleaned up.
        if (bytes === 0) await mkdir(dirname(path), { recursive: true, mode: 0o700 })
        await appendFile(path, next.text + notice, { mode: 0o600 })
        sizes.set(name, bytes + next.text.length)
      } catch (error) {
        sizes.delete(name)
        logger.error({ err: error, name }, 'a log could not be written')
      }
      waitingBytes -= next.text.length
    }
    writing.delete(name)
  }

  const idle = async (): Promise<void> => {
    while (writing.size > 0) await Promise.all(writing.values())
  }

  return {
    append(name, text) {
      const next = pending.get(name) ?? { text: '', droppedBytes: 0 }
      pending.set(name, next)
      if (waitingBytes + text.length > pendingBytes) next.droppedBytes += text.length
      else {
        next.text += text
        waitingBytes += text.length
      }
      if (!writing.has(name)) writing.set(name, write(name))
    },
    idle,
    [Symbol.asyncDispose]: idle,
  }
}
