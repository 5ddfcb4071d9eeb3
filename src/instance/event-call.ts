/** A component of the world `thaw:function`, called with an event. */
import type { Invocation, Outcome } from '../invocation.ts'
import { GuestTrap } from '../wasi/errors.ts'
import type { LowerOptions } from '../wasi/abi/context.ts'
import { CoreLift } from './core-lift.ts'
import type { GuestInstance } from './guest.ts'
import { ArgumentWriter, liftResult, liftTurn, readResult } from './handle-abi.ts'
import type { HandleLift } from './plan.ts'
import type { Run } from './run.ts'

export interface CallContext {
  invocation: Invocation
  run: Run
  logStream: string
  responseBytes: number
}

/** Calls the guest of one instance. Its `call` gives what the guest gave; undefined: it ended without giving anything. */
export interface GuestCall {
  call(context: CallContext): Promise<Outcome | undefined>
  /** `task.return`, while it is called. */
  taskReturn(name: string, options: LowerOptions, flat: (number | bigint)[]): void
}

export class EventCall implements GuestCall {
  readonly #instance: GuestInstance
  readonly #handle: CoreLift
  readonly #turn: CoreLift | undefined
  readonly #arguments: ArgumentWriter
  #responseBytes = 0
  #resolved: Outcome | undefined
  #nextTimerMs: number | undefined

  constructor(instance: GuestInstance, handle: HandleLift, turn: HandleLift | undefined) {
    this.#instance = instance
    this.#handle = new CoreLift(instance, handle)
    this.#turn = turn === undefined ? undefined : new CoreLift(instance, turn)
    this.#arguments = new ArgumentWriter(this.#handle.memory, this.#handle.realloc, handle.options.encoding)
  }

  taskReturn(name: string, options: LowerOptions, flat: (number | bigint)[]): void {
    if (name === 'turn') this.#nextTimerMs = liftTurn(flat)
    // A second task.return is a trap (CanonicalABI.md, "canon task.return").
    else if (this.#resolved !== undefined) throw new GuestTrap('task.return called twice')
    else this.#resolved = liftResult(this.#handle.memory, flat, options.encoding, this.#responseBytes)
  }

  async call({ invocation, run, logStream, responseBytes }: CallContext): Promise<Outcome | undefined> {
    this.#responseBytes = responseBytes
    this.#resolved = undefined
    const pointer = this.#arguments.write(invocation, logStream, Date.now() + invocation.spec.timeoutMs)
    run.releaseThread()
    const result = await this.#handle.call(run, pointer)
    if (this.#handle.lift.lift === 'sync') {
      const { memory, lift } = this.#handle
      const outcome = readResult(memory, result, lift.options.encoding, responseBytes)
      await this.#handle.postReturn(run, result)
      return outcome
    }
    if (this.#turn !== undefined) await this.#turns(this.#turn, run)
    const outcome = this.#resolved
    this.#resolved = undefined
    return outcome
  }

  /** The guest's event loop: until it has given its outcome, or has nothing left to wait for. */
  async #turns(turn: CoreLift, run: Run): Promise<void> {
    const { host } = this.#instance
    while (this.#resolved === undefined) {
      this.#nextTimerMs = undefined
      run.enter()
      await turn.call(run)
      if (this.#resolved !== undefined || this.#nextTimerMs === undefined) return
      if (host.outgoing) {
        await run.suspended(host.untilOutgoing(this.#nextTimerMs))
        run.leave()
        await run.rest(0)
      } else await run.rest(this.#nextTimerMs)
    }
  }
}
