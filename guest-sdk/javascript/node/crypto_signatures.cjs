/** node:crypto's sign, verify, createSign and createVerify. The data is kept until the end: the host keeps nothing. */
const { Buffer } = require('./buffer.cjs')
const keys = require('../web/public-keys.js')
const { queueTick } = require('../timers.js')
const { createPrivateKey, createPublicKey, materialOf } = require('./crypto_keys.cjs')

/** OpenSSL's numbers. */
const constants = {
  RSA_PKCS1_PADDING: 1,
  RSA_PKCS1_PSS_PADDING: 6,
  RSA_PSS_SALTLEN_DIGEST: -1,
  RSA_PSS_SALTLEN_MAX_SIGN: -2,
  RSA_PSS_SALTLEN_AUTO: -2,
}
const digestBytes = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 }

const coded = (error, code) => Object.assign(error, { code })

function hashOf(algorithm) {
  const name = /^(?:rsa-|ecdsa-with-)?sha-?(1|256|384|512)$/i.exec(String(algorithm))?.[1]
  if (name === undefined) throw coded(new TypeError(`Invalid digest: ${algorithm}`), 'ERR_CRYPTO_INVALID_DIGEST')
  return `sha${name}`
}

function schemeOf(
  algorithm,
  { tag },
  { padding = constants.RSA_PKCS1_PADDING, saltLength = constants.RSA_PSS_SALTLEN_AUTO },
) {
  if (tag === 'ed25519') {
    if (algorithm !== null && algorithm !== undefined)
      throw coded(new Error('error:1C800066:Provider routines::invalid digest'), 'ERR_OSSL_INVALID_DIGEST')
    return { tag }
  }
  const hash = hashOf(algorithm ?? 'sha256')
  if (tag !== 'rsa') return { tag: 'ecdsa', val: hash }
  if (padding === constants.RSA_PKCS1_PADDING) return { tag: 'rsassa-pkcs1', val: hash }
  if (padding !== constants.RSA_PKCS1_PSS_PADDING)
    throw coded(new Error('error:0200008B:rsa routines::invalid padding mode'), 'ERR_OSSL_RSA_INVALID_PADDING_MODE')
  const length = saltLength === constants.RSA_PSS_SALTLEN_DIGEST ? digestBytes[hash] : saltLength
  return { tag: 'rsa-pss', val: { hash, saltLength: length === constants.RSA_PSS_SALTLEN_AUTO ? undefined : length } }
}

/** `{ key, ...options }`, or a key by itself. */
const optionsOf = (input) => (typeof input === 'object' && input !== null && input.key !== undefined ? input : {})

function dataBytes(data, encoding) {
  if (typeof data === 'string') return new Uint8Array(Buffer.from(data, encoding))
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  throw coded(
    new TypeError('The "data" argument must be of type string or an instance of Buffer, TypedArray, or DataView.'),
    'ERR_INVALID_ARG_TYPE',
  )
}

function failing(run) {
  try {
    return run()
  } catch (error) {
    if (error instanceof keys.KeyError)
      throw coded(new Error(error.message, { cause: error }), 'ERR_CRYPTO_OPERATION_FAILED')
    throw error
  }
}

function signNow(algorithm, bytes, input) {
  const options = optionsOf(input)
  const key = materialOf(createPrivateKey(input))
  const signature = failing(() => keys.sign(key, schemeOf(algorithm, key.public, options), bytes))
  const der = key.public.tag.startsWith('p') && options.dsaEncoding !== 'ieee-p1363'
  return Buffer.from(der ? keys.signatureToDer(signature) : signature)
}

function verifyNow(algorithm, bytes, input, given) {
  const options = optionsOf(input)
  const key = materialOf(createPublicKey(input))
  const der = key.public.tag.startsWith('p') && options.dsaEncoding !== 'ieee-p1363'
  const signature = der ? keys.signatureFromDer(given, key.public.tag) : given
  const scheme = schemeOf(algorithm, key.public, options)
  return signature !== undefined && failing(() => keys.verify(key, scheme, signature, bytes))
}

function answered(run, callback) {
  if (callback === undefined) return run()
  let value
  try {
    value = run()
  } catch (error) {
    return queueTick(callback, error)
  }
  queueTick(callback, null, value)
}

const sign = (algorithm, data, key, callback = undefined) =>
  answered(() => signNow(algorithm, dataBytes(data), key), callback)
const verify = (algorithm, data, key, signature, callback = undefined) =>
  answered(() => verifyNow(algorithm, dataBytes(data), key, dataBytes(signature)), callback)

class Collector {
  #algorithm
  #parts = []
  #done = false
  constructor(algorithm) {
    hashOf(algorithm)
    this.#algorithm = algorithm
  }
  update(data, encoding = 'utf8') {
    if (this.#done) throw coded(new Error('The sign or verify was finished already'), 'ERR_CRYPTO_HASH_FINALIZED')
    // A copy: the caller may go on using its own.
    this.#parts.push(Buffer.from(dataBytes(data, encoding)))
    return this
  }
  write(data, encoding) {
    this.update(data, encoding)
    return true
  }
  end(data, encoding) {
    if (data !== undefined) this.update(data, encoding)
    return this
  }
  /** [algorithm, all of it] */
  finish() {
    if (this.#done) throw coded(new Error('The sign or verify was finished already'), 'ERR_CRYPTO_HASH_FINALIZED')
    this.#done = true
    return [this.#algorithm, new Uint8Array(Buffer.concat(this.#parts.splice(0)))]
  }
}
class Sign extends Collector {
  sign(key, encoding = undefined) {
    const made = signNow(...this.finish(), key)
    return encoding === undefined || encoding === 'buffer' ? made : made.toString(encoding)
  }
}
class Verify extends Collector {
  verify(key, signature, encoding = 'utf8') {
    return verifyNow(...this.finish(), key, dataBytes(signature, encoding))
  }
}

module.exports = {
  constants,
  sign,
  verify,
  Sign,
  Verify,
  createSign: (name) => new Sign(name),
  createVerify: (name) => new Verify(name),
}
