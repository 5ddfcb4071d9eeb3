/** One step of one event: invoke the function, or hand on what became of it. */
import type { Logger } from 'pino'
import type { Limits } from '../../config.ts'
import { ThawError } from '../../errors.ts'
import type { AsyncEvent, AsyncEvents, AsyncOutcome, AsyncProgress } from '../../store/async-events.ts'
import { functionTarget, type Destinations } from '../destinations.ts'
import type { EventResult, InvokeFunction } from '../invoking.ts'
import type { Timers } from '../timers.ts'
import { backoffMs, deadlineOf, decide, expired, type AttemptResult, type Ending } from './decide.ts'
import { deadLetters, destinationRecords, type Told } from './record.ts'
import type { AsyncSettings, EventInvokeConfig } from './settings.ts'

export interface AttemptOptions {
  events: AsyncEvents
  invoke: InvokeFunction
  destinations: Destinations
  settings: AsyncSettings
  timers: Timers
  region: string
  limits: Limits
  logger: Logger
}

export interface Verdict {
  /** How the function, or the platform, took it. */
  function: 'served' | 'refused' | 'not-asked'
  /** What the store holds now. `untouched`: ready, as before. */
  event: { kind: 'removed' } | { kind: 'waiting'; dueAt: number } | { kind: 'untouched' }
}

/** Rejects if the store does; then the event is as it was. Aborted, an invocation leaves its event untouched. */
export type Attempt = (event: AsyncEvent, signal: AbortSignal) => Promise<Verdict>

/** AWS's words for RecursiveInvocationException. */
const recursive =
  "Lambda has detected your function being invoked in a recursive loop with other AWS resources and stopped your function's invocation."

export function createAttempt(options: AttemptOptions): Attempt {
  const { events, invoke, destinations, settings, timers, region, limits, logger } = options

  const targetsOf = async (
    event: AsyncEvent,
    { condition }: Ending,
    config: EventInvokeConfig,
  ): Promise<AsyncOutcome['targets']> => {
    const succeeded = condition === 'Success'
    const destination = succeeded ? config.onSuccess : config.onFailure
    const queue = succeeded ? undefined : await settings.deadLetterTargetOf(event)
    const targets: AsyncOutcome['targets'] = []
    if (destination !== undefined) targets.push({ kind: 'destination', arn: destination })
    if (queue !== undefined) targets.push({ kind: 'dead-letter', arn: queue })
    return targets
  }

  /** The first form that is not refused for what it is. */
  const tell = async (arn: string, { accountId, hops }: AsyncEvent, forms: readonly Told[]): Promise<void> => {
    let refusal: unknown
    for (const told of forms) {
      try {
        return await destinations.send(arn, { accountId, hops: hops + 1, ...told })
      } catch (error) {
        refusal = error
        if (!(error instanceof ThawError && error.code === 'InvalidParameterValue')) break
      }
    }
    throw refusal
  }

  /** Sends to everybody who is to know, then forgets the event; what could not be sent is kept. */
  const handOn = async (
    event: AsyncEvent,
    outcome: AsyncOutcome,
    config: EventInvokeConfig,
  ): Promise<Verdict['event']> => {
    const { accountId, functionName, requestId } = event
    const left: AsyncOutcome['targets'] = []
    for (const target of outcome.targets) {
      const forms =
        target.kind === 'destination' ? destinationRecords({ event, outcome }, region) : deadLetters({ event, outcome })
      try {
        await tell(target.arn, event, forms)
      } catch (error) {
        const gone = error instanceof ThawError && error.code === 'ResourceNotFound'
        const fields = { err: error, accountId, functionName, requestId, target: target.arn }
        if (gone && timers.now() >= deadlineOf(event, config))
          logger.error(fields, 'outcome of an asynchronous event dropped: its target is gone')
        else {
          logger.warn(fields, 'outcome of an asynchronous event cannot be handed on yet')
          left.push(target)
        }
      }
    }
    if (left.length === 0) {
      await events.remove(event.seq)
      return { kind: 'removed' }
    }
    const dueAt = timers.now() + backoffMs(event.backoffs, limits)
    const { attempts, response } = event
    await events.postpone(
      event.seq,
      { attempts, response, backoffs: event.backoffs + 1, outcome: { ...outcome, targets: left } },
      dueAt,
    )
    return { kind: 'waiting', dueAt }
  }

  const end = async (
    event: AsyncEvent,
    ending: Ending,
    progress: Partial<AsyncProgress>,
    config: EventInvokeConfig,
    inLoop = false,
  ): Promise<Verdict['event']> => {
    const targets = await targetsOf(event, ending, config)
    // A loop ends here: told to another function, it would go on.
    const told = inLoop ? targets.filter(({ arn }) => functionTarget(arn) === undefined) : targets
    if (ending.condition !== 'Success' && told.length === 0) {
      const { accountId, functionName, requestId } = event
      const fields = { accountId, functionName, requestId, condition: ending.condition, error: ending.error }
      logger.warn(fields, 'asynchronous event discarded: it failed, and no destination or dead-letter queue is set')
    }
    return handOn({ ...event, ...progress, backoffs: 0 }, { ...ending, endedAt: timers.now(), targets: told }, config)
  }

  /** Tells apart what Lambda treats differently. */
  const judge = async (event: AsyncEvent, result: EventResult): Promise<AttemptResult> => {
    switch (result.kind) {
      case 'success':
      case 'error':
        return result
      case 'throttled': {
        const mayBeOff = result.reason === 'ReservedFunctionConcurrentInvocationLimitExceeded'
        if (mayBeOff && (await settings.reservedConcurrencyOf(event)) === 0) return { kind: 'off' }
        return { kind: 'refused', code: 429, message: 'Rate Exceeded.' }
      }
      case 'missing':
        // There, but not active: that may pass.
        if (await settings.exists(event)) return { kind: 'refused', code: 409, message: result.message }
        return { kind: 'impossible', code: 404, type: 'ResourceNotFoundException', message: result.message }
      case 'unavailable':
        return { kind: 'refused', code: 500, message: result.message }
    }
  }

  return async (event, signal) => {
    const config = await settings.configOf(event)
    if (event.outcome !== undefined) return { function: 'not-asked', event: await handOn(event, event.outcome, config) }
    if (timers.now() > deadlineOf(event, config))
      return { function: 'not-asked', event: await end(event, expired(event), {}, config) }
    if (event.hops >= limits.recursionHops && !(await settings.allowsRecursion(event))) {
      const loop = { kind: 'impossible', code: 400, type: 'RecursiveInvocationException', message: recursive } as const
      const decision = decide(event, loop, config, timers.now(), limits)
      if (decision.kind === 'end')
        return { function: 'not-asked', event: await end(event, decision.ending, decision.progress, config, true) }
    }

    const { accountId, functionName, qualifier, requestId, payload, clientContext, hops } = event
    const invocation = { accountId, functionName, qualifier, requestId, payload, clientContext, hops, signal }
    const answer = await invoke(invocation)
    if (signal.aborted && answer.kind === 'unavailable') return { function: 'not-asked', event: { kind: 'untouched' } }
    const result = await judge(event, answer)
    const taken = result.kind === 'refused' ? 'refused' : result.kind === 'off' ? 'not-asked' : 'served'
    const decision = decide(event, result, config, timers.now(), limits)
    if (decision.kind === 'end')
      return { function: taken, event: await end(event, decision.ending, decision.progress, config) }
    await events.postpone(event.seq, decision.progress, decision.dueAt)
    return { function: taken, event: { kind: 'waiting', dueAt: decision.dueAt } }
  }
}
