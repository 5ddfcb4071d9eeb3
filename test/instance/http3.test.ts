/** Components of WASI 0.3 that do what they must not, or leave everything behind: their instances are pristine after it. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { InvocationResult } from '../../src/invocation.ts'
import { TestExchange } from '../support/http-exchange.ts'
import { watHttpGuest } from '../support/http-guests.ts'
import { testRuntime, type TestRuntime } from '../support/runtime.ts'

let rt: TestRuntime

beforeAll(async () => {
  rt = await testRuntime()
})
afterAll(async () => {
  await rt[Symbol.asyncDispose]()
})

interface Answer {
  exchange: TestExchange
  outcome: InvocationResult['outcome']
}

/** Two invocations, of the same instance where the first leaves it whole. */
async function twice(name: string, timeoutMs = 10_000): Promise<Answer[]> {
  const spec = await rt.deploy(await watHttpGuest('0.3', name), { timeoutMs })
  const answers: Answer[] = []
  for (let i = 0; i < 2; i++) {
    const exchange = new TestExchange('/', { method: 'POST', body: 'question' })
    const { outcome } = await rt.invoke(spec, '', { http: exchange })
    answers.push({ exchange, outcome })
  }
  expect(rt.impurities).toEqual([])
  return answers
}

/** The error's type and the reason after the request id; or that there is none. */
function said({ outcome }: Answer): string {
  if (outcome.kind === 'success') return 'success'
  const { errorType, errorMessage } = outcome.failure
  return `${errorType}: ${errorMessage.replace(/^RequestId: \S+ /, '')}`
}

test.each([
  ['p3-end-twice', /Trap.*unknown handle|Trap.*used as a writable-stream/],
  ['p3-write-after-end', /Trap.*unknown handle|Trap.*used as a writable-stream/],
  ['p3-trailers-twice', /Trap.*after its other end has gone/],
  ['p3-drop-waiting', /Trap.*a subtask is dropped while it is under way/],
  ['p3-no-callback-code', /Trap.*the callback returned 7/],
])('%s traps, each time in an instance of its own', async (name, reason) => {
  const answers = await twice(name)
  for (const answer of answers) {
    expect(said(answer)).toMatch(reason)
    // Of what the guest ended twice, the first time counts.
    expect([answer.exchange.status, answer.exchange.sink.ended]).toEqual([200, undefined])
    expect(answer.exchange.sink.failure).toBeDefined()
  }
})

test('leaving everything open: the body is not whole, the next invocation is as the first', async () => {
  for (const answer of await twice('p3-leak-all')) {
    const why = 'the invocation ended before the body did'
    expect(said(answer)).toBe(`Runtime.InvalidResponse: the function's response is not whole: ${why}`)
    expect([answer.exchange.status, answer.exchange.body, answer.exchange.sink.ended]).toEqual([200, 'left', undefined])
    expect(answer.exchange.sink.failure?.message).toBe(why)
  }
})

test('waiting for ever ends at the deadline, after an answer that was whole', async () => {
  for (const answer of await twice('p3-wait-for-ever', 300)) {
    expect(said(answer)).toBe('Sandbox.Timedout: Error: Task timed out after 0.30 seconds')
    expect(answer.exchange.sink.ended).toEqual([])
  }
})

test('what goes on after the answer is over before the instance is reset', async () => {
  const startedMs = performance.now()
  for (const answer of await twice('p3-after')) {
    expect(said(answer)).toBe('success')
    expect(answer.exchange.sink.ended).toEqual([])
  }
  expect(performance.now() - startedMs).toBeGreaterThan(40)
})

test('a wait that is cancelled holds nothing up', async () => {
  for (const answer of await twice('p3-cancel-wait')) {
    expect(said(answer)).toBe('success')
    expect(answer.exchange.sink.ended).toEqual([])
  }
})
