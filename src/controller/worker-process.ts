import { fork, type ChildProcess } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ThawError } from '../errors.ts'
import type {
  Batch,
  FromWorker,
  Held,
  ListenAt,
  Notice,
  ToWorker,
  WorkerChange,
  WorkerInit,
} from '../worker/messages.ts'

const entry = fileURLToPath(new URL('../worker/main.ts', import.meta.url))
/** What of a worker's last words an error or a log line carries. */
const stderrTailLength = 2_000

export interface WorkerExit {
  code: number | null
  signal: NodeJS.Signals | null
  /** The end of what it wrote to stderr: V8's last words, when it ran out of memory. */
  stderr: string
}

export interface WorkerProcessOptions {
  init: WorkerInit
  onBatch: (batch: Batch) => void
  onHeld: (held: readonly Held[]) => void
  onNotice: (notice: Notice) => void
}

/** A forked worker. Every promise settles: an exit settles what is open. */
export interface WorkerProcess {
  readonly pid: number
  /** Rejects if it exits before. */
  readonly ready: Promise<void>
  /** Resolves when it has stopped accepting. */
  readonly draining: Promise<void>
  readonly exited: Promise<WorkerExit>
  /** Resolves when the worker has made the changes its own, or is gone. */
  apply(changes: readonly WorkerChange[]): Promise<void>
  /** Resolves with its public port (0: none); rejects if it exits before. */
  listen(at: ListenAt): Promise<number>
  drain(): void
  kill(): void
}

export function forkWorker({ init, onBatch, onHeld, onNotice }: WorkerProcessOptions): WorkerProcess {
  const child = fork(entry, [String(process.pid)], {
    execPath: process.execPath,
    execArgv: execArgv(init),
    // Nothing of this process's environment is any business of a process that runs guests.
    // But the threads that resolve names: libuv gives lookups half of its four.
    env: { UV_THREADPOOL_SIZE: '16' },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
  })
  const ready = Promise.withResolvers<void>()
  const draining = Promise.withResolvers<void>()
  const listening = Promise.withResolvers<number>()
  // Not everybody waits for both; `exited` tells all.
  ready.promise.catch(() => {})
  listening.promise.catch(() => {})
  const acks = new Map<number, () => void>()
  let nextId = 1

  const send = (message: ToWorker): void => {
    // Fails when the worker is on its way out: its exit settles what waits.
    if (child.connected) child.send(message, () => {})
  }
  child.on('message', (message: FromWorker) => {
    switch (message.type) {
      case 'ready':
        return ready.resolve()
      case 'listening':
        return listening.resolve(message.port)
      case 'draining':
        return draining.resolve()
      case 'ack':
        acks.get(message.id)?.()
        return void acks.delete(message.id)
      case 'held':
        return onHeld(message.held)
      case 'batch':
        return onBatch(message.batch)
      case 'notice':
        return onNotice(message.notice)
    }
  })
  const exited = exitOf(child).then((exit) => {
    const gone = new ThawError('Unavailable', `The worker is gone (${describeExit(exit)}).`)
    ready.reject(gone)
    listening.reject(gone)
    for (const resolve of acks.values()) resolve()
    return exit
  })
  send({ type: 'init', init })

  return {
    pid: child.pid ?? 0,
    ready: ready.promise,
    draining: draining.promise,
    exited,
    apply: (changes) =>
      new Promise((resolve) => {
        if (!child.connected) return resolve()
        const id = nextId++
        acks.set(id, resolve)
        send({ type: 'change', id, changes })
      }),
    listen(at) {
      send({ type: 'listen', at })
      return listening.promise
    },
    drain: () => send({ type: 'drain' }),
    kill: () => void child.kill('SIGKILL'),
  }
}

export function describeExit({ code, signal, stderr }: WorkerExit): string {
  const how = signal === null ? `exit code ${code}` : `signal ${signal}`
  return stderr === '' ? how : `${how}: ${stderr.trim()}`
}

function exitOf(child: ChildProcess): Promise<WorkerExit> {
  let stderr = ''
  child.stderr?.setEncoding('utf8')
  child.stderr?.on('data', (text: string) => {
    stderr = (stderr + text).slice(-stderrTailLength)
  })
  return new Promise((resolve) => {
    let failure = ''
    // Could not be spawned, or killed: in the first case there is no exit to come.
    child.on('error', (error) => {
      failure = error.message
      if (child.pid === undefined) resolve({ code: null, signal: null, stderr: failure })
    })
    child.on('exit', (code, signal) => {
      // Its last words are still in the pipe.
      if (child.stderr === null || child.stderr.closed) resolve({ code, signal, stderr })
      else if (signal === 'SIGKILL') resolve({ code, signal, stderr })
      else child.stderr.once('close', () => resolve({ code, signal, stderr }))
    })
  })
}

/**
 * Node's permission model: files to read are Thaw's own code and the artifacts; nothing to write, no processes, no
 * threads. Addons are koffi, which could do all that: the model holds back mistakes, the sandbox is WebAssembly.
 */
function execArgv({ artifactsDir, runtimeModule }: WorkerInit): string[] {
  const source = dirname(dirname(entry))
  const readable = [source, join(dirname(source), 'package.json'), ...moduleFolders(source), artifactsDir]
  if (runtimeModule !== undefined) readable.push(dirname(fileURLToPath(runtimeModule)))
  return [
    '--permission',
    '--allow-addons',
    '--allow-net',
    // A link is read by its own name first, and then by what it leads to.
    ...new Set(readable.flatMap((path) => (existsSync(path) ? [path, realpathSync(path)] : [path])))
      .values()
      .map((path) => `--allow-fs-read=${path}`),
    '--disable-warning=PERM0001',
    '--disable-warning=ExperimentalWarning',
  ]
}

/** Where Node looks for packages that files in `folder` import. */
function moduleFolders(folder: string): string[] {
  const found: string[] = []
  for (let at = folder; at !== dirname(at); at = dirname(at)) {
    const modules = join(at, 'node_modules')
    if (existsSync(modules)) found.push(modules)
  }
  return found
}
