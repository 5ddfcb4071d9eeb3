/** The resources of wasi:sockets. Of those that map to `never` no instance can exist: no host function makes one. */
import { held } from './io/held.ts'
import type { Held } from './io/held.ts'

/** Stands for the instance's network, and grants nothing. */
export interface Network extends Held {
  readonly type: 'network'
  readonly parent: undefined
}

export interface SocketResourceTypes {
  network: Network
  'tcp-socket': never
  'udp-socket': never
  'incoming-datagram-stream': never
  'outgoing-datagram-stream': never
  'resolve-address-stream': never
}

export function newNetwork(): Network {
  return { type: 'network', ...held(undefined) }
}
