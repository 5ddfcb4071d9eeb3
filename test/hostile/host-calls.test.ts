import { afterAll, beforeAll, expect, test } from 'vitest'
import { watGuest } from '../support/guests.ts'
import { payloadText } from '../support/runtime.ts'
import { hostileRuntime, reason, type HostileRuntime } from './support.ts'

let runtime: HostileRuntime
beforeAll(async () => {
  runtime = await hostileRuntime()
})
afterAll(() => runtime[Symbol.asyncDispose]())

test.each([
  ['random-huge', /limit hostCallBytes/],
  ['handle-leak', /limit handles/],
  ['pollable-leak', /limit handles/],
  ['poll-storm', /limit handles/],
])('%s hits a limit, which the error names', async (name, limit) => {
  const guest = await runtime.deploy(await watGuest(name))
  const failure = await runtime.contained(guest)
  expect(failure.errorType).toBe('Runtime.LimitExceeded')
  expect(failure.errorMessage).toMatch(limit)
})

test('a flood of log is cut at the limit, and what was cut is counted', async () => {
  const guest = await runtime.deploy(await watGuest('log-flood'))
  const result = await runtime.invoke(guest, 'done')
  const { logBytes } = runtime.config.limits
  expect(payloadText(result)).toBe('done')
  expect(result.log).toBe('x'.repeat(logBytes))
  expect(result.logDroppedBytes).toBe(4_096 * 1_000 - logBytes)
  await runtime.assertNeighbour()
})

test('a giant response is refused', async () => {
  const guest = await runtime.deploy(await watGuest('giant-response'))
  expect(reason(await runtime.contained(guest))).toBe(
    'Function.ResponseSizeTooLarge: Response payload size exceeded maximum allowed payload size (6291556 bytes).',
  )
})
