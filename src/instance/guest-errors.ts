/** How a guest's run can end other than by returning, and what the caller is told. */
import { ThawError } from '../errors.ts'
import type { FunctionFailure, PlatformErrorType } from '../invocation.ts'
import { GuestExit, GuestLimit, InvocationAborted } from '../wasi/errors.ts'

/**
 * The invocation is out of time: thrown into the guest at a checkpoint or a wait. No guest can catch it: modules with
 * exception handling are refused at deploy.
 */
export class GuestTimeout extends Error {
  override readonly name = 'GuestTimeout'
}

/** The caller went away. */
export class GuestAborted extends Error {
  override readonly name = 'GuestAborted'
}

export interface RunFacts {
  requestId: string
  timeoutMs: number
  memoryMb: number
  /** A `memory.grow` or `table.grow` was refused during the run. */
  memoryRefused: boolean
}

/**
 * The function's error for whatever unwound the guest. Errors: rethrows, as `Service`, what no guest can cause: that is
 * a defect of the host and must not be mistaken for the function's fault.
 */
export function failureOf(error: unknown, run: RunFacts): FunctionFailure {
  // A wait, or a call, refused because the invocation is over: its cause says why it is.
  if (error instanceof InvocationAborted && error.cause !== undefined) return failureOf(error.cause, run)
  if (error instanceof GuestTimeout) return timedOut(run)
  if (error instanceof GuestAborted) return failure(run, 'Runtime.Aborted', 'The caller closed the connection')
  if (error instanceof GuestExit) {
    const reason =
      error.status === 'ok' ? 'Runtime exited without providing a reason' : 'Runtime exited with error: exit status 1'
    return failure(run, 'Runtime.ExitError', reason)
  }
  if (error instanceof GuestLimit) return failure(run, 'Runtime.LimitExceeded', error.message)
  // A guest that is refused memory usually traps on its own `unreachable`: the limit is the better explanation.
  if (run.memoryRefused && (error instanceof WebAssembly.RuntimeError || isStackOverflow(error)))
    return outOfMemory(run, error)
  if (isStackOverflow(error)) return failure(run, 'Runtime.StackOverflow', 'Maximum call stack size exceeded')
  // A wait where JSPI cannot suspend: in the allocator or in post-return, both of which may call no import.
  if (error instanceof WebAssembly.RuntimeError || (error instanceof Error && error.name === 'SuspendError'))
    return failure(run, 'Runtime.Trap', `Runtime exited with error: wasm trap: ${error.message}`)
  throw new ThawError('Service', 'An internal error occurred while the function ran.', { cause: error })
}

/** AWS's wording: two decimals, whole configured timeout. */
export function timedOut(run: RunFacts): FunctionFailure {
  return failure(run, 'Sandbox.Timedout', `Task timed out after ${(run.timeoutMs / 1000).toFixed(2)} seconds`)
}

export function outOfMemory(run: RunFacts, cause: unknown): FunctionFailure {
  const detail = cause instanceof Error ? cause.message : String(cause)
  return failure(run, 'Runtime.OutOfMemory', `Memory limit exceeded: MemorySize is ${run.memoryMb} MB (${detail})`)
}

export function neverSettled(run: RunFacts): FunctionFailure {
  const reason =
    "Runtime exited without providing a reason: nothing is left to run and the handler's promise is still pending"
  return failure(run, 'Runtime.ExitError', reason)
}

function failure(run: RunFacts, errorType: PlatformErrorType, message: string): FunctionFailure {
  return { errorType, errorMessage: `RequestId: ${run.requestId} Error: ${message}` }
}

function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message.includes('call stack')
}
