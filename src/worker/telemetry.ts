import type { FunctionSpec, InvocationResult } from '../invocation.ts'
import { sum, type Usage } from '../store/usage.ts'
import { billedMs } from './invocation-log.ts'
import type { Batch } from './messages.ts'

/** Batches go out when this much time has passed since the first record, or this much text has come together. */
const batchMs = 100
const batchBytes = 262_144
/** Ours: what a worker holds of logs while the controller is slow to take them. Sixteen batches. */
const pendingBytesLimit = 16 * batchBytes

export interface TelemetryOptions {
  /** Resolves when the channel has taken the batch, or failed: then it is lost. */
  send: (batch: Batch) => Promise<void>
}

/**
 * Logs and usage on their way to the controller, in batches. One batch is in the channel at a time; what comes meanwhile
 * waits up to the limit, then the oldest log records go, counted. Usage is sums, and never dropped.
 */
export class Telemetry implements Disposable {
  readonly #send: TelemetryOptions['send']
  /** Log records, oldest first; those before `#first` are gone. */
  #specs: FunctionSpec[] = []
  #texts: string[] = []
  #first = 0
  #pendingBytes = 0
  /** By spec, which costs no name; two of one function come together in the batch. */
  #usage = new Map<FunctionSpec, Usage>()
  #dropped = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> | undefined

  constructor({ send }: TelemetryOptions) {
    this.#send = send
  }

  /** `text`: the invocation's log, whole lines. Its length stands for its bytes. */
  invoked(spec: FunctionSpec, result: InvocationResult, text: string): void {
    const usage = this.#usageOf(spec)
    const { durationMs, cpuMs } = result.report
    usage.invocations++
    if (result.outcome.kind === 'failure') usage.errors++
    usage.durationMs += durationMs
    usage.cpuMs += cpuMs
    usage.gbSeconds += (spec.memoryMb / 1_024) * (billedMs(durationMs) / 1_000)
    this.#specs.push(spec)
    this.#texts.push(text)
    this.#pendingBytes += text.length
    if (this.#pendingBytes > pendingBytesLimit) this.#dropOldest()
    if (this.#pendingBytes >= batchBytes) this.flush()
    else this.#schedule()
  }

  throttled(spec: FunctionSpec): void {
    this.#usageOf(spec).throttles++
    this.#schedule()
  }

  /** Send what there is, unless a batch is still in the channel: then it goes when that one is through. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#sending !== undefined || this.#isEmpty()) return
    this.#sending = this.#send(this.#takeBatch()).finally(() => {
      this.#sending = undefined
      if (this.#pendingBytes >= batchBytes) this.flush()
      else if (!this.#isEmpty()) this.#schedule()
    })
  }

  /** Resolves when nothing is left to be sent. */
  async flushAll(): Promise<void> {
    while (this.#sending !== undefined || !this.#isEmpty()) {
      this.flush()
      await this.#sending
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }

  #isEmpty(): boolean {
    return this.#usage.size === 0 && this.#texts.length === 0
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#sending !== undefined) return
    this.#timer = setTimeout(() => this.flush(), batchMs)
    this.#timer.unref()
  }

  #usageOf(spec: FunctionSpec): Usage {
    let usage = this.#usage.get(spec)
    if (usage === undefined) {
      usage = { invocations: 0, errors: 0, throttles: 0, durationMs: 0, cpuMs: 0, gbSeconds: 0 }
      this.#usage.set(spec, usage)
    }
    return usage
  }

  #dropOldest(): void {
    while (this.#pendingBytes > pendingBytesLimit && this.#first < this.#texts.length) {
      const name = nameOf(this.#specs[this.#first])
      this.#pendingBytes -= this.#texts[this.#first]?.length ?? 0
      this.#texts[this.#first] = ''
      this.#first++
      this.#dropped.set(name, (this.#dropped.get(name) ?? 0) + 1)
    }
    // The emptied front is cut off now and then, so that neither it nor the cutting grows with the load.
    if (this.#first < 4_096) return
    this.#specs = this.#specs.slice(this.#first)
    this.#texts = this.#texts.slice(this.#first)
    this.#first = 0
  }

  #takeBatch(): Batch {
    const logs: Record<string, string> = Object.create(null)
    for (const [name, count] of this.#dropped) {
      logs[name] =
        `[thaw] the logs of ${count} invocations dropped: more than ${pendingBytesLimit} bytes were waiting\n`
    }
    // Most records are of the function of the one before.
    let spec = this.#specs[this.#first]
    let name = nameOf(spec)
    for (let at = this.#first; at < this.#texts.length; at++) {
      if (this.#specs[at] !== spec) name = nameOf((spec = this.#specs[at]))
      logs[name] = (logs[name] ?? '') + (this.#texts[at] ?? '')
    }
    const usage: Record<string, Usage> = Object.create(null)
    for (const [of, used] of this.#usage) usage[nameOf(of)] = sum(usage[nameOf(of)], used)
    this.#specs = []
    this.#texts = []
    this.#first = 0
    this.#pendingBytes = 0
    this.#usage = new Map()
    this.#dropped = new Map()
    return { logs, usage }
  }
}

function nameOf(spec: FunctionSpec | undefined): string {
  return spec === undefined ? '' : `${spec.accountId}/${spec.functionName}`
}
