import { describe, expect, test } from 'vitest'
import { GuestTrap } from '../../src/wasi/errors.ts'
import { TestGuest } from './support.ts'

const STREAMS = 'wasi:io/streams'
const OK = 0
const ERR = 1
const CLOSED = 1

describe('an output stream', () => {
  test.each(['write', 'blocking-write-and-flush'])('%s goes to the log of the invocation', (func) => {
    const guest = new TestGuest()
    const { ptr, length } = guest.place('hé\n')
    const result = guest.result(STREAMS, `[method]output-stream.${func}`, guest.stdout(), ptr, length)
    expect([result.getUint8(0), guest.log]).toEqual([OK, 'hé\n'])
  })

  test('tells stdout from stderr', () => {
    const guest = new TestGuest()
    const seen: string[] = []
    const write = (stream: string, bytes: Uint8Array) => void seen.push(`${stream} ${Buffer.from(bytes).toString()}`)
    guest.host.begin({ environment: {}, signal: undefined, write })
    const { ptr, length } = guest.place('x')
    const stderr = guest.number('wasi:cli/stderr', 'get-stderr')
    guest.result(STREAMS, '[method]output-stream.write', stderr, ptr, length)
    guest.result(STREAMS, '[method]output-stream.write', guest.stdout(), ptr, length)
    expect(seen).toEqual(['stderr x', 'stdout x'])
  })

  test('check-write permits what one host call may hand over, and no more than 1 MiB', () => {
    const permit = (hostCallBytes: number) => {
      const guest = new TestGuest({ limits: { hostCallBytes } })
      const result = guest.result(STREAMS, '[method]output-stream.check-write', guest.stdout())
      return [result.getUint8(0), result.getBigUint64(8, true)]
    }
    expect([permit(5_000), permit(2 ** 30)]).toEqual([
      [OK, 5_000n],
      [OK, 1_048_576n],
    ])
  })

  test.each([
    ['write', 5_000],
    ['blocking-write-and-flush', 4_096],
  ])('%s takes %i bytes and traps at one more', (func, most) => {
    const guest = new TestGuest({ limits: { hostCallBytes: 5_000 } })
    const write = (length: number) => () => guest.result(STREAMS, `[method]output-stream.${func}`, 1, 4_096, length)
    guest.stdout()
    expect(write(most)().getUint8(0)).toBe(OK)
    expect(guest.log).toHaveLength(most)
    expect(write(most + 1)).toThrow(`at most ${most} are permitted`)
  })

  test.each([
    ['write-zeroes', 5_000n],
    ['blocking-write-zeroes-and-flush', 4_096n],
  ])('%s writes %i zeroes and traps at one more', (func, most) => {
    const guest = new TestGuest({ limits: { hostCallBytes: 5_000 } })
    const write = (length: bigint) => () => guest.result(STREAMS, `[method]output-stream.${func}`, 1, length)
    guest.stdout()
    expect(write(most)().getUint8(0)).toBe(OK)
    expect(guest.log).toBe('\0'.repeat(Number(most)))
    expect(write(most + 1n)).toThrow(GuestTrap)
    expect(write(2n ** 64n - 1n)).toThrow(GuestTrap)
  })

  test('write-zeroes of nothing ends', () => {
    const guest = new TestGuest()
    expect(guest.result(STREAMS, '[method]output-stream.write-zeroes', guest.stdout(), 0n).getUint8(0)).toBe(OK)
  })

  test.each(['flush', 'blocking-flush'])('%s has nothing to do', (func) => {
    const guest = new TestGuest()
    expect(guest.result(STREAMS, `[method]output-stream.${func}`, guest.stdout()).getUint8(0)).toBe(OK)
  })

  test('contents outside of memory trap and are not written', () => {
    const guest = new TestGuest()
    const stream = guest.stdout()
    expect(() => guest.result(STREAMS, '[method]output-stream.write', stream, 131_071, 2)).toThrow(GuestTrap)
    expect(guest.log).toBe('')
  })
})

describe('standard input', () => {
  test.each(['read', 'blocking-read', 'skip', 'blocking-skip'])('%s finds it closed', (func) => {
    const guest = new TestGuest()
    const stdin = guest.number('wasi:cli/stdin', 'get-stdin')
    const result = guest.result(STREAMS, `[method]input-stream.${func}`, stdin, 2n ** 64n - 1n)
    // result<list<u8>, …> is aligned to 4, result<u64, …> to 8; then stream-error's discriminant.
    expect([result.getUint8(0), result.getUint8(func.endsWith('read') ? 4 : 8)]).toEqual([ERR, CLOSED])
  })

  test.each(['splice', 'blocking-splice'])('%s from it: closed, or nothing if nothing was asked for', (func) => {
    const guest = new TestGuest()
    const [stdin, stdout] = [guest.number('wasi:cli/stdin', 'get-stdin'), guest.stdout()]
    const splice = (length: bigint) => guest.result(STREAMS, `[method]output-stream.${func}`, stdout, stdin, length)
    const closed = splice(9n)
    expect([closed.getUint8(0), closed.getUint8(8)]).toEqual([ERR, CLOSED])
    const none = splice(0n)
    expect([none.getUint8(0), none.getBigUint64(8, true)]).toEqual([OK, 0n])
  })
})

test.each([
  ['input-stream', 'wasi:cli/stdin', 'get-stdin'],
  ['output-stream', 'wasi:cli/stdout', 'get-stdout'],
])('subscribing to an %s gives a pollable that is ready, and whose stream must outlive it', (type, iface, func) => {
  const guest = new TestGuest()
  const stream = guest.number(iface, func)
  const pollable = guest.number(STREAMS, `[method]${type}.subscribe`, stream)
  expect(guest.call('wasi:io/poll', '[method]pollable.ready', pollable)).toBe(1)
  expect(guest.call('wasi:io/poll', '[method]pollable.block', pollable)).toBeUndefined()
  const dropStream = (handle: number) => guest.drop(STREAMS, type, handle)
  expect(() => dropStream(stream)).toThrow('derived from it')
  guest.drop('wasi:io/poll', 'pollable', pollable)
  dropStream(stream)
  expect(guest.host.openHandles).toBe(0)
})

test('there is no error to be asked for its text', () => {
  expect(() => new TestGuest().result('wasi:io/error', '[method]error.to-debug-string', 1)).toThrow(GuestTrap)
})
