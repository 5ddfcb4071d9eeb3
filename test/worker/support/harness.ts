/** Real worker processes with scripted guests, and what stands around them. */
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import {
  createServer,
  request,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { configFromEnvironment, type Config } from '../../../src/config.ts'
import { openRunFolder, type RunFolder } from '../../../src/controller/run-folder.ts'
import { forkWorker, type WorkerProcess } from '../../../src/controller/worker-process.ts'
import type { FunctionSpec } from '../../../src/invocation.ts'
import { SharedPage } from '../../../src/memory/shared-page.ts'
import type { Batch, Held, Notice, WorkerChange } from '../../../src/worker/messages.ts'

export const scriptedRuntime = new URL('./scripted-runtime.ts', import.meta.url).href

/** The pool of every account, in the page of a bench. */
export const accountPool = 0

export interface Answer {
  status: number
  headers: IncomingMessage['headers']
  body: string
}

export interface RequestOptions {
  port?: number
  socketPath?: string
  method?: string
  path?: string
  headers?: Record<string, string>
  body?: string | Buffer
  signal?: AbortSignal
}

/** One request on a connection of its own, so that the kernel chooses the worker anew each time. */
export function send({ body, path = '/', ...options }: RequestOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ ...options, path, host: '127.0.0.1', agent: false }, (response) => {
      text(response).then(
        (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        reject,
      )
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

export function invokePath(name: string): string {
  return `/2015-03-31/functions/${encodeURIComponent(name)}/invocations`
}

let deployments = 0
export function specOf(functionName: string, overrides: Partial<FunctionSpec> = {}): FunctionSpec {
  return {
    deployment: ++deployments,
    accountId: '000000000000',
    functionName,
    version: '$LATEST',
    functionArn: `arn:aws:lambda:us-east-1:000000000000:function:${functionName}`,
    runtime: 'nodejs24.x',
    memoryMb: 128,
    timeoutMs: 3_000,
    ephemeralStorageMb: 512,
    environment: {},
    egress: [],
    engine: 'none',
    snapshot: 'none',
    initDurationMs: 1,
    logGroup: `/aws/lambda/${functionName}`,
    ...overrides,
  }
}

/** A server that answers when told: `arrived` resolves with the next request, whose response the test holds. */
export async function holdServer(): Promise<{
  url: string
  arrived(): Promise<{ url: string; response: ServerResponse }>
  server: Server
}> {
  const waiting: { url: string; response: ServerResponse }[] = []
  const takers: ((arrival: { url: string; response: ServerResponse }) => void)[] = []
  const server = createServer((incoming, response) => {
    const arrival = { url: incoming.url ?? '', response }
    const taker = takers.shift()
    if (taker === undefined) waiting.push(arrival)
    else taker(arrival)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no address')
  const { port } = address
  return {
    server,
    url: `http://127.0.0.1:${port}/`,
    arrived: () => {
      const arrival = waiting.shift()
      if (arrival !== undefined) return Promise.resolve(arrival)
      return new Promise((resolve) => {
        takers.push(resolve)
      })
    },
  }
}

export interface TestWorker extends WorkerProcess {
  port: number
  socketPath: string
  batches: Batch[]
  notices: Notice[]
  /** What it said that it holds. */
  reports: (readonly Held[])[]
  /** Resolves with the first notice that has this in its message. */
  noticed(part: string): Promise<Notice>
  /** Resolves once the batches satisfy this. */
  reported(done: (batches: Batch[]) => boolean): Promise<void>
}

/** What workers share in one test file: a folder, a page, a stand-in for the controller. */
export class WorkerBench implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'thaw-worker-'))
  readonly config: Config
  readonly page: SharedPage
  readonly run: RunFolder
  /** What the workers pass on; replace `onForwarded` to answer. */
  onForwarded: RequestListener = (_incoming, outgoing) => void outgoing.writeHead(418).end('the controller')
  readonly #controller: Server
  readonly #workers: WorkerProcess[] = []
  readonly #servers: Server[] = []
  #incarnations = 0

  constructor(overrides: Record<string, unknown> = {}) {
    this.config = configFromEnvironment({}, { port: 0, dataDir: this.folder, workers: 1, ...overrides })
    this.run = openRunFolder(this.folder)
    this.page = SharedPage.create(this.run.pagePath)
    this.page.slots.setLimit(accountPool, this.config.limits.accountConcurrency)
    mkdirSync(join(this.folder, 'artifacts'))
    this.#controller = createServer((incoming, outgoing) => this.onForwarded(incoming, outgoing))
    this.#controller.listen(this.run.socketPath('controller'))
  }

  async hold(): ReturnType<typeof holdServer> {
    const hold = await holdServer()
    this.#servers.push(hold.server)
    return hold
  }

  /** `port`: `none` for a worker without a public address. */
  async worker(changes: WorkerChange[], port: number | 'none' = 0, socketName?: string): Promise<TestWorker> {
    const incarnation = ++this.#incarnations
    const batches: Batch[] = []
    const notices: Notice[] = []
    const reports: (readonly Held[])[] = []
    const watchers = new Set<() => void>()
    const process = forkWorker({
      init: {
        config: this.config,
        index: incarnation - 1,
        incarnation,
        pagePath: this.run.pagePath,
        artifactsDir: join(this.folder, 'artifacts'),
        controllerSocketPath: this.run.socketPath('controller'),
        changes: [{ accountPool: { accountId: this.config.accountId, pool: accountPool } }, ...changes],
        runtimeModule: scriptedRuntime,
      },
      onBatch: (batch) => {
        batches.push(batch)
        for (const watch of watchers) watch()
      },
      onHeld: (held) => {
        reports.push(held)
        for (const watch of watchers) watch()
      },
      onNotice: (notice) => {
        notices.push(notice)
        for (const watch of watchers) watch()
      },
    })
    this.#workers.push(process)
    this.page.worker(incarnation - 1).attach(process.pid, incarnation)
    await process.ready
    const socketPath = this.run.socketPath(socketName ?? `w${incarnation}`)
    const listening = { public: port === 'none' ? undefined : { host: '127.0.0.1', port }, socketPath }
    const until = (done: () => boolean): Promise<void> =>
      new Promise((resolve) => {
        const watch = (): void => {
          if (!done()) return
          watchers.delete(watch)
          resolve()
        }
        watchers.add(watch)
        watch()
      })
    return {
      ...process,
      port: await process.listen(listening),
      socketPath,
      batches,
      notices,
      reports,
      async noticed(part) {
        const find = (): Notice | undefined => notices.find(({ message }) => message.includes(part))
        await until(() => find() !== undefined)
        const notice = find()
        if (notice === undefined) throw new Error('unreachable')
        return notice
      },
      reported: (done) => until(() => done(batches)),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const worker of this.#workers) worker.kill()
    await Promise.all(this.#workers.map(({ exited }) => exited))
    for (const server of [this.#controller, ...this.#servers]) {
      server.closeAllConnections()
      server.close()
    }
    this.page[Symbol.dispose]()
    this.run[Symbol.dispose]()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
