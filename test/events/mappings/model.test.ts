/**
 * Random histories: functions that succeed, fail, fail in parts, are throttled, take their time; records that come while
 * they run; controllers that crash. Whatever happens, the promises of the README hold.
 */
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import type { EventResult } from '../../../src/events/invoking.ts'
import { pause } from '../../../src/events/mappings/pause.ts'
import type { Message } from './broker.ts'
import { createHarness, failed, failing, ok, settle, throttled, type Call } from './harness.ts'

interface Answer {
  kind: 'ok' | 'failed' | 'some' | 'unknown' | 'throttled' | 'unavailable'
  /** Which of a batch fail, by position. */
  bad: number[]
  ms: number
}

const answer: fc.Arbitrary<Answer> = fc.record({
  kind: fc.oneof(
    { weight: 4, arbitrary: fc.constant('ok' as const) },
    { weight: 3, arbitrary: fc.constantFrom('failed' as const, 'some' as const) },
    { weight: 2, arbitrary: fc.constantFrom('unknown' as const, 'throttled' as const, 'unavailable' as const) },
  ),
  bad: fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 3 }),
  ms: fc.constantFrom(0, 0, 100, 2_500),
})

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ send: fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 6 }) }),
  },
  { weight: 5, arbitrary: fc.record({ wait: fc.constantFrom(10, 1_000, 5_000, 31_000) }) },
  { weight: 1, arbitrary: fc.constant({ crash: true as const }) },
)

const history = fc.record({
  steps: fc.array(step, { minLength: 2, maxLength: 14 }),
  answers: fc.array(answer, { maxLength: 40 }),
  batchSize: fc.integer({ min: 1, max: 5 }),
  window: fc.constantFrom(0, 2),
  keyed: fc.boolean(),
  reports: fc.boolean(),
})

const resultOf = ({ kind, bad }: Answer, { ids }: Call): EventResult => {
  switch (kind) {
    case 'ok':
      return ok()
    case 'failed':
      return failed()
    case 'some':
      return failing(...bad.flatMap((at) => ids[at] ?? []))
    case 'unknown':
      return failing('nobody')
    case 'throttled':
      return throttled
    case 'unavailable':
      return { kind: 'unavailable', message: 'no worker' }
  }
}

interface Seen {
  /** Of each record: calls of a batch with it that ended in success and did not name it. */
  succeeded: Set<string>
  /** Attempts that count, by record. */
  attempts: Map<string, number>
  crashes: number
  /** What must not have happened. */
  violations: string[]
}

type Harness = ReturnType<typeof createHarness>

/** Makes the function follow the answers, and watches it. */
function follow(harness: Harness, answers: Answer[], reports: boolean, seen: Seen): void {
  const { broker, timers, state } = harness
  const byId = (id: string): Message => broker.messages.find((message) => message.id === id)!
  let life = 0
  const busy = new Map<string, number>()
  state.behaviour = async (call) => {
    if (life !== seen.crashes) {
      life = seen.crashes
      busy.clear()
    }
    const mine = life
    const messages = call.ids.map(byId)
    const keys = new Set(messages.flatMap(({ key }) => key ?? []))
    for (const key of keys) {
      if (busy.has(key)) seen.violations.push(`two batches of ${key} at once: ${call.ids.join()}`)
      busy.set(key, 1)
      // In order: what came before is done with, or before it in this batch.
      const inBatch = messages.filter((message) => message.key === key).map(({ id }) => id)
      const left = broker.messages.filter((message) => message.key === key && message.state === 'there')
      const expected = left.slice(0, inBatch.length).map(({ id }) => id)
      if (inBatch.join() !== expected.join()) seen.violations.push(`${inBatch.join()} instead of ${expected.join()}`)
    }
    const next = answers.shift() ?? { kind: 'ok', bad: [], ms: 0 }
    await pause(timers, next.ms, new AbortController().signal)
    const result = resultOf(next, call)
    if (mine === seen.crashes) for (const key of keys) busy.delete(key)
    if (mine !== seen.crashes) return result
    const counts = result.kind === 'success' || result.kind === 'error'
    if (counts) for (const id of call.ids) seen.attempts.set(id, (seen.attempts.get(id) ?? 0) + 1)
    const named = next.kind === 'some' && reports ? next.bad.flatMap((at) => call.ids[at] ?? []) : []
    const whole = next.kind === 'unknown' && reports
    if (result.kind === 'success' && !whole) for (const id of call.ids) if (!named.includes(id)) seen.succeeded.add(id)
    return result
  }
}

async function play(harness: Harness, steps: readonly object[], keyed: boolean, seen: Seen): Promise<void> {
  for (const each of steps) {
    if ('send' in each) for (const key of each.send as string[]) harness.broker.send(key, keyed ? { key } : {})
    else if ('wait' in each) await harness.advance(each.wait as number)
    else {
      seen.crashes++
      await harness.crash()
    }
    await settle()
  }
  // Time enough for everything, with a function that has become well.
  for (let round = 0; round < 40 && harness.broker.left().length > 0; round++) await harness.advance(61_000)
}

it('queues: every record succeeds or is dead-lettered, in the order of its group', async () => {
  let dead = 0
  await fc.assert(
    fc.asyncProperty(
      history,
      fc.constantFrom(2, 5),
      async ({ steps, answers, keyed, reports, ...settings }, maxReceives) => {
        const seen: Seen = { succeeded: new Set(), attempts: new Map(), crashes: 0, violations: [] }
        const harness = createHarness({ maxReceives })
        follow(harness, [...answers], reports, seen)
        await harness.map({
          batchSize: settings.batchSize,
          batchingWindowSeconds: settings.window,
          reportsBatchItemFailures: reports,
        })
        await play(harness, steps, keyed, seen)
        expect(seen.violations).toEqual([])
        expect(harness.broker.left()).toEqual([])
        for (const { id, state, receives } of harness.broker.messages) {
          expect([id, state === 'done' ? seen.succeeded.has(id) : receives]).toEqual([
            id,
            state === 'done' ? true : maxReceives,
          ])
          expect(seen.attempts.get(id) ?? 0).toBeLessThanOrEqual(maxReceives)
          if (state === 'dead') dead++
        }
        expect(harness.slots.used).toBe(0)
        await harness.mappings[Symbol.asyncDispose]()
      },
    ),
    { numRuns: 300 },
  )
  expect(dead).toBeGreaterThan(0)
}, 120_000)

it('streams: every record succeeds or goes to the destination, in the order of its key', async () => {
  let given = 0
  const limits = fc.record({
    maximumRetryAttempts: fc.constantFrom(-1, 0, 2),
    maximumRecordAgeSeconds: fc.constantFrom(-1, 60),
    bisectBatchOnFunctionError: fc.boolean(),
    parallelizationFactor: fc.constantFrom(1, 3),
  })
  await fc.assert(
    fc.asyncProperty(history, limits, async ({ steps, answers, keyed, reports, ...settings }, bounds) => {
      const seen: Seen = { succeeded: new Set(), attempts: new Map(), crashes: 0, violations: [] }
      const harness = createHarness({ kind: 'stream' })
      follow(harness, [...answers], reports, seen)
      const onFailure = 'arn:aws:sqs:us-east-1:111111111111:failed'
      await harness.map({
        batchSize: settings.batchSize,
        batchingWindowSeconds: settings.window,
        reportsBatchItemFailures: reports,
        onFailure,
        ...bounds,
      })
      await play(harness, steps, keyed, seen)
      expect(seen.violations).toEqual([])
      expect(harness.broker.left()).toEqual([])
      const told = new Set(
        harness.failures.flatMap(({ body }) => {
          const { payload } = body as { payload: string }
          return (JSON.parse(payload) as { Records: { messageId: string }[] }).Records.map(({ messageId }) => messageId)
        }),
      )
      for (const { id } of harness.broker.messages) {
        expect([id, seen.succeeded.has(id) || told.has(id)]).toEqual([id, true])
        const { maximumRetryAttempts: retries, bisectBatchOnFunctionError: splits } = bounds
        // A split costs nothing, and there are no more than the batch has records; each life counts anew.
        const most = (1 + retries + (splits ? settings.batchSize : 0)) * (1 + seen.crashes)
        expect(seen.attempts.get(id) ?? 0).toBeLessThanOrEqual(retries === -1 ? Number.POSITIVE_INFINITY : most)
      }
      if (told.size > 0) given++
      expect(harness.slots.used).toBe(0)
      await harness.mappings[Symbol.asyncDispose]()
    }),
    { numRuns: 300 },
  )
  expect(given).toBeGreaterThan(0)
}, 120_000)
