import { checkAnswer, requestBody } from '../canary.ts'
import { Connection, fieldOf, requestHead, type Answer } from './connection.ts'
import type { LoadTarget } from './plan.ts'
import { startOf } from './recorder.ts'

export interface Timed {
  answer: Answer
  /** From sending to the first byte, and to the whole answer. */
  firstByteMs: number
  latencyMs: number
  /** `warm`, `restore`, `cold`, by Server-Timing; and its phases, of which `total` is from request head to answer. */
  start: string | undefined
  phasesMs: Partial<Record<Phase, number>>
}

export type Phase = (typeof phases)[number]
const phases = ['init', 'restore', 'run', 'total'] as const

/** One caller who sends a request at a time and looks at each answer: for starts, which come one by one. */
export class Caller implements Disposable {
  readonly #connection: Connection
  readonly #target: LoadTarget
  readonly #port: number

  private constructor(connection: Connection, target: LoadTarget, port: number) {
    this.#connection = connection
    this.#target = target
    this.#port = port
  }

  static async open(target: LoadTarget): Promise<Caller> {
    const port = target.ports[0] ?? 0
    return new Caller(await Connection.open(target.host, port), target, port)
  }

  /** Checked for its canary. Errors: CanaryBreach; any status but 200. */
  async call(id: string, path = this.#target.path): Promise<Timed> {
    const timed = await this.send(requestBody(id), path)
    checkAnswer(path, this.#target.canary, id, timed.answer.body)
    return timed
  }

  /** Not checked, but for the status. */
  async send(body: string, path = this.#target.path, headers: Record<string, string> = {}): Promise<Timed> {
    const head = requestHead({ host: this.#target.host, port: this.#port, path, headers }, Buffer.byteLength(body))
    const sentMs = performance.now()
    const answer = await this.#connection.request(head + body)
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${answer.body.slice(0, 300)}`)
    return {
      answer,
      firstByteMs: answer.firstByteMs - sentMs,
      latencyMs: answer.endMs - sentMs,
      start: startOf(answer.head),
      phasesMs: phasesOf(answer.head),
    }
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]()
  }
}

function phasesOf(head: string): Partial<Record<Phase, number>> {
  const timing = fieldOf(head, 'server-timing') ?? ''
  const found: Partial<Record<Phase, number>> = {}
  for (const phase of phases) {
    const duration = new RegExp(`\\b${phase};dur=([\\d.]+)`).exec(timing)?.[1]
    if (duration !== undefined) found[phase] = Number(duration)
  }
  return found
}
