import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { watGuest } from '../support/guests.ts'
import { payloadText } from '../support/runtime.ts'
import { hostileRuntime, reason, type HostileRuntime } from './support.ts'

let runtime: HostileRuntime
beforeAll(async () => {
  runtime = await hostileRuntime()
})
afterAll(() => runtime[Symbol.asyncDispose]())

describe('a handler that traps gives its own error', () => {
  const traps: [name: string, body: string, error: RegExp][] = [
    ['unreachable', '(unreachable)', /^Runtime\.Trap: Runtime exited with error: wasm trap: unreachable$/],
    ['load past the end of memory', '(i32.load (i32.const -4))', /^Runtime\.Trap: .*memory access out of bounds/],
    [
      'store past the end',
      '(i32.store (i32.const 0x7fffffff) (i32.const 1)) (i32.const 0)',
      /memory access out of bounds/,
    ],
    [
      'memory.fill past the end',
      '(memory.fill (i32.const 131000) (i32.const 1) (i32.const 1000)) (i32.const 0)',
      /^Runtime\.Trap: .*memory access out of bounds/,
    ],
    ['division by zero', '(i32.div_u (i32.const 1) (i32.load (i32.const 4000)))', /^Runtime\.Trap: .*divide by zero/],
    [
      'division overflow',
      '(i32.div_s (i32.const 0x80000000) (i32.const -1))',
      /^Runtime\.Trap: .*divide result unrepresentable/,
    ],
    ['float that fits no integer', '(i32.trunc_f64_s (f64.const 1e300))', /^Runtime\.Trap: .*float unrepresentable/],
    [
      'indirect call of another type',
      '(call_indirect (type $number) (i32.const 0))',
      /^Runtime\.Trap: .*(signature|mismatch)/,
    ],
    [
      'indirect call of nothing',
      '(call_indirect (type $none) (i32.const 2)) (i32.const 0)',
      /^Runtime\.Trap: .*(signature|null function)/,
    ],
    [
      'indirect call past the end',
      '(call_indirect (type $none) (i32.const 99)) (i32.const 0)',
      /^Runtime\.Trap: .*table index is out of bounds/,
    ],
    ['unknown handle', '(call $block (i32.const 7)) (i32.const 0)', /^Runtime\.Trap: .*unknown handle 7/],
    [
      'exit',
      '(call $exit (i32.const 0)) (unreachable)',
      /^Runtime\.ExitError: Runtime exited without providing a reason$/,
    ],
    [
      'exit with an error',
      '(call $exit (i32.const 1)) (unreachable)',
      /^Runtime\.ExitError: Runtime exited with error: exit status 1$/,
    ],
  ]
  test.each(traps)('%s', async (_name, body, error) => {
    const guest = await runtime.deploy(await watGuest('handle-body', { body }))
    expect(reason(await runtime.contained(guest))).toMatch(error)
    // Every time, on whatever instance.
    expect(reason(await runtime.contained(guest))).toMatch(error)
  })
})

describe('a result that is not one', () => {
  const results: [name: string, body: string, error: RegExp][] = [
    ['unaligned', '(i32.const 2)', /not aligned/],
    ['past the end', '(i32.const -4)', /out of bounds/],
    ['reaching past the end', '(i32.const 131060)', /out of bounds/],
    ['no case of a result', '(i32.store8 (i32.const 16) (i32.const 2)) (i32.const 16)', /invalid discriminant 2/],
    ['payload past the end', '(call $ok (i32.const 131071) (i32.const 2))', /out of bounds/],
    ['payload that wraps around', '(call $ok (i32.const -1) (i32.const 2))', /out of bounds/],
    [
      'error whose type is past the end',
      '(i32.store8 (i32.const 16) (i32.const 1)) (i32.store (i32.const 24) (i32.const -1)) (i32.const 16)',
      /out of bounds/,
    ],
    [
      'error whose trace is past the end',
      '(i32.store8 (i32.const 16) (i32.const 1)) (i32.store (i32.const 40) (i32.const -1)) (i32.const 16)',
      /out of bounds/,
    ],
    [
      'error whose trace is not aligned',
      '(i32.store8 (i32.const 16) (i32.const 1)) (i32.store (i32.const 36) (i32.const 2)) (i32.const 16)',
      /not aligned/,
    ],
  ]
  test.each(results)('%s', async (_name, body, error) => {
    const guest = await runtime.deploy(await watGuest('handle-body', { body }))
    const failure = await runtime.contained(guest)
    expect(failure.errorType).toBe('Runtime.Trap')
    expect(failure.errorMessage).toMatch(error)
  })
})

test('deep recursion is a stack overflow of the guest', async () => {
  const guest = await runtime.deploy(await watGuest('deep-recursion'))
  expect(reason(await runtime.contained(guest))).toBe('Runtime.StackOverflow: Maximum call stack size exceeded')
})

describe('while it cleans up after its answer', () => {
  test('a trap', async () => {
    const guest = await runtime.deploy(await watGuest('post-return', { body: '(unreachable)' }))
    expect(reason(await runtime.contained(guest, 'hello'))).toMatch(/^Runtime\.Trap: .*unreachable/)
  })

  test('a wait: the answer stands', async () => {
    const body = '(call $block (call $timer (i64.const 1000000)))'
    const guest = await runtime.deploy(await watGuest('post-return', { body }))
    expect(payloadText(await runtime.invoke(guest, 'hello'))).toBe('hello')
    await runtime.assertNeighbour()
  })
})

describe('an asynchronous lift', () => {
  const deploy = async (start: string, again = '(unreachable)') =>
    runtime.deploy(await watGuest('async', { start, again }))

  test('that answers twice', async () => {
    const guest = await deploy(
      '(call $answer (i32.const 0) (i32.const 0)) (call $answer (i32.const 0) (i32.const 0)) (i32.const 0)',
    )
    expect(reason(await runtime.contained(guest))).toMatch(/^Runtime\.Trap: .*task\.return called twice/)
  })

  test('that waits on a set of which there is none', async () => {
    expect(reason(await runtime.contained(await deploy('(i32.const 0x12)')))).toMatch(
      /^Runtime\.Trap: .*unknown handle 1 used as a waitable-set/,
    )
  })

  test('that answers with an unknown callback code', async () => {
    expect(reason(await runtime.contained(await deploy('(i32.const 9)')))).toMatch(
      /^Runtime\.Trap: .*the callback returned 9/,
    )
  })

  test('that exits without an answer', async () => {
    expect(reason(await runtime.contained(await deploy('(i32.const 0)')))).toMatch(
      /^Runtime\.ExitError: .*still pending/,
    )
  })

  test('that traps in its callback', async () => {
    expect(reason(await runtime.contained(await deploy('(i32.const 1)')))).toMatch(/^Runtime\.Trap: .*unreachable/)
  })

  test('that yields for ever', async () => {
    const guest = await deploy('(i32.const 1)', '(i32.const 1)')
    expect(reason(await runtime.contained({ ...guest, timeoutMs: 20 }))).toBe(
      'Sandbox.Timedout: Task timed out after 0.02 seconds',
    )
  })

  test('that answers with a payload past the end', async () => {
    const guest = await deploy('(call $answer (i32.const 131071) (i32.const 2)) (i32.const 0)')
    expect(reason(await runtime.contained(guest))).toMatch(/^Runtime\.Trap: .*out of bounds/)
  })
})

describe('a turn of its event loop', () => {
  test('that traps', async () => {
    const guest = await runtime.deploy(await watGuest('event-loop', { turn: '(unreachable)' }))
    expect(reason(await runtime.contained(guest))).toMatch(/^Runtime\.Trap: .*unreachable/)
  })

  test('that answers nothing', async () => {
    const guest = await runtime.deploy(await watGuest('event-loop', { turn: '(i32.const 0)' }))
    expect(reason(await runtime.contained(guest))).toMatch(/^Runtime\.ExitError: .*still pending/)
  })
})
