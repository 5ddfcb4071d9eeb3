/** Runs one invocation on a pristine instance, from lowering the event to the function's outcome. */
import type { Config } from '../config.ts'
import type { Invocation, Outcome } from '../invocation.ts'
import type { EgressClient } from '../http/egress.ts'
import { GuestTrap } from '../wasi/errors.ts'
import type { Directory } from '../wasi/fs/nodes.ts'
import { EventCall, type GuestCall } from './event-call.ts'
import { failureOf, GuestAborted, neverSettled, outOfMemory, type RunFacts } from './guest-errors.ts'
import type { GuestInstance } from './guest.ts'
import { responseTooLarge } from './handle-abi.ts'
import { HttpCall, TrackedExchange } from './http-call.ts'
import type { LogBuffer } from './log-buffer.ts'
import { TrackedPayload } from './payload-stream.ts'
import { Run, type RunEnvironment } from './run.ts'

export interface RunRecord {
  outcome: Outcome
  durationMs: number
  cpuMs: number
  maxMemoryBytes: number
  /** The guest returned by itself: only then is the instance reset and used again. */
  clean: boolean
}

/** What of the worker an invocation needs. */
export interface InvokeContext {
  env: RunEnvironment
  config: Config
  log: LogBuffer
  logStream: string
  egress: EgressClient | undefined
  packageFiles: Directory | undefined
}

/** Entry points of an instance, wrapped once. Kept by the pool beside the instance. */
export class Entry {
  readonly #instance: GuestInstance
  readonly #call: GuestCall

  constructor(instance: GuestInstance) {
    this.#instance = instance
    const { entry = 'event', exports } = instance.engine.plan
    const { handle, turn } = exports
    if (handle === undefined) throw new GuestTrap('the component has no handle')
    this.#call = entry === 'event' ? new EventCall(instance, handle, turn) : new HttpCall(instance, handle)
  }

  /** Never rejects for what a guest does. Errors: `Service`, a defect of the host. */
  async invoke(invocation: Invocation, context: InvokeContext): Promise<RunRecord> {
    const { env, config, log, logStream, egress, packageFiles } = context
    const instance = this.#instance
    const { spec } = invocation
    const { responseBytes } = config.limits
    const { http } = invocation
    const exchange = http === undefined || 'invalid' in http ? undefined : new TrackedExchange(http)
    const payload = new TrackedPayload(invocation.payloadStream, responseBytes)
    const files = { temporaryBytes: spec.ephemeralStorageMb * 1_048_576, package: packageFiles }
    const parts = { env, log, exchange, egress, payloadStream: payload, files }
    const run = new Run(invocation, parts, (epoch) => instance.setDeadline(epoch))
    const facts: RunFacts = {
      requestId: invocation.requestId,
      timeoutMs: spec.timeoutMs,
      memoryMb: spec.memoryMb,
      memoryRefused: false,
    }
    instance.begin(run, spec.memoryMb * 1_048_576, (name, options, flat) => this.#call.taskReturn(name, options, flat))
    let outcome: Outcome
    let clean = true
    try {
      run.throwIfOver()
      run.enter()
      const given = await this.#call.call({ invocation, run, logStream, responseBytes })
      if (instance.host.failure !== undefined) throw instance.host.failure
      outcome = given ?? { kind: 'failure', failure: neverSettled(facts) }
    } catch (error) {
      clean = false
      facts.memoryRefused = run.memoryRefused
      outcome = { kind: 'failure', failure: failureOf(error, facts) }
    } finally {
      run.close()
      instance.end()
    }
    const maxMemoryBytes = instance.memoryBytes
    if (run.memoryRefused && clean && outcome.kind === 'failure')
      outcome = {
        kind: 'failure',
        failure: outOfMemory(facts, `${outcome.failure.errorType}: ${outcome.failure.errorMessage}`),
      }
    outcome = exchange === undefined ? payload.settle(outcome) : exchange.settle(outcome, responseBytes)
    // It may have taken the end of the request, or of its reader, for its own.
    if (exchange !== undefined && outcome.kind === 'success' && invocation.signal?.aborted === true)
      outcome = { kind: 'failure', failure: failureOf(new GuestAborted(), facts) }
    if (outcome.kind === 'success' && outcome.payload.length > responseBytes)
      outcome = { kind: 'failure', failure: responseTooLarge(responseBytes) }
    return { outcome, durationMs: performance.now() - run.startedMs, cpuMs: run.cpuMs, maxMemoryBytes, clean }
  }
}
