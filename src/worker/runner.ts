import { ThawError } from '../errors.ts'
import type { FunctionRuntime } from '../instance/runtime.ts'
import type { Invocation, InvocationResult } from '../invocation.ts'
import type { ConcurrencySlots } from '../memory/slots.ts'
import { initStartLine, invocationLog } from './invocation-log.ts'
import type { Target } from './served-function.ts'
import type { Telemetry } from './telemetry.ts'

/** Part of a runtime that answers invocations. */
export type Invoker = Pick<FunctionRuntime, 'invoke'>

export interface RunnerOptions {
  runtime: Invoker
  slots: ConcurrencySlots
  /** What this worker's slots are held by. */
  incarnation: number
  telemetry: Telemetry
}

export interface Ran {
  result: InvocationResult
  /** START to REPORT: what `X-Amz-Log-Result` carries the end of. */
  log: string
}

/**
 * Runs what was found and authorised: concurrency slot, guest, log, usage.
 * Errors: `TooManyRequests` with the reason, and those of the runtime.
 */
export type Runner = (invocation: Invocation, target: Target) => Promise<Ran>

export function createRunner({ runtime, slots, incarnation, telemetry }: RunnerOptions): Runner {
  return async (invocation, target) => {
    const { pools } = target
    let slot = -1
    let tried = 0
    while (slot === -1 && tried < pools.length) slot = slots.acquire(pools[tried++] ?? -1, incarnation)
    if (slot === -1) {
      telemetry.throttled(invocation.spec)
      throw new ThawError('TooManyRequests', 'Rate Exceeded.', { reason: target.throttleReason })
    }
    try {
      const result = await runtime.invoke(invocation, target.provisioned && tried === 1)
      const log = invocationLog(invocation, result)
      telemetry.invoked(
        invocation.spec,
        result,
        result.report.start === 'cold' ? initStartLine(invocation.spec) + log : log,
      )
      return { result, log }
    } finally {
      slots.release(slot, incarnation)
    }
  }
}
