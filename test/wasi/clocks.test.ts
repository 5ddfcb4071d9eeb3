import { describe, expect, test, vi } from 'vitest'
import { GuestLimit, GuestTrap, InvocationAborted } from '../../src/wasi/errors.ts'
import { TestGuest } from './support.ts'

const POLL = 'wasi:io/poll'
const MONOTONIC = 'wasi:clocks/monotonic-clock'
const MS = 1_000_000n
const HOUR = 3_600_000n * MS

const now = (guest: TestGuest) => BigInt.asUintN(64, BigInt(String(guest.call(MONOTONIC, 'now'))))
const block = (guest: TestGuest, pollable: number) => guest.call(POLL, '[method]pollable.block', pollable)
const ready = (guest: TestGuest, pollable: number) => guest.call(POLL, '[method]pollable.ready', pollable)

function poll(guest: TestGuest, pollables: number[]): unknown {
  const { ptr } = guest.place(new Uint8Array(Uint32Array.from(pollables).buffer))
  return guest.call(POLL, 'poll', ptr, pollables.length, 256)
}

function indexes(guest: TestGuest): number[] {
  const ptr = guest.view.getUint32(256, true)
  return Array.from({ length: guest.view.getUint32(260, true) }, (_, i) => guest.view.getUint32(ptr + i * 4, true))
}

describe('clocks', () => {
  test('the wall clock is the host’s, to the millisecond', () => {
    const guest = new TestGuest()
    const before = Date.now()
    const time = guest.result('wasi:clocks/wall-clock', 'now')
    const ms = Number(time.getBigUint64(0, true)) * 1_000 + time.getUint32(8, true) / 1e6
    expect(ms).toBeGreaterThanOrEqual(before)
    expect(ms).toBeLessThanOrEqual(Date.now())
    const resolution = guest.result('wasi:clocks/wall-clock', 'resolution')
    expect([resolution.getBigUint64(0, true), resolution.getUint32(8, true)]).toEqual([0n, 1_000_000])
  })

  test('the monotonic clock goes on, and its instants are later than those of processes before', () => {
    const guest = new TestGuest()
    const first = now(guest)
    expect(now(guest)).toBeGreaterThanOrEqual(first)
    expect(first).toBeGreaterThan(BigInt(Date.UTC(2024, 0)) * MS)
    expect(guest.call(MONOTONIC, 'resolution')).toBe(1n)
  })
})

describe('waiting', () => {
  test('block waits until the duration has passed', async () => {
    const guest = new TestGuest()
    const before = now(guest)
    const timer = guest.timer(100n * MS)
    expect(ready(guest, timer)).toBe(0)
    const waiting = block(guest, timer)
    expect(waiting).toBeInstanceOf(Promise)
    expect(await waiting).toBeUndefined()
    expect(now(guest) - before).toBeGreaterThanOrEqual(100n * MS)
    expect(ready(guest, timer)).toBe(1)
  })

  test.each([0n, 1n, 20_000n])('block of %i ns', async (duration) => {
    const guest = new TestGuest()
    const timer = guest.timer(duration)
    await block(guest, timer)
    expect(ready(guest, timer)).toBe(1)
  })

  test('what is due does not suspend', () => {
    const guest = new TestGuest()
    const past = guest.number(MONOTONIC, 'subscribe-instant', now(guest))
    expect(block(guest, past)).toBeUndefined()
    expect(poll(guest, [past])).toBeUndefined()
  })

  test('poll gives the indexes of all that are ready, duplicates too, without waiting for the others', () => {
    const guest = new TestGuest()
    const [later, due] = [guest.timer(HOUR), guest.timer(0n)]
    expect(poll(guest, [later, due, later, due])).toBeUndefined()
    expect(indexes(guest)).toEqual([1, 3])
  })

  test('poll waits for the earliest', async () => {
    const guest = new TestGuest()
    await poll(guest, [guest.timer(HOUR), guest.timer(2n * MS), guest.timer(-1n)])
    expect(indexes(guest)).toEqual([1])
  })

  test('the longest duration overflows neither the instant nor the timer', async () => {
    const guest = new TestGuest()
    const waits: unknown[] = []
    for (const timer of [guest.timer(-1n), guest.number(MONOTONIC, 'subscribe-instant', -1n), guest.timer(2n ** 52n)]) {
      expect(ready(guest, timer)).toBe(0)
      waits.push(block(guest, timer))
    }
    expect(guest.host.pendingWaits).toBe(3)
    guest.host.end()
    const settled = await Promise.allSettled(waits)
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
  })

  test('a wait has one timer, of a length that Node can take, and none once it is over', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    const guest = new TestGuest()
    const before = timers()
    const setTimer = vi.spyOn(globalThis, 'setTimeout')
    const waiting = poll(guest, [guest.timer(-1n), guest.timer(-1n)])
    expect(setTimer.mock.calls.map(([, delay]) => delay)).toEqual([2_147_483_647])
    setTimer.mockRestore()
    expect(timers()).toBe(before + 1)
    guest.host.end()
    expect(timers()).toBe(before)
    await expect(waiting).rejects.toThrow(InvocationAborted)
  })

  test('an empty list traps', () => {
    expect(() => poll(new TestGuest(), [])).toThrow(GuestTrap)
  })

  test('a list longer than the handles there may be hits that limit', () => {
    const guest = new TestGuest({ limits: { handles: 4 } })
    const timer = guest.timer(0n)
    expect(poll(guest, [timer, timer, timer, timer])).toBeUndefined()
    expect(() => poll(guest, [timer, timer, timer, timer, timer])).toThrow(GuestLimit)
  })

  test('a pollable that is waited for may not be dropped', async () => {
    const guest = new TestGuest()
    const timer = guest.timer(1n * MS)
    const waiting = block(guest, timer)
    expect(() => guest.drop(POLL, 'pollable', timer)).toThrow('borrowed')
    await waiting
  })

  test('once waited for it may', async () => {
    const guest = new TestGuest()
    const timer = guest.timer(1n * MS)
    await poll(guest, [timer, timer])
    guest.drop(POLL, 'pollable', timer)
    expect([guest.host.openHandles, guest.host.heldBytes]).toEqual([0, 0])
  })
})

describe('an invocation that is over', () => {
  test('abort ends a wait of an hour at once, and the guest gets no further', async () => {
    const abort = new AbortController()
    const guest = new TestGuest({ signal: abort.signal })
    const waits = [block(guest, guest.timer(HOUR)), poll(guest, [guest.timer(HOUR), guest.timer(2n * HOUR)])]
    expect(guest.host.pendingWaits).toBe(2)
    abort.abort()
    expect(await Promise.allSettled(waits)).toEqual([
      { status: 'rejected', reason: expect.any(InvocationAborted) },
      { status: 'rejected', reason: expect.any(InvocationAborted) },
    ])
    expect(guest.host.pendingWaits).toBe(0)
    expect(() => guest.stdout()).toThrow(InvocationAborted)
  })

  test('a wait that begins after the abort does not begin', () => {
    const guest = new TestGuest({ signal: AbortSignal.abort() })
    expect(() => block(guest, guest.timer(HOUR))).toThrow(InvocationAborted)
  })

  test('its waits are rejected at its end, and the host serves no other', async () => {
    const guest = new TestGuest()
    const waiting = block(guest, guest.timer(HOUR))
    expect(guest.host.abandoned).toBe(false)
    guest.host.end()
    await expect(waiting).rejects.toThrow(InvocationAborted)
    expect([guest.host.pendingWaits, guest.host.abandoned]).toEqual([0, true])
    expect(() => guest.begin()).toThrow(expect.objectContaining({ code: 'Service' }))
  })

  test('the signal is asked for when something waits, and not before', () => {
    const guest = new TestGuest()
    let asked = 0
    guest.host.begin({
      environment: {},
      write: () => {},
      get signal() {
        asked += 1
        return undefined
      },
    })
    guest.stdout()
    const timer = guest.timer(1n * MS)
    expect(asked).toBe(0)
    void Promise.resolve(block(guest, timer))
    expect(asked).toBe(1)
  })

  test('the error says why', async () => {
    const abort = new AbortController()
    const guest = new TestGuest({ signal: abort.signal })
    const waiting = block(guest, guest.timer(HOUR))
    abort.abort('too late')
    await expect(waiting).rejects.toMatchObject({ cause: 'too late' })
  })

  test('outside of begin and end every call is refused', () => {
    const guest = new TestGuest()
    guest.host.end()
    expect(() => guest.host.drop(POLL, 'pollable')(1)).toThrow(InvocationAborted)
    expect(() => now(guest)).toThrow(InvocationAborted)
  })
})
