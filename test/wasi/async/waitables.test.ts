/** CanonicalABI.md: waitable sets, subtasks, backpressure, and the built-ins of tasks. */
import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { EgressError } from '../../../src/http/egress.ts'
import { GuestTrap, InvocationAborted } from '../../../src/wasi/errors.ts'
import type { AsyncBuiltin } from '../../../src/wasi/async/names.ts'
import {
  AsyncGuest,
  CANCELLED_BEFORE_RETURNED,
  copied,
  events,
  RETURNED,
  STARTED,
  subtaskOf,
  TYPES3,
  VALUE,
} from './support.ts'

const CLOCK = 'wasi:clocks/monotonic-clock@0.3'
const SECOND = 1_000_000_000n

/** A call that waits for a second. */
function waiting(guest: AsyncGuest, ns = SECOND): number {
  const { state, subtask } = subtaskOf(guest.async(CLOCK, 'wait-for', ns))
  expect(state).toBe(STARTED)
  return subtask
}

const cancel: AsyncBuiltin = { name: 'subtask.cancel', waits: false }

describe('waitable sets', () => {
  test('poll says that there is nothing', () => {
    const guest = new AsyncGuest()
    expect(guest.pollSet(guest.set())).toEqual([events.none, 0, 0])
  })

  test('wait is over with the first event of any member', async () => {
    const guest = new AsyncGuest()
    const [a, b] = [guest.streams(), guest.streams()]
    guest.readSome(a.readable)
    guest.readSome(b.readable)
    const event = guest.wait(guest.set(a.readable, b.readable))
    guest.writeText(b.writable, 'x')
    expect(await event).toEqual([events.streamRead, b.readable, copied(1)])
  })

  test('an event that is there already does not suspend', () => {
    const guest = new AsyncGuest()
    const { readable, writable } = guest.streams()
    guest.readSome(readable)
    guest.writeText(writable, 'x')
    expect(guest.builtin({ name: 'waitable-set.wait' }, guest.set(readable), 256)).toBe(events.streamRead)
  })

  test('a member that joins with an event ends a wait', async () => {
    const guest = new AsyncGuest()
    const { readable, writable } = guest.streams()
    guest.readSome(readable)
    guest.writeText(writable, 'x')
    const set = guest.set()
    const event = guest.wait(set)
    guest.join(readable, set)
    expect(await event).toEqual([events.streamRead, readable, copied(1)])
  })

  test('a member is of one set at a time, and of none by joining 0', () => {
    const guest = new AsyncGuest()
    const { readable, writable } = guest.streams()
    guest.readSome(readable)
    guest.writeText(writable, 'x')
    const [first, second] = [guest.set(readable), guest.set(readable)]
    expect(guest.pollSet(first)).toEqual([events.none, 0, 0])
    guest.join(readable, 0)
    expect(guest.pollSet(second)).toEqual([events.none, 0, 0])
    guest.builtin({ name: 'waitable-set.drop' }, first)
    guest.builtin({ name: 'waitable-set.drop' }, second)
  })

  test('no member is passed over for one that always has something', () => {
    const guest = new AsyncGuest()
    const [busy, other] = [guest.streams(), guest.streams()]
    const set = guest.set(busy.readable, other.readable)
    for (const { readable, writable } of [busy, other]) {
      guest.readSome(readable)
      guest.writeText(writable, 'x')
    }
    guest.pollSet(set)
    guest.readSome(busy.readable)
    guest.writeText(busy.writable, 'x')
    expect(guest.pollSet(set)).toEqual([events.streamRead, other.readable, copied(1)])
  })

  test('a member that is dropped is a member no longer', () => {
    const guest = new AsyncGuest()
    const { readable } = guest.streams()
    const set = guest.set(readable)
    guest.dropReadable(readable)
    expect(guest.builtin({ name: 'waitable-set.drop' }, set)).toBeUndefined()
  })

  test('a guest that waits ends with its invocation', async () => {
    const controller = new AbortController()
    const guest = new AsyncGuest({ signal: controller.signal })
    const event = guest.wait(guest.set())
    controller.abort()
    await expect(event).rejects.toBeInstanceOf(InvocationAborted)
  })

  const misuses: Record<string, (guest: AsyncGuest, set: number) => unknown> = {
    'dropped with members': (guest, set) => [
      guest.join(guest.streams().readable, set),
      guest.builtin({ name: 'waitable-set.drop' }, set),
    ],
    'dropped while waited for': (guest, set) => {
      const event = guest.wait(set)
      event.catch(() => undefined)
      try {
        guest.builtin({ name: 'waitable-set.drop' }, set)
      } finally {
        guest.host.end()
      }
    },
    'dropped twice': (guest, set) => [
      guest.builtin({ name: 'waitable-set.drop' }, set),
      guest.builtin({ name: 'waitable-set.drop' }, set),
    ],
    'no set': (guest) => guest.pollSet(guest.streams().readable),
    'joining no set': (guest) => guest.join(guest.streams().readable, 99),
    'joining of a set': (guest, set) => guest.join(set, set),
    'joining of a resource': (guest, set) => guest.join(guest.fields3(), set),
    'an event told past the end of memory': (guest, set) => guest.builtin({ name: 'waitable-set.poll' }, set, -8),
    'an event told where it is not aligned': (guest, set) => guest.builtin({ name: 'waitable-set.poll' }, set, 258),
  }

  test.each(Object.keys(misuses))('%s: traps', (name) => {
    const guest = new AsyncGuest()
    expect(() => misuses[name]?.(guest, guest.set())).toThrow(GuestTrap)
  })
})

describe('subtasks', () => {
  test('a call that is over at once is none', () => {
    const guest = new AsyncGuest()
    expect(guest.async(CLOCK, 'wait-for', 0n)).toBe(RETURNED)
    expect(guest.async(CLOCK, 'wait-until', 1n)).toBe(RETURNED)
    expect(guest.host.openHandles).toBe(0)
  })

  test('one that returns is told, and may then be dropped', async () => {
    const guest = new AsyncGuest()
    const subtask = waiting(guest, 1_000_000n)
    const set = guest.set(subtask)
    expect(await guest.wait(set)).toEqual([events.subtask, subtask, RETURNED])
    guest.builtin({ name: 'subtask.drop' }, subtask)
    expect(guest.host.pendingWaits).toBe(0)
  })

  test('one that is cancelled ends, and nothing more is told of it', () => {
    const guest = new AsyncGuest()
    const subtask = waiting(guest)
    expect(guest.builtin(cancel, subtask)).toBe(CANCELLED_BEFORE_RETURNED)
    expect(guest.pollSet(guest.set(subtask))).toEqual([events.none, 0, 0])
    guest.builtin({ name: 'subtask.drop' }, subtask)
    expect(guest.host.heldBytes).toBe(128)
  })

  test('one that is cancelled after it has returned has returned', async () => {
    const guest = new AsyncGuest()
    const { message } = guest.message('request', { body: false })
    guest.types('[method]request.set-authority', message, 'example.com')
    const { subtask } = guest.sendAsync(message)
    guest.egress.last.respond(204)
    await setImmediate()
    expect(guest.builtin(cancel, subtask)).toBe(RETURNED)
    expect(guest.types('[method]response.get-status-code', guest.view.getUint32(VALUE + 8, true))).toBe(204)
    expect(guest.pollSet(guest.set(subtask))).toEqual([events.none, 0, 0])
  })

  test('a call lowered synchronously suspends until it is over', async () => {
    const guest = new AsyncGuest()
    expect(await guest.call(CLOCK, 'wait-for', 1_000_000n)).toBeUndefined()
    const late = guest.call(CLOCK, 'wait-for', SECOND)
    guest.host.end()
    await expect(late).rejects.toBeInstanceOf(InvocationAborted)
  })

  test('a request sent synchronously ends with the invocation, whatever its server does', async () => {
    const controller = new AbortController()
    const guest = new AsyncGuest({ signal: controller.signal })
    const { message } = guest.message('request', { body: false })
    guest.types('[method]request.set-authority', message, 'example.com')
    const sending = guest.call('wasi:http/client@0.3', 'send', message, VALUE)
    controller.abort()
    await expect(sending).rejects.toBeInstanceOf(InvocationAborted)
    expect(guest.egress.last.cancelled).toBe(true)
  })

  test('a table that is full ends what was called', () => {
    const guest = new AsyncGuest({ limits: { handles: 1 } })
    guest.set()
    expect(() => guest.async(CLOCK, 'wait-for', SECOND)).toThrow('handles')
  })

  test('what a request failed of is its answer', async () => {
    const guest = new AsyncGuest()
    const { message } = guest.message('request', { body: false })
    guest.types('[method]request.set-authority', message, 'example.com')
    const { subtask } = guest.sendAsync(message)
    guest.egress.last.fail(new EgressError('DNS-timeout', 'too late'))
    expect(await guest.wait(guest.set(subtask))).toEqual([events.subtask, subtask, RETURNED])
    expect([...guest.bytes(VALUE, 9)]).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0])
  })

  const misuses: Record<string, (guest: AsyncGuest, subtask: number) => unknown> = {
    'dropped under way': (guest, subtask) => guest.builtin({ name: 'subtask.drop' }, subtask),
    'cancelled twice': (guest, subtask) => [guest.builtin(cancel, subtask), guest.builtin(cancel, subtask)],
    'no subtask': (guest) => guest.builtin(cancel, guest.set()),
    'dropped twice': (guest, subtask) => [
      guest.builtin(cancel, subtask),
      guest.builtin({ name: 'subtask.drop' }, subtask),
      guest.builtin({ name: 'subtask.drop' }, subtask),
    ],
  }

  test.each(Object.keys(misuses))('%s: traps', (name) => {
    const guest = new AsyncGuest()
    expect(() => misuses[name]?.(guest, waiting(guest))).toThrow(GuestTrap)
  })
})

describe('tasks', () => {
  test('yield lets others have a turn', async () => {
    const guest = new AsyncGuest()
    let turn = false
    void setImmediate().then(() => {
      turn = true
    })
    expect(await guest.builtin({ name: 'thread.yield' })).toBe(0)
    expect(turn).toBe(true)
  })

  test('cancelling a task that nobody has cancelled traps', () => {
    expect(() => new AsyncGuest().builtin({ name: 'task.cancel' })).toThrow(GuestTrap)
  })

  test('backpressure counts, between none and the most there is', () => {
    const guest = new AsyncGuest()
    for (let i = 0; i < 65_535; i++) guest.builtin({ name: 'backpressure.inc' })
    guest.builtin({ name: 'backpressure.dec' })
    guest.builtin({ name: 'backpressure.inc' })
    expect(() => guest.builtin({ name: 'backpressure.inc' })).toThrow(GuestTrap)
    expect(() => new AsyncGuest().builtin({ name: 'backpressure.dec' })).toThrow(GuestTrap)
  })

  test('outside an invocation nothing can be called', () => {
    const guest = new AsyncGuest()
    guest.host.end()
    expect(() => guest.set()).toThrow(InvocationAborted)
  })

  test('nor from the allocator', () => {
    const guest: AsyncGuest = new AsyncGuest({ realloc: () => guest.set() })
    const fields = guest.handle(TYPES3, '[constructor]fields')
    expect(() => guest.call(TYPES3, '[method]fields.copy-all', fields, 256)).toThrow(GuestTrap)
  })
})
