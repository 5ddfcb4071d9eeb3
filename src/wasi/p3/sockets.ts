/** wasi:sockets 0.3: no socket is granted to any function, and no name is resolved, as in 0.2. */
import { borrow, own } from '../abi/handles.ts'
import { bytes } from '../abi/lists.ts'
import { string } from '../abi/strings.ts'
import type { AbiType } from '../abi/type.ts'
import { enumeration, option, result, variant } from '../abi/variants.ts'
import type { Result } from '../abi/variants.ts'
import { GuestTrap } from '../errors.ts'
import { define } from '../state.ts'
import type { HostFunction, HostInterfaces } from '../state.ts'

type Denied = { readonly tag: 'access-denied' }
type Failure = Denied | { readonly tag: 'other'; readonly val: string | undefined }

/** Of types and of ip-name-lookup: the names of the other cases are never said, so their number is all that counts. */
function errorCode(others: number): AbiType<Failure> {
  const unsaid = Object.fromEntries(Array.from({ length: others }, (_, i) => [`other-${i}`, null]))
  return variant<Failure>({ 'access-denied': null, ...unsaid, other: option(string) })
}

const socketError = errorCode(13)
const lookupError = errorCode(4)
const addressFamily = enumeration('ipv4', 'ipv6')
const denied: Result<never, Denied> = { tag: 'err', val: { tag: 'access-denied' } }

const BOTH =
  'bind connect get-local-address get-remote-address get-address-family get-receive-buffer-size ' +
  'set-receive-buffer-size get-send-buffer-size set-send-buffer-size send receive'
const TCP =
  `${BOTH} listen get-is-listening set-listen-backlog-size get-keep-alive-enabled set-keep-alive-enabled ` +
  'get-keep-alive-idle-time set-keep-alive-idle-time get-keep-alive-interval set-keep-alive-interval ' +
  'get-keep-alive-count set-keep-alive-count get-hop-limit set-hop-limit'
const UDP = `${BOTH} disconnect get-unicast-hop-limit set-unicast-hop-limit`

function neverReached(): never {
  throw new GuestTrap('wasi:sockets has no sockets')
}

/** Every method ends at its unknown `self`, which is all it lifts. */
function socket(resource: 'tcp-socket' | 'udp-socket', names: string): Record<string, HostFunction> {
  const method = define([borrow(resource)], undefined, neverReached)
  return {
    [`[static]${resource}.create`]: define([addressFamily], result(own(resource), socketError), () => denied),
    ...Object.fromEntries(names.split(' ').map((name) => [`[method]${resource}.${name}`, method])),
  }
}

export const sockets3: HostInterfaces = {
  'wasi:sockets/types@0.3': {
    resources: ['tcp-socket', 'udp-socket'],
    functions: { ...socket('tcp-socket', TCP), ...socket('udp-socket', UDP) },
  },
  'wasi:sockets/ip-name-lookup@0.3': {
    resources: [],
    functions: {
      // list<ip-address>: a list is laid out as any other.
      'resolve-addresses': define([string], result(bytes, lookupError), () => denied),
    },
  },
}
