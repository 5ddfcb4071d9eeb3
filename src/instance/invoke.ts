/** Runs one invocation on a pristine instance, from lowering the event to the function's outcome. */
import type { Config } from '../config.ts'
import type { Invocation, Outcome } from '../invocation.ts'
import { GuestTrap } from '../wasi/errors.ts'
import { failureOf, neverSettled, outOfMemory, type RunFacts } from './guest-errors.ts'
import type { GuestInstance } from './guest.ts'
import { ArgumentWriter, liftResult, liftTurn, readResult, responseTooLarge } from './handle-abi.ts'
import { coreRealloc } from './link.ts'
import type { LogBuffer } from './log-buffer.ts'
import type { HandleLift } from './plan.ts'
import { Run, type RunEnvironment } from './run.ts'

export interface RunRecord {
  outcome: Outcome
  durationMs: number
  cpuMs: number
  maxMemoryBytes: number
  /** The guest returned by itself: only then is the instance reset and used again. */
  clean: boolean
}

/** Callback codes of an asynchronous lift (CanonicalABI.md, "callback"). */
const callbackExit = 0
const callbackYield = 1

/** Entry points of an instance, wrapped once. Kept by the pool beside the instance. */
export class Entry {
  readonly #instance: GuestInstance
  readonly #handle: CoreLift
  readonly #turn: CoreLift | undefined
  readonly #arguments: ArgumentWriter

  constructor(instance: GuestInstance) {
    this.#instance = instance
    const { plan } = instance.engine
    const { handle, turn } = plan.exports
    if (handle === undefined) throw new GuestTrap('the component has no handle')
    this.#handle = new CoreLift(instance, handle)
    this.#turn = turn === undefined ? undefined : new CoreLift(instance, turn)
    const realloc = coreRealloc(
      coreAt(instance, handle.options.realloc === null ? undefined : plan.reallocs[handle.options.realloc]),
    )
    this.#arguments = new ArgumentWriter(this.#handle.memory, realloc, handle.options.encoding)
  }

  /** Never rejects for what a guest does. Errors: `Service`, a defect of the host. */
  async invoke(
    invocation: Invocation,
    env: RunEnvironment,
    config: Config,
    log: LogBuffer,
    logStream: string,
  ): Promise<RunRecord> {
    const instance = this.#instance
    const { spec } = invocation
    const { responseBytes } = config.limits
    const run = new Run(invocation, env, log, (epoch) => instance.setDeadline(epoch))
    const facts: RunFacts = {
      requestId: invocation.requestId,
      timeoutMs: spec.timeoutMs,
      memoryMb: spec.memoryMb,
      memoryRefused: false,
    }
    let resolved: Outcome | undefined
    let nextTimerMs: number | undefined
    instance.begin(run, spec.memoryMb * 1_048_576, (name, options, flat) => {
      if (name === 'turn') nextTimerMs = liftTurn(flat)
      // A second task.return is a trap (CanonicalABI.md, "canon task.return").
      else if (resolved !== undefined) throw new GuestTrap('task.return called twice')
      else resolved = liftResult(this.#handle.memory, flat, options.encoding, responseBytes)
    })
    let outcome: Outcome
    let clean = true
    try {
      run.throwIfOver()
      run.enter()
      const pointer = this.#arguments.write(invocation, logStream, Date.now() + spec.timeoutMs)
      run.releaseThread()
      const returned = this.#handle.call(pointer)
      run.leave()
      const result = await returned
      run.leave()
      if (this.#handle.lift.lift === 'sync') {
        outcome = readResult(this.#handle.memory, Number(result), this.#handle.lift.options.encoding, responseBytes)
        if (this.#handle.postReturn !== undefined) {
          run.enter()
          const cleaned = this.#handle.postReturn(Number(result))
          run.leave()
          await cleaned
          run.leave()
        }
      } else {
        await this.#drive(this.#handle, Number(result ?? callbackExit), run)
        while (this.#turn !== undefined) {
          if (resolved !== undefined) break
          nextTimerMs = undefined
          run.enter()
          const turned = this.#turn.call()
          run.leave()
          const code = await turned
          run.leave()
          await this.#drive(this.#turn, Number(code ?? callbackExit), run)
          if (resolved !== undefined || nextTimerMs === undefined) break
          await run.rest(nextTimerMs)
        }
        outcome = resolved ?? { kind: 'failure', failure: neverSettled(facts) }
      }
      if (instance.host.failure !== undefined) throw instance.host.failure
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
    if (outcome.kind === 'success' && outcome.payload.length > responseBytes)
      outcome = { kind: 'failure', failure: responseTooLarge(responseBytes) }
    return { outcome, durationMs: performance.now() - run.startedMs, cpuMs: run.cpuMs, maxMemoryBytes, clean }
  }

  /** The callback protocol: until the task exits. */
  async #drive(lift: CoreLift, first: number, run: Run): Promise<void> {
    let code = first
    while (lift.lift.lift === 'callback' && (code & 0xf) !== callbackExit) {
      // Waitable sets come with asynchronous imports, of which none are offered: a guest cannot wait on one.
      if ((code & 0xf) !== callbackYield) throw new GuestTrap(`callback code ${code} waits on what Thaw does not offer`)
      await run.pause()
      const called = lift.callback?.(0, 0, 0)
      run.leave()
      code = Number(await called)
      run.leave()
    }
  }
}

/** One lifted export of one instance. */
class CoreLift {
  readonly lift: HandleLift
  readonly memory: WebAssembly.Memory
  readonly call: (pointer?: number) => Promise<unknown>
  readonly callback: ((event: number, a: number, b: number) => Promise<unknown>) | undefined
  readonly postReturn: ((pointer: number) => Promise<unknown>) | undefined

  constructor(instance: GuestInstance, lift: HandleLift) {
    this.lift = lift
    const { memories } = instance.engine.plan
    const memory = coreAt(instance, memories[lift.options.memory ?? 0])
    // A guest without a memory can neither take an event nor give a payload.
    if (!(memory instanceof WebAssembly.Memory)) throw new GuestTrap('the component has no memory')
    this.memory = memory
    this.call = WebAssembly.promising(coreFunction(coreAt(instance, lift)))
    this.callback =
      lift.callback === null ? undefined : WebAssembly.promising(coreFunction(coreAt(instance, lift.callback)))
    this.postReturn =
      lift.postReturn === null ? undefined : WebAssembly.promising(coreFunction(coreAt(instance, lift.postReturn)))
  }
}

function coreAt(instance: GuestInstance, slot: { step: number; name: string } | undefined): unknown {
  return slot === undefined ? undefined : instance.linked.exports[slot.step]?.[slot.name]
}

function coreFunction(value: unknown): (...args: unknown[]) => unknown {
  if (!isCoreFunction(value)) throw new GuestTrap('the component lacks a core export that its plan names')
  return value
}

function isCoreFunction(value: unknown): value is (...args: unknown[]) => unknown {
  return typeof value === 'function'
}
