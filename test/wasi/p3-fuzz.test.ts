/**
 * Hostile guests of WASI 0.3 besides HTTP, and of Thaw's own interfaces: every function there is, with valid and invalid
 * handles, sizes and pointers, lowered either way and in any order, while ends are given away, dropped, cancelled, read
 * and written. Time and turns of the event loop are the test's: nothing is waited for that is not made to happen.
 */
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { EgressError } from '../../src/http/egress.ts'
import { offeredFunctions } from '../../src/wasi/offered.ts'
import { builtinStep, callStep, fitting } from './async/fuzz-steps.ts'
import { DROP, flatOf } from './fuzz-support.ts'
import type { P3Guest } from './p3-guest.ts'
import { isApt, table } from './p3-moves.ts'
import { FILES, nobody, open, pairIn, Player, reset, turn, type Seen, type Step } from './p3-player.ts'

const OUTGOING = 'thaw:function/outgoing-http'

const plain = (run: (guest: P3Guest) => unknown): Step => ({ run })
const nameOf = (iface: string, func: string): string => `${iface} ${func}`

// Of sockets there is nothing but errors; these succeed with few arguments only.
const [sockets, others] = [table.filter(isSocket), table.filter((move) => !isSocket(move))]
const hard = table.filter(({ iface, func }) => iface === OUTGOING || func.endsWith('-via-stream'))
const candidate = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...sockets) },
  { weight: 20, arbitrary: fc.constantFrom(...others) },
  { weight: 10, arbitrary: fc.constantFrom(...hard) },
)

function isSocket({ iface }: { iface: string }): boolean {
  return iface.startsWith('wasi:sockets/')
}

const dice = fc.array(fc.nat(2 ** 20), { minLength: 5, maxLength: 5 })
const moveStep = fc
  .tuple(fc.array(candidate, { minLength: 5, maxLength: 5 }), dice, fc.boolean())
  .map(([candidates, dice, async]): Step => {
    let name: string | undefined
    return {
      get name() {
        return name
      },
      run(guest) {
        // Of what there is nothing for, little is to be learnt.
        const move = candidates.find((candidate) => isApt(guest, candidate)) ?? candidates[0]
        if (move === undefined) return undefined
        const { iface, func, args } = move
        name = nameOf(iface, func)
        const values = args.map((argument, at) => argument(guest, dice[at] ?? 0))
        return async ? guest.start(iface, func, ...values) : guest.invoke(iface, func, ...values)
      },
    }
  })

const drops = offeredFunctions().filter(([iface, func]) => isOurs(iface) && func.startsWith(DROP))
const dropStep = fc.tuple(fc.constantFrom(...drops), fc.nat(1_000)).map(([[iface, func], dice]): Step => {
  const resource = func.slice(DROP.length)
  const run = (guest: P3Guest) => guest.host.drop(iface, resource)(fitting(guest, resource, dice >> 3, dice % 8 !== 0))
  return { name: nameOf(iface, func), run }
})

/** Ends, calls and what they are given: without these, few sequences would get anywhere. */
const good: readonly Step[] = [
  plain((guest) => guest.streams()),
  plain((guest) => {
    const { readable, writable } = guest.streams()
    const file = open(guest, 'n')
    guest.invoke(FILES, '[method]descriptor.append-via-stream', file, readable)
    guest.writeText(writable, 'hello')
  }),
  plain((guest) => guest.invoke(FILES, '[method]descriptor.read-via-stream', open(guest, 'a/b'), 0n)),
  plain((guest) => {
    const { writable, readable } = guest.streams()
    guest.invoke('wasi:cli/stdout@0.3', 'write-via-stream', readable)
    guest.writeText(writable, 'log')
  }),
  // One file into another, and into itself, by the host alone.
  ...['a/b', 'n'].map((name) =>
    plain((guest) => {
      const [stream] = pairIn(guest.invoke(FILES, '[method]descriptor.read-via-stream', open(guest, 'a/b'), 0n))
      guest.invoke(FILES, '[method]descriptor.append-via-stream', open(guest, name), stream)
    }),
  ),
  plain((guest) => {
    const [stream] = pairIn(guest.invoke(FILES, '[method]descriptor.read-directory', 1))
    return guest.readSome(stream, 2)
  }),
  plain((guest) => guest.invoke(OUTGOING, 'send', 'POST', 'http://example.com/', [['content-length', '4']], true)),
  plain((guest) => guest.invoke(OUTGOING, 'send', 'GET', 'https://example.com/', [], false)),
  plain(async (guest) => {
    guest.invoke(OUTGOING, 'send', 'GET', 'http://example.com/', [], false)
    guest.outgoing.exchanges.at(-1)?.respond(200)
    await turn()
    const id = guest.outgoing.exchanges.length
    guest.invoke(OUTGOING, 'response', id)
    guest.invoke(OUTGOING, 'read', id, 5)
  }),
  plain((guest) => guest.start('thaw:function/response-stream', 'write', Buffer.alloc(20, 'x'))),
  plain((guest) => guest.start('wasi:clocks/monotonic-clock@0.3', 'wait-for', 2_000_000n)),
  plain((guest) => guest.invoke('thaw:function/http-loop', 'wait', 2)),
]

const around: readonly Step[] = [
  plain(() => turn()),
  plain(() => turn()),
  plain(() => vi.advanceTimersByTimeAsync(3)),
  plain(({ payload }) => payload.sink?.take(9)),
  plain(({ payload }) => payload.sink?.refuse('aborted')),
  plain(({ outgoing }) => outgoing.exchanges.at(-1)?.respond(200, [['a', 'b']])),
  plain(({ outgoing }) => outgoing.exchanges.at(-1)?.source.push('xyz')),
  plain(({ outgoing }) => outgoing.exchanges.at(-1)?.source.end()),
  plain(({ outgoing }) => outgoing.exchanges.at(-1)?.source.fail('timeout')),
  plain(({ outgoing }) => outgoing.exchanges.at(-1)?.body.take(4)),
  plain(({ outgoing }) => outgoing.exchanges.at(-1)?.body.refuse('too-large')),
  plain(({ outgoing }) => outgoing.exchanges.at(-1)?.fail(new EgressError('DNS-timeout', 'too late'))),
  plain(({ outgoing }) => {
    outgoing.refusal = new EgressError('HTTP-request-denied', 'no more')
  }),
  plain((guest) => guest.host.untilOutgoing(1)),
  // The guest has run out of work: from here its wait of http-loop may be over.
  plain(({ host }) => void host.nextEvent(0).catch(() => undefined)),
]

const seldom: readonly Step[] = [plain(({ abort }) => abort.abort()), reset]

const ours = offeredFunctions().filter(([iface]) => isOurs(iface))
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: moveStep },
  { weight: 5, arbitrary: fc.constantFrom(...good) },
  { weight: 5, arbitrary: fc.constantFrom(...around) },
  { weight: 5, arbitrary: builtinStep.map(plain) },
  { weight: 2, arbitrary: dropStep },
  { weight: 2, arbitrary: fc.oneof(...ours.map(callStep)).map(plain) },
  // A plan may lower whatever there is asynchronously, of 0.2 too.
  { weight: 1, arbitrary: fc.oneof(...offeredFunctions().map(callStep)).map(plain) },
  { weight: 1, arbitrary: fc.constantFrom(...seldom) },
)
const steps = fc.array(step, { minLength: 1, maxLength: 40, size: 'max' })

function isOurs(iface: string): boolean {
  return iface.startsWith('thaw:') || (iface.endsWith('@0.3') && !iface.startsWith('wasi:http/'))
}

const unhandled: unknown[] = []
const note = (error: unknown) => void unhandled.push(error)
beforeAll(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'] })
  process.on('unhandledRejection', note)
})
afterAll(() => {
  process.off('unhandledRejection', note)
  vi.useRealTimers()
})

test('only the errors there are come out, nothing hangs, and nothing is left, wherever the invocation ends', async () => {
  const property = fc.asyncProperty(steps, async (sequence) => {
    expect(await new Player(nobody).play(sequence)).toEqual([])
  })
  await fc.assert(property, { numRuns: 500 })
  expect(unhandled).toEqual([])
})

test('every function of the host is in it, fails by any bits, and succeeds where it can', async () => {
  const inTable = [...table.map(({ iface, func }) => nameOf(iface, func)), ...drops.map((name) => nameOf(...name))]
  const names = ours.map((name) => nameOf(...name))
  expect(inTable.toSorted()).toEqual(names.toSorted())
  const seen: Seen = { succeeded: new Set(), failed: new Set() }
  for (const sequence of fc.sample(steps, { numRuns: 400, seed: 1 }))
    expect(await new Player(seen).play(sequence)).toEqual([])
  // There are no sockets and no terminals, and exit returns to nobody.
  const never = names.filter((name) => !seen.succeeded.has(name))
  expect(never.filter((name) => !/sockets|terminal-(?:in|out)put|exit/.test(name))).toEqual([])
})

/** Core values that hardly anything can be done with. */
const misfits: readonly (readonly [number, bigint])[] = [
  [0, 0n],
  [7, 7n],
  [-1, -1n],
  [2 ** 31 - 1, 2n ** 63n - 1n],
]

test('every function takes any bits, of 0.2 too, lowered either way', async () => {
  for (const [iface, func] of offeredFunctions()) {
    const name = nameOf(iface, func)
    const calls = misfits.flatMap(([i32, i64]): Step[] => {
      const values = [...flatOf([iface, func]).map((type) => (type === 'i64' ? i64 : i32)), i32]
      if (func.startsWith(DROP)) return [{ name, run: ({ host }) => host.drop(iface, func.slice(DROP.length))(i32) }]
      return [
        { name, run: ({ host, options }) => host.lower(iface, func, options).fn(...values) },
        { name, run: ({ host, options }) => host.lowerAsync(iface, func, options)(...values) },
      ]
    })
    const seen: Seen = { succeeded: new Set(), failed: new Set() }
    // Each in an invocation of its own.
    const unexpected = await new Player(seen).play(calls.flatMap((call) => [call, reset]))
    expect([name, unexpected]).toEqual([name, []])
    expect([...seen.succeeded, ...seen.failed]).toContain(name)
  }
})
