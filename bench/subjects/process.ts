/** Servers under test as child processes: started, found to be ready, counted, and surely ended. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface ServerOptions {
  /** How messages name it. */
  name: string
  command: string
  args: string[]
  cwd?: string
  env?: NodeJS.ProcessEnv
  /** With a channel to send messages over; the process should end when it is closed. */
  channel?: boolean
  /** SIGTERM first, this long before SIGKILL. 0: SIGKILL at once. */
  graceMs?: number
}

/** The last of what it printed, for when it fails. */
const keptOutput = 4_000

export class ServerProcess implements AsyncDisposable {
  readonly process: ChildProcess
  readonly #name: string
  readonly #graceMs: number
  readonly #ended: Promise<unknown>
  /** Should the bench itself end before it is disposed of. */
  readonly #onExit: () => void
  #output = ''

  constructor({ name, command, args, cwd, env, channel = false, graceMs = 0 }: ServerOptions) {
    this.#name = name
    this.#graceMs = graceMs
    this.process = spawn(command, args, {
      cwd,
      env: env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe', ...(channel ? (['ipc'] as const) : [])],
    })
    this.process.on('error', (error) => (this.#output += error.message))
    for (const stream of [this.process.stdout, this.process.stderr])
      stream?.on('data', (data: Buffer) => (this.#output = (this.#output + data.toString()).slice(-keptOutput)))
    this.#ended = once(this.process, 'close').catch(() => {})
    const { pid } = this.process
    this.#onExit = () => {
      if (pid !== undefined) for (const id of processTree(pid)) killQuietly(id)
    }
    process.on('exit', this.#onExit)
  }

  get output(): string {
    return this.#output
  }

  /** What `started` resolves to; rejects with what the process printed if that ends first, or takes too long. */
  async until<T>(started: (signal: AbortSignal) => Promise<T>, patienceMs = 30_000): Promise<T> {
    const stop = new AbortController()
    const died = this.#ended.then(() => {
      throw new Error(`${this.#name} ended: ${this.#output.trim()}`)
    })
    const late = sleep(patienceMs, undefined, { signal: stop.signal, ref: false }).then(() => {
      throw new Error(`${this.#name} did not start within ${patienceMs} ms: ${this.#output.trim()}`)
    })
    died.catch(() => {})
    late.catch(() => {})
    try {
      return await Promise.race([started(stop.signal), died, late])
    } finally {
      stop.abort()
    }
  }

  /** Time on the processor so far, its children's included, ms; undefined where there is no /proc. */
  cpuMs(): number | undefined {
    return this.process.pid === undefined ? undefined : cpuMsOfTree(this.process.pid)
  }

  /** Resident memory of those of its processes that run this module, bytes; undefined where there is none, or no /proc. */
  rssBytes(module: string): number | undefined {
    const { pid } = this.process
    const sizes = pid === undefined ? [] : processTree(pid).flatMap((id) => rssBytesOf(id, module) ?? [])
    return sizes.length === 0 ? undefined : sizes.reduce((sum, size) => sum + size, 0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#onExit)
    const { pid } = this.process
    if (pid === undefined || this.process.exitCode !== null || this.process.signalCode !== null) return
    const family = processTree(pid)
    if (this.#graceMs > 0) {
      this.process.kill('SIGTERM')
      await Promise.race([this.#ended, sleep(this.#graceMs, undefined, { ref: false })])
    }
    // Its children by their ids: they must not outlive the bench whatever the parent did.
    for (const id of this.process.exitCode === null ? family : family.filter((id) => id !== pid)) killQuietly(id)
    await this.#ended
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

interface Stat {
  parent: number
  cpuMs: number
}

/** USER_HZ is 100 on every Linux there is (`getconf CLK_TCK`). */
const tickMs = 10

/** proc(5), /proc/pid/stat: the 4th field is the parent, the 14th and 15th are user and system time. */
function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name, in brackets, may hold anything.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { parent: Number(fields[1]), cpuMs: (Number(fields[11]) + Number(fields[12])) * tickMs }
  } catch {
    return undefined
  }
}

/** proc(5), /proc/pid/statm: the 2nd field is the resident size in pages, of 4 KiB on all that has Linux binaries here. */
function rssBytesOf(pid: number, module: string): number | undefined {
  try {
    if (!readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(module)) return undefined
    return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * 4_096
  } catch {
    return undefined
  }
}

/** The process and all it has started, so far as they live. */
export function processTree(root: number): number[] {
  const children = new Map<number, number[]>()
  try {
    for (const name of readdirSync('/proc')) {
      const pid = Number(name)
      const stat = Number.isInteger(pid) ? statOf(pid) : undefined
      if (stat !== undefined) children.set(stat.parent, [...(children.get(stat.parent) ?? []), pid])
    }
  } catch {
    return [root]
  }
  const tree = [root]
  for (const pid of tree) tree.push(...(children.get(pid) ?? []))
  return tree
}

function cpuMsOfTree(root: number): number | undefined {
  const stats = processTree(root).map((pid) => statOf(pid))
  if (stats[0] === undefined) return undefined
  return stats.reduce((sum, stat) => sum + (stat?.cpuMs ?? 0), 0)
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('No free port')
  return address.port
}

/** Resolves when the port takes connections; asks every 2 ms. */
export async function portOpen(port: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const socket = connect(port, '127.0.0.1')
    const open = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    socket.destroy()
    if (open) return
    await sleep(2)
  }
}
