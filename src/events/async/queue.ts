/** Asynchronous invocation: accepts events durably and delivers them, through crashes, retries and throttles. */
import type { Logger } from 'pino'
import type { Limits } from '../../config.ts'
import { ThawError } from '../../errors.ts'
import type { AsyncEvents } from '../../store/async-events.ts'
import { createDestinations, type Destinations } from '../destinations.ts'
import type { EventSlots } from '../event-slots.ts'
import type { InvokeFunction, Lineage } from '../invoking.ts'
import type { Queues } from '../queues.ts'
import type { Timers } from '../timers.ts'
import { createAttempt } from './attempt.ts'
import { Dispatcher } from './dispatcher.ts'
import type { AsyncSettings, AsyncTarget } from './settings.ts'

export interface AsyncInvocation extends AsyncTarget, Lineage {
  requestId: string
  /** JSON. */
  payload: Uint8Array
  /** JSON text. */
  clientContext: string | undefined
}

export interface AsyncQueue extends AsyncDisposable {
  /** Durable when it resolves. Errors: `TooManyRequests` if the account has limits.asyncEvents waiting. */
  accept(event: AsyncInvocation): Promise<void>
  /** Where outcomes go; mappings send theirs there too. */
  readonly destinations: Destinations
  /** Begins to deliver, first of all what is stored. Once. */
  start(): Promise<void>
  /** Events accepted and not yet done with. */
  pending(accountId: string): number
  /** Resolves when nothing is in work, and nothing will be before a time comes or an event is accepted. */
  idle(): Promise<void>
  /** Delivers nothing more: waits for what is in work, at most limits.drainMs; all else stays stored. Idempotent. */
  stop(): Promise<void>
}

export interface AsyncQueueOptions {
  events: AsyncEvents
  invoke: InvokeFunction
  queues: Pick<Queues, 'send'>
  settings: AsyncSettings
  /** Shared with the event source mappings. */
  slots: EventSlots
  timers: Timers
  region: string
  limits: Limits
  logger: Logger
}

export async function createAsyncQueue(options: AsyncQueueOptions): Promise<AsyncQueue> {
  const { events, queues, settings, slots, timers, limits, logger } = options
  const stored = await events.census()
  const counts = new Map<string, number>()
  const count = (accountId: string, change: number): void => {
    const next = (counts.get(accountId) ?? 0) + change
    if (next === 0) counts.delete(accountId)
    else counts.set(accountId, next)
  }
  for (const { accountId, ready, waiting } of stored) count(accountId, ready + waiting)

  const accept = async (event: AsyncInvocation): Promise<void> => {
    const { accountId, functionName, qualifier, requestId, payload, clientContext, hops } = event
    if ((counts.get(accountId) ?? 0) >= limits.asyncEvents)
      throw new ThawError('TooManyRequests', 'Rate Exceeded.', { reason: 'CallerRateLimitExceeded' })
    count(accountId, 1)
    const acceptedAt = timers.now()
    try {
      await events.accept({
        accountId,
        functionName,
        qualifier,
        requestId,
        payload,
        clientContext,
        hops,
        acceptedAt,
      })
    } catch (error) {
      count(accountId, -1)
      throw error
    }
    dispatcher.wake(event)
  }

  const functionExists = (target: AsyncTarget): Promise<boolean> => settings.exists(target)
  const destinations = createDestinations({ queues, limits, accept, functionExists })
  const dispatcher = new Dispatcher({
    events,
    attempt: createAttempt({ ...options, destinations }),
    slots,
    timers,
    restMs: limits.asyncBackoffMs,
    logger,
    onRemoved: ({ accountId }) => count(accountId, -1),
  })
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => (stopped ??= dispatcher.stop(limits.drainMs))

  return {
    accept,
    destinations,
    start: () => dispatcher.start(stored.filter(({ ready }) => ready > 0)),
    pending: (accountId) => counts.get(accountId) ?? 0,
    idle: () => dispatcher.idle(),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
