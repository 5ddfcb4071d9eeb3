/** CryptoKey, and what the algorithms of crypto.subtle share (Web Cryptography, 13 and 18). */
import { bufferBytes, webInterface } from './define.js'

export const refusal = (name, message) => new DOMException(message, name)
/** Who has it may make what authors cannot construct. */
export const secret = Symbol('CryptoKey')
let materialOf

export class CryptoKey {
  #material
  #type
  #algorithm
  #extractable
  #usages
  constructor(made, type, material, algorithm, extractable, usages) {
    if (made !== secret) throw new TypeError('Illegal constructor')
    this.#material = material
    this.#type = type
    this.#algorithm = algorithm
    this.#extractable = extractable
    this.#usages = usages
  }
  get type() {
    return this.#type
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
    materialOf = (key) => key.#material
  }
}
webInterface(CryptoKey, 'CryptoKey', ['type', 'extractable', 'algorithm', 'usages'])
/** Bytes of a secret key; of others what public-keys.js calls a key. */
export const materialIn = (key) => materialOf(key)

/** The usages in the standard's order, once each. Throws for one that such keys do not have. */
export function checkedUsages(name, usages, allowed) {
  const wanted = [...usages].map(String)
  if (wanted.some((usage) => !allowed.includes(usage))) {
    throw refusal('SyntaxError', `Unsupported key usage for a ${name} key`)
  }
  return allowed.filter((usage) => wanted.includes(usage))
}

export function makeKey(type, material, algorithm, extractable, usages) {
  if (usages.length === 0 && type !== 'public') throw refusal('SyntaxError', `Usages cannot be empty for a ${type} key`)
  return new CryptoKey(secret, type, material, algorithm, Boolean(extractable), usages)
}

/** The members of a JSON Web Key that are not the key itself. */
export function checkJwk(jwk, { kty, use, alg }, extractable, usages) {
  if (jwk.kty !== kty) throw refusal('DataError', `The JSON Web Key is of type "${jwk.kty}" and not "${kty}"`)
  if (jwk.alg !== undefined && !alg.includes(jwk.alg)) {
    throw refusal('DataError', 'The "alg" of the JSON Web Key is another')
  }
  if (usages.length > 0 && use !== undefined && jwk.use !== undefined && jwk.use !== use) {
    throw refusal('DataError', `The "use" of the JSON Web Key is not "${use}"`)
  }
  const operations = jwk.key_ops
  if (operations !== undefined && !usages.every((usage) => operations.includes(usage))) {
    throw refusal('DataError', 'The "key_ops" of the JSON Web Key do not permit the usages')
  }
  if (jwk.ext === false && extractable) throw refusal('DataError', 'The JSON Web Key is not extractable')
}

export function copyOf(data) {
  const bytes = bufferBytes(data)
  if (bytes === undefined) throw new TypeError('The data must be an ArrayBuffer or a view of one')
  return new Uint8Array(bytes)
}
export const bufferOf = (bytes) => new Uint8Array(bytes).buffer

/** Of the standard's, what is not here. */
const absent = new Set(
  ['RSA-OAEP', 'ECDH', 'X25519', 'AES-CBC', 'AES-CTR', 'AES-KW', 'HKDF', 'PBKDF2'].map((name) => name.toLowerCase()),
)

function unsupported(given, supported) {
  const curve = given.namedCurve === undefined ? '' : ` with ${given.namedCurve}`
  const what = absent.has(String(given.name).toLowerCase())
    ? `${given.name}${curve} is not available in Thaw's crypto.subtle`
    : `Unrecognized algorithm name: ${given.name}`
  return refusal('NotSupportedError', `${what} (here are ${supported.join(', ')})`)
}

/** `{ name, ...members }` with the name in the standard's spelling. */
export function normalized(algorithm, supported) {
  const given = typeof algorithm === 'object' && algorithm !== null ? algorithm : { name: algorithm }
  if (given.name === undefined) throw new TypeError('The algorithm has no name')
  const name = supported.find((known) => known.toLowerCase() === String(given.name).toLowerCase())
  if (name === undefined) throw unsupported(given, supported)
  return { ...given, name }
}

const hashNames = ['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512']
export function hashNamed(algorithm) {
  if (algorithm === undefined) throw new TypeError('The algorithm has no hash')
  return normalized(algorithm, hashNames).name
}
