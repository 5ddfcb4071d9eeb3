/**
 * crypto.subtle (Web Cryptography): digests, HMAC and AES-GCM, by @noble/hashes and @stablelib. That is JavaScript in an
 * interpreter: right, but slow, and no promise of constant time. Signatures with public keys are the host's (signatures.js).
 * What is not here is refused with NotSupportedError.
 */
import { hmac } from '@noble/hashes/hmac.js'
import { sha1 } from '@noble/hashes/legacy.js'
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js'
import { AES } from '@stablelib/aes'
import { GCM } from '@stablelib/gcm'
import { decodeUtf8, encodeUtf8 } from '../bytes.js'
import { crypto } from '../random.js'
import {
  bufferOf,
  checkedUsages,
  checkJwk,
  copyOf,
  CryptoKey,
  hashNamed,
  makeKey,
  materialIn,
  normalized,
  refusal,
  secret,
} from './crypto-key.js'
import { defineGlobals, webInterface } from './define.js'
import * as signatures from './signatures.js'

const { signatureNames } = signatures

const hashes = { 'SHA-1': sha1, 'SHA-256': sha256, 'SHA-384': sha384, 'SHA-512': sha512 }
const blockBits = { 'SHA-1': 512, 'SHA-256': 512, 'SHA-384': 1024, 'SHA-512': 1024 }
/** JWA's names, by which JSON Web Keys go. */
const jwkNames = { 'SHA-1': 'HS1', 'SHA-256': 'HS256', 'SHA-384': 'HS384', 'SHA-512': 'HS512' }
const usagesOf = { HMAC: ['sign', 'verify'], 'AES-GCM': ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey'] }
const isSecret = (name) => usagesOf[name] !== undefined
const keyNames = [...Object.keys(usagesOf), ...signatureNames]
const signers = ['HMAC', ...signatureNames]

function usable(key, name, usage) {
  if (!(key instanceof CryptoKey)) throw new TypeError('The key must be a CryptoKey')
  if (key.algorithm.name !== name) throw refusal('InvalidAccessError', 'The key is not of the requested algorithm')
  if (!key.usages.includes(usage)) throw refusal('InvalidAccessError', `The key does not permit "${usage}"`)
  return materialIn(key)
}

function makeSecret(bytes, algorithm, extractable, usages) {
  return makeKey(
    'secret',
    bytes,
    algorithm,
    extractable,
    checkedUsages(algorithm.name, usages, usagesOf[algorithm.name]),
  )
}

function hmacAlgorithm(given, bytes) {
  const hash = hashNamed(given.hash)
  const length = given.length === undefined ? bytes.length * 8 : Number(given.length)
  if (bytes.length === 0 || length > bytes.length * 8 || length <= bytes.length * 8 - 8) {
    throw refusal('DataError', 'Invalid key length')
  }
  return { name: 'HMAC', hash: { name: hash }, length }
}

function aesAlgorithm(bytes) {
  if (![16, 24, 32].includes(bytes.length)) throw refusal('DataError', 'Invalid key length')
  return { name: 'AES-GCM', length: bytes.length * 8 }
}

function fromJwk(jwk, given, extractable, usages) {
  if (jwk.kty === 'oct' && typeof jwk.k !== 'string') throw refusal('DataError', 'The JSON Web Key has no "k"')
  let bytes
  try {
    bytes = Uint8Array.fromBase64(jwk.k ?? '', { alphabet: 'base64url' })
  } catch (cause) {
    throw refusal('DataError', `The JSON Web Key is malformed: ${cause.message}`)
  }
  const alg = given.name === 'HMAC' ? jwkNames[hashNamed(given.hash)] : `A${bytes.length * 8}GCM`
  const use = given.name === 'HMAC' ? 'sig' : 'enc'
  checkJwk(jwk, { kty: 'oct', use, alg: [alg] }, extractable, [...usages])
  return bytes
}

/** The cipher with the parameters of a call bound. */
function gcmOf(given, key) {
  const iv = copyOf(given.iv)
  const tagLength = given.tagLength ?? 128
  // Others are in the standard; nobody should ask for one, and @stablelib/gcm has none.
  if (tagLength !== 128) throw refusal('NotSupportedError', `A tag of ${tagLength} bits is not supported: 128 is`)
  if (iv.length !== 12) throw refusal('NotSupportedError', `An iv of ${iv.length} bytes is not supported: 12 is`)
  const additional = given.additionalData === undefined ? undefined : copyOf(given.additionalData)
  const cipher = new GCM(new AES(key))
  return {
    encrypt: (bytes) => cipher.seal(iv, bytes, additional),
    decrypt(bytes) {
      const plain = bytes.length < 16 ? null : cipher.open(iv, bytes, additional)
      if (plain === null) throw refusal('OperationError', 'The operation failed for an operation-specific reason')
      return plain
    },
  }
}

function equal(left, right) {
  let difference = left.length ^ right.length
  for (let at = 0; at < left.length; at++) difference |= left[at] ^ (right[at] ?? 0)
  return difference === 0
}

export class SubtleCrypto {
  constructor(made) {
    if (made !== secret) throw new TypeError('Illegal constructor')
  }
  async digest(algorithm, data) {
    return bufferOf(hashes[hashNamed(algorithm)](copyOf(data)))
  }
  async sign(algorithm, key, data) {
    const bytes = copyOf(data)
    const given = normalized(algorithm, signers)
    const material = usable(key, given.name, 'sign')
    if (!isSecret(given.name)) return signatures.sign(given, key, bytes)
    return bufferOf(hmac(hashes[key.algorithm.hash.name], material, bytes))
  }
  async verify(algorithm, key, signature, data) {
    const [signed, bytes] = [copyOf(signature), copyOf(data)]
    const given = normalized(algorithm, signers)
    const material = usable(key, given.name, 'verify')
    if (!isSecret(given.name)) return signatures.verify(given, key, signed, bytes)
    return equal(hmac(hashes[key.algorithm.hash.name], material, bytes), signed)
  }
  async encrypt(algorithm, key, data) {
    const bytes = copyOf(data)
    const given = normalized(algorithm, ['AES-GCM'])
    return bufferOf(gcmOf(given, usable(key, given.name, 'encrypt')).encrypt(bytes))
  }
  async decrypt(algorithm, key, data) {
    const bytes = copyOf(data)
    const given = normalized(algorithm, ['AES-GCM'])
    return bufferOf(gcmOf(given, usable(key, given.name, 'decrypt')).decrypt(bytes))
  }
  async generateKey(algorithm, extractable, usages) {
    const given = normalized(algorithm, keyNames)
    if (!isSecret(given.name)) return signatures.generateKey(given, extractable, usages)
    const bits = given.length ?? (given.name === 'HMAC' ? blockBits[hashNamed(given.hash)] : undefined)
    const valid = given.name === 'HMAC' ? bits > 0 : [128, 192, 256].includes(bits)
    if (!valid) throw refusal('OperationError', `A key of ${bits} bits cannot be made`)
    const bytes = crypto.getRandomValues(new Uint8Array(Math.ceil(bits / 8)))
    const full =
      given.name === 'HMAC'
        ? { name: 'HMAC', hash: { name: hashNamed(given.hash) }, length: bits }
        : aesAlgorithm(bytes)
    return makeSecret(bytes, full, extractable, usages)
  }
  async importKey(format, keyData, algorithm, extractable, usages) {
    const given = normalized(algorithm, keyNames)
    if (format === 'jwk' && (typeof keyData !== 'object' || keyData === null))
      throw new TypeError('The JSON Web Key is no object')
    if (!isSecret(given.name)) return signatures.importKey(format, keyData, given, extractable, usages)
    if (format !== 'raw' && format !== 'jwk') {
      throw refusal('NotSupportedError', `The format "${format}" is not supported for ${given.name}`)
    }
    const bytes = format === 'raw' ? copyOf(keyData) : fromJwk(keyData, given, extractable, usages)
    const full = given.name === 'HMAC' ? hmacAlgorithm(given, bytes) : aesAlgorithm(bytes)
    return makeSecret(bytes, full, extractable, usages)
  }
  async exportKey(format, key) {
    if (!(key instanceof CryptoKey)) throw new TypeError('The key must be a CryptoKey')
    if (!key.extractable) throw refusal('InvalidAccessError', 'The key is not extractable')
    if (!isSecret(key.algorithm.name)) return signatures.exportKey(format, key)
    if (format === 'raw') return bufferOf(materialIn(key))
    if (format !== 'jwk') throw refusal('NotSupportedError', `The format "${format}" is not supported`)
    const { name, hash, length } = key.algorithm
    return {
      kty: 'oct',
      k: materialIn(key).toBase64({ alphabet: 'base64url', omitPadding: true }),
      alg: name === 'HMAC' ? jwkNames[hash.name] : `A${length}GCM`,
      key_ops: [...key.usages],
      ext: true,
    }
  }
  async wrapKey(format, key, wrappingKey, algorithm) {
    const given = normalized(algorithm, ['AES-GCM'])
    const material = usable(wrappingKey, given.name, 'wrapKey')
    const exported = await this.exportKey(format, key)
    const bytes = format === 'jwk' ? encodeUtf8(JSON.stringify(exported)) : new Uint8Array(exported)
    return bufferOf(gcmOf(given, material).encrypt(bytes))
  }
  async unwrapKey(format, wrapped, unwrappingKey, unwrapAlgorithm, keyAlgorithm, extractable, usages) {
    const bytes = copyOf(wrapped)
    const given = normalized(unwrapAlgorithm, ['AES-GCM'])
    const plain = gcmOf(given, usable(unwrappingKey, given.name, 'unwrapKey')).decrypt(bytes)
    const keyData = format === 'jwk' ? JSON.parse(decodeUtf8(plain)) : plain
    return this.importKey(format, keyData, keyAlgorithm, extractable, usages)
  }
}
for (const name of ['deriveBits', 'deriveKey']) {
  SubtleCrypto.prototype[name] = async () => {
    throw refusal('NotSupportedError', `crypto.subtle.${name} is not available in Thaw`)
  }
}

webInterface(SubtleCrypto, 'SubtleCrypto')
export const subtle = new SubtleCrypto(secret)
Object.defineProperty(crypto, 'subtle', { value: subtle, enumerable: true, configurable: true })
defineGlobals({ CryptoKey, SubtleCrypto })
