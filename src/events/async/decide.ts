/** What follows from an attempt: the rules of asynchronous invocation, without side effects. */
import type { Limits } from '../../config.ts'
import type { AsyncEvent, AsyncOutcome, AsyncProgress } from '../../store/async-events.ts'
import type { EventResult } from '../invoking.ts'
import type { EventInvokeConfig } from './settings.ts'

/** `missing` and `throttled` are told apart further before a decision is made. */
export type AttemptResult =
  | Extract<EventResult, { kind: 'success' | 'error' }>
  /** Throttled, or a platform error. `code` as on the wire. */
  | { kind: 'refused'; code: number; message: string }
  /** It is never going to run: function or qualifier gone, or a recursive loop. */
  | { kind: 'impossible'; code: number; type: string; message: string }
  /** Throttled, and the function's reserved concurrency is 0. */
  | { kind: 'off' }

export type Ending = Omit<AsyncOutcome, 'targets' | 'endedAt'>

export type Decision =
  | { kind: 'end'; ending: Ending; progress: Pick<AsyncProgress, 'attempts' | 'response'> }
  | { kind: 'again'; dueAt: number; progress: AsyncProgress }

export type RetryLimits = Pick<Limits, 'asyncRetryMs' | 'asyncBackoffMs' | 'asyncBackoffMaxMs'>

/** ms since the epoch: an event is not run later than this. */
export const deadlineOf = (event: AsyncEvent, config: EventInvokeConfig): number =>
  event.acceptedAt + config.maximumEventAgeSeconds * 1_000

export function decide(
  event: AsyncEvent,
  result: AttemptResult,
  config: EventInvokeConfig,
  now: number,
  limits: RetryLimits,
): Decision {
  const deadline = deadlineOf(event, config)
  const { attempts, response } = event
  switch (result.kind) {
    case 'success':
      return {
        kind: 'end',
        ending: { condition: 'Success' },
        progress: { attempts: attempts + 1, response: answerOf(result) },
      }
    case 'error': {
      const progress = { attempts: attempts + 1, response: answerOf(result) }
      const ending = { error: { code: 200, message: errorMessageOf(result.payload) } }
      if (attempts >= config.maximumRetryAttempts)
        return { kind: 'end', ending: { ...ending, condition: 'RetriesExhausted' }, progress }
      const dueAt = now + limits.asyncRetryMs * 2 ** attempts
      // AWS decides at once (aws-recorded.json, test_maxeventage): it does not wait for a retry that would come too late.
      if (dueAt > deadline) return { kind: 'end', ending: { ...ending, condition: 'EventAgeExceeded' }, progress }
      return { kind: 'again', dueAt, progress: { ...progress, backoffs: 0, outcome: undefined } }
    }
    case 'refused': {
      // However long the back-off has become, there is a last chance shortly before the deadline.
      const lastChance = deadline - limits.asyncBackoffMs
      const dueAt = Math.min(now + backoffMs(event.backoffs, limits), lastChance)
      if (dueAt <= now) return { kind: 'end', ending: expired(event, result), progress: { attempts, response } }
      return {
        kind: 'again',
        dueAt,
        progress: { attempts, response, backoffs: event.backoffs + 1, outcome: undefined },
      }
    }
    case 'impossible': {
      const { code, type, message } = result
      const ending: Ending = { condition: 'RetriesExhausted', error: { code, message } }
      const payload = Buffer.from(JSON.stringify({ errorType: type, errorMessage: message }))
      return { kind: 'end', ending, progress: { attempts, response: { payload, executedVersion: event.qualifier } } }
    }
    case 'off': {
      const ending: Ending = { condition: 'ZeroReservedConcurrency', error: { code: 429, message: 'Rate Exceeded.' } }
      return { kind: 'end', ending, progress: { attempts, response: undefined } }
    }
  }
}

/** An event that has grown too old. What the function said last, if it said anything, is the error that is shown. */
export function expired(event: AsyncEvent, refusal?: { code: number; message: string }): Ending {
  const error =
    event.response === undefined
      ? { code: refusal?.code ?? 429, message: refusal?.message ?? 'The event is older than its maximum age.' }
      : { code: 200, message: errorMessageOf(event.response.payload) }
  return { condition: 'EventAgeExceeded', error }
}

/** AWS: 1 s, doubling up to 5 min. `backoffs`: how many there were before. */
export const backoffMs = (backoffs: number, { asyncBackoffMs, asyncBackoffMaxMs }: RetryLimits): number =>
  Math.min(asyncBackoffMs * 2 ** Math.min(backoffs, 30), asyncBackoffMaxMs)

const answerOf = ({ payload, executedVersion }: { payload: Uint8Array; executedVersion: string }) => ({
  payload,
  executedVersion,
})

/** `errorMessage` of a function's error object, or the whole of it. */
function errorMessageOf(payload: Uint8Array): string {
  const text = Buffer.from(payload).toString()
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null && 'errorMessage' in parsed)
      return typeof parsed.errorMessage === 'string' ? parsed.errorMessage : JSON.stringify(parsed.errorMessage)
  } catch {
    // No JSON: shown as it is.
  }
  return text
}
