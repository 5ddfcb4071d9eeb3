/** Keys of thaw:function/crypto: from a guest's numbers to OpenSSL's keys, nothing unchecked. */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import type { KeyObject, webcrypto } from 'node:crypto'
import { cryptoLimits } from '../../config.ts'

type JsonWebKey = webcrypto.JsonWebKey

export interface RsaPublic {
  n: Uint8Array
  e: Uint8Array
}

export interface RsaPrivate extends RsaPublic {
  d: Uint8Array
  p: Uint8Array
  q: Uint8Array
  dp: Uint8Array
  dq: Uint8Array
  qi: Uint8Array
}

export interface EcPrivate {
  d: Uint8Array
  /** Uncompressed. Whether it is that of `d` is not looked at: it is what spares its derivation, and no signature depends on it. */
  point: Uint8Array | undefined
}

type CurveName = 'p256' | 'p384' | 'ed25519'

export type PublicNumbers = { tag: CurveName; val: Uint8Array } | { tag: 'rsa'; val: RsaPublic }
export type PrivateNumbers =
  | { tag: 'p256' | 'p384'; val: EcPrivate }
  | { tag: 'ed25519'; val: Uint8Array }
  | { tag: 'rsa'; val: RsaPrivate }

export class InvalidKey extends Error {
  override readonly name = 'InvalidKey'
  readonly reason: 'invalid-key' | 'too-large'

  constructor(reason: 'invalid-key' | 'too-large' = 'invalid-key') {
    super(reason)
    this.reason = reason
  }
}

/** `order`: SP 800-186, section 3.2.1. `pkcs8`: RFC 5915, all that stands before the secret number, so that OpenSSL derives the point. */
const curves = {
  p256: {
    crv: 'P-256',
    bytes: 32,
    order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
    pkcs8: '3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420',
  },
  p384: {
    crv: 'P-384',
    bytes: 48,
    order: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
    pkcs8: '304e020100301006072a8648ce3d020106052b81040022043730350201010430',
  },
} as const

/** RFC 8410, section 7. */
const ed25519 = { bytes: 32, pkcs8: '302e020100300506032b657004220420' } as const

/** SEC 1, section 2.3.3. */
const uncompressed = 4

/** Errors: `InvalidKey`, and what OpenSSL throws, which says the same. */
export function publicKeyOf(numbers: PublicNumbers): KeyObject {
  const key = publicJwk(numbers)
  return invalidUnless(() => createPublicKey({ key, format: 'jwk' }))
}

function publicJwk({ tag, val }: PublicNumbers): JsonWebKey {
  if (tag === 'rsa') {
    checkRsa(val, cryptoLimits.rsaVerifyBits)
    return { kty: 'RSA', n: text(val.n), e: text(val.e) }
  }
  if (tag === 'ed25519') {
    require(val.length === ed25519.bytes)
    return { kty: 'OKP', crv: 'Ed25519', x: text(val) }
  }
  const { crv, bytes } = curves[tag]
  require(val.length === 1 + 2 * bytes && val[0] === uncompressed)
  return { kty: 'EC', crv, x: text(val.subarray(1, 1 + bytes)), y: text(val.subarray(1 + bytes)) }
}

/** The same errors. */
export function privateKeyOf({ tag, val }: PrivateNumbers): KeyObject {
  if (tag === 'rsa') return rsaPrivateKey(val)
  if (tag === 'ed25519') return keyAfter(ed25519.pkcs8, val, ed25519.bytes)
  const { bytes, order, pkcs8 } = curves[tag]
  const { d, point } = val
  require(d.length === bytes)
  const secret = numberOf(d)
  require(secret > 0n && secret < order)
  if (point === undefined) return keyAfter(pkcs8, d, bytes)
  const key = { ...publicJwk({ tag, val: point }), d: text(d) }
  return invalidUnless(() => createPrivateKey({ key, format: 'jwk' }))
}

function keyAfter(pkcs8: string, secret: Uint8Array, bytes: number): KeyObject {
  require(secret.length === bytes)
  const key = Buffer.concat([Buffer.from(pkcs8, 'hex'), secret])
  try {
    return invalidUnless(() => createPrivateKey({ key, format: 'der', type: 'pkcs8' }))
  } finally {
    key.fill(0)
  }
}

/**
 * What OpenSSL uses `d` for: to begin anew without the primes if what they gave is wrong, as it is if they are none. At
 * 4,096 bits that takes five times as long, so it gets 1: the primes' way is the only one, and a key that is none signs wrongly.
 */
const unusedExponent = 'AQ'

/** The equations of RFC 8017, section 3.2. */
function rsaPrivateKey(val: RsaPrivate): KeyObject {
  checkRsa(val, cryptoLimits.rsaSignBits)
  const half = Math.ceil(val.n.length / 2)
  require([val.p, val.q, val.dp, val.dq, val.qi].every(({ length }) => length > 0 && length <= half))
  require(val.d.length > 0 && val.d.length <= val.n.length)
  const [n, e, d, p, q] = [numberOf(val.n), numberOf(val.e), numberOf(val.d), numberOf(val.p), numberOf(val.q)]
  const [dp, dq, qi] = [numberOf(val.dp), numberOf(val.dq), numberOf(val.qi)]
  require(p > 2n && q > 2n && p * q === n)
  require(d % (p - 1n) === dp && d % (q - 1n) === dq && qi < p && (qi * q) % p === 1n)
  require((e * dp) % (p - 1n) === 1n && (e * dq) % (q - 1n) === 1n)
  const factors = { p: text(val.p), q: text(val.q), dp: text(val.dp), dq: text(val.dq), qi: text(val.qi) }
  const key = { kty: 'RSA', n: text(val.n), e: text(val.e), d: unusedExponent, ...factors }
  return invalidUnless(() => createPrivateKey({ key, format: 'jwk' }))
}

function checkRsa({ n, e }: RsaPublic, mostBits: number): void {
  if (n.length > mostBits / 8) throw new InvalidKey('too-large')
  if (e.length > cryptoLimits.rsaExponentBytes) throw new InvalidKey('too-large')
  const exponent = numberOf(e)
  // Even ones have no inverse, and 1 signs nothing.
  require(n.length > 0 && n[0] !== 0 && (n.at(-1) ?? 0) % 2 === 1 && exponent > 1n && exponent % 2n === 1n)
}

export function publicNumbersOf(tag: PublicNumbers['tag'], key: KeyObject): PublicNumbers {
  const { x = '', y = '', n = '', e = '' } = key.export({ format: 'jwk' })
  if (tag === 'rsa') return { tag, val: { n: Buffer.from(n, 'base64url'), e: Buffer.from(e, 'base64url') } }
  if (tag === 'ed25519') return { tag, val: Buffer.from(x, 'base64url') }
  return {
    tag,
    val: Buffer.concat([Buffer.of(uncompressed), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]),
  }
}

function require(condition: boolean): asserts condition {
  if (!condition) throw new InvalidKey()
}

function invalidUnless<T>(make: () => T): T {
  try {
    return make()
  } catch {
    throw new InvalidKey()
  }
}

const viewOf = (number: Uint8Array): Buffer => Buffer.from(number.buffer, number.byteOffset, number.byteLength)
const text = (number: Uint8Array): string => viewOf(number).toString('base64url')
const numberOf = (number: Uint8Array): bigint => BigInt(`0x0${viewOf(number).toString('hex')}`)
