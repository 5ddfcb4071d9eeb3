import { describe, expect, test } from 'vitest'
import { GuestTrap } from '../../src/wasi/errors.ts'
import { offeredFunctions } from '../../src/wasi/offered.ts'
import { TestGuest } from './support.ts'

const denied = { tag: 'err', val: 'access-denied' }

/** From the WIT of wasi:sockets@0.2.12: functions by interface, resources with the number of their methods. */
const interfaces: Record<string, [functions: string[], methods: Record<string, number>]> = {
  'wasi:sockets/network': [['network-error-code'], { network: 0 }],
  'wasi:sockets/instance-network': [['instance-network'], {}],
  'wasi:sockets/ip-name-lookup': [['resolve-addresses'], { 'resolve-address-stream': 2 }],
  'wasi:sockets/tcp-create-socket': [['create-tcp-socket'], {}],
  'wasi:sockets/tcp': [[], { 'tcp-socket': 28 }],
  'wasi:sockets/udp-create-socket': [['create-udp-socket'], {}],
  'wasi:sockets/udp': [[], { 'udp-socket': 13, 'incoming-datagram-stream': 2, 'outgoing-datagram-stream': 3 }],
}

describe.each(Object.entries(interfaces))('%s', (iface, [functions, methods]) => {
  const names = offeredFunctions().flatMap(([of, name]) => (of === iface ? [name] : []))

  test('is there as a whole', () => {
    expect(names.filter((name) => !name.startsWith('['))).toEqual(functions)
    for (const [resource, count] of Object.entries(methods)) {
      expect(names.filter((name) => name.startsWith(`[method]${resource}.`))).toHaveLength(count)
      expect(names).toContain(`[resource-drop]${resource}`)
    }
  })

  test('has no method that reaches anything', () => {
    const guest = new TestGuest()
    for (const name of names.filter((each) => each.startsWith('[method]')))
      expect(() => guest.call(iface, name, 1, 2, 3, 4, 5, 6, 7, 8, 256)).toThrow(GuestTrap)
  })
})

test.each(['ipv4', 'ipv6'])('no %s socket is made', (family) => {
  const guest = new TestGuest()
  expect(guest.invoke('wasi:sockets/tcp-create-socket', 'create-tcp-socket', family)).toEqual(denied)
  expect(guest.invoke('wasi:sockets/udp-create-socket', 'create-udp-socket', family)).toEqual(denied)
  expect(guest.host.openHandles).toBe(0)
})

test('the network resolves no names, and can be dropped', () => {
  const guest = new TestGuest()
  const network = guest.handle('wasi:sockets/instance-network', 'instance-network')
  expect(guest.invoke('wasi:sockets/ip-name-lookup', 'resolve-addresses', network, 'example.com')).toEqual(denied)
  guest.drop('wasi:sockets/network', 'network', network)
  expect(() => guest.invoke('wasi:sockets/ip-name-lookup', 'resolve-addresses', network, 'x')).toThrow(GuestTrap)
})

test('an address family that there is not traps', () => {
  expect(() => new TestGuest().call('wasi:sockets/tcp-create-socket', 'create-tcp-socket', 2, 256)).toThrow(GuestTrap)
})
