/**
 * Keys of public-key cryptography between their formats and the numbers that the host takes (guest-sdk/wit, `crypto`). A key is
 * `{ public }` or `{ public, private }`, each as in the WIT: `{ tag, val }`.
 */
import host from 'thaw:function/crypto@0.1.0'
import {
  bits,
  context,
  DerError,
  DerReader,
  element,
  integer,
  joined,
  octets,
  padded,
  sequence,
  sequenceIn,
  tags,
  trimmed,
  wholeBits,
} from './der.js'

/** `reason`: `invalid-key`, `too-large` or `failed`. */
export class KeyError extends Error {
  name = 'KeyError'
  constructor(message, reason = 'invalid-key') {
    super(message)
    this.reason = reason
  }
}
const invalid = (message) => new KeyError(message)

const reasons = {
  'invalid-key': 'The key is invalid',
  'too-large': 'The key or the data is larger than Thaw takes',
  failed: 'The key is of another kind, or too small',
}
/** What the host answers, or a KeyError. */
function asked(name, ...given) {
  try {
    return host[name](...given)
  } catch (thrown) {
    if (reasons[thrown?.payload] === undefined) throw thrown
    throw new KeyError(reasons[thrown.payload], thrown.payload)
  }
}
export const sign = (key, scheme, data) => asked('sign', key.private, scheme, data)
export const verify = (key, scheme, signature, data) => asked('verify', key.public, scheme, signature, data)

export const curves = {
  p256: { crv: 'P-256', bytes: 32, oid: '06082a8648ce3d030107' },
  p384: { crv: 'P-384', bytes: 48, oid: '06052b81040022' },
}
const ecOid = '06072a8648ce3d0201'
/** The contents of an AlgorithmIdentifier, in hexadecimal (RFC 5480, 8017, 8410). */
const algorithms = {
  p256: ecOid + curves.p256.oid,
  p384: ecOid + curves.p384.oid,
  rsa: '06092a864886f70d0101010500',
  ed25519: '06032b6570',
}
export const tagOfCurve = (crv) => Object.keys(curves).find((tag) => curves[tag].crv === crv)
const privateNames = ['n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi']
const unhex = (text) => Uint8Array.fromHex(text)
const zero = integer(Uint8Array.of(0))
const one = integer(Uint8Array.of(1))

/** Errors of the reader are those of the key. */
function reading(read) {
  try {
    return read()
  } catch (error) {
    throw error instanceof DerError ? invalid(error.message) : error
  }
}

export function publicKey(tag, val) {
  const made = { tag, val }
  asked('checkPublic', made)
  return { public: made }
}

/** `point` is what the format says of the public key, if it says anything: it has to be that of the private one. */
export function privateKey(tag, val, point = undefined) {
  const secret = { tag, val: tag === 'p256' || tag === 'p384' ? { d: val, point: undefined } : val }
  const made = asked('derivePublic', secret)
  if (point !== undefined && made.val.toHex() !== point.toHex())
    throw invalid('The public key is not that of the private one')
  if (tag === 'p256' || tag === 'p384') secret.val.point = made.val
  return { public: made, private: secret }
}

function sized(number, length) {
  return padded(number, length) ?? fail('A number of the key is too long')
}
function fail(message) {
  throw invalid(message)
}

function algorithmOf(der) {
  const text = der.take(tags.sequence).toHex()
  const tag = Object.keys(algorithms).find(
    (name) => algorithms[name] === text || (name === 'rsa' && algorithms.rsa === `${text}0500`),
  )
  return tag ?? fail('The key is of no algorithm that Thaw has: RSA, P-256, P-384, Ed25519')
}

/** RFC 5280, SubjectPublicKeyInfo. */
export const fromSpki = (bytes) =>
  reading(() => {
    const der = sequenceIn(bytes)
    const tag = algorithmOf(der)
    const key = der.bits()
    der.end()
    return tag === 'rsa' ? fromPkcs1Public(key) : publicKey(tag, key.slice())
  })

/** RFC 8017, A.1.1. */
export const fromPkcs1Public = (bytes) =>
  reading(() => {
    const der = sequenceIn(bytes)
    const [n, e] = [der.integer(), der.integer()]
    der.end()
    return publicKey('rsa', { n: n.slice(), e: e.slice() })
  })

/** RFC 5958, and 5208 before it. */
export const fromPkcs8 = (bytes) =>
  reading(() => {
    const der = sequenceIn(bytes)
    if (der.small() > 1) fail('The key is of a version that there is not')
    const tag = algorithmOf(der)
    const key = der.take(tags.octets)
    der.optional(context(0))
    const known = der.optional(0x81)
    der.end()
    if (tag === 'rsa') return fromPkcs1(key)
    if (tag !== 'ed25519') return fromSec1(key, tag)
    const inner = new DerReader(key)
    const seed = inner.take(tags.octets).slice()
    inner.end()
    return privateKey(tag, seed, known === undefined ? undefined : wholeBits(known))
  })

/** RFC 8017, A.1.2. */
export const fromPkcs1 = (bytes) =>
  reading(() => {
    const der = sequenceIn(bytes)
    if (der.small() !== 0) fail('RSA keys of more than two primes are not supported')
    const val = {}
    for (const name of privateNames) val[name] = der.integer().slice()
    der.end()
    return privateKey('rsa', val)
  })

/** RFC 5915. `tag`: where it is known from without. */
export const fromSec1 = (bytes, tag = undefined) =>
  reading(() => {
    const der = sequenceIn(bytes)
    if (der.small() !== 1) fail('The key is of a version that there is not')
    const secret = der.take(tags.octets)
    const named = der.optional(context(0))?.toHex()
    const point = der.optional(context(1))
    der.end()
    const found = named === undefined ? tag : Object.keys(curves).find((name) => curves[name].oid === named)
    if (found === undefined || (tag !== undefined && found !== tag))
      fail('The key is on no curve that Thaw has: P-256, P-384')
    return privateKey(
      found,
      sized(secret, curves[found].bytes),
      point === undefined ? undefined : new DerReader(point).bits(),
    )
  })

/** The public key of an X.509 certificate (RFC 5280, 4.1), as it stands there: nothing of the certificate is verified. */
export const fromCertificate = (bytes) =>
  reading(() => {
    const der = sequenceIn(bytes).sequence()
    der.optional(context(0))
    der.take(tags.integer)
    for (const _ of ['signature', 'issuer', 'validity', 'subject']) der.take(tags.sequence)
    return fromSpki(sequence(der.take(tags.sequence)))
  })

const identifier = (tag) => sequence(unhex(algorithms[tag]))
export function toPkcs1Public({ public: { val } }) {
  return sequence(integer(val.n), integer(val.e))
}
export function toSpki(key) {
  const { tag, val } = key.public
  return sequence(identifier(tag), bits(tag === 'rsa' ? toPkcs1Public(key) : val))
}
export function toPkcs1({ private: { val } }) {
  return sequence(zero, ...privateNames.map((name) => integer(val[name])))
}
/** `named`: with the curve, as where nothing else says it. */
export function toSec1({ private: { tag, val } }, named = true) {
  const curve = named ? [element(context(0), unhex(curves[tag].oid))] : []
  return sequence(one, octets(val.d), ...curve, element(context(1), bits(val.point)))
}
export function toPkcs8(key) {
  const { tag, val } = key.private
  const inner = tag === 'rsa' ? toPkcs1(key) : tag === 'ed25519' ? octets(val) : toSec1(key, false)
  return sequence(zero, identifier(tag), octets(inner))
}

const base64url = (bytes) => bytes.toBase64({ alphabet: 'base64url', omitPadding: true })
function member(jwk, name) {
  const text = jwk[name]
  if (typeof text !== 'string') fail(`The JSON Web Key has no "${name}"`)
  try {
    return Uint8Array.fromBase64(text, { alphabet: 'base64url' })
  } catch {
    return fail(`The "${name}" of the JSON Web Key is malformed`)
  }
}

/** RFC 7518, section 6; RFC 8037. */
export function fromJwk(jwk) {
  if (jwk.kty === 'RSA') {
    if (jwk.d === undefined) return publicKey('rsa', { n: trimmed(member(jwk, 'n')), e: trimmed(member(jwk, 'e')) })
    return privateKey('rsa', Object.fromEntries(privateNames.map((name) => [name, trimmed(member(jwk, name))])))
  }
  if (jwk.kty === 'OKP' && jwk.crv === 'Ed25519') {
    const x = member(jwk, 'x')
    return jwk.d === undefined ? publicKey('ed25519', x) : privateKey('ed25519', member(jwk, 'd'), x)
  }
  const tag = jwk.kty === 'EC' ? tagOfCurve(jwk.crv) : undefined
  if (tag === undefined) fail('The JSON Web Key is of no kind that Thaw has: RSA, P-256, P-384, Ed25519')
  const [x, y] = [member(jwk, 'x'), member(jwk, 'y')]
  const { bytes } = curves[tag]
  if (x.length !== bytes || y.length !== bytes) fail('A coordinate of the JSON Web Key is of the wrong length')
  const point = joined(Uint8Array.of(4), x, y)
  return jwk.d === undefined ? publicKey(tag, point) : privateKey(tag, member(jwk, 'd'), point)
}

export function toJwk(key, secret = key.private !== undefined) {
  const { tag, val } = key.public
  const from = (names, numbers) => Object.fromEntries(names.map((name) => [name, base64url(numbers[name])]))
  if (tag === 'rsa') return { kty: 'RSA', ...(secret ? from(privateNames, key.private.val) : from(['n', 'e'], val)) }
  if (tag === 'ed25519')
    return { kty: 'OKP', crv: 'Ed25519', x: base64url(val), ...(secret && { d: base64url(key.private.val) }) }
  const { crv, bytes } = curves[tag]
  const [x, y] = [val.subarray(1, 1 + bytes), val.subarray(1 + bytes)]
  return { kty: 'EC', crv, x: base64url(x), y: base64url(y), ...(secret && { d: base64url(key.private.val.d) }) }
}

/** `random` fills an array. Draws until it is a number of the curve, nearly always once (FIPS 186-5, A.2.2). */
export function generated(tag, random) {
  for (;;) {
    try {
      return privateKey(tag, random(new Uint8Array(curves[tag]?.bytes ?? 32)))
    } catch (error) {
      if (!(error instanceof KeyError)) throw error
    }
  }
}

/** Bits of a number. */
export const bitLength = (number) => (number.length === 0 ? 0 : number.length * 8 - Math.clz32(number[0]) + 24)

/** ECDSA: r and s in as many bytes as the curve has, to DER and back. Undefined for what is none. */
export function signatureToDer(signature) {
  const half = signature.length / 2
  return sequence(integer(signature.subarray(0, half)), integer(signature.subarray(half)))
}
export function signatureFromDer(bytes, tag) {
  try {
    const der = sequenceIn(bytes)
    const halves = [der.integer(), der.integer()].map((number) => padded(number, curves[tag].bytes))
    der.end()
    return halves.includes(undefined) ? undefined : joined(...halves)
  } catch {
    return undefined
  }
}
