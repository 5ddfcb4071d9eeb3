import { describe, expect, test } from 'vitest'
import { GuestLimit } from '../../src/wasi/errors.ts'
import { TestGuest } from './support.ts'

describe.each([
  ['wasi:random/random', 'get-random-bytes', 'get-random-u64'],
  ['wasi:random/insecure', 'get-insecure-random-bytes', 'get-insecure-random-u64'],
])('%s', (iface, getBytes, getU64) => {
  test('fills as many bytes as asked for, differently each time', () => {
    const guest = new TestGuest()
    const draw = () => {
      const result = guest.result(iface, getBytes, 70_000n)
      const [ptr, length] = [result.getUint32(0, true), result.getUint32(4, true)]
      return Buffer.from(guest.memory.buffer.slice(ptr, ptr + length))
    }
    const [first, second] = [draw(), draw()]
    expect([first.length, second.length, first.equals(second)]).toEqual([70_000, 70_000, false])
    expect(new Set(first).size).toBe(256)
  })

  test('nothing is a length too', () => {
    expect(new TestGuest().result(iface, getBytes, 0n).getUint32(4, true)).toBe(0)
  })

  test.each([101n, 2n ** 64n - 1n])('%i bytes, past the limit, are refused before anything is allocated', (length) => {
    const guest = new TestGuest({ limits: { hostCallBytes: 100 } })
    expect(() => guest.result(iface, getBytes, length)).toThrow(GuestLimit)
    expect(() => guest.result(iface, getBytes, length)).toThrow('limit hostCallBytes')
    expect(guest.allocations).toEqual([])
  })

  test('u64 differs each time', () => {
    const guest = new TestGuest()
    expect(guest.call(iface, getU64)).not.toBe(guest.call(iface, getU64))
  })
})

test('the insecure seed is fresh at every call', () => {
  const guest = new TestGuest()
  const draw = () => {
    const seed = guest.result('wasi:random/insecure-seed', 'insecure-seed')
    return [seed.getBigUint64(0, true), seed.getBigUint64(8, true)]
  }
  expect(new Set([...draw(), ...draw()]).size).toBe(4)
})
