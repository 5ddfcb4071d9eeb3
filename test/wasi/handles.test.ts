import { describe, expect, test } from 'vitest'
import type { SnapshotHandle } from '../../src/snapshot/format.ts'
import { GuestLimit, GuestTrap, InvocationAborted } from '../../src/wasi/errors.ts'
import { TestGuest } from './support.ts'

const STREAMS = 'wasi:io/streams'
const POLL = 'wasi:io/poll'

const captured: SnapshotHandle[] = [
  { handle: 1, kind: 'stdin' },
  { handle: 3, kind: 'stderr' },
  { handle: 6, kind: 'pollable-ready' },
]

describe('the handle table', () => {
  test('counts from 1 and hands freed numbers out again, last in first out', () => {
    const guest = new TestGuest()
    const drop = (handle: number) => guest.drop(STREAMS, 'output-stream', handle)
    expect([guest.stdout(), guest.stdout(), guest.stdout()]).toEqual([1, 2, 3])
    drop(1)
    drop(3)
    drop(2)
    expect([guest.stdout(), guest.stdout(), guest.stdout(), guest.stdout()]).toEqual([2, 3, 1, 4])
  })

  test.each([0, 2, -1, 2 ** 31])('handle %i, that is not there, traps', (handle) => {
    const guest = new TestGuest()
    guest.stdout()
    expect(() => guest.result(STREAMS, '[method]output-stream.flush', handle)).toThrow(GuestTrap)
    expect(() => guest.drop(STREAMS, 'output-stream', handle)).toThrow(GuestTrap)
  })

  test('a handle of another type traps and stays', () => {
    const guest = new TestGuest()
    const timer = guest.timer(0n)
    expect(() => guest.result(STREAMS, '[method]output-stream.flush', timer)).toThrow('is a pollable')
    expect(() => guest.drop(STREAMS, 'input-stream', timer)).toThrow('is a pollable')
    expect(guest.host.openHandles).toBe(1)
  })

  test('dropping twice traps', () => {
    const guest = new TestGuest()
    const drop = (handle: number) => guest.drop(STREAMS, 'output-stream', handle)
    const stream = guest.stdout()
    drop(stream)
    expect(() => drop(stream)).toThrow(GuestTrap)
  })

  test('one handle too many hits the limit, of whatever type', () => {
    const guest = new TestGuest({ limits: { handles: 3 } })
    guest.stdout()
    guest.timer(0n)
    const stdin = guest.number('wasi:cli/stdin', 'get-stdin')
    expect(() => guest.number(STREAMS, '[method]input-stream.subscribe', stdin)).toThrow(GuestLimit)
    expect(() => guest.stdout()).toThrow('limit handles')
    guest.drop(STREAMS, 'input-stream', stdin)
    expect(guest.stdout()).toBe(3)
  })

  test('the bytes it holds are counted', async () => {
    const guest = new TestGuest()
    expect(guest.host.heldBytes).toBe(0)
    const timer = guest.timer(10n ** 15n)
    const idle = guest.host.heldBytes
    expect(idle).toBeGreaterThan(0)
    const waiting = guest.call(POLL, '[method]pollable.block', timer)
    expect(guest.host.heldBytes).toBeGreaterThan(idle)
    guest.host.end()
    expect([guest.host.heldBytes, guest.host.openHandles]).toEqual([0, 0])
    await expect(waiting).rejects.toThrow(InvocationAborted)
  })
})

describe('capture and reset', () => {
  test('handles are captured under their numbers', () => {
    const guest = new TestGuest()
    guest.number('wasi:cli/stdin', 'get-stdin')
    const closed = guest.stdout()
    guest.number('wasi:cli/stderr', 'get-stderr')
    guest.number(STREAMS, '[method]output-stream.subscribe', 3)
    guest.timer(0n)
    guest.stdout()
    guest.drop(STREAMS, 'output-stream', closed)
    expect(guest.host.snapshotHandles()).toEqual([
      { handle: 1, kind: 'stdin' },
      { handle: 3, kind: 'stderr' },
      { handle: 4, kind: 'pollable-ready' },
      { handle: 5, kind: 'pollable-ready' },
      { handle: 6, kind: 'stdout' },
    ])
  })

  test('a timer that is not due cannot be captured, and the error names it', () => {
    const guest = new TestGuest()
    guest.stdout()
    guest.timer(10n ** 15n)
    const capture = () => guest.host.snapshotHandles()
    expect(capture).toThrow(/^init left a wasi:io pollable open \(handle 2/)
    expect(capture).toThrow(expect.objectContaining({ code: 'Build' }))
  })

  test('after reset they work, and new ones fill the gaps from the lowest', () => {
    const guest = new TestGuest()
    guest.host.end()
    guest.host.reset(captured)
    guest.begin()
    const { ptr, length } = guest.place('again')
    guest.result(STREAMS, '[method]output-stream.write', 3, ptr, length)
    expect(guest.log).toBe('again')
    expect(guest.call(POLL, '[method]pollable.ready', 6)).toBe(1)
    expect(guest.result(STREAMS, '[method]input-stream.read', 1, 1n).getUint8(0)).toBe(1)
    expect([guest.stdout(), guest.stdout(), guest.stdout(), guest.stdout()]).toEqual([2, 4, 5, 7])
    expect(guest.host.openHandles).toBe(7)
  })

  test('whatever an invocation does, the state after reset is the same', async () => {
    const guest = new TestGuest()
    guest.host.end()
    guest.host.reset(captured)
    const pristine = [guest.host.stateHash(), guest.host.heldBytes]
    guest.begin()
    guest.drop(STREAMS, 'output-stream', 3)
    guest.number(STREAMS, '[method]input-stream.subscribe', 1)
    const waiting = guest.call(POLL, '[method]pollable.block', guest.timer(10n ** 15n))
    expect(guest.host.stateHash()).not.toBe(pristine[0])
    guest.host.end()
    guest.host.reset(captured)
    await expect(waiting).rejects.toThrow(InvocationAborted)
    expect([guest.host.stateHash(), guest.host.heldBytes]).toEqual(pristine)
  })

  test.each([
    ['a number twice', [1, 1]],
    ['number 0', [0]],
    ['a number past the limit', [65]],
  ])('a snapshot with %s is refused', (_name, numbers) => {
    const handles = numbers.map((handle): SnapshotHandle => ({ handle, kind: 'stdin' }))
    const reset = () => new TestGuest().host.reset(handles)
    expect(reset).toThrow(expect.objectContaining({ code: 'Artifact' }))
  })
})

test('the guest’s realloc may not call imports', () => {
  const guest: TestGuest = new TestGuest({
    realloc: () => guest.stdout(),
  })
  expect(() => guest.result('wasi:cli/environment', 'get-arguments')).toThrow("from the guest's realloc")
  expect(guest.host.openHandles).toBe(0)
  expect(guest.stdout()).toBe(1)
})
