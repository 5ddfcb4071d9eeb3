/** Of crypto.subtle: ECDSA, Ed25519, RSASSA-PKCS1-v1_5 and RSA-PSS (Web Cryptography, 20 to 23 and 25), by the host. */
import { noteRead } from '../init-reads.js'
import { fillRandom } from '../random.js'
import { bufferOf, checkedUsages, checkJwk, copyOf, hashNamed, makeKey, materialIn, refusal } from './crypto-key.js'
import * as keys from './public-keys.js'

export const signatureNames = ['ECDSA', 'Ed25519', 'RSASSA-PKCS1-v1_5', 'RSA-PSS']
const isRsa = (name) => name.startsWith('RSA')
/** How the host calls a hash. */
const hostName = (hash) => hash.replace('-', '').toLowerCase()
/** RFC 7518, section 3.1, without the hash's bits. */
const jwkPrefix = { 'RSASSA-PKCS1-v1_5': 'RS', 'RSA-PSS': 'PS' }
const jwkAlg = (name, hash) => jwkPrefix[name] + hash.slice('SHA-'.length)

/** What the key formats call invalid is the standard's DataError. */
function importing(run) {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof keys.KeyError)) throw error
    throw refusal(error.reason === 'too-large' ? 'NotSupportedError' : 'DataError', error.message)
  }
}

function operating(run) {
  try {
    return run()
  } catch (error) {
    throw error instanceof keys.KeyError ? refusal('OperationError', error.message) : error
  }
}

function curveOf({ namedCurve }) {
  if (namedCurve === undefined) throw new TypeError('The algorithm has no namedCurve')
  const tag = keys.tagOfCurve(namedCurve)
  if (tag !== undefined) return tag
  throw refusal(
    'NotSupportedError',
    `The curve ${namedCurve} is not available in Thaw's crypto.subtle: P-256 and P-384 are`,
  )
}

/** The `[[algorithm]]` of a key. */
function algorithmOf(given, key) {
  const { name } = given
  if (name === 'ECDSA') return { name, namedCurve: given.namedCurve }
  if (!isRsa(name)) return { name }
  const { n, e } = key.public.val
  return { name, modulusLength: keys.bitLength(n), publicExponent: e.slice(), hash: { name: hashNamed(given.hash) } }
}

export function generateKey(given, extractable, usages) {
  const { name } = given
  if (isRsa(name)) {
    throw refusal(
      'NotSupportedError',
      `${name} keys cannot be made in Thaw, as that takes seconds: make them elsewhere and import them`,
    )
  }
  const tag = name === 'ECDSA' ? curveOf(given) : 'ed25519'
  const wanted = checkedUsages(name, usages, ['sign', 'verify'])
  const only = (usage) => wanted.filter((one) => one === usage)
  if (only('sign').length === 0) throw refusal('SyntaxError', 'Usages cannot be empty for a private key')
  noteRead('crypto.subtle.generateKey()')
  const pair = keys.generated(tag, fillRandom)
  const algorithm = algorithmOf(given, pair)
  return {
    publicKey: makeKey('public', { public: pair.public }, algorithm, true, only('verify')),
    privateKey: makeKey('private', pair, { ...algorithm }, extractable, only('sign')),
  }
}

export function importKey(format, keyData, given, extractable, usages) {
  const { name } = given
  const tag = name === 'ECDSA' ? curveOf(given) : isRsa(name) ? 'rsa' : 'ed25519'
  if (isRsa(name)) hashNamed(given.hash)
  const isPrivate = format === 'pkcs8' || (format === 'jwk' && keyData.d !== undefined)
  const wanted = checkedUsages(name, usages, [isPrivate ? 'sign' : 'verify'])
  const read = readers[format]
  if (read === undefined || (format === 'raw' && tag === 'rsa')) {
    throw refusal('NotSupportedError', `The format "${format}" is not supported for ${name}`)
  }
  const key = importing(() => read(keyData, tag, given, extractable, wanted))
  if (key.public.tag !== tag) throw refusal('DataError', 'The key is of another algorithm or curve')
  return makeKey(isPrivate ? 'private' : 'public', key, algorithmOf(given, key), extractable, wanted)
}

const readers = {
  spki: (data) => keys.fromSpki(copyOf(data)),
  pkcs8: (data) => keys.fromPkcs8(copyOf(data)),
  raw: (data, tag) => keys.publicKey(tag, copyOf(data)),
  jwk(jwk, tag, given, extractable, usages) {
    const { name } = given
    const expected =
      name === 'ECDSA'
        ? { kty: 'EC', alg: [tag === 'p256' ? 'ES256' : 'ES384'] }
        : isRsa(name)
          ? { kty: 'RSA', alg: [jwkAlg(name, hashNamed(given.hash))] }
          : { kty: 'OKP', alg: ['EdDSA', 'Ed25519'] }
    checkJwk(jwk, { ...expected, use: 'sig' }, extractable, usages)
    if (jwk.oth !== undefined) throw refusal('NotSupportedError', 'RSA keys of more than two primes are not supported')
    return keys.fromJwk(jwk)
  },
}

/** Bytes, or a JSON Web Key. The key is extractable. */
export function exportKey(format, key) {
  const { algorithm, type } = key
  const material = materialIn(key)
  if (format === 'jwk') {
    const alg = isRsa(algorithm.name) ? { alg: jwkAlg(algorithm.name, algorithm.hash.name) } : {}
    return { ...keys.toJwk(material, type === 'private'), ...alg, key_ops: [...key.usages], ext: key.extractable }
  }
  const expected = { spki: 'public', raw: 'public', pkcs8: 'private' }[format]
  if (expected === undefined || (format === 'raw' && isRsa(algorithm.name))) {
    throw refusal('NotSupportedError', `The format "${format}" is not supported for ${algorithm.name}`)
  }
  if (type !== expected) throw refusal('InvalidAccessError', `A ${type} key is not exported as "${format}"`)
  if (format === 'raw') return bufferOf(material.public.val)
  return bufferOf(format === 'spki' ? keys.toSpki(material) : keys.toPkcs8(material))
}

function schemeOf(given, key) {
  const { name } = given
  if (name === 'Ed25519') return { tag: 'ed25519' }
  if (name === 'ECDSA') return { tag: 'ecdsa', val: hostName(hashNamed(given.hash)) }
  const hash = hostName(key.algorithm.hash.name)
  if (name !== 'RSA-PSS') return { tag: 'rsassa-pkcs1', val: hash }
  const saltLength = Number(given.saltLength)
  if (given.saltLength === undefined || !Number.isInteger(saltLength) || saltLength < 0 || saltLength >= 2 ** 32) {
    throw new TypeError('The saltLength is no unsigned integer')
  }
  return { tag: 'rsa-pss', val: { hash, saltLength } }
}

/** The key permits it, so it is a private one; and a public one for `verify`. */
export function sign(given, key, data) {
  const scheme = schemeOf(given, key)
  return bufferOf(operating(() => keys.sign(materialIn(key), scheme, data)))
}
export function verify(given, key, signature, data) {
  const scheme = schemeOf(given, key)
  return operating(() => keys.verify(materialIn(key), scheme, signature, data))
}
