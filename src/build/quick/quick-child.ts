/** The quick builder's process, as its parent has it: one job at a time. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Limits } from '../../config.ts'
import { ThawError } from '../../errors.ts'
import { execArguments, limitBuild, outOfMemory } from '../builder-process.ts'
import type { Job } from '../builder-protocol.ts'
import { quickAnswerSchema, type QuickAnswer } from './protocol.ts'

export interface QuickChildOptions {
  /** The child's own folder, made here and removed with it; jobs' folders are below it. */
  root: string
  /** Where packages and JavaScript's base are. */
  readable: readonly string[]
  limits: Limits
  onStart?: (pid: number) => void
}

export interface QuickChild extends AsyncDisposable {
  readonly root: string
  /** It takes jobs. */
  readonly alive: boolean
  /** One at a time. Errors: `Build` naming the limit or the death; then it is not alive any more. */
  run(job: Job): Promise<QuickAnswer>
}

const stderrBytes = 16_384

export function startQuickChild({ root, readable, limits, onStart }: QuickChildOptions): QuickChild {
  mkdirSync(root, { recursive: true })
  const child = fork(join(import.meta.dirname, 'quick-main.ts'), [], {
    execPath: process.execPath,
    execArgv: execArguments({ readable: [...readable, root], writable: [root] }, limits),
    // As in builder-process.ts: nothing of the host's environment.
    env: { TMPDIR: root, HOME: root, PATH: '' },
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'json',
  })
  if (child.pid !== undefined) onStart?.(child.pid)
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-stderrBytes)
  })
  let alive = true
  const ended = Promise.withResolvers<string>()
  const end = (death: string): void => {
    alive = false
    ended.resolve(death)
  }
  child.once('error', (error) => end(`could not be started: ${error.message}`))
  child.once('close', (code, signal) => end(signal === null ? `ended with exit code ${code ?? 'none'}` : `was killed`))

  return {
    root,
    get alive() {
      return alive
    },
    async run(job) {
      let reason: ThawError | undefined
      using _limited = limitBuild(child, limits, (error) => {
        reason ??= error
        alive = false
        child.kill('SIGKILL')
      })
      const abort = new AbortController()
      const replied = once(child, 'message', { signal: abort.signal }).then(([message]: unknown[]) => message)
      replied.catch(() => {})
      child.send(job, () => undefined)
      const first = await Promise.race([replied, ended.promise])
      abort.abort()
      const answer = quickAnswerSchema.safeParse(first)
      if (answer.success) return answer.data
      alive = false
      const died = `The builder ${typeof first === 'string' ? first : 'gave no answer'} before it had finished`
      throw reason ?? new ThawError('Build', outOfMemory(stderr, limits) ?? died)
    },
    async [Symbol.asyncDispose]() {
      alive = false
      child.kill('SIGKILL')
      await ended.promise
      await rm(root, { recursive: true, force: true })
    },
  }
}
