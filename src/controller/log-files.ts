/** Functions' logs: `<folder>/<functionName>.log`, the one before it in `….log.1`. */
import { appendFile, mkdir, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'

export interface LogFiles extends AsyncDisposable {
  /** Whole lines. Returns at once; what a slow disk cannot take is dropped and counted. */
  append(functionName: string, text: string): void
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

  const write = async (functionName: string): Promise<void> => {
    const path = join(folder, `${functionName}.log`)
    for (let next = pending.get(functionName); next !== undefined; next = pending.get(functionName)) {
      pending.delete(functionName)
      const notice =
        next.droppedBytes === 0 ? '' : `[thaw] ${next.droppedBytes} bytes of log dropped: the disk is slow\n`
      try {
        let bytes = sizes.get(functionName) ?? (await sizeOf(path))
        if (bytes >= fileBytes) {
          await rename(path, `${path}.1`)
          bytes = 0
        }
        await appendFile(path, next.text + notice, { mode: 0o600 })
        sizes.set(functionName, bytes + next.text.length)
      } catch (error) {
        sizes.delete(functionName)
        logger.error({ err: error, functionName }, 'a log could not be written')
      }
      waitingBytes -= next.text.length
    }
    writing.delete(functionName)
  }

  const idle = async (): Promise<void> => {
    while (writing.size > 0) await Promise.all(writing.values())
  }

  return {
    append(functionName, text) {
      const next = pending.get(functionName) ?? { text: '', droppedBytes: 0 }
      pending.set(functionName, next)
      if (waitingBytes + text.length > pendingBytes) next.droppedBytes += text.length
      else {
        next.text += text
        waitingBytes += text.length
      }
      if (!writing.has(functionName)) writing.set(functionName, write(functionName))
    },
    idle,
    [Symbol.asyncDispose]: idle,
  }
}
