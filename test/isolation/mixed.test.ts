/**
 * 10,000 invocations at random over 50 functions that share one runtime, with an idle budget that forces eviction and
 * re-imaging all the time: no answer, error or log ever has in it what another invocation left.
 */
import { expect, test } from 'vitest'
import type { FunctionSpec, InvocationResult } from '../../src/invocation.ts'
import { testRuntime, type TestRuntime } from '../support/runtime.ts'
import { assemblyscriptHoarder, javascriptHoarder, watHoarder, type End, type Hoarder } from './support.ts'

const invocations = 10_000
const concurrency = 20
const seed = Number(process.env.THAW_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32))

/** How often each end comes, in a thousand; the rest returns. */
const shares: [end: End, share: number][] = [
  ['wait', 30],
  ['throw', 80],
  ['trap', 30],
  ['exit', 20],
  ['grow', 20],
  ['overflow', 10],
  ['hang', 20],
  ['spin', 10],
]

/** mulberry32: small, and the same everywhere for a seed. */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function pickEnd(random: () => number, guest: Hoarder): End {
  let left = random() * 1_000
  for (const [end, share] of shares) {
    left -= share
    if (left < 0) return guest.answers.includes(end) || guest.failures[end] !== undefined ? end : 'return'
  }
  return 'return'
}

async function functions(runtime: TestRuntime): Promise<{ guest: Hoarder; spec: FunctionSpec }[]> {
  const deployed: { guest: Hoarder; spec: FunctionSpec }[] = []
  for (let index = 0; index < 50; index++) {
    const make = index < 30 ? javascriptHoarder : index < 40 ? assemblyscriptHoarder : watHoarder
    const guest = await make(index)
    deployed.push({ guest, spec: await runtime.deploy(guest.code) })
  }
  return deployed
}

test(`10,000 invocations over 50 functions, seed ${seed}`, { timeout: 240_000 }, async () => {
  await using runtime = await testRuntime({ limits: { idleInstances: 24, idleTrimMs: 200 } })
  const deployed = await functions(runtime)
  expect(new Set(deployed.slice(0, 30).map(({ spec }) => spec.engine)).size).toBe(1)
  expect(new Set(deployed.map(({ spec }) => spec.snapshot)).size).toBe(50)
  const random = randomNumbers(seed)
  const starts = { cold: 0, restore: 0, warm: 0 }
  const ends: Partial<Record<End, number>> = {}
  const breaches: string[] = []
  let next = 0

  async function one(): Promise<void> {
    const number = next++
    const chosen = deployed[Math.floor(random() * deployed.length)]
    if (chosen === undefined) throw new Error('no function')
    const { guest, spec } = chosen
    const end = pickEnd(random, guest)
    ends[end] = (ends[end] ?? 0) + 1
    const stain = `stain-${String(number).padStart(6, '0')}`
    const turns = Math.floor(random() * 5)
    const caller = new AbortController()
    const running = runtime.invoke(
      end === 'spin' ? { ...spec, timeoutMs: 20 } : { ...spec, timeoutMs: 60_000 },
      guest.event(end, stain),
      {
        signal: caller.signal,
      },
    )
    if (end === 'hang') {
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate)
      caller.abort()
    }
    const result = await running
    starts[result.report.start]++
    const breach = breachOf(guest, end, stain, result)
    if (breach !== undefined) breaches.push(`invocation ${number}, ${guest.kind} ${guest.canary}, ${end}: ${breach}`)
  }

  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (next < invocations && breaches.length < 10) await one()
    }),
  )
  console.log(JSON.stringify({ seed, starts, ends, stats: runtime.runtime.stats() }))
  expect(breaches).toEqual([])
  expect(runtime.impurities).toEqual([])
  expect(runtime.runtime.stats().live).toBe(0)
  // All ways to get an instance had their part.
  expect(starts.warm).toBeGreaterThan(500)
  expect(starts.restore).toBeGreaterThan(500)
  expect(starts.cold).toBeGreaterThan(50)
})

/** What is wrong with a result, if anything: it must be exactly what an invocation gives that is alone in the world. */
function breachOf(guest: Hoarder, end: End, stain: string, { outcome, log }: InvocationResult): string | undefined {
  const foreign = [...log.matchAll(/stain-\d{6}|canary-of-function-\d{3}/g)].find(([found]) => found !== stain)
  if (foreign !== undefined) return `its log has ${foreign[0]}`
  if (guest.answers.includes(end)) {
    if (outcome.kind === 'failure') return `failed: ${outcome.failure.errorType}: ${outcome.failure.errorMessage}`
    const text = Buffer.from(outcome.payload).toString()
    return text === guest.pristine ? undefined : `answered ${text}`
  }
  if (outcome.kind === 'success') return 'answered instead of failing'
  const { errorType, errorMessage } = outcome.failure
  if (errorType !== guest.failures[end]) return `failed with ${errorType}: ${errorMessage}`
  const own = end === 'throw' && !errorMessage.includes(stain) ? 'its error is not its own' : undefined
  return (
    own ?? (/stain-\d{6}/.exec(errorMessage.replaceAll(stain, '')) === null ? undefined : `its error: ${errorMessage}`)
  )
}
