/**
 * wasi:sockets, because programs import it whether or not they use it: no socket is granted to any function, and no name
 * is resolved. So no socket can come to exist, hence every method ends at its unknown `self`, which is all it lifts.
 */
import { borrow, own } from './abi/handles.ts'
import { string } from './abi/strings.ts'
import { enumeration, option, result } from './abi/variants.ts'
import type { Result } from './abi/variants.ts'
import { GuestTrap } from './errors.ts'
import type { ResourceName } from './resources.ts'
import { newNetwork } from './sockets-resources.ts'
import { define } from './state.ts'
import type { HostFunction, HostInterface, HostInterfaces } from './state.ts'

/** `error-code` of wasi:sockets/network, in the order of the WIT. */
const errorCode = enumeration(
  'unknown',
  'access-denied',
  'not-supported',
  'invalid-argument',
  'out-of-memory',
  'timeout',
  'concurrency-conflict',
  'not-in-progress',
  'would-block',
  'invalid-state',
  'new-socket-limit',
  'address-not-bindable',
  'address-in-use',
  'remote-unreachable',
  'connection-refused',
  'connection-reset',
  'connection-aborted',
  'datagram-too-large',
  'name-unresolvable',
  'temporary-resolver-failure',
  'permanent-resolver-failure',
)
const addressFamily = enumeration('ipv4', 'ipv6')

const denied: Result<never, 'access-denied'> = { tag: 'err', val: 'access-denied' }

const BUFFERS = 'receive-buffer-size set-receive-buffer-size send-buffer-size set-send-buffer-size'
const TCP =
  'start-bind finish-bind start-connect finish-connect start-listen finish-listen accept local-address remote-address ' +
  'is-listening address-family set-listen-backlog-size keep-alive-enabled set-keep-alive-enabled keep-alive-idle-time ' +
  'set-keep-alive-idle-time keep-alive-interval set-keep-alive-interval keep-alive-count set-keep-alive-count ' +
  `hop-limit set-hop-limit ${BUFFERS} subscribe shutdown`
const UDP =
  'start-bind finish-bind stream local-address remote-address address-family unicast-hop-limit set-unicast-hop-limit ' +
  `${BUFFERS} subscribe`

function neverReached(): never {
  throw new GuestTrap('wasi:sockets has no sockets')
}

function methods(resource: ResourceName, names: string): Record<string, HostFunction> {
  const method = define([borrow(resource)], undefined, neverReached)
  return Object.fromEntries(names.split(' ').map((name) => [`[method]${resource}.${name}`, method]))
}

function createSocket(resource: 'tcp-socket' | 'udp-socket'): HostInterface {
  const create = define([addressFamily], result(own(resource), errorCode), () => denied)
  return { resources: [], functions: { [`create-${resource}`]: create } }
}

export const sockets: HostInterfaces = {
  'wasi:sockets/network': {
    resources: ['network'],
    // No error of this host comes from a socket.
    functions: { 'network-error-code': define([borrow('error')], option(errorCode), () => undefined) },
  },
  'wasi:sockets/instance-network': {
    resources: [],
    functions: { 'instance-network': define([], own('network'), newNetwork) },
  },
  'wasi:sockets/ip-name-lookup': {
    resources: ['resolve-address-stream'],
    functions: {
      'resolve-addresses': define(
        [borrow('network'), string],
        result(own('resolve-address-stream'), errorCode),
        () => denied,
      ),
      ...methods('resolve-address-stream', 'resolve-next-address subscribe'),
    },
  },
  'wasi:sockets/tcp-create-socket': createSocket('tcp-socket'),
  'wasi:sockets/tcp': { resources: ['tcp-socket'], functions: methods('tcp-socket', TCP) },
  'wasi:sockets/udp-create-socket': createSocket('udp-socket'),
  'wasi:sockets/udp': {
    resources: ['udp-socket', 'incoming-datagram-stream', 'outgoing-datagram-stream'],
    functions: {
      ...methods('udp-socket', UDP),
      ...methods('incoming-datagram-stream', 'receive subscribe'),
      ...methods('outgoing-datagram-stream', 'check-send send subscribe'),
    },
  },
}
