/** Schedules over a real store, with a clock of their own and targets that can be made to fail. */
import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import type { ThawError } from '../../../src/errors.ts'
import type { AsyncInvocation } from '../../../src/events/async/queue.ts'
import type { OutgoingMessage } from '../../../src/events/queues.ts'
import type { ScheduleInput } from '../../../src/events/schedules/inputs.ts'
import { createSchedules, type Schedules, type SchedulesOptions } from '../../../src/events/schedules/schedules.ts'
import { openDatabase } from '../../../src/store/database.ts'
import { createSqliteDocuments } from '../../../src/store/sqlite-documents.ts'
import { FakeTimers } from '../fake-timers.ts'

export const accountId = '111111111111'
export const region = 'us-east-1'
export const functionArn = `arn:aws:lambda:${region}:${accountId}:function:f`
export const queueArn = `arn:aws:sqs:${region}:${accountId}:q`
export const minute = 60_000
export const hour = 60 * minute

export interface Harness {
  schedules: Schedules
  timers: FakeTimers
  accepted: AsyncInvocation[]
  sent: { arn: string; message: OutgoingMessage }[]
  /** Called when a firing is taken. */
  onAccept: () => void
  /** Thrown instead of taking the next firings, one after the other. */
  failures: ThawError[]
  /** The store does not take what is written, as if the process had died before. */
  storeFails: boolean
  /** Functions that are there. */
  functions: Set<string>
  /** When the firings of a schedule were for, as ISO text, from their payloads. */
  times(): string[]
  pass(ms: number): Promise<void>
  /** As after a crash: what is stored counts, nothing else. */
  restart(downMs: number, changes?: Partial<Pick<SchedulesOptions, 'catchUp'>>): Promise<void>
}

/** Begins on 1 January 2026, 0:00 UTC. */
export async function startSchedules(options: Partial<Pick<SchedulesOptions, 'catchUp'>> = {}): Promise<Harness> {
  const database = openDatabase({ path: ':memory:' })
  onTestFinished(() => database[Symbol.dispose]())
  const timers = new FakeTimers(Date.UTC(2026, 0, 1))
  const accepted: AsyncInvocation[] = []
  const sent: Harness['sent'] = []
  const failures: ThawError[] = []
  const functions = new Set(['f'])
  const fail = (): void => {
    const failure = failures.shift()
    if (failure !== undefined) throw failure
  }
  const documents = createSqliteDocuments(database)
  const create = (changes: Partial<Pick<SchedulesOptions, 'catchUp'>>): Schedules =>
    createSchedules({
      documents: {
        ...documents,
        put: (...write) => (harness.storeFails ? Promise.reject(new Error('no store')) : documents.put(...write)),
      },
      timers,
      catchUp: 'last',
      region,
      logger: pino({ level: 'silent' }),
      functionExists: async ({ functionName }) => functions.has(functionName),
      async accept(event) {
        fail()
        accepted.push(event)
        harness.onAccept()
      },
      queues: {
        async send(arn, message) {
          if (!arn.endsWith('dead')) fail()
          sent.push({ arn, message })
          return { messageId: 'm' }
        },
      },
      ...options,
      ...changes,
    })
  const harness: Harness = {
    schedules: create({}),
    timers,
    accepted,
    sent,
    onAccept: () => {},
    failures,
    storeFails: false,
    functions,
    times: () =>
      accepted.map(({ payload }) => {
        const { time }: { time: string } = JSON.parse(Buffer.from(payload).toString())
        return time.replace(':00Z', '').replace('2026-', '')
      }),
    pass: (ms) => timers.advanceTo(timers.now() + ms, () => harness.schedules.idle()),
    async restart(downMs, changes = {}) {
      await harness.schedules[Symbol.asyncDispose]()
      timers.clear()
      harness.storeFails = false
      timers.skip(downMs)
      harness.schedules = create(changes)
      await harness.schedules.start()
    },
  }
  onTestFinished(() => harness.schedules[Symbol.asyncDispose]())
  await harness.schedules.start()
  return harness
}

export function input(changes: Partial<ScheduleInput> = {}): ScheduleInput {
  return {
    name: 's',
    group: 'default',
    description: undefined,
    expression: 'rate(10 minutes)',
    timezone: 'UTC',
    startAt: undefined,
    endAt: undefined,
    flexibleMinutes: 0,
    enabled: true,
    deleteAfterCompletion: false,
    target: { arn: functionArn, roleArn: `arn:aws:iam::${accountId}:role/any` },
    clientToken: undefined,
    ...changes,
  }
}
