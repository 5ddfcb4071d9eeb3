import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { InvocationResult } from '../../src/invocation.ts'
import type { Batch } from '../../src/worker/messages.ts'
import { Telemetry } from '../../src/worker/telemetry.ts'
import { specOf } from './support/harness.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const result: InvocationResult = {
  outcome: { kind: 'success', payload: new Uint8Array() },
  report: { start: 'warm', initMs: undefined, restoreMs: undefined, durationMs: 1.5, cpuMs: 1, maxMemoryBytes: 1 },
  log: '',
  logDroppedBytes: 0,
}
const nameA = '000000000000/a'
const nameB = '000000000000/b'
const [a, b] = [specOf('a', { memoryMb: 512 }), specOf('b')]

/** A channel that takes a batch when told. */
function channel() {
  const batches: Batch[] = []
  const taken: (() => void)[] = []
  const telemetry = new Telemetry({
    send: (batch) => {
      batches.push(batch)
      return new Promise((resolve) => {
        taken.push(resolve)
      })
    },
  })
  const take = async (): Promise<void> => {
    taken.shift()?.()
    await vi.advanceTimersByTimeAsync(0)
  }
  return { batches, telemetry, take }
}

test('records of 100 ms go together, by function', async () => {
  const { batches, telemetry } = channel()
  telemetry.invoked(a, result, 'one\n')
  telemetry.invoked(b, result, 'two\n')
  await vi.advanceTimersByTimeAsync(99)
  expect(batches).toEqual([])
  telemetry.invoked(
    a,
    { ...result, outcome: { kind: 'failure', failure: { errorType: 'E', errorMessage: '' } } },
    'three\n',
  )
  telemetry.throttled(b)
  await vi.advanceTimersByTimeAsync(1)
  expect(batches).toHaveLength(1)
  expect(batches[0]?.logs).toEqual({ [nameA]: 'one\nthree\n', [nameB]: 'two\n' })
  expect(batches[0]?.usage).toEqual({
    [nameA]: { invocations: 2, errors: 1, throttles: 0, durationMs: 3, cpuMs: 2, gbSeconds: 2 * 0.5 * 0.002 },
    [nameB]: { invocations: 1, errors: 0, throttles: 1, durationMs: 1.5, cpuMs: 1, gbSeconds: 0.125 * 0.002 },
  })
})

test('much text goes at once, and the next batch waits for the channel', async () => {
  const { batches, telemetry, take } = channel()
  const text = `${'x'.repeat(262_143)}\n`
  telemetry.invoked(a, result, text)
  expect(batches).toHaveLength(1)
  telemetry.invoked(a, result, text)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(batches).toHaveLength(1)
  await take()
  expect(batches).toHaveLength(2)
})

test('while the channel is slow the oldest logs go, counted; usage stays', async () => {
  const { batches, telemetry, take } = channel()
  telemetry.invoked(b, result, `${'x'.repeat(262_143)}\n`)
  const line = `${'y'.repeat(1_023)}\n`
  for (let i = 0; i < 5_000; i++) telemetry.invoked(a, result, line)
  await take()
  const log = batches[1]?.logs[nameA] ?? ''
  expect(log).toMatch(/^\[thaw\] the logs of 904 invocations dropped: more than 4194304 bytes were waiting\ny/)
  expect(log.match(/^y+$/gm)).toHaveLength(4_096)
  expect(batches[1]?.usage[nameA]?.invocations).toBe(5_000)
})

test('flushAll leaves nothing', async () => {
  const { batches, telemetry, take } = channel()
  telemetry.invoked(a, result, 'one\n')
  telemetry.flush()
  telemetry.invoked(a, result, 'two\n')
  const flushed = telemetry.flushAll()
  await take()
  await take()
  await flushed
  expect(batches.map(({ logs }) => logs[nameA])).toEqual(['one\n', 'two\n'])
})
