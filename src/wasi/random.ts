/** wasi:random: the system's randomness, fresh at every call, also where WASI would allow less. */
import { randomFillSync } from 'node:crypto'
import { byteSource } from './abi/lists.ts'
import type { ByteSource } from './abi/lists.ts'
import { tuple } from './abi/records.ts'
import { u64 } from './abi/scalars.ts'
import { GuestLimit } from './errors.ts'
import { define } from './state.ts'
import type { HostInterfaces, HostState } from './state.ts'

function randomBytes(state: HostState, length: bigint): ByteSource {
  state.reads.randomness = true
  const most = state.limits.hostCallBytes
  if (length > most) {
    throw new GuestLimit('hostCallBytes', `the guest asked for ${length} random bytes at once, more than ${most}`)
  }
  return { byteLength: Number(length), fill: (into) => void randomFillSync(into) }
}

function randomU64(state: HostState): bigint {
  state.reads.randomness = true
  const [value = 0n] = randomFillSync(new BigUint64Array(1))
  return value
}

export const random: HostInterfaces = {
  'wasi:random/random': {
    resources: [],
    functions: {
      'get-random-bytes': define([u64], byteSource, randomBytes),
      'get-random-u64': define([], u64, randomU64),
    },
  },
  'wasi:random/insecure': {
    resources: [],
    functions: {
      'get-insecure-random-bytes': define([u64], byteSource, randomBytes),
      'get-insecure-random-u64': define([], u64, randomU64),
    },
  },
  'wasi:random/insecure-seed': {
    resources: [],
    functions: {
      'insecure-seed': define([], tuple<[bigint, bigint]>([u64, u64]), (state): [bigint, bigint] => [
        randomU64(state),
        randomU64(state),
      ]),
    },
  },
}
