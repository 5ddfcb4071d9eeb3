/** An asynchronous queue over a real store, with fake time, functions that do as they are told, and queues that record. */
import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import { configSchema, type Limits } from '../../../src/config.ts'
import { ThawError } from '../../../src/errors.ts'
import { createAsyncQueue, type AsyncInvocation } from '../../../src/events/async/queue.ts'
import type { AsyncSettings, EventInvokeConfig } from '../../../src/events/async/settings.ts'
import { EventSlots } from '../../../src/events/event-slots.ts'
import type { EventInvocation, EventResult } from '../../../src/events/invoking.ts'
import type { OutgoingMessage } from '../../../src/events/queues.ts'
import { openDatabase, type Database } from '../../../src/store/database.ts'
import { createSqliteAsyncEvents } from '../../../src/store/sqlite-async-events.ts'
import { FakeTimers } from '../fake-timers.ts'

export const accountId = '111111111111'
export const region = 'us-east-1'
export const minute = 60_000
export const hour = 60 * minute

export const queueArn = (name: string): string => `arn:aws:sqs:${region}:${accountId}:${name}`
export const functionArn = (name: string): string => `arn:aws:lambda:${region}:${accountId}:function:${name}`

export const success = (payload = '"done"'): EventResult => ({
  kind: 'success',
  payload: Buffer.from(payload),
  executedVersion: '$LATEST',
})
export const failure = (errorMessage = 'intentional failure'): EventResult => ({
  kind: 'error',
  payload: Buffer.from(JSON.stringify({ errorType: 'Error', errorMessage, trace: [] })),
  executedVersion: '$LATEST',
})
export const throttled = (reason = 'ConcurrentInvocationLimitExceeded'): EventResult => ({ kind: 'throttled', reason })
export const reserved = throttled('ReservedFunctionConcurrentInvocationLimitExceeded')
export const unavailable: EventResult = { kind: 'unavailable', message: 'The worker is gone.' }
export const missing: EventResult = { kind: 'missing', message: 'Function not found: f' }

/** A turn of the event loop: whatever would have begun has begun. */
export const turn = () =>
  new Promise<void>((resolve) => {
    setImmediate(resolve)
  })

interface FunctionSettings extends EventInvokeConfig {
  deadLetterTarget: string | undefined
  reservedConcurrency: number | undefined
  allowsRecursion: boolean
  exists: boolean
}

export interface Call extends EventInvocation {
  at: number
}

export interface HarnessOptions {
  path?: string
  timers?: FakeTimers
  limits?: Partial<Record<keyof Limits, number>>
  slots?: EventSlots
  start?: boolean
  /** Not taken down with the test: `kill` is the caller's to call. */
  owned?: boolean
}

const never = new Promise<never>(() => {})

export async function createHarness(options: HarnessOptions = {}) {
  const { path = ':memory:', timers = new FakeTimers() } = options
  const { limits } = configSchema.parse({ limits: options.limits ?? {} })
  const database: Database = openDatabase({ path })
  if (options.owned !== true) onTestFinished(() => database[Symbol.dispose]())
  const calls: Call[] = []
  const logs: Record<string, unknown>[] = []
  const sent: (OutgoingMessage & { arn: string })[] = []
  const settings = new Map<string, Partial<FunctionSettings>>()
  const answers = new Map<string, EventResult[]>()
  const slots = options.slots ?? new EventSlots(limits.eventConcurrency)
  const of = ({ functionName }: { functionName: string }) => settings.get(functionName) ?? {}

  const dead = { yes: false }
  const gone = new Set<string>()
  const failing = new Set<string>()
  const events = createSqliteAsyncEvents(database)
  const script: { respond: ((call: Call) => EventResult | Promise<EventResult>) | undefined } = { respond: undefined }

  const asyncSettings: AsyncSettings = {
    configOf: async (target) => ({
      maximumRetryAttempts: of(target).maximumRetryAttempts ?? 2,
      maximumEventAgeSeconds: of(target).maximumEventAgeSeconds ?? limits.asyncEventAgeSeconds,
      onSuccess: of(target).onSuccess,
      onFailure: of(target).onFailure,
    }),
    deadLetterTargetOf: async (target) => of(target).deadLetterTarget,
    reservedConcurrencyOf: async (target) => of(target).reservedConcurrency,
    allowsRecursion: async (target) => of(target).allowsRecursion ?? false,
    exists: async (target) => of(target).exists ?? true,
  }

  const queue = await createAsyncQueue({
    events,
    async invoke(invocation) {
      if (dead.yes) return never
      const call = { ...invocation, at: timers.now() }
      calls.push(call)
      if (script.respond !== undefined) return script.respond(call)
      const planned = answers.get(invocation.functionName) ?? []
      return (planned.length > 1 ? planned.shift() : planned[0]) ?? success()
    },
    queues: {
      async send(arn, message) {
        if (dead.yes) return never
        const bytes = Buffer.byteLength(message.body) + 1_000 * Object.keys(message.attributes).length
        if (bytes > limits.queueMessageBytes) throw new ThawError('InvalidParameterValue', 'too long')
        if (failing.has(arn)) throw new ThawError('Unavailable', 'not now')
        if (gone.has(arn)) throw new ThawError('ResourceNotFound', 'no such queue')
        sent.push({ arn, ...message })
        return { messageId: randomUUID() }
      },
    },
    settings: asyncSettings,
    slots,
    timers: { now: () => timers.now(), at: (at, run) => (dead.yes ? () => {} : timers.at(at, run)) },
    region,
    limits,
    logger: pino({ level: 'debug' }, { write: (line: string) => void logs.push(JSON.parse(line)) }),
  })
  const harness = {
    timers,
    calls,
    logs,
    /** To queues, in order. */
    sent,
    slots,
    limits,
    database,
    /** Queues that are not there, and those that refuse for now. */
    gone,
    failing,
    /** By function name. */
    settings,
    /** By function name, one an attempt; the last one stays. Without any: success. */
    answers,
    /** Replaces the answers. */
    script,
    events,
    async accept(functionName = 'f', overrides: Partial<AsyncInvocation> = {}): Promise<string> {
      const requestId = overrides.requestId ?? randomUUID()
      await queue.accept({
        accountId,
        functionName,
        qualifier: '$LATEST',
        payload: Buffer.from('{"n":1}'),
        clientContext: undefined,
        hops: 0,
        ...overrides,
        requestId,
      })
      return requestId
    },
    /** Lets time pass, and everything happen that is due meanwhile. */
    pass: (ms: number) => timers.advanceTo(timers.now() + ms, () => queue.idle()),
    settle: () => queue.idle(),
    /** As kill -9 does: what is in work never goes on, what is stored stays. */
    kill() {
      dead.yes = true
      timers.clear()
      database[Symbol.dispose]()
    },
    /** Bodies of a queue's messages. */
    bodies: (name: string): unknown[] =>
      sent.filter(({ arn }) => arn === queueArn(name)).map(({ body }): unknown => JSON.parse(body)),
    queue,
  }

  if (options.owned !== true)
    onTestFinished(() => {
      // What a test leaves in work is not waited for.
      const stopping = queue.stop()
      void timers.advanceTo(timers.now() + 10 * hour, turn)
      return stopping
    })
  if (options.start !== false) await queue.start()
  return harness
}

export type Harness = Awaited<ReturnType<typeof createHarness>>
