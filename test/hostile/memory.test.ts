import { afterAll, beforeAll, expect, test } from 'vitest'
import { watGuest } from '../support/guests.ts'
import { payloadText } from '../support/runtime.ts'
import { hostileRuntime, reason, type HostileRuntime } from './support.ts'

const MiB = 1_048_576

let runtime: HostileRuntime
beforeAll(async () => {
  runtime = await hostileRuntime()
})
afterAll(() => runtime[Symbol.asyncDispose]())

test.each(['memory-bomb', 'memories-bomb', 'table-bomb', 'random-storm'])(
  '%s is stopped by the memory limit, which the error names',
  async (name) => {
    const guest = await runtime.deploy(await watGuest(name))
    expect(reason(await runtime.contained(guest))).toBe(
      'Runtime.OutOfMemory: Memory limit exceeded: MemorySize is 128 MB (unreachable)',
    )
  },
)

test('several memories together may have what one may have', async () => {
  const guest = await runtime.deploy(await watGuest('memories-greedy'))
  const { outcome, report } = await runtime.invoke(guest)
  // As the guest counts them: what the host reports comes from where the limit is held.
  const pages = outcome.kind === 'success' ? Buffer.from(outcome.payload).readUInt32LE(0) : 0
  expect(pages).toBeLessThanOrEqual((128 * MiB) / 65_536)
  expect(pages).toBeGreaterThan((127 * MiB) / 65_536)
  expect(report.maxMemoryBytes).toBe(pages * 65_536)
})

test('a larger MemorySize is a larger limit', async () => {
  const guest = await runtime.deploy(await watGuest('memory-bomb'), { memoryMb: 200 })
  const { report } = await runtime.invoke(guest)
  expect(report.maxMemoryBytes).toBeGreaterThan(190 * MiB)
  expect(report.maxMemoryBytes).toBeLessThanOrEqual(200 * MiB)
})

test('a guest that copes with the refusal answers', async () => {
  const guest = await runtime.deploy(await watGuest('memory-gives-up'))
  for (let round = 0; round < 3; round++) {
    const result = await runtime.invoke(guest, 'still here')
    expect(payloadText(result)).toBe('still here')
    expect(result.report.maxMemoryBytes).toBeGreaterThan(120 * MiB)
  }
})

test('what the bombs took is given back', async () => {
  const guest = await runtime.deploy(await watGuest('memory-bomb'))
  await runtime.contained(guest)
  const before = process.memoryUsage().rss
  for (let round = 0; round < 30; round++) await runtime.contained(guest)
  // 30 times 128 MiB of address space, a page of each touched; the process has gained next to nothing.
  expect(process.memoryUsage().rss - before).toBeLessThan(256 * MiB)
})
