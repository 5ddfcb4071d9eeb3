/** wasi:random 0.3: as in 0.2, but a guest that asks for more bytes than one call may give gets fewer. */
import { randomFillSync } from 'node:crypto'
import { byteSource } from '../abi/lists.ts'
import { u64 } from '../abi/scalars.ts'
import { random } from '../random.ts'
import { define } from '../state.ts'
import type { HostFunction, HostInterfaces } from '../state.ts'

const randomBytes = define([u64], byteSource, ({ limits, reads }, most) => {
  reads.randomness = true
  const byteLength = most < limits.hostCallBytes ? Number(most) : limits.hostCallBytes
  return { byteLength, fill: (into: Uint8Array<ArrayBuffer>) => void randomFillSync(into) }
})

function of(iface: string): Readonly<Record<string, HostFunction>> {
  return random[iface]?.functions ?? {}
}

const { 'insecure-seed': seed } = of('wasi:random/insecure-seed')

export const random3: HostInterfaces = {
  'wasi:random/random@0.3': {
    resources: [],
    functions: { ...of('wasi:random/random'), 'get-random-bytes': randomBytes },
  },
  'wasi:random/insecure@0.3': {
    resources: [],
    functions: { ...of('wasi:random/insecure'), 'get-insecure-random-bytes': randomBytes },
  },
  'wasi:random/insecure-seed@0.3': { resources: [], functions: { ...(seed && { 'get-insecure-seed': seed }) } },
}
