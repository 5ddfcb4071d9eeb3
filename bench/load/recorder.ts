import { breachOf, type Canary } from '../canary.ts'
import { fieldOf, type Answer } from './connection.ts'
import type { LoadResult } from './plan.ts'

/** One in so many answers is asked how it started: the text costs more to read than the answer. */
const startEvery = 16

/** Collects a load's outcomes. Every answer is checked, those of the warm-up too. */
export class Recorder {
  readonly #canary: Canary
  readonly #status: number
  readonly #latencies: number[] = []
  readonly #due: number[] = []
  readonly #starts: Record<string, number> = {}
  readonly #errors: Record<string, number> = {}
  #breach: string | undefined
  #breaches = 0
  #seen = 0

  constructor(canary: Canary) {
    this.#canary = canary
    this.#status = canary === 'accepted' ? 202 : 200
  }

  /** `counted`: within the time measured. */
  answered(answer: Answer, id: string, latencyMs: number, dueAtMs: number, counted: boolean): void {
    if (answer.status !== this.#status) return this.failed(`status ${answer.status}: ${answer.body.slice(0, 120)}`)
    const breach = breachOf(this.#canary, id, answer.body)
    if (breach !== undefined) {
      this.#breach ??= breach
      this.#breaches++
      return
    }
    if (this.#seen++ % startEvery === 0) this.#noteStart(answer.head)
    if (!counted) return
    this.#latencies.push(latencyMs)
    this.#due.push(dueAtMs)
  }

  failed(message: string): void {
    this.#errors[message] = (this.#errors[message] ?? 0) + 1
  }

  result(seconds: number): LoadResult {
    return {
      answers: this.#latencies.length,
      seconds,
      latenciesMs: Float64Array.from(this.#latencies),
      dueAtMs: Float64Array.from(this.#due),
      starts: this.#starts,
      errors: this.#errors,
      breach: this.#breach,
      breaches: this.#breaches,
    }
  }

  #noteStart(head: string): void {
    const start = startOf(head)
    if (start !== undefined) this.#starts[start] = (this.#starts[start] ?? 0) + 1
  }
}

/** `warm`, `restore` or `cold`; undefined if the server does not say. */
export function startOf(head: string): string | undefined {
  const timing = fieldOf(head, 'server-timing')
  return timing === undefined ? undefined : /\bstart;desc="?([a-z]+)/.exec(timing)?.[1]
}
