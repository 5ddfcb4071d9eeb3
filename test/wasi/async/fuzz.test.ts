/** Hostile guests of WASI 0.3: any order of built-ins and calls ends in an answer, or in one of the errors there are. */
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { EgressError } from '../../../src/http/egress.ts'
import { offeredFunctions } from '../../../src/wasi/offered.ts'
import { TestEgress, TestExchange, TestSink } from '../bodies.ts'
import { isAllowed } from '../fuzz-support.ts'
import { builtinStep, callStep, type Step } from './fuzz-steps.ts'
import { AsyncGuest } from './support.ts'

const HANDLES = 24
const files = { temporaryBytes: 100_000, package: undefined }

// exit ends the invocation, and with it the sequence.
const functions = offeredFunctions().filter(([iface]) => iface.endsWith('@0.3') && !iface.includes('exit'))

/** What well-behaved guests do: without these, few sequences would get anywhere. */
const good: readonly Step[] = [
  (guest) => guest.streams(),
  (guest) => guest.message('response'),
  (guest) => guest.message('request', { body: false }),
  (guest) => {
    const request = guest.requestOnce()
    if (request !== undefined) guest.consume('request', request)
  },
  (guest) => {
    if (guest.exchange.response === undefined && guest.exchange.failure === undefined)
      guest.answer(guest.message('response').message)
  },
  (guest) => {
    const { message } = guest.message('request')
    guest.types('[method]request.set-authority', message, 'example.com')
    guest.sendAsync(message)
  },
]

const around: readonly Step[] = [
  ({ exchange }) => exchange.body.push('abc'),
  ({ exchange }) => exchange.body.end([['x-sum', '1']]),
  ({ exchange }) => exchange.body.fail('aborted'),
  ({ exchange }) => exchange.sink.take(5),
  ({ exchange }) => exchange.sink.refuse('aborted'),
  ({ egress }) => egress.exchanges.at(-1)?.respond(200, [['a', 'b']]),
  ({ egress }) => egress.exchanges.at(-1)?.source.push('xyz'),
  ({ egress }) => egress.exchanges.at(-1)?.fail(new EgressError('DNS-timeout', 'too late')),
  ({ egress }) => egress.exchanges.at(-1)?.body.refuse('too-large'),
  () => new Promise((resolve) => setImmediate(resolve)),
]

const step = fc.oneof(
  { weight: 10, arbitrary: builtinStep },
  { weight: 4, arbitrary: fc.oneof(...functions.map(callStep)) },
  { weight: 4, arbitrary: fc.constantFrom(...good) },
  { weight: 3, arbitrary: fc.constantFrom(...around) },
)
const steps = fc.array(step, { minLength: 1, maxLength: 50, size: 'max' })

const unhandled: unknown[] = []
const note = (error: unknown) => void unhandled.push(error)
beforeAll(() => void process.on('unhandledRejection', note))
afterAll(() => void process.off('unhandledRejection', note))

/** What a sequence comes to. After a failure it goes on with what is open: such a guest gets no further by itself. */
async function run(guest: AsyncGuest, sequence: readonly Step[]): Promise<{ done: number; unexpected: unknown[] }> {
  const unexpected: unknown[] = []
  const waits: Promise<unknown>[] = []
  let done = 0
  for (const step of sequence) {
    // What is suspended is one guest's only stack: it can do nothing before that goes on.
    if (waits.length > 3) break
    try {
      const answer = step(guest)
      if (answer instanceof Promise && guest.host.pendingWaits === 0) await answer
      else if (answer instanceof Promise) {
        waits.push(answer)
        answer.catch(() => undefined)
      }
      done += 1
    } catch (error) {
      if (!isAllowed(error)) unexpected.push(error)
      if (guest.host.pendingWaits > 0) break
      guest.begin({ http: guest.exchange, egress: guest.egress, files })
    }
  }
  guest.host.end()
  for (const { status, ...rest } of await Promise.allSettled(waits))
    if (status === 'rejected' && 'reason' in rest && !isAllowed(rest.reason)) unexpected.push(rest.reason)
  return { done, unexpected }
}

function newGuest(): AsyncGuest {
  const exchange = new TestExchange({}, new TestSink(6))
  const limits = { handles: HANDLES, hostCallBytes: 2_000, httpFieldBytes: 400, httpHeldBytes: 1_000 }
  return new AsyncGuest({ exchange, limits, files })
}

/** What is left of an invocation that has ended: nothing may be. */
function left(guest: AsyncGuest): unknown {
  const { exchange, egress, host } = guest
  const sinks = [exchange.sink, ...egress.exchanges.map(({ body }) => body)]
  const sources = [exchange.body, ...egress.exchanges.map(({ source }) => source)]
  return {
    open: host.openHandles,
    held: host.heldBytes,
    waits: host.pendingWaits,
    listeners: [...sinks, ...sources].filter(({ listeners }) => listeners > 0).length,
    openSinks: [
      ...(exchange.response === undefined ? [] : [exchange.sink]),
      ...egress.exchanges.map(({ body }) => body),
    ].filter(({ outcome, failure }) => outcome === undefined && failure === undefined).length,
    requestCancelled: exchange.body.cancelled,
  }
}

const nothing = { open: 0, held: 0, waits: 0, listeners: 0, openSinks: 0, requestCancelled: true }

test('only the errors there are come out, and nothing is left', async () => {
  const property = fc.asyncProperty(steps, async (sequence) => {
    const guest = newGuest()
    const pristine = guest.host.stateHash()
    const { unexpected } = await run(guest, sequence)
    // What a promise does after the end has had its turn.
    await new Promise((resolve) => setImmediate(resolve))
    guest.host.reset([])
    expect({ unexpected, left: left(guest), state: guest.host.stateHash() }).toEqual({
      unexpected: [],
      left: nothing,
      state: pristine,
    })
  })
  await fc.assert(property, { numRuns: 500 })
  expect(unhandled).toEqual([])
})

test('an instance that ended one invocation serves the next as a fresh one does', async () => {
  const property = fc.asyncProperty(steps, async (sequence) => {
    const guest = newGuest()
    await run(guest, sequence)
    if (guest.host.abandoned) return
    guest.host.reset([])
    guest.begin({ http: new TestExchange(), egress: new TestEgress() })
    const { readable, writable } = guest.streams()
    expect([readable, writable]).toEqual([1, 2])
    expect(guest.readSome(readable, 4)).toBe(0xffff_ffff)
    expect(guest.writeText(writable, 'abcd')).toBe(4 << 4)
    guest.host.end()
  })
  await fc.assert(property, { numRuns: 200 })
})

test('the fuzz reaches success, not only errors', async () => {
  const samples = fc.sample(steps, { numRuns: 200, seed: 1 })
  const outcomes = await Promise.all(samples.map((sequence) => run(newGuest(), sequence)))
  const done = outcomes.reduce((sum, outcome) => sum + outcome.done, 0)
  expect(done / samples.length).toBeGreaterThan(8)
})
