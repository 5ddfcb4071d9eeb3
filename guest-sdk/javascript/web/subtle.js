/**
 * crypto.subtle (Web Cryptography): digests, HMAC and AES-GCM, by @noble/hashes and @stablelib. That is JavaScript in an
 * interpreter: right, but slow, and no promise of constant time. What is not here is refused with NotSupportedError.
 */
import { hmac } from '@noble/hashes/hmac.js'
import { sha1 } from '@noble/hashes/legacy.js'
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js'
import { AES } from '@stablelib/aes'
import { GCM } from '@stablelib/gcm'
import { decodeUtf8, encodeUtf8 } from '../bytes.js'
import { crypto } from '../random.js'
import { bufferBytes, defineGlobals, webInterface } from './define.js'

const hashes = { 'SHA-1': sha1, 'SHA-256': sha256, 'SHA-384': sha384, 'SHA-512': sha512 }
const blockBits = { 'SHA-1': 512, 'SHA-256': 512, 'SHA-384': 1024, 'SHA-512': 1024 }
/** JWA's names, by which JSON Web Keys go. */
const jwkNames = { 'SHA-1': 'HS1', 'SHA-256': 'HS256', 'SHA-384': 'HS384', 'SHA-512': 'HS512' }
const usagesOf = { HMAC: ['sign', 'verify'], 'AES-GCM': ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey'] }

const refusal = (name, message) => new DOMException(message, name)
const secret = Symbol('CryptoKey')
let materialOf

export class CryptoKey {
  #bytes
  #algorithm
  #extractable
  #usages
  constructor(made, bytes, algorithm, extractable, usages) {
    if (made !== secret) throw new TypeError('Illegal constructor')
    this.#bytes = bytes
    this.#algorithm = algorithm
    this.#extractable = extractable
    this.#usages = usages
  }
  get type() {
    return 'secret'
  }
  get extractable() {
    return this.#extractable
  }
  get algorithm() {
    return this.#algorithm
  }
  get usages() {
    return this.#usages
  }
  static {
    materialOf = (key) => key.#bytes
  }
}

/** `{ name, ...members }` with the name in the standard's spelling. */
function normalized(algorithm, supported) {
  const given = typeof algorithm === 'object' && algorithm !== null ? algorithm : { name: algorithm }
  if (given.name === undefined) throw new TypeError('The algorithm has no name')
  const name = supported.find((known) => known.toLowerCase() === String(given.name).toLowerCase())
  if (name === undefined) {
    throw refusal('NotSupportedError', `Unrecognized algorithm name: ${given.name} (here are ${supported.join(', ')})`)
  }
  return { ...given, name }
}
const hashNamed = (algorithm) => normalized(algorithm, Object.keys(hashes)).name

function copyOf(data) {
  const bytes = bufferBytes(data)
  if (bytes === undefined) throw new TypeError('The data must be an ArrayBuffer or a view of one')
  return new Uint8Array(bytes)
}
const bufferOf = (bytes) => new Uint8Array(bytes).buffer

function usable(key, name, usage) {
  if (!(key instanceof CryptoKey)) throw new TypeError('The key must be a CryptoKey')
  if (key.algorithm.name !== name) throw refusal('InvalidAccessError', 'The key is not of the requested algorithm')
  if (!key.usages.includes(usage)) throw refusal('InvalidAccessError', `The key does not permit "${usage}"`)
  return materialOf(key)
}

function makeKey(bytes, algorithm, extractable, usages) {
  const allowed = usagesOf[algorithm.name]
  const wanted = [...usages].map(String)
  if (wanted.some((usage) => !allowed.includes(usage))) {
    throw refusal('SyntaxError', `Unsupported key usage for a ${algorithm.name} key`)
  }
  if (wanted.length === 0) throw refusal('SyntaxError', 'Usages cannot be empty for a secret key')
  const unique = allowed.filter((usage) => wanted.includes(usage))
  return new CryptoKey(secret, bytes, algorithm, Boolean(extractable), unique)
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
  if (typeof jwk !== 'object' || jwk === null || jwk.kty !== 'oct' || typeof jwk.k !== 'string') {
    throw refusal('DataError', 'The JSON Web Key is not of type "oct"')
  }
  let bytes
  try {
    bytes = Uint8Array.fromBase64(jwk.k, { alphabet: 'base64url' })
  } catch (cause) {
    throw refusal('DataError', `The JSON Web Key is malformed: ${cause.message}`)
  }
  const alg = given.name === 'HMAC' ? jwkNames[hashNamed(given.hash)] : `A${bytes.length * 8}GCM`
  if (jwk.alg !== undefined && jwk.alg !== alg) throw refusal('DataError', 'The "alg" of the JSON Web Key is another')
  const operations = jwk.key_ops
  if (operations !== undefined && ![...usages].every((usage) => operations.includes(usage))) {
    throw refusal('DataError', 'The "key_ops" of the JSON Web Key do not permit the usages')
  }
  if (jwk.ext === false && extractable) throw refusal('DataError', 'The JSON Web Key is not extractable')
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
    const { name } = normalized(algorithm, ['HMAC'])
    const material = usable(key, name, 'sign')
    return bufferOf(hmac(hashes[key.algorithm.hash.name], material, bytes))
  }
  async verify(algorithm, key, signature, data) {
    const [given, bytes] = [copyOf(signature), copyOf(data)]
    const { name } = normalized(algorithm, ['HMAC'])
    const material = usable(key, name, 'verify')
    return equal(hmac(hashes[key.algorithm.hash.name], material, bytes), given)
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
    const given = normalized(algorithm, Object.keys(usagesOf))
    const bits = given.length ?? (given.name === 'HMAC' ? blockBits[hashNamed(given.hash)] : undefined)
    const valid = given.name === 'HMAC' ? bits > 0 : [128, 192, 256].includes(bits)
    if (!valid) throw refusal('OperationError', `A key of ${bits} bits cannot be made`)
    const bytes = crypto.getRandomValues(new Uint8Array(Math.ceil(bits / 8)))
    const full =
      given.name === 'HMAC'
        ? { name: 'HMAC', hash: { name: hashNamed(given.hash) }, length: bits }
        : aesAlgorithm(bytes)
    return makeKey(bytes, full, extractable, usages)
  }
  async importKey(format, keyData, algorithm, extractable, usages) {
    const given = normalized(algorithm, Object.keys(usagesOf))
    if (format !== 'raw' && format !== 'jwk') {
      throw refusal('NotSupportedError', `The format "${format}" is not supported for ${given.name}`)
    }
    const bytes = format === 'raw' ? copyOf(keyData) : fromJwk(keyData, given, extractable, usages)
    const full = given.name === 'HMAC' ? hmacAlgorithm(given, bytes) : aesAlgorithm(bytes)
    return makeKey(bytes, full, extractable, usages)
  }
  async exportKey(format, key) {
    if (!(key instanceof CryptoKey)) throw new TypeError('The key must be a CryptoKey')
    if (!key.extractable) throw refusal('InvalidAccessError', 'The key is not extractable')
    if (format === 'raw') return bufferOf(materialOf(key))
    if (format !== 'jwk') throw refusal('NotSupportedError', `The format "${format}" is not supported`)
    const { name, hash, length } = key.algorithm
    return {
      kty: 'oct',
      k: materialOf(key).toBase64({ alphabet: 'base64url', omitPadding: true }),
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
webInterface(CryptoKey, 'CryptoKey', ['type', 'extractable', 'algorithm', 'usages'])
export const subtle = new SubtleCrypto(secret)
Object.defineProperty(crypto, 'subtle', { value: subtle, enumerable: true, configurable: true })
defineGlobals({ CryptoKey, SubtleCrypto })
