/** The engine over a real store, a broker in memory and a function that tests write, on fake time. */
import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import { limitsSchema } from '../../../src/config.ts'
import { EventSlots } from '../../../src/events/event-slots.ts'
import type { EventInvocation, EventResult } from '../../../src/events/invoking.ts'
import type { CreateMappingInput } from '../../../src/events/mappings/inputs.ts'
import { createMappings, type Mappings } from '../../../src/events/mappings/mappings.ts'
import { openDatabase } from '../../../src/store/database.ts'
import { createSqliteDocuments } from '../../../src/store/sqlite-documents.ts'
import { FakeTimers } from '../fake-timers.ts'
import { Broker, sourceArn, type BrokerOptions } from './broker.ts'

export const accountId = '111111111111'
export const functionArn = `arn:aws:lambda:us-east-1:${accountId}:function:f`

export interface Call {
  ids: string[]
  bodies: unknown[]
  at: number
  invocation: EventInvocation
}

export interface Failure {
  arn: string
  body: unknown
  hops: number
}

export type Behaviour = (call: Call) => EventResult | Promise<EventResult>

export const ok = (answer?: unknown): EventResult => ({
  kind: 'success',
  payload: Buffer.from(answer === undefined ? '' : JSON.stringify(answer)),
  executedVersion: '$LATEST',
})
export const failed = (): EventResult => ({
  kind: 'error',
  payload: Buffer.from('{"errorMessage":"no"}'),
  executedVersion: '$LATEST',
})
export const failing = (...ids: unknown[]): EventResult =>
  ok({ batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) })
export const throttled: EventResult = { kind: 'throttled', reason: 'ConcurrentInvocationLimitExceeded' }

export const input = (overrides: Partial<CreateMappingInput> = {}): CreateMappingInput => ({
  function: { accountId, functionName: 'f', qualifier: '$LATEST', functionArn },
  eventSourceArn: sourceArn(),
  queues: [],
  startingPosition: undefined,
  startingPositionTimestamp: undefined,
  tags: {},
  enabled: undefined,
  batchSize: undefined,
  batchingWindowSeconds: undefined,
  filters: undefined,
  reportsBatchItemFailures: undefined,
  maximumConcurrency: undefined,
  parallelizationFactor: undefined,
  bisectBatchOnFunctionError: undefined,
  maximumRetryAttempts: undefined,
  maximumRecordAgeSeconds: undefined,
  onFailure: undefined,
  ...overrides,
})

export interface HarnessOptions extends Partial<BrokerOptions> {
  functionTimeoutMs?: number
  limits?: Record<string, number>
}

const never = new Promise<never>(() => {})

/** Promises and immediates that are under way. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve))
}

export function createHarness(options: HarnessOptions = {}) {
  const timers = new FakeTimers()
  const broker = new Broker({ kind: 'queue', ...options, timers })
  const database = openDatabase({ path: ':memory:' })
  onTestFinished(() => database[Symbol.dispose]())
  const documents = createSqliteDocuments(database)
  const limits = limitsSchema.parse(options.limits ?? {})
  const calls: Call[] = []
  const failures: Failure[] = []
  const state = {
    behaviour: (() => ok()) as Behaviour,
    timeoutMs: (options.functionTimeoutMs ?? 3_000) as number | undefined,
    allowsRecursion: false,
    destinationDown: false,
  }

  /** An engine, and what of the world it sees: nothing once it is dead. */
  const engine = (ownerId = 'controller') => {
    let alive = true
    const own = {
      now: () => timers.now(),
      at: (at: number, run: () => void) => timers.at(at, () => (alive ? run() : undefined)),
    }
    const whileAlive = <A extends unknown[], T>(act: (...args: A) => Promise<T>) => {
      return async (...args: A): Promise<T> => {
        if (!alive) return never
        try {
          const result = await act(...args)
          return alive ? result : never
        } catch (error) {
          if (!alive) return never
          throw error
        }
      }
    }
    const driver = broker.driver()
    const slots = new EventSlots(limits.eventConcurrency)
    const mappings = createMappings({
      documents: {
        get: whileAlive((key) => documents.get(key)),
        put: whileAlive((...args) => documents.put(...args)),
        delete: whileAlive((...args) => documents.delete(...args)),
        list: whileAlive((query) => documents.list(query)),
      },
      drivers: [
        {
          ...driver,
          open: async (settings) => {
            const source = await driver.open(settings)
            return {
              receive: whileAlive((request) => source.receive(request)),
              acknowledge: whileAlive((records) => source.acknowledge(records)),
              release: whileAlive((...args) => source.release(...args)),
              extend: whileAlive((records) => source.extend(records)),
              event: (records) => source.event(records),
              [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
            }
          },
        },
      ],
      ownerId,
      timers: own,
      slots,
      invoke: whileAlive(async (invocation: EventInvocation) => {
        const { Records: records } = JSON.parse(Buffer.from(invocation.payload).toString()) as {
          Records: { messageId: string; body: unknown }[]
        }
        const call = {
          ids: records.map(({ messageId }) => messageId),
          bodies: records.map(({ body }) => body),
          at: timers.now(),
          invocation,
        }
        calls.push(call)
        return state.behaviour(call)
      }),
      allowsRecursion: async () => state.allowsRecursion,
      functionTimeoutMs: async () => state.timeoutMs,
      sendFailure: whileAlive(async (arn, { body, hops }) => {
        if (state.destinationDown) throw new Error('down')
        failures.push({ arn, body: JSON.parse(body), hops })
      }),
      drainMs: 10_000,
      limits,
      logger: pino({ level: 'silent' }),
    })
    return {
      mappings,
      slots,
      isAlive: () => alive,
      /** Nothing of it happens any more, and nobody is told. */
      kill: () => {
        alive = false
      },
    }
  }

  let current = engine()

  return {
    timers,
    broker,
    documents,
    calls,
    failures,
    state,
    engine,
    get mappings(): Mappings {
      return current.mappings
    },
    get slots(): EventSlots {
      return current.slots
    },
    /** Another controller takes its place. */
    async crash(): Promise<void> {
      current.kill()
      broker.disconnect()
      current = engine()
      await current.mappings.start()
      await settle()
    },
    async advance(ms: number): Promise<void> {
      await timers.advanceTo(timers.now() + ms, settle)
      await settle()
    },
    /** Started, with one mapping that is Enabled. */
    async map(overrides: Partial<CreateMappingInput> = {}): Promise<string> {
      await current.mappings.start()
      const { mapping } = await current.mappings.create(accountId, input(overrides))
      await settle()
      return mapping.uuid
    },
    /** What the function was given, by batch. */
    batches: () => calls.map(({ ids }) => ids),
  }
}

/** A function that holds its calls until it is told what they come to. */
export function heldFunction() {
  const open: { call: Call; end: (result: EventResult) => void }[] = []
  return {
    open,
    behaviour: ((call) => {
      const { promise, resolve } = Promise.withResolvers<EventResult>()
      open.push({ call, end: resolve })
      return promise
    }) satisfies Behaviour,
  }
}
