import { afterAll, beforeAll, expect, test } from 'vitest'
import { watGuest } from '../support/guests.ts'
import { hostileRuntime, type HostileRuntime } from './support.ts'

let runtime: HostileRuntime
beforeAll(async () => {
  runtime = await hostileRuntime()
})
afterAll(() => runtime[Symbol.asyncDispose]())

test.each([
  ['null', '(i32.const 0)', /unreachable/],
  ['past the end', '(i32.const -8)', /out of bounds/],
  ['at the very end', '(i32.const 131072)', /out of bounds/],
  ['unaligned', '(i32.const 4097)', /not aligned/],
  ['itself: a trap', '(unreachable)', /unreachable/],
  ['after a wait', '(call $block (call $timer (i64.const 1000000))) (i32.const 4096)', /suspend/],
])('an allocator that answers %s', async (_name, body, error) => {
  const guest = await runtime.deploy(await watGuest('realloc', { body }))
  const failure = await runtime.contained(guest, 'an event')
  expect(failure.errorType).toBe('Runtime.Trap')
  expect(failure.errorMessage).toMatch(error)
})
