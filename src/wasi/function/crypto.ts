/**
 * thaw:function/crypto: signatures with public keys, by node:crypto. A key comes as numbers, never as DER or PEM: no parser
 * sees what a guest wrote, and the type alone says which curve or algorithm it is. What takes a guest longer than a few ms is
 * not here: making RSA keys takes seconds, on the thread that all guests of the worker share.
 */
import { constants, createPublicKey, sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { bytes } from '../abi/lists.ts'
import { record } from '../abi/records.ts'
import { bool, u32 } from '../abi/scalars.ts'
import { enumeration, ok, option, result, variant } from '../abi/variants.ts'
import type { Result } from '../abi/variants.ts'
import { define, type HostInterfaces, type HostState } from '../state.ts'
import { InvalidKey, privateKeyOf, publicKeyOf, publicNumbersOf } from './crypto-keys.ts'
import type { EcPrivate, PrivateNumbers, PublicNumbers, RsaPrivate, RsaPublic } from './crypto-keys.ts'

type Hash = 'sha1' | 'sha256' | 'sha384' | 'sha512'
type Scheme =
  | { tag: 'ecdsa'; val: Hash }
  | { tag: 'ed25519' }
  | { tag: 'rsassa-pkcs1'; val: Hash }
  | { tag: 'rsa-pss'; val: { hash: Hash; saltLength: number | undefined } }
type CryptoError = 'invalid-key' | 'too-large' | 'failed'
type Answer<T> = Result<T, CryptoError>

const refused = (val: CryptoError): { tag: 'err'; val: CryptoError } => ({ tag: 'err', val })

/** A key that makes OpenSSL throw is the guest's own fault, and nothing of what OpenSSL says is the guest's business. */
function attempt<T>(run: () => T): Answer<T> {
  try {
    return ok(run())
  } catch (error) {
    return refused(error instanceof InvalidKey ? error.reason : 'failed')
  }
}

const schemesOf = { ec: 'ecdsa', ed25519: 'ed25519', rsa: 'rsa' } as const

/** How node:crypto names a scheme; undefined if the key is none for it. */
function method(key: KeyObject, scheme: Scheme) {
  const kind = schemesOf[key.asymmetricKeyType === 'ec' ? 'ec' : key.asymmetricKeyType === 'rsa' ? 'rsa' : 'ed25519']
  if (scheme.tag === 'ed25519') return kind === 'ed25519' ? { hash: null, options: { key } } : undefined
  if (scheme.tag === 'ecdsa') {
    return kind === 'ecdsa' ? { hash: scheme.val, options: { key, dsaEncoding: 'ieee-p1363' as const } } : undefined
  }
  if (kind !== 'rsa') return undefined
  if (scheme.tag === 'rsassa-pkcs1') {
    return { hash: scheme.val, options: { key, padding: constants.RSA_PKCS1_PADDING } }
  }
  const { hash, saltLength = constants.RSA_PSS_SALTLEN_AUTO } = scheme.val
  return { hash, options: { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength } }
}

function signed({ limits }: HostState, numbers: PrivateNumbers, scheme: Scheme, data: Uint8Array): Answer<Uint8Array> {
  if (data.length > limits.hostCallBytes) return refused('too-large')
  const key = attempt(() => privateKeyOf(numbers))
  if (key.tag === 'err') return key
  const by = method(key.val, scheme)
  return by === undefined ? refused('failed') : attempt(() => sign(by.hash, data, by.options))
}

function verified(
  { limits }: HostState,
  numbers: PublicNumbers,
  scheme: Scheme,
  signature: Uint8Array,
  data: Uint8Array,
): Answer<boolean> {
  if (data.length > limits.hostCallBytes) return refused('too-large')
  const key = attempt(() => publicKeyOf(numbers))
  if (key.tag === 'err') return key
  const by = method(key.val, scheme)
  if (by === undefined) return refused('failed')
  // Of a good key it is a question, and what OpenSSL cannot read as a signature is none.
  const answer = attempt(() => verify(by.hash, data, by.options, signature))
  return answer.tag === 'ok' ? answer : ok(false)
}

const rsaPublicType = record<RsaPublic>({ n: bytes, e: bytes })
const rsaPrivateType = record<RsaPrivate>({
  n: bytes,
  e: bytes,
  d: bytes,
  p: bytes,
  q: bytes,
  dp: bytes,
  dq: bytes,
  qi: bytes,
})
const publicType = variant<PublicNumbers>({ p256: bytes, p384: bytes, ed25519: bytes, rsa: rsaPublicType })
const ecPrivateType = record<EcPrivate>({ d: bytes, point: option(bytes) })
const privateType = variant<PrivateNumbers>({
  p256: ecPrivateType,
  p384: ecPrivateType,
  ed25519: bytes,
  rsa: rsaPrivateType,
})
const hashType = enumeration<Hash>('sha1', 'sha256', 'sha384', 'sha512')
const schemeType = variant<Scheme>({
  ecdsa: hashType,
  ed25519: null,
  'rsassa-pkcs1': hashType,
  'rsa-pss': record<{ hash: Hash; saltLength: number | undefined }>({ hash: hashType, saltLength: option(u32) }),
})
const errorType = enumeration<CryptoError>('invalid-key', 'too-large', 'failed')

export const crypto: HostInterfaces = {
  'thaw:function/crypto': {
    resources: [],
    functions: {
      sign: define([privateType, schemeType, bytes], result<Uint8Array, CryptoError>(bytes, errorType), signed),
      verify: define([publicType, schemeType, bytes, bytes], result<boolean, CryptoError>(bool, errorType), verified),
      'derive-public': define([privateType], result<PublicNumbers, CryptoError>(publicType, errorType), (_state, key) =>
        attempt(() => publicNumbersOf(key.tag, createPublicKey(privateKeyOf(key)))),
      ),
      'check-public': define([publicType], result<undefined, CryptoError>(undefined, errorType), (_state, key) =>
        attempt(() => void publicKeyOf(key)),
      ),
    },
  },
}
