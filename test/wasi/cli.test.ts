import { describe, expect, test } from 'vitest'
import { GuestExit, GuestTrap } from '../../src/wasi/errors.ts'
import { RESULT, TestGuest } from './support.ts'

const pairs = (guest: TestGuest, at: DataView) => {
  const ptr = at.getUint32(0, true)
  return Array.from({ length: at.getUint32(4, true) }, (_, i) => {
    const field = (offset: number) => guest.view.getUint32(ptr + i * 16 + offset, true)
    return [guest.text(field(0), field(4)), guest.text(field(8), field(12))]
  })
}

describe('wasi:cli/environment', () => {
  test('is the invocation’s own, read when asked for', () => {
    const guest = new TestGuest({ environment: { STAGE: 'prod', NAME: 'né' } })
    expect(pairs(guest, guest.result('wasi:cli/environment', 'get-environment'))).toEqual([
      ['STAGE', 'prod'],
      ['NAME', 'né'],
    ])
    guest.host.end()
    guest.begin({ environment: { STAGE: 'test' } })
    expect(pairs(guest, guest.result('wasi:cli/environment', 'get-environment'))).toEqual([['STAGE', 'test']])
  })

  test('has no arguments, and the working directory that Lambda has', () => {
    const guest = new TestGuest()
    expect(guest.result('wasi:cli/environment', 'get-arguments').getUint32(4, true)).toBe(0)
    expect(guest.invoke('wasi:cli/environment', 'initial-cwd')).toBe('/var/task')
  })

  test('has nothing of the host in it', () => {
    const guest = new TestGuest()
    expect(pairs(guest, guest.result('wasi:cli/environment', 'get-environment'))).toEqual([])
  })
})

describe('wasi:cli/exit', () => {
  test.each([
    ['exit', 0, 'ok', 0],
    ['exit', 1, 'err', 1],
    ['exit-with-code', 0, 'ok', 0],
    ['exit-with-code', 7, 'err', 7],
  ])('%s(%i)', (func, argument, status, code) => {
    const guest = new TestGuest()
    expect(() => guest.call('wasi:cli/exit', func, argument)).toThrow(
      expect.objectContaining({ name: 'GuestExit', status, code }),
    )
  })

  test('a status that is no result traps', () => {
    expect(() => new TestGuest().call('wasi:cli/exit', 'exit', 2)).toThrow(GuestTrap)
  })

  test.each([
    ['exit', 'wasi:cli/exit', 'exit', GuestExit],
    ['a trap', 'wasi:io/poll', '[method]pollable.block', GuestTrap],
  ])('a guest that catches %s gets it out of every further call of the invocation', (_name, iface, func, kind) => {
    const { host, options } = new TestGuest()
    const call = (iface: string, func: string) => () => host.lower(iface, func, options).fn(1)
    expect(call(iface, func)).toThrow(kind)
    expect(call('wasi:cli/stdout', 'get-stdout')).toThrow(kind)
    expect(() => host.drop('wasi:io/poll', 'pollable')(1)).toThrow(kind)
    expect(host.failure).toBeInstanceOf(kind)
    host.end()
    host.begin({ environment: {}, signal: undefined, write: () => {} })
    expect(host.failure).toBeUndefined()
    expect(call('wasi:cli/stdout', 'get-stdout')()).toBe(1)
  })
})

describe('wasi:cli terminals', () => {
  test.each(['stdin', 'stdout', 'stderr'])('%s is none', (name) => {
    const guest = new TestGuest()
    guest.view.setUint8(RESULT, 0xff)
    expect(guest.result(`wasi:cli/terminal-${name}`, `get-terminal-${name}`).getUint8(0)).toBe(0)
  })
})

test('init is told what it read that a snapshot freezes', () => {
  const guest = new TestGuest()
  expect(guest.host.captureWarnings()).toEqual([])
  guest.call('wasi:clocks/monotonic-clock', 'now')
  guest.call('wasi:random/insecure', 'get-insecure-random-u64')
  guest.result('wasi:cli/environment', 'get-environment')
  expect(guest.host.captureWarnings()).toEqual([
    expect.stringContaining('clock'),
    expect.stringContaining('randomness'),
    expect.stringContaining('environment'),
  ])
  guest.begin()
  expect(guest.host.captureWarnings()).toEqual([])
})
