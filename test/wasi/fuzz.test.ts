/** Hostile guests: any order of calls with any arguments ends in an answer or in one of the errors there are. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SnapshotHandle } from '../../src/snapshot/format.ts'
import type { CoreValue } from '../../src/wasi/abi/type.ts'
import { offeredFunctions } from '../../src/wasi/offered.ts'
import { anyI32, anyI64, DROP, flatOf, isAllowed, type Call, type FunctionName } from './fuzz-support.ts'
import { TestGuest } from './support.ts'

const captured: SnapshotHandle[] = [
  { handle: 1, kind: 'stdin' },
  { handle: 2, kind: 'stdout' },
  { handle: 4, kind: 'pollable-ready' },
]

const names = offeredFunctions()

// Mostly handles that may exist, which are also short lengths and low addresses; but a guest may pass any bits.
const i32 = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 5 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 2_000 }) },
  { weight: 1, arbitrary: anyI32 },
)
const i64 = fc.oneof({ weight: 3, arbitrary: fc.bigInt({ min: 0n, max: 5_000n }) }, { weight: 1, arbitrary: anyI64 })
const resultPtr = fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 16, max: 100 }).map((n) => n * 8) }, i32)

function callOf([iface, name]: FunctionName): fc.Arbitrary<Call> {
  const flat = flatOf([iface, name])
  const args = fc.tuple(...flat.map((type): fc.Arbitrary<CoreValue> => (type === 'i32' ? i32 : i64)), resultPtr)
  return args.map((values) => ({ iface, name, args: values }))
}

// Those with resources of their own take more than bits to get anywhere: http-fuzz.test.ts has that of HTTP.
const [particular, others] = [names.filter(isParticular), names.filter((name) => !isParticular(name))]
const call = fc.oneof(
  { weight: 1, arbitrary: fc.oneof(...particular.map(callOf)) },
  { weight: 9, arbitrary: fc.oneof(...others.map(callOf)) },
)
const calls = fc.array(call, { minLength: 1, maxLength: 60 })

function isParticular([iface]: FunctionName): boolean {
  return !/^wasi:(?:cli|clocks|io|random)\/[^@]*$/.test(iface) || iface === 'wasi:cli/exit'
}

function perform(guest: TestGuest, { iface, name, args }: Call): unknown {
  if (!name.startsWith(DROP)) return guest.call(iface, name, ...args)
  return guest.drop(iface, name.slice(DROP.length), Number(args[0]))
}

interface Outcome {
  succeeded: number
  /** Calls that wait: they are rejected when the invocation ends. */
  waits: unknown[]
  unexpected: unknown[]
}

function run(guest: TestGuest, sequence: readonly Call[]): Outcome {
  const outcome: Outcome = { succeeded: 0, waits: [], unexpected: [] }
  for (const call of sequence) {
    try {
      const result = perform(guest, call)
      if (result instanceof Promise) outcome.waits.push(result)
      outcome.succeeded += 1
    } catch (error) {
      if (!isAllowed(error)) outcome.unexpected.push(error)
    }
  }
  return outcome
}

/** Ends the invocation; resolves to everything that came out of it and must not have. */
async function end(guest: TestGuest, { waits, unexpected }: Outcome): Promise<unknown[]> {
  guest.host.end()
  const rejected = (await Promise.allSettled(waits)).flatMap((wait) =>
    wait.status === 'rejected' ? [wait.reason] : [],
  )
  return [...unexpected, ...rejected.filter((reason) => !isAllowed(reason))]
}

function pristineGuest(realloc?: TestGuest['realloc']): TestGuest {
  const limits = { handles: 10, hostCallBytes: 2_000 }
  const environment = { A: 'b' }
  const guest = new TestGuest(realloc === undefined ? { limits, environment } : { limits, environment, realloc })
  guest.host.reset(captured)
  // Low memory is full of a pollable's handle, so that lists of them can be found there.
  new Uint32Array(guest.memory.buffer, 0, 8).fill(4)
  return guest
}

test('only the errors there are come out, and after reset nothing is left', async () => {
  let guest = pristineGuest()
  const pristine = guest.host.stateHash()
  const property = fc.asyncProperty(calls, async (sequence) => {
    // One host serves many, as long as none leaves a call waiting.
    if (guest.host.abandoned) guest = pristineGuest()
    guest.begin({ environment: { A: 'b' } })
    const outcome = run(guest, sequence)
    const open = guest.host.openHandles
    const unexpected = await end(guest, outcome)
    const left = [guest.host.openHandles, guest.host.heldBytes, guest.host.pendingWaits]
    guest.host.reset(captured)
    const state = guest.host.stateHash()
    expect({ unexpected, left, state }).toEqual({ unexpected: [], left: [0, 0, 0], state: pristine })
    expect(open).toBeLessThanOrEqual(10)
  })
  await fc.assert(property, { numRuns: 1_500 })
})

test('an allocator may answer anything at all', async () => {
  const answers = fc.array(i32, { minLength: 8, maxLength: 8 })
  const property = fc.asyncProperty(calls, answers, async (sequence, answers) => {
    let asked = 0
    const guest = pristineGuest(() => answers[asked++ % answers.length] ?? 0)
    expect(await end(guest, run(guest, sequence))).toEqual([])
  })
  await fc.assert(property, { numRuns: 300 })
})

test('the fuzz reaches success, not only errors', async () => {
  const reached = new Set<string>()
  for (const sequence of fc.sample(calls, { numRuns: 400, seed: 1 })) {
    const guest = pristineGuest()
    const outcomes = sequence.map((call) => ({ name: call.name, outcome: run(guest, [call]) }))
    for (const { name, outcome } of outcomes) if (outcome.succeeded === 1) reached.add(name)
    await Promise.all(outcomes.map(({ outcome }) => end(guest, outcome)))
  }
  const never = others.map(([, name]) => name).filter((name) => !reached.has(name))
  // These work on resources that cannot exist.
  expect(never.filter((name) => !/terminal-(in|out)put|error/.test(name))).toEqual([])
})
