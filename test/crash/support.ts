/** A server that is killed again and again, and a witness of what its functions were given. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { setTimeout as delay } from 'node:timers/promises'
import { LambdaClient } from '@aws-sdk/client-lambda'
import { SQSClient } from '@aws-sdk/client-sqs'
import { z } from 'zod'

export interface Seen {
  functionName: string
  requestId: string
  payload: unknown
  /** ms since the epoch. */
  at: number
}

export interface Collector extends AsyncDisposable {
  port: number
  /** In the order of arrival. */
  seen: Seen[]
  /** Told of each. */
  onSeen: (seen: Seen) => void
}

const told = z.tuple([z.string(), z.string(), z.string()])

export async function startCollector(): Promise<Collector> {
  const sockets = new Set<{ destroy(): void }>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    const lines = createInterface(socket)
    // A worker that is killed resets its connection; readline hands that on.
    lines.on('error', () => {})
    lines.on('line', (line) => {
      const [functionName, requestId, payload] = told.parse(JSON.parse(line))
      const one: Seen = { functionName, requestId, payload: JSON.parse(payload), at: Date.now() }
      collector.seen.push(one)
      collector.onSeen(one)
      if (socket.writable) socket.write('\n')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const collector: Collector = {
    port: isAddress(address) ? address.port : 0,
    seen: [],
    onSeen: () => {},
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
  return collector
}

const isAddress = (address: AddressInfo | string | null): address is AddressInfo =>
  typeof address === 'object' && address !== null

const served = z.object({ port: z.number() })
const workers = z.object({ workers: z.array(z.number()) })

export interface Victim extends AsyncDisposable {
  lambda: LambdaClient
  sqs: SQSClient
  /** How often the controller and workers were killed. */
  kills: { controller: number; worker: number }
  /** Kills the controller and a worker in turns, one every `everyMs`, until it is told to stop. */
  startKilling(everyMs: number): { stop(): Promise<void> }
}

/** The server comes back at once, on the same port and folder, whenever it is gone. */
/** Of each kind: on a busy machine a server that dies every two seconds gets hardly anything done, and shows nothing more. */
const mostKills = 5

export async function startVictim(overrides: Record<string, unknown> = {}): Promise<Victim> {
  const dataDir = await mkdtemp(join(tmpdir(), 'thaw-crash-'))
  let port = 0
  let child: ChildProcess
  const launch = async (): Promise<void> => {
    const config = { port, dataDir, workers: 2, logLevel: 'silent', ...overrides }
    child = fork(fileURLToPath(new URL('server-process.ts', import.meta.url)), [JSON.stringify(config)])
    const outcome = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => undefined)])
    // The folder's lock or the port may still be with the dying: the next one gets them.
    if (outcome === undefined) return launch()
    port = served.parse(outcome[0]).port
  }
  await launch()
  const endpoint = `http://127.0.0.1:${port}`
  const settings = {
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'a' },
    maxAttempts: 1,
  }
  const lambda = new LambdaClient(settings)
  const sqs = new SQSClient(settings)
  const kills = { controller: 0, worker: 0 }

  const killController = async (): Promise<void> => {
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
    kills.controller++
    await launch()
  }
  const killWorker = async (): Promise<void> => {
    const answer = once(child, 'message')
    child.send('workers')
    const pids = workers.parse((await answer)[0]).workers
    const pid = pids[kills.worker % Math.max(1, pids.length)]
    if (pid === undefined) return
    process.kill(pid, 'SIGKILL')
    kills.worker++
  }

  return {
    lambda,
    sqs,
    kills,
    startKilling(everyMs) {
      const stopping = new AbortController()
      const killing = (async () => {
        for (let turn = 0; !stopping.signal.aborted; turn++) {
          // The pace of the kills is what the test is about; it waits for nothing.
          await delay(everyMs, undefined, { signal: stopping.signal }).catch(() => {})
          if (stopping.signal.aborted) break
          if (kills.worker < mostKills) await (turn % 2 === 0 ? killController() : killWorker())
        }
      })()
      return {
        async stop() {
          stopping.abort()
          await killing
        },
      }
    },
    async [Symbol.asyncDispose]() {
      lambda.destroy()
      sqs.destroy()
      const gone = once(child, 'exit')
      child.send('close')
      await gone
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

/** Sends until somebody says it was taken. Returns what it was told; what failed may have been taken all the same. */
export async function untilAccepted<T>(send: (attempt: number) => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await send(attempt)
    } catch {
      // Down for the moment: a kill every two seconds, and a second to be back.
      await delay(20)
    }
  }
}

/** `total` jobs, so many at a time. */
export async function inParallel(total: number, width: number, job: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < total) await job(next++)
    }),
  )
}
