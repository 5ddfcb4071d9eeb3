import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { CanaryBreach } from '../canary.ts'
import type { FromGenerator, Load, LoadResult } from './plan.ts'

/** A load generator in a process of its own, so that its work does not sit on the event loop of who watches. */
export class LoadGenerator implements AsyncDisposable {
  readonly #process: ChildProcess
  readonly #ended: Promise<never>

  constructor() {
    this.#process = fork(new URL('process.ts', import.meta.url), {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.#ended = once(this.#process, 'exit').then(() => {
      throw new Error('The load generator ended')
    })
    // Whoever waits for a result sees it; when nobody does, it is the end of the bench.
    this.#ended.catch(() => {})
  }

  /** Errors: CanaryBreach if any answer was not what it must be; plain ones if the server cannot be reached. */
  async run(who: string, load: Load): Promise<LoadResult> {
    const answered = new Promise<FromGenerator>((resolve) => {
      this.#process.once('message', resolve)
    })
    this.#process.send(load)
    const message = await Promise.race([answered, this.#ended])
    if (message.type === 'failed') throw new Error(`${who}: ${message.message}`)
    const { result } = message
    if (result.breach !== undefined) throw new CanaryBreach(`${who}: ${result.breaches} answers: ${result.breach}`)
    return result
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#ended.catch(() => {})
  }
}

/** `12 answers failed: status 500 (12)`; undefined if none did. */
export function describeErrors(results: readonly LoadResult[]): string | undefined {
  const counts = new Map<string, number>()
  for (const { errors } of results)
    for (const [message, count] of Object.entries(errors)) counts.set(message, (counts.get(message) ?? 0) + count)
  if (counts.size === 0) return undefined
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  const listed = [...counts].map(([message, count]) => `${message} (${count})`).slice(0, 3)
  return `${total} requests failed: ${listed.join('; ')}`
}
