/** Randomness. The generator's state would be frozen into the snapshot: it is seeded anew once init is over. */
import random from 'wasi:random/random@0.2.0'
import { noteRead } from './init-reads.js'

/** wasi hosts bound one call; the Web Crypto quota (getRandomValues, step 3) is the same number. */
const maxRandomBytes = 65_536

const state = new Uint32Array(4)
let seeded = false

export const forgetSeed = () => {
  seeded = false
}

/** Whether what `Math.random` gives during init is the function's doing, and not that of the SDK's own packages. */
let marking = true
export function markRandomness(on) {
  marking = on
  forgetSeed()
}

function seed() {
  state.set(new Uint32Array(random.getRandomBytes(16).slice().buffer))
  state[0] |= 1
  seeded = true
}

/** xoshiro128** (Blackman and Vigna). */
function next32() {
  const scrambled = Math.imul(state[1], 5)
  const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9)
  const shifted = state[1] << 9
  state[2] ^= state[0]
  state[3] ^= state[1]
  state[1] ^= state[2]
  state[0] ^= state[3]
  state[2] ^= shifted
  state[3] = (state[3] << 11) | (state[3] >>> 21)
  return result >>> 0
}

export function mathRandom() {
  if (marking) noteRead('Math.random()')
  if (!seeded) seed()
  // 53 bits, as doubles hold them.
  return ((next32() >>> 5) * 67_108_864 + (next32() >>> 6)) / 9_007_199_254_740_992
}

function getRandomValues(array) {
  noteRead('crypto.getRandomValues()')
  return filled(array)
}

function filled(array) {
  if (!ArrayBuffer.isView(array) || array instanceof DataView || array.constructor.name.startsWith('Float')) {
    throw new TypeError('The data argument must be an integer-type TypedArray')
  }
  if (array.byteLength > maxRandomBytes) {
    throw new DOMException(`The requested length exceeds 65,536 bytes: ${array.byteLength}`, 'QuotaExceededError')
  }
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
  if (bytes.length > 0) bytes.set(random.getRandomBytes(bytes.length))
  return array
}

/** RFC 9562, version 4. */
function randomUUID() {
  noteRead('crypto.randomUUID()')
  const bytes = filled(new Uint8Array(16))
  bytes[6] = (bytes[6] & 0x0f) | 0x40
  bytes[8] = (bytes[8] & 0x3f) | 0x80
  const hex = bytes.toHex()
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** For what has said itself that it reads randomness. */
export const fillRandom = filled

export const crypto = { getRandomValues, randomUUID }
