/** node:crypto's common part: randomness, hashes, HMAC, signatures and their keys. The hashes are @noble/hashes', in JavaScript. */
const { Buffer } = require('./buffer.cjs')
const { crypto } = require('../random.js')
const { md5, sha1 } = require('@noble/hashes/legacy.js')
const { sha224, sha256, sha384, sha512 } = require('@noble/hashes/sha2.js')
const { hmac } = require('@noble/hashes/hmac.js')
const { queueTick } = require('../timers.js')
const { KeyObject, createPrivateKey, createPublicKey, createSecretKey, materialOf } = require('./crypto_keys.cjs')
const signatures = require('./crypto_signatures.cjs')

/** What one call to the host gives. */
const maxRandomBytes = 65_536

const hashes = { md5, sha1, sha224, sha256, sha384, sha512 }

function hashOf(name) {
  const hash = hashes[String(name).toLowerCase().replaceAll('-', '')]
  if (hash !== undefined) return hash
  throw Object.assign(
    new Error(`Digest method not supported: ${name} (supported: ${Object.keys(hashes).join(', ')})`),
    { code: 'ERR_CRYPTO_INVALID_DIGEST' },
  )
}

function bytesOf(data, encoding = 'utf8') {
  if (typeof data === 'string') return plain(Buffer.from(data, encoding))
  if (ArrayBuffer.isView(data)) return plain(data)
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  throw Object.assign(
    new TypeError('The "data" argument must be of type string or an instance of Buffer, TypedArray, or DataView.'),
    { code: 'ERR_INVALID_ARG_TYPE' },
  )
}
const plain = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength)

function secretOf(key) {
  if (!(key instanceof KeyObject)) return bytesOf(key)
  if (key.type === 'secret') return materialOf(key)
  throw Object.assign(new TypeError(`Invalid key object type ${key.type}, expected secret.`), {
    code: 'ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE',
  })
}

/** What createHash and createHmac return. `running` is noble's. */
class Digest {
  #running
  #done = false
  constructor(running) {
    this.#running = running
  }
  #assertOpen() {
    if (this.#done) throw Object.assign(new Error('Digest already called'), { code: 'ERR_CRYPTO_HASH_FINALIZED' })
  }
  update(data, encoding = undefined) {
    this.#assertOpen()
    this.#running.update(bytesOf(data, encoding))
    return this
  }
  digest(encoding = undefined) {
    this.#assertOpen()
    this.#done = true
    return output(this.#running.digest(), encoding)
  }
  copy() {
    this.#assertOpen()
    return new this.constructor(this.#running.clone())
  }
}
class Hash extends Digest {}
class Hmac extends Digest {}

function output(bytes, encoding) {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return encoding === undefined || encoding === 'buffer' ? buffer : buffer.toString(encoding)
}

function randomFillSync(view, offset = 0, size = view.byteLength - offset) {
  const bytes = ArrayBuffer.isView(view) ? plain(view) : new Uint8Array(view)
  for (let at = offset; at < offset + size; at += maxRandomBytes) {
    crypto.getRandomValues(bytes.subarray(at, Math.min(at + maxRandomBytes, offset + size)))
  }
  return view
}

function randomBytes(size, callback = undefined) {
  if (!Number.isInteger(size) || size < 0) {
    throw Object.assign(new RangeError(`The value of "size" is out of range. Received ${size}`), {
      code: 'ERR_OUT_OF_RANGE',
    })
  }
  const bytes = randomFillSync(Buffer.alloc(size))
  if (callback === undefined) return bytes
  queueTick(callback, null, bytes)
}

function randomInt(...args) {
  const callback = typeof args.at(-1) === 'function' ? args.pop() : undefined
  const [min, max] = args.length === 1 ? [0, args[0]] : args
  if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max) || max <= min || max - min > 2 ** 48 - 1) {
    throw Object.assign(new RangeError(`The value of "max" is out of range. Received ${max}`), {
      code: 'ERR_OUT_OF_RANGE',
    })
  }
  const range = max - min
  const limit = 2 ** 48 - (2 ** 48 % range)
  let drawn
  // What lies past the last whole multiple would make small numbers likelier.
  do drawn = randomBytes(6).readUIntBE(0, 6)
  while (drawn >= limit)
  const value = min + (drawn % range)
  if (callback === undefined) return value
  queueTick(callback, null, value)
}

function timingSafeEqual(left, right) {
  const [a, b] = [bytesOf(left), bytesOf(right)]
  if (a.length !== b.length) {
    throw Object.assign(new RangeError('Input buffers must have the same byte length'), {
      code: 'ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH',
    })
  }
  let difference = 0
  for (let at = 0; at < a.length; at++) difference |= a[at] ^ b[at]
  return difference === 0
}

/** Of Node's, what is not here: called, they say so, and not that something is no function. */
const missing =
  `createCipheriv createDecipheriv generateKey generateKeySync generateKeyPair generateKeyPairSync createDiffieHellman createECDH
  diffieHellman privateDecrypt privateEncrypt publicDecrypt publicEncrypt hkdf hkdfSync pbkdf2 pbkdf2Sync scrypt
  scryptSync`.split(/\s+/)
function unavailable(name) {
  const here = 'hashes, HMAC, signatures, randomness, timingSafeEqual and webcrypto are'
  throw Object.assign(new Error(`crypto.${name} is not available in Thaw: ${here}`), {
    code: 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM',
  })
}

module.exports = {
  ...Object.fromEntries(missing.map((name) => [name, () => unavailable(name)])),
  createHash: (name) => new Hash(hashOf(name).create()),
  createHmac: (name, key) => new Hmac(hmac.create(hashOf(name), secretOf(key))),
  hash: (name, data, encoding = 'hex') => output(hashOf(name)(bytesOf(data)), encoding),
  getHashes: () => Object.keys(hashes),
  Hash,
  Hmac,
  randomBytes,
  pseudoRandomBytes: randomBytes,
  randomFillSync,
  randomFill(view, ...rest) {
    const callback = rest.pop()
    queueTick(callback, null, randomFillSync(view, ...rest))
  },
  randomInt,
  randomUUID: () => crypto.randomUUID(),
  getRandomValues: (array) => crypto.getRandomValues(array),
  timingSafeEqual,
  webcrypto: crypto,
  get subtle() {
    return crypto.subtle
  },
  ...signatures,
  KeyObject,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
}
