/** Guests that use HTTP in any order, with handles that are mostly of the right type, while bodies come and go. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { EgressError } from '../../src/http/egress.ts'
import { GuestLimit, GuestTrap, InvocationAborted } from '../../src/wasi/errors.ts'
import { offeredFunctions } from '../../src/wasi/offered.ts'
import { TestExchange, TestSink } from './bodies.ts'
import { HANDLER, table, textOf } from './http-moves.ts'
import type { Dice, Handles, Move } from './http-moves.ts'
import { handleIn, HttpGuest, TYPES } from './http-support.ts'

const drops = offeredFunctions().filter(
  ([iface, func]) => func.startsWith('[resource-drop]') && (iface === TYPES || iface.startsWith('wasi:io/')),
)

function resourceOf(drop: string): string {
  return drop.slice('[resource-drop]'.length)
}

/** What happens outside meanwhile. */
const events: ((guest: HttpGuest, value: number) => void)[] = [
  ({ exchange }, value) => exchange.body.push(textOf(value)),
  ({ exchange }) => exchange.body.end([['t', '1']]),
  ({ exchange }) => exchange.body.fail('aborted'),
  ({ exchange }) => exchange.body.tease(),
  ({ exchange }, value) => exchange.sink.take(value % 9),
  ({ exchange }) => exchange.sink.refuse('timeout'),
  ({ egress }) => egress.exchanges.at(-1)?.respond(200, [['a', 'b']]),
  ({ egress }) => egress.exchanges.at(-1)?.respond(404),
  ({ egress }) => egress.exchanges.at(-1)?.fail(new EgressError('connection-refused', 'refused')),
  ({ egress }, value) => egress.exchanges.at(-1)?.source.push(textOf(value)),
  ({ egress }) => egress.exchanges.at(-1)?.source.end(),
  ({ egress }) => egress.exchanges.at(-1)?.body.refuse('aborted'),
]

class Player implements Handles {
  readonly guest: HttpGuest
  readonly reached = new Set<string>()
  readonly unexpected: unknown[] = []
  readonly waits: Promise<unknown>[] = []
  readonly #handles = new Map<string, number[]>()

  constructor(handles: number) {
    this.guest = new HttpGuest({
      exchange: new TestExchange({ headers: [['a', '1']] }, new TestSink(8)),
      limits: { handles, hostCallBytes: 2_000, httpFields: 6, httpFieldBytes: 500, httpHeldBytes: 2_000 },
    })
    const { request, responseOut } = this.guest.opened()
    this.#handles.set('incoming-request', [request]).set('response-outparam', [responseOut])
    // One that can be sent as it is: by chance alone there is hardly any.
    this.#handles.set('outgoing-request', [this.guest.request()])
  }

  /** One of that type, most often the newest; or anything. */
  handle(type: string, dice: number): number {
    const known = this.#handles.get(type) ?? []
    if (known.length === 0 || dice % 12 === 0) return dice % 30
    return known[dice % 3 === 0 ? dice % known.length : known.length - 1] ?? 0
  }

  async play(dice: Dice): Promise<void> {
    const { choice, value } = dice
    if (choice < 12) {
      events[value % events.length]?.(this.guest, value >> 4)
      // Promises settle between calls, as they do while a guest waits.
      if (choice < 8) await Promise.resolve()
    } else if (choice < 22) this.#attempt('drop', () => this.#drop(dice))
    else {
      const move = this.#pick(table, value, ({ args }) => args.map(({ needs }) => needs))
      if (move !== undefined) this.#attempt(move.func, () => this.#make(move, dice))
    }
  }

  /** Most often what there are handles for. */
  #pick<T>(from: readonly T[], dice: number, needs: (one: T) => readonly (string | undefined)[]): T | undefined {
    const apt = from.filter((one) => needs(one).every((type) => type === undefined || this.#handles.has(type)))
    const among = dice % 8 === 0 || apt.length === 0 ? from : apt
    return among[(dice >> 3) % among.length]
  }

  #drop({ handles, value }: Dice): void {
    const [iface, func] = this.#pick(drops, value, ([, func]) => [resourceOf(func)]) ?? ['', '']
    const resource = resourceOf(func)
    const handle = this.handle(resource, handles[0])
    this.guest.drop(iface, resource, handle)
    this.reached.add(func)
    const others = (this.#handles.get(resource) ?? []).filter((other) => other !== handle)
    if (others.length > 0) this.#handles.set(resource, others)
    else this.#handles.delete(resource)
  }

  #make({ iface, func, args, makes }: Move, dice: Dice): void {
    // Each argument has numbers of its own.
    const values = args.map((argument, at) => argument(this, { ...dice, value: (dice.value >> 7) + at * 31 }))
    const answer = this.guest.invoke(iface, func, ...values)
    if (answer instanceof Promise) this.waits.push(answer)
    this.#learn(answer, makes)
    this.reached.add(func)
  }

  #learn(answer: unknown, makes: string | undefined): void {
    const error = /"last-operation-failed","val":(\d+)/.exec(JSON.stringify(answer, plain) ?? '')
    if (error !== null) this.#know('error', Number(error[1]))
    if (makes === undefined) return
    try {
      this.#know(makes, handleIn(answer))
    } catch {
      // An error, or not yet.
    }
  }

  #know(type: string, handle: number): void {
    this.#handles.set(type, [...(this.#handles.get(type) ?? []), handle])
  }

  #attempt(_name: string, act: () => void): void {
    try {
      act()
    } catch (error) {
      if (!isAllowed(error)) this.unexpected.push(error)
    }
  }

  /** Ends the invocation; what must not have come of it. */
  async end(): Promise<unknown> {
    const { guest } = this
    const { exchange, egress, host } = guest
    host.end()
    const settled = await Promise.allSettled(this.waits)
    const rejected = settled.flatMap((wait) => (wait.status === 'rejected' ? [wait.reason] : []))
    return {
      unexpected: [...this.unexpected, ...rejected.filter((reason) => !isAllowed(reason))],
      left: [host.openHandles, host.heldBytes, host.pendingWaits],
      listening: [
        exchange.body,
        exchange.sink,
        ...egress.exchanges.flatMap(({ body, source }) => [body, source]),
      ].filter(({ listeners }) => listeners > 0),
      uncancelled: exchange.body.cancelled ? 0 : 1,
      // A receiver that has gone is told no more.
      unended: [
        ...(exchange.response === undefined ? [] : [exchange.sink]),
        ...egress.exchanges.map(({ body }) => body),
      ].filter(({ outcome, failure }) => outcome === undefined && failure === undefined),
      egressOpen: !egress.closed,
    }
  }
}

const clean = { unexpected: [], left: [0, 0, 0], listening: [], uncancelled: 0, unended: [], egressOpen: false }

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

function isAllowed(error: unknown): boolean {
  return [GuestTrap, GuestLimit, InvocationAborted].some((kind) => error instanceof kind)
}

const dice: fc.Arbitrary<Dice> = fc.record({
  choice: fc.integer({ min: 0, max: 99 }),
  handles: fc.tuple(fc.nat(1_000), fc.nat(1_000)),
  value: fc.nat(2 ** 24),
})
const game = fc.array(dice, { minLength: 1, maxLength: 150 })

async function play(steps: readonly Dice[], handles: number): Promise<Player> {
  const player = new Player(handles)
  for (const step of steps) await player.play(step)
  return player
}

test('only the errors there are come out, and at the end nothing is left, open or listening', async () => {
  const property = fc.asyncProperty(game, async (steps) => {
    const player = await play(steps, 24)
    expect(await player.end()).toEqual(clean)
  })
  await fc.assert(property, { numRuns: 800 })
})

test('the fuzz reaches success, not only errors', async () => {
  const reached = new Set<string>()
  for (const steps of fc.sample(fc.array(dice, { minLength: 100, maxLength: 200 }), { numRuns: 200, seed: 2 })) {
    const player = await play(steps, 200)
    await player.end()
    for (const name of player.reached) reached.add(name)
  }
  const all = [...table, ...drops.map(([, func]) => ({ func }))].map(({ func }) => func)
  expect(all.filter((name) => !reached.has(name))).toEqual([])
})

test('every function of wasi:http is in it', () => {
  const known = new Set(table.map(({ iface, func }) => `${iface} ${func}`))
  const offered = offeredFunctions().filter(
    ([iface, func]) =>
      (iface === TYPES || iface === HANDLER || iface.startsWith('wasi:io')) && !func.startsWith('[resource'),
  )
  expect(offered.filter(([iface, func]) => !known.has(`${iface} ${func}`))).toEqual([])
})
