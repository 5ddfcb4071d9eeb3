/** node:crypto's KeyObject, from PEM, DER and JSON Web Keys and back (web/public-keys.js). */
const { Buffer } = require('./buffer.cjs')
const keys = require('../web/public-keys.js')

const made = Symbol('KeyObject')
const names = { p256: ['ec', 'prime256v1'], p384: ['ec', 'secp384r1'], ed25519: ['ed25519'], rsa: ['rsa'] }

let materialOf

/** `material`: bytes of a secret key, else what public-keys.js calls a key. */
class KeyObject {
  #type
  #material
  constructor(from, type, material) {
    if (from !== made) throw new TypeError('Illegal constructor')
    this.#type = type
    this.#material = material
  }
  get type() {
    return this.#type
  }
  get symmetricKeySize() {
    return this.#type === 'secret' ? this.#material.length : undefined
  }
  get asymmetricKeyType() {
    return names[this.#material.public?.tag]?.[0]
  }
  get asymmetricKeyDetails() {
    if (this.#type === 'secret') return undefined
    const { tag, val } = this.#material.public
    if (tag !== 'rsa') return tag === 'ed25519' ? {} : { namedCurve: names[tag][1] }
    return { modulusLength: keys.bitLength(val.n), publicExponent: BigInt(`0x${val.e.toHex()}`) }
  }
  equals(other) {
    const both = [this, other].map((key) => JSON.stringify(key.export({ format: 'jwk' })))
    return this.#type === other.type && both[0] === both[1]
  }
  /** As in Node: `{ format: 'pem' | 'der' | 'jwk', type: 'spki' | 'pkcs8' | 'pkcs1' | 'sec1' }`; without encryption. */
  export({ format = this.#type === 'secret' ? 'buffer' : 'pem', type, cipher, passphrase } = {}) {
    const key = this.#material
    const url = { alphabet: 'base64url', omitPadding: true }
    if (this.#type === 'secret') return format === 'jwk' ? { kty: 'oct', k: key.toBase64(url) } : Buffer.from(key)
    if (format === 'jwk') return keys.toJwk(key, this.#type === 'private')
    if (cipher !== undefined || passphrase !== undefined) throw unsupported('Keys that are encrypted')
    const writers =
      this.#type === 'public'
        ? { spki: [keys.toSpki, 'PUBLIC KEY'], pkcs1: [keys.toPkcs1Public, 'RSA PUBLIC KEY', 'rsa'] }
        : {
            pkcs8: [keys.toPkcs8, 'PRIVATE KEY'],
            pkcs1: [keys.toPkcs1, 'RSA PRIVATE KEY', 'rsa'],
            sec1: [keys.toSec1, 'EC PRIVATE KEY', 'ec'],
          }
    const [write, label, only = this.asymmetricKeyType] = writers[type] ?? []
    if (write === undefined || only !== this.asymmetricKeyType || (format !== 'pem' && format !== 'der')) {
      throw invalidValue(`The property 'options.type' is invalid for this key. Received '${type}' (format '${format}')`)
    }
    const bytes = Buffer.from(write(key))
    if (format === 'der') return bytes
    return `-----BEGIN ${label}-----\n${bytes.toString('base64').replace(/.{64}(?=.)/g, '$&\n')}\n-----END ${label}-----\n`
  }
  get [Symbol.toStringTag]() {
    return 'KeyObject'
  }
  static {
    materialOf = (key) => key.#material
  }
}

const coded = (error, code) => Object.assign(error, { code })
const invalidValue = (message) => coded(new TypeError(message), 'ERR_INVALID_ARG_VALUE')
const invalidType = (message) => coded(new TypeError(message), 'ERR_INVALID_ARG_TYPE')
const unsupported = (what) =>
  coded(new Error(`${what} are not supported in Thaw`), 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM')

const byLabel = {
  'PUBLIC KEY': [keys.fromSpki, 'public'],
  'RSA PUBLIC KEY': [keys.fromPkcs1Public, 'public'],
  CERTIFICATE: [keys.fromCertificate, 'public'],
  'PRIVATE KEY': [keys.fromPkcs8, 'private'],
  'RSA PRIVATE KEY': [keys.fromPkcs1, 'private'],
  'EC PRIVATE KEY': [keys.fromSec1, 'private'],
}
const byType = {
  public: { spki: 'PUBLIC KEY', pkcs1: 'RSA PUBLIC KEY' },
  private: { pkcs8: 'PRIVATE KEY', pkcs1: 'RSA PRIVATE KEY', sec1: 'EC PRIVATE KEY' },
}

function bytesOf(data) {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  return undefined
}

/** [key, 'public' | 'private'] in a PEM text. Text before it is none of it, as OpenSSL has it. */
function fromPem(text) {
  const block = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/.exec(text)
  if (block === null) throw coded(new Error('error:1E08010C:DECODER routines::unsupported'), 'ERR_OSSL_UNSUPPORTED')
  const [, label, body] = block
  if (label === 'ENCRYPTED PRIVATE KEY' || /^Proc-Type:/m.test(body)) throw unsupported('Keys that are encrypted')
  return fromDer(label, () => Uint8Array.fromBase64(body.replace(/\s/g, '')))
}

function fromDer(label, bytes) {
  const [read, type] = byLabel[label] ?? []
  if (read === undefined) throw unsupported(`PEM blocks of "${label}"`)
  try {
    return [read(bytes()), type]
  } catch (error) {
    throw asymmetricError(error)
  }
}

/** What is wrong with the key, in the words of public-keys.js. */
const asymmetricError = (error) => coded(new Error(error.message, { cause: error }), 'ERR_OSSL_UNSUPPORTED')

/** `expected`: what the DER is without PEM's label. */
function parsed(input, expected) {
  if (input instanceof KeyObject) return [materialOf(input), input.type]
  const plain = typeof input === 'string' || bytesOf(input) !== undefined
  const { key, format = 'pem', type, passphrase } = plain ? { key: input } : (input ?? {})
  if (passphrase !== undefined && passphrase !== null) throw unsupported('Keys that are encrypted')
  if (key instanceof KeyObject) return [materialOf(key), key.type]
  if (format === 'jwk') {
    if (typeof key !== 'object' || key === null) throw invalidType('The "key.key" property must be of type object.')
    try {
      return [keys.fromJwk(key), key.d === undefined ? 'public' : 'private']
    } catch (error) {
      throw coded(new Error(`Invalid JWK data: ${error.message}`), 'ERR_CRYPTO_INVALID_JWK')
    }
  }
  const bytes = bytesOf(key)
  if (typeof key !== 'string' && bytes === undefined) {
    throw invalidType(
      'The "key" argument must be of type string or an instance of ArrayBuffer, Buffer, TypedArray, DataView, or KeyObject.',
    )
  }
  if (format === 'pem') return fromPem(bytes === undefined ? key : Buffer.from(bytes).toString('latin1'))
  const label = byType[expected][type] ?? byType.private[type]
  if (format !== 'der' || label === undefined || bytes === undefined) {
    throw invalidValue(`The property 'options.type' is invalid. Received '${type}' (format '${format}')`)
  }
  return fromDer(label, () => bytes)
}

function createPrivateKey(input) {
  const [key, type] = parsed(input, 'private')
  if (type !== 'private') throw coded(new Error('error:1E08010C:DECODER routines::unsupported'), 'ERR_OSSL_UNSUPPORTED')
  return new KeyObject(made, 'private', key)
}

/** Of a private key, its public one. */
function createPublicKey(input) {
  const [key, type] = parsed(input, 'public')
  if (type === 'secret')
    throw coded(
      new TypeError('Invalid key object type secret, expected private.'),
      'ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE',
    )
  return new KeyObject(made, 'public', { public: key.public })
}

function createSecretKey(key, encoding = 'utf8') {
  const bytes = typeof key === 'string' ? Buffer.from(key, encoding) : bytesOf(key)
  if (bytes === undefined)
    throw invalidType(
      'The "key" argument must be of type string or an instance of ArrayBuffer, Buffer, TypedArray, or DataView.',
    )
  return new KeyObject(made, 'secret', new Uint8Array(bytes))
}

module.exports = { KeyObject, createPrivateKey, createPublicKey, createSecretKey, materialOf: (key) => materialOf(key) }
