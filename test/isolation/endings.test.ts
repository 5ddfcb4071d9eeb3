/** However an invocation ends, the next one on that function finds nothing of it: every kind of guest, every way to restore. */
import { describe, expect, test } from 'vitest'
import type { FunctionSpec } from '../../src/invocation.ts'
import { probeRestoreWays } from '../../src/snapshot/restorer.ts'
import { payloadText, testRuntime, type TestRuntime } from '../support/runtime.ts'
import { hoarders, type End, type Hoarder } from './support.ts'

const ways = probeRestoreWays().filter(({ works }) => works)

test('every way to restore works on this system', () => {
  expect(ways.map(({ way }) => way)).toEqual(['scan', 'pagemap', 'copy'])
})

/** What it came to: the answer, or the type of the error. */
async function endBy(runtime: TestRuntime, spec: FunctionSpec, guest: Hoarder, end: End): Promise<string> {
  const caller = new AbortController()
  if (end === 'hang') setImmediate(() => caller.abort())
  const { outcome } = await runtime.invoke(
    end === 'spin' ? { ...spec, timeoutMs: 20 } : spec,
    guest.event(end, 'stain-of-the-invocation'),
    { signal: caller.signal },
  )
  return outcome.kind === 'success' ? Buffer.from(outcome.payload).toString() : outcome.failure.errorType
}

describe.each(ways)('restored by $way', ({ way }) => {
  describe.each(Object.entries(hoarders))('%s', (_kind, make) => {
    test('finds nothing after any end, at once or once reset', async () => {
      await using runtime = await testRuntime({ restore: way })
      expect(runtime.runtime.stats().way).toBe(way)
      const guest = await make(0)
      const spec = await runtime.deploy(guest.code)
      for (const end of guest.answers.concat(guest.failing)) {
        expect(await endBy(runtime, spec, guest, end)).toBe(guest.failures[end] ?? guest.pristine)
        // Before the reset has had its turn ...
        expect(payloadText(await runtime.invoke(spec, guest.event('return', 'at-once')))).toBe(guest.pristine)
        await new Promise(setImmediate)
        await new Promise(setImmediate)
        // ... and after it.
        expect(payloadText(await runtime.invoke(spec, guest.event('return', 'later')))).toBe(guest.pristine)
      }
      expect(runtime.impurities).toEqual([])
    })
  })
})
