/** Measurements within one process run in a child each: a heap and a compiler that no other figure has worn. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { CanaryBreach } from './canary.ts'

interface FromChild<Output> {
  step?: string
  share?: number
  output?: Output
  failed?: { message: string; breach: boolean }
}

export type Report = (step: string, share?: number) => void

/**
 * A module that measures in a process of its own. Parent and child share this object, so they agree on what goes in and
 * what comes out; both are plain data.
 */
export class ChildModule<Input extends object, Output> {
  readonly #url: URL

  constructor(url: URL) {
    this.#url = url
  }

  /** The parent's side. Errors: CanaryBreach; else what the child threw, or printed before it died. */
  async run(input: Input, onStep: Report): Promise<Output> {
    const child = fork(this.#url, [], {
      serialization: 'advanced',
      execArgv: ['--expose-gc', '--no-warnings'],
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    })
    let said = ''
    let answer: FromChild<Output> | undefined
    child.stderr?.on('data', (data: Buffer) => (said = (said + data.toString()).slice(-4_000)))
    child.on('message', (message: FromChild<Output>) => {
      if (message.step === undefined) answer = message
      else onStep(message.step, message.share)
    })
    child.send(input)
    await once(child, 'close')
    if (answer?.output !== undefined) return answer.output
    const message = answer?.failed?.message ?? `the measuring process ended: ${said.trim()}`
    throw answer?.failed?.breach === true ? new CanaryBreach(message) : new Error(message)
  }

  /** The child's side: takes the input, measures, answers, ends. */
  serve(measure: (input: Input, report: Report) => Promise<Output>): void {
    process.once('disconnect', () => process.exit(1))
    const tell = (message: FromChild<Output>) =>
      new Promise<void>((resolve) => {
        process.send?.(message, undefined, undefined, () => resolve())
      })
    const answer = async (input: Input): Promise<FromChild<Output>> => {
      try {
        return {
          output: await measure(input, (step, share) => void tell(share === undefined ? { step } : { step, share })),
        }
      } catch (error) {
        const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
        return { failed: { message, breach: error instanceof CanaryBreach } }
      }
    }
    const serve = async (input: Input): Promise<void> => {
      await tell(await answer(input))
      process.exit(0)
    }
    process.once('message', (input: Input) => void serve(input))
  }
}

/** Under `--expose-gc` only. */
export function collectGarbage(): void {
  globalThis.gc?.()
}
