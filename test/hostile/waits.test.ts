import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { watGuest } from '../support/guests.ts'
import { hostileRuntime, reason, type HostileRuntime } from './support.ts'

const timedOut = 'Sandbox.Timedout: Task timed out after 0.05 seconds'
const aborted = 'Runtime.Aborted: The caller closed the connection'
const blockForAnHour = '(call $block (call $timer (i64.const 3600000000000))) (unreachable)'

let runtime: HostileRuntime
beforeAll(async () => {
  runtime = await hostileRuntime()
})
afterAll(() => runtime[Symbol.asyncDispose]())

test('blocking for an hour ends at the deadline', async () => {
  const guest = await runtime.deploy(await watGuest('handle-body', { body: blockForAnHour }), { timeoutMs: 50 })
  expect(reason(await runtime.contained(guest))).toBe(timedOut)
})

test('a timer of 24 days and more ends at the deadline', async () => {
  for (const delay of ['2147483648', '-1']) {
    const turn = `(call $next (i32.const 1) (i64.const ${delay})) (i32.const 0)`
    const guest = await runtime.deploy(await watGuest('event-loop', { turn }), { timeoutMs: 50 })
    expect(reason(await runtime.contained(guest))).toBe(timedOut)
  }
})

test('a short wait and then a spin end at the deadline', async () => {
  const body = `(call $block (call $timer (i64.const 1000000))) (loop $forever (br $forever)) (unreachable)`
  const guest = await runtime.deploy(await watGuest('handle-body', { body }), { timeoutMs: 50 })
  expect(reason(await runtime.contained(guest))).toBe(timedOut)
})

test('waits without end end at the deadline, however they race with it', async () => {
  const body = `(loop $forever (call $block (call $timer (i64.const 100000))) (br $forever)) (unreachable)`
  const guest = await runtime.deploy(await watGuest('handle-body', { body }), { timeoutMs: 50 })
  const failures = await Promise.all(Array.from({ length: 40 }, () => runtime.invoke(guest)))
  for (const { outcome } of failures) expect(outcome.kind === 'failure' && reason(outcome.failure)).toBe(timedOut)
  await runtime.assertNeighbour()
})

describe('when the caller goes', () => {
  test('while the guest is blocked', async () => {
    const guest = await runtime.deploy(await watGuest('handle-body', { body: blockForAnHour }))
    const caller = new AbortController()
    setImmediate(() => caller.abort())
    expect(reason(await runtime.contained(guest, '', { signal: caller.signal }))).toBe(aborted)
  })

  test('while the guest spins', async () => {
    const guest = await runtime.deploy(await watGuest('infinite-loop'))
    const caller = new AbortController()
    setImmediate(() => caller.abort())
    expect(reason(await runtime.contained(guest, '', { signal: caller.signal }))).toBe(aborted)
  })

  test('while the guest waits for a timer of its event loop', async () => {
    const turn = '(call $next (i32.const 1) (i64.const 3600000)) (i32.const 0)'
    const guest = await runtime.deploy(await watGuest('event-loop', { turn }))
    const caller = new AbortController()
    setImmediate(() => caller.abort())
    expect(reason(await runtime.contained(guest, '', { signal: caller.signal }))).toBe(aborted)
  })

  test('while the guest runs, which then blocks', async () => {
    const caller = new AbortController()
    const environment = {
      get GONE() {
        caller.abort()
        return 'by the time this is read'
      },
    }
    const body = `(call $environment (i32.const 64)) ${blockForAnHour}`
    const guest = await runtime.deploy(await watGuest('handle-body', { body }), { environment })
    expect(reason(await runtime.contained(guest, '', { signal: caller.signal }))).toBe(aborted)
  })

  test.each([
    ['blocks', 'handle-body', blockForAnHour],
    ['spins', 'infinite-loop', ''],
    ['answers', 'echo', ''],
  ])('before a guest that %s has begun', async (_what, name, body) => {
    const guest = await runtime.deploy(await watGuest(name, { body }))
    expect(reason(await runtime.contained(guest, '', { signal: AbortSignal.abort() }))).toBe(aborted)
  })
})
