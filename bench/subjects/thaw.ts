/** Thaw as a user starts it: `thaw start`, in processes of its own. */
import { join } from 'node:path'
import type { Canary } from '../canary.ts'
import { repository } from '../cache.ts'
import type { LoadTarget } from '../load/plan.ts'
import { ServerProcess } from './process.ts'
import type { Subject } from './subject.ts'

export interface ThawServer extends AsyncDisposable {
  readonly port: number
  /** From starting the process until it said that it serves. */
  readonly startMs: number
  cpuMs(): number | undefined
  /** Resident memory of its workers, bytes; undefined where there is no /proc. */
  workersRssBytes(): number | undefined
  target(functionName: string, canary: Canary): LoadTarget
}

export interface ThawOptions {
  dataDir: string
  workers: number
}

/** What `thaw start` prints once it serves (src/cli/start.ts). */
const servingLine = /serves the Lambda API on http:\/\/127\.0\.0\.1:(\d+)/

export async function startThaw({ dataDir, workers }: ThawOptions): Promise<ThawServer> {
  const began = performance.now()
  const server = new ServerProcess({
    name: 'thaw start',
    command: process.execPath,
    args: [
      join(repository, 'src', 'cli', 'thaw.mjs'),
      'start',
      '--port',
      '0',
      '--data',
      dataDir,
      '--workers',
      String(workers),
    ],
    env: { ...environment(), THAW_LOG_LEVEL: 'warn' },
    // It has a data folder to close.
    graceMs: 12_000,
  })
  try {
    const port = await server.until((signal) => servingPort(server, signal))
    return {
      port,
      startMs: performance.now() - began,
      cpuMs: () => server.cpuMs(),
      workersRssBytes: () => server.rssBytes('src/worker/main.ts'),
      target: (functionName, canary) => ({
        host: '127.0.0.1',
        ports: [port],
        path: invokePath(functionName),
        canary,
      }),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    }
  } catch (error) {
    await server[Symbol.asyncDispose]()
    throw error
  }
}

export function invokePath(functionName: string): string {
  return `/2015-03-31/functions/${functionName}/invocations`
}

/** The server as the subject of a load on one of its functions. The server stays the caller's to end. */
export function thawSubject(server: ThawServer, functionName: string): Subject {
  return {
    target: server.target(functionName, 'pristine'),
    cpuMs: () => server.cpuMs(),
    [Symbol.asyncDispose]: async () => {},
  }
}

/** Without the settings of whoever runs the bench: it measures the defaults. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('THAW_')))
}

async function servingPort(server: ServerProcess, signal: AbortSignal): Promise<number> {
  for (;;) {
    const port = servingLine.exec(server.output)?.[1]
    if (port !== undefined) return Number(port)
    signal.throwIfAborted()
    await new Promise((resolve) => {
      server.process.stdout?.once('data', resolve)
    })
  }
}
