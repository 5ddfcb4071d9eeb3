/** One builder child: started with what it needs and nothing else, watched, and ended at a limit. */
import { fork, type ChildProcess } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { findPackageJSON } from 'node:module'
import { join, sep } from 'node:path'
import type { Limits } from '../config.ts'
import { ThawError } from '../errors.ts'
import { answerSchema, type Answer, type BaseJob, type Job } from './builder-protocol.ts'

export interface ChildOptions {
  job: Job | BaseJob
  limits: Limits
  signal: AbortSignal
  /** The child's process id, for whoever watches. */
  onStart?: (pid: number) => void
  /** What the child wrote to stderr before it failed; for the operator, not for the function's owner. */
  onStderr?: (text: string) => void
}

const memoryPollMs = 100
const stderrBytes = 16_384
const pageBytes = 4_096

/**
 * Resolves when the child has answered and is gone. Errors: `Build` naming the limit or the death, the child's own
 * `Build` or `InvalidParameterValue`, or the signal's reason.
 */
export async function runBuilder(options: ChildOptions): Promise<Exclude<Answer, { kind: 'failed' }>> {
  const { job, limits, signal, onStart, onStderr } = options
  signal.throwIfAborted()
  const child = fork(join(import.meta.dirname, 'builder-main.ts'), [], {
    execPath: process.execPath,
    execArgv: execArguments(
      {
        readable: [...inputsOf(job), job.workFolder, job.stagingFolder],
        writable: [job.workFolder, job.stagingFolder],
      },
      limits,
    ),
    // Nothing of the host's environment: no secret of the operator's is in reach of what an upload may break.
    env: { TMPDIR: job.workFolder, HOME: job.workFolder, PATH: '' },
    cwd: job.workFolder,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'json',
  })
  if (child.pid !== undefined) onStart?.(child.pid)

  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-stderrBytes)
  })
  let ended: unknown
  const end = (reason: unknown) => {
    ended ??= reason
    child.kill('SIGKILL')
  }
  using _limited = limitBuild(child, limits, end)
  const onAbort = () => end(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })

  let reply: unknown
  child.once('message', (message) => {
    reply = message
  })
  try {
    const death = await new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(`could not be started: ${error.message}`))
      child.once('close', (code, signalName) =>
        resolve(signalName === null ? `ended with exit code ${code ?? 'none'}` : `was killed by ${signalName}`),
      )
      child.send(job, () => undefined)
    })
    if (ended !== undefined) throw ended
    const answer = answerSchema.safeParse(reply)
    if (!answer.success) {
      throw new ThawError('Build', outOfMemory(stderr, limits) ?? `The builder ${death} before it had finished`)
    }
    if (answer.data.kind === 'failed') throw new ThawError(answer.data.code, answer.data.message)
    return answer.data
  } catch (error) {
    if (stderr !== '') onStderr?.(stderr)
    throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function inputsOf(job: Job | BaseJob): string[] {
  if (job.kind === 'base') return []
  return [job.codePath, ...job.layerPaths, ...Object.values(job.bases ?? {}).filter((path) => path !== undefined)]
}

/** Calls `end` when a build that begins now has gone past a limit, unless disposed before. */
export function limitBuild(child: ChildProcess, limits: Limits, end: (reason: ThawError) => void): Disposable {
  const timer = setTimeout(() => {
    end(new ThawError('Build', `The build did not finish within ${limits.buildMs / 1_000} s (limit buildMs)`))
  }, limits.buildMs)
  const memory = setInterval(() => {
    void residentBytes(child.pid).then((bytes) => {
      if (bytes > limits.buildBytes) {
        end(new ThawError('Build', `The build used more than ${limits.buildBytes} bytes of memory (limit buildBytes)`))
      }
    })
  }, memoryPollMs)
  return {
    [Symbol.dispose]() {
      clearTimeout(timer)
      clearInterval(memory)
    },
  }
}

/** What a builder's JavaScript may reach. */
export interface BuilderFolders {
  /** Besides Thaw itself and the packages. */
  readable: readonly string[]
  writable: readonly string[]
}

/**
 * Not deniable, since bundler, QuickJS and copy-on-write mapping are native add-ons: what such code does by itself.
 * JavaScript in the child can read Thaw's own files and what it is given, write its folders, and start no process.
 */
export function execArguments({ readable, writable }: BuilderFolders, limits: Limits): string[] {
  return [
    '--permission',
    '--allow-addons',
    // jco's WASI shim starts an I/O thread as it loads; threads have the process's permissions.
    '--allow-worker',
    ...[...installFolders(), ...readable].map((path) => `--allow-fs-read=${path}`),
    ...writable.map((path) => `--allow-fs-write=${path}`),
    // JavaScript's heap is a part of the whole that buildBytes bounds.
    `--max-old-space-size=${Math.max(64, Math.floor(limits.buildBytes / 2 / 1_048_576))}`,
    '--disable-warning=ExperimentalWarning',
    '--disable-warning=SecurityWarning',
  ]
}

/** Thaw itself, and where its dependencies are if not below it: the engines, and what the guest SDK is made with. */
function installFolders(): string[] {
  const own = join(import.meta.dirname, '..', '..')
  const marker = `${sep}node_modules${sep}`
  const folders = ['componentize-qjs', '@bytecodealliance/componentize-js', 'core-js'].flatMap((name) => {
    // The permission model counts in real paths: node_modules may be a link.
    const dependency = realpathSync(findPackageJSON(name, import.meta.url) ?? own)
    const modules = dependency.slice(0, dependency.lastIndexOf(marker) + marker.length - 1)
    return dependency.startsWith(own) ? [] : [modules]
  })
  return [...new Set([own, ...folders])]
}

/** Linux only: elsewhere the time limit alone holds. */
async function residentBytes(pid: number | undefined): Promise<number> {
  try {
    const fields = (await readFile(`/proc/${pid}/statm`, 'utf8')).split(' ')
    return Number(fields[1]) * pageBytes
  } catch {
    return 0
  }
}

export function outOfMemory(stderr: string, limits: Limits): string | undefined {
  if (!/heap out of memory|memory allocation of \d+ bytes failed|Out of memory/.test(stderr)) return undefined
  return `The build ran out of memory (limit buildBytes, ${limits.buildBytes} bytes)`
}
