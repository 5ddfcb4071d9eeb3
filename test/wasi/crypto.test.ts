/** thaw:function/crypto against published vectors, and against guests that give it anything at all. */
import { createPublicKey, generateKeyPairSync, generatePrimeSync, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GuestLimit, GuestTrap } from '../../src/wasi/errors.ts'
import { privateKeyOf } from '../../src/wasi/function/crypto-keys.ts'
import { findFunction, offered, offeredFunctions } from '../../src/wasi/offered.ts'
import { TestGuest } from './support.ts'

const CRYPTO = 'thaw:function/crypto'
const hex = (text: string) => Buffer.from(text, 'hex')
const b64 = (text = '') => Buffer.from(text, 'base64url')
const text = (value: string) => Buffer.from(value)

/** A guest's memory is gone with it: copies. */
function copied(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, copied(inner)]))
}
const ask = (func: string, ...values: unknown[]): unknown => copied(new TestGuest().invoke(CRYPTO, func, ...values))
const ok = (val: unknown) => ({ tag: 'ok', val })
const refused = (val: string) => ({ tag: 'err', val })

function signatureOf(key: unknown, scheme: unknown, data: Uint8Array): Buffer {
  const answer = ask('sign', key, scheme, data)
  if (typeof answer === 'object' && answer !== null && 'val' in answer && Buffer.isBuffer(answer.val)) return answer.val
  throw new Error(`sign answered ${JSON.stringify(answer)}`)
}

// RFC 6979, A.2.5 and A.2.6; RFC 8032, 7.1, test 2.
const vectors = {
  p256: {
    d: hex('c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721'),
    point: hex(
      '0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299',
    ),
    scheme: { tag: 'ecdsa', val: 'sha256' },
    signature: hex(
      'efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8',
    ),
  },
  p384: {
    d: hex('6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5'),
    point: hex(
      '04ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc138015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720',
    ),
    scheme: { tag: 'ecdsa', val: 'sha384' },
    signature: hex(
      '94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe4699ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8',
    ),
  },
}
const ed25519 = {
  seed: hex('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb'),
  point: hex('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c'),
  signature: hex(
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ),
}

function rsaKey(modulusLength: number) {
  const pair = generateKeyPairSync('rsa', { modulusLength })
  const { n, e, d, p, q, dp, dq, qi } = pair.privateKey.export({ format: 'jwk' })
  const numbers = { n: b64(n), e: b64(e), d: b64(d), p: b64(p), q: b64(q), dp: b64(dp), dq: b64(dq), qi: b64(qi) }
  return { ...pair, numbers, secret: { tag: 'rsa', val: numbers }, open: { tag: 'rsa', val: numbers } }
}
const rsa = rsaKey(2048)
const rs256 = { tag: 'rsassa-pkcs1', val: 'sha256' }

test('is what guest-sdk/wit says, and JavaScript alone imports it', () => {
  const wit = readFileSync(join(import.meta.dirname, '../../guest-sdk/wit/function.wit'), 'utf8')
  const body = wit.slice(wit.indexOf('interface crypto {'), wit.indexOf('/// The world of a Thaw function'))
  const functions = [...body.matchAll(/^ {2}([\w-]+): func\(/gm)].map(([, name]) => name)
  expect(offeredFunctions().flatMap(([iface, func]) => (iface === CRYPTO ? [func] : []))).toEqual(functions)
  expect(offered(CRYPTO, '0.1.0', 'generate')).toBe(false)
  // As wit-bindgen has them: 17 values of the private key do not fit, and go through memory.
  expect(findFunction(CRYPTO, 'verify')?.params.flat.join(' ')).toBe(
    'i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32',
  )
  expect(findFunction(CRYPTO, 'sign')?.params.flat.length).toBeGreaterThan(16)
})

describe.each(Object.entries(vectors))('%s', (tag, { d, point, scheme, signature }) => {
  const open = { tag, val: point }
  const secret = { tag, val: { d, point } }

  test('verifies what RFC 6979 has, and nothing else', () => {
    expect(ask('verify', open, scheme, signature, text('sample'))).toEqual(ok(true))
    expect(ask('verify', open, scheme, signature, text('test'))).toEqual(ok(false))
    expect(ask('verify', open, { tag: 'ecdsa', val: 'sha512' }, signature, text('sample'))).toEqual(ok(false))
    for (const none of [signature.subarray(1), Buffer.alloc(0), Buffer.alloc(point.length - 1), Buffer.alloc(5_000, 1)])
      expect(ask('verify', open, scheme, none, text('sample'))).toEqual(ok(false))
  })

  test('signs, with the point and without', () => {
    const made = [secret, { tag, val: { d, point: undefined } }].map((key) => signatureOf(key, scheme, text('m')))
    expect(made.map(({ length }) => length)).toEqual([point.length - 1, point.length - 1])
    for (const each of made) expect(ask('verify', open, scheme, each, text('m'))).toEqual(ok(true))
  })

  test('derives the public key', () => {
    expect(ask('derive-public', { tag, val: { d, point: undefined } })).toEqual(ok(open))
  })

  test('refuses secret numbers that are none', () => {
    const order = tag === 'p256' ? 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551' : 'ff'.repeat(48)
    for (const none of [
      hex(order),
      Buffer.alloc(d.length),
      Buffer.alloc(d.length, 255),
      d.subarray(1),
      Buffer.concat([hex('00'), d]),
      Buffer.alloc(0),
    ]) {
      expect(ask('derive-public', { tag, val: { d: none, point: undefined } })).toEqual(refused('invalid-key'))
      expect(ask('sign', { tag, val: { d: none, point } }, scheme, text('m'))).toEqual(refused('invalid-key'))
    }
  })

  test('refuses points that are none', () => {
    const off = Buffer.from(point)
    off[off.length - 1] = (off.at(-1) ?? 0) ^ 1
    const compressed = Buffer.concat([hex('03'), point.subarray(1, (point.length + 1) / 2)])
    const other = tag === 'p256' ? vectors.p384.point : vectors.p256.point
    for (const none of [
      off,
      Buffer.concat([hex('06'), point.subarray(1)]),
      compressed,
      other,
      Buffer.alloc(0),
      hex('00'),
      Buffer.alloc(point.length),
      Buffer.alloc(point.length, 255),
      Buffer.concat([point, hex('00')]),
    ]) {
      expect(ask('check-public', { tag, val: none })).toEqual(refused('invalid-key'))
      expect(ask('verify', { tag, val: none }, scheme, signature, text('sample'))).toEqual(refused('invalid-key'))
      expect(ask('sign', { tag, val: { d, point: none } }, scheme, text('m'))).toEqual(refused('invalid-key'))
    }
    expect(ask('check-public', open)).toEqual(ok(undefined))
  })
})

describe('ed25519', () => {
  const open = { tag: 'ed25519', val: ed25519.point }
  const secret = { tag: 'ed25519', val: ed25519.seed }
  const scheme = { tag: 'ed25519' }

  test('is RFC 8032', () => {
    expect(signatureOf(secret, scheme, hex('72'))).toEqual(ed25519.signature)
    expect(ask('derive-public', secret)).toEqual(ok(open))
    expect(ask('verify', open, scheme, ed25519.signature, hex('72'))).toEqual(ok(true))
    expect(ask('verify', open, scheme, ed25519.signature, hex('73'))).toEqual(ok(false))
    expect(ask('verify', open, scheme, ed25519.signature.subarray(1), hex('72'))).toEqual(ok(false))
  })

  test.each([0, 31, 33, 57])('refuses a key of %i bytes', (length) => {
    expect(ask('check-public', { tag: 'ed25519', val: Buffer.alloc(length) })).toEqual(refused('invalid-key'))
    expect(ask('sign', { tag: 'ed25519', val: Buffer.alloc(length) }, scheme, text('m'))).toEqual(
      refused('invalid-key'),
    )
  })
})

describe('rsa', () => {
  test('signs as others verify, and the other way round', () => {
    const signature = signatureOf(rsa.secret, rs256, text('m'))
    expect(verify('sha256', text('m'), rsa.publicKey, signature)).toBe(true)
    expect(ask('verify', rsa.open, rs256, signature, text('m'))).toEqual(ok(true))
    expect(ask('verify', rsa.open, rs256, signature, text('n'))).toEqual(ok(false))
    const { n, e } = rsa.numbers
    expect(ask('derive-public', rsa.secret)).toEqual(ok({ tag: 'rsa', val: { n, e } }))
  })

  test.each([
    [undefined, true],
    [32, false],
    [0, false],
  ])('a salt of %s', (saltLength, any) => {
    const pss = (length: number | undefined) => ({ tag: 'rsa-pss', val: { hash: 'sha256', saltLength: length } })
    const signature = signatureOf(rsa.secret, pss(saltLength), text('m'))
    expect(ask('verify', rsa.open, pss(saltLength), signature, text('m'))).toEqual(ok(true))
    expect(ask('verify', rsa.open, pss(undefined), signature, text('m'))).toEqual(ok(true))
    expect(ask('verify', rsa.open, pss(20), signature, text('m'))).toEqual(ok(false))
    expect(ask('verify', rsa.open, pss(222), signature, text('m'))).toEqual(ok(any))
  })

  test.each([223, 1_024, 1_025, 2 ** 31, 2 ** 32 - 1, 2 ** 32 - 2])('a salt of %i does not fit', (saltLength) => {
    const scheme = { tag: 'rsa-pss', val: { hash: 'sha256', saltLength } }
    expect(ask('sign', rsa.secret, scheme, text('m'))).toEqual(refused('failed'))
    const signature = signatureOf(rsa.secret, { tag: 'rsa-pss', val: { hash: 'sha256', saltLength: 32 } }, text('m'))
    expect(ask('verify', rsa.open, scheme, signature, text('m'))).toEqual(ok(false))
  })

  const bytes = (length: number) => Buffer.alloc(length, 255)
  test.each([
    ['a modulus larger than is signed with', { n: bytes(513) }, 'too-large'],
    ['a large exponent', { e: bytes(9) }, 'too-large'],
    ['no modulus', { n: Buffer.alloc(0) }, 'invalid-key'],
    ['an even modulus', { n: Buffer.alloc(256, 254) }, 'invalid-key'],
    ['a modulus of zeros', { n: Buffer.alloc(256) }, 'invalid-key'],
    ['no exponent', { e: Buffer.alloc(0) }, 'invalid-key'],
    ['exponent 1', { e: hex('01') }, 'invalid-key'],
    ['an even exponent', { e: hex('010000') }, 'invalid-key'],
    ['another exponent', { e: hex('03') }, 'invalid-key'],
    [
      'a modulus that is not the product',
      { n: Buffer.concat([rsa.numbers.n.subarray(0, 255), hex('01')]) },
      'invalid-key',
    ],
    ['primes of another key', { p: rsa.numbers.q }, 'invalid-key'],
    ['a prime that is the modulus', { p: rsa.numbers.n, q: hex('01') }, 'invalid-key'],
    ['zeros', { p: Buffer.alloc(128), q: Buffer.alloc(128) }, 'invalid-key'],
    ['nothing', { d: Buffer.alloc(0) }, 'invalid-key'],
    ['another d', { d: hex('03') }, 'invalid-key'],
    ['another dp', { dp: rsa.numbers.dq }, 'invalid-key'],
    ['another dq', { dq: hex('03') }, 'invalid-key'],
    ['another qi', { qi: hex('03') }, 'invalid-key'],
  ])('%s: refused', (_what, change, reason) => {
    expect(ask('sign', { tag: 'rsa', val: { ...rsa.numbers, ...change } }, rs256, text('m'))).toEqual(refused(reason))
  })

  test('a modulus of 8,192 bits is verified with, a larger one is not', () => {
    const open = (length: number) => ({ tag: 'rsa', val: { n: bytes(length), e: hex('010001') } })
    expect(ask('check-public', open(1_024))).toEqual(ok(undefined))
    expect(ask('check-public', open(1_025))).toEqual(refused('too-large'))
    expect(ask('verify', open(1_025), rs256, bytes(1_025), text('m'))).toEqual(refused('too-large'))
  })

  test('a key too small for any signature fails', () => {
    // 3233 = 61 * 53.
    const [n, e, d] = [hex('0ca1'), hex('11'), hex('0ac1')]
    const small = { n, e, d, p: hex('3d'), q: hex('35'), dp: hex('35'), dq: hex('31'), qi: hex('26') }
    expect(ask('derive-public', { tag: 'rsa', val: small })).toEqual(ok({ tag: 'rsa', val: { n, e } }))
    expect(ask('sign', { tag: 'rsa', val: small }, rs256, text('m'))).toEqual(refused('failed'))
  })

  test('primes that are none sign wrongly, and not by the long way: OpenSSL has no exponent for it', () => {
    const composite = () => generatePrimeSync(256, { bigint: true }) * generatePrimeSync(256, { bigint: true })
    const e = 65_537n
    let [p, q] = [composite(), composite()]
    // Its inverse is to exist.
    while ((p - 1n) % e === 0n || (q - 1n) % e === 0n) [p, q] = [composite(), composite()]
    const common = (p - 1n) * (q - 1n)
    const d = inverse(e, common)
    const numbers = { n: p * q, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) }
    const even = (digits: string) => (digits.length % 2 === 0 ? digits : `0${digits}`)
    const val = Object.fromEntries(
      Object.entries(numbers).map(([name, number]) => [name, hex(even(number.toString(16)))]),
    )
    const signature = signatureOf({ tag: 'rsa', val }, rs256, text('m'))
    expect(ask('verify', { tag: 'rsa', val }, rs256, signature, text('m'))).toEqual(ok(false))
    expect(privateKeyOf({ tag: 'rsa', val: rsa.numbers }).export({ format: 'jwk' }).d).toBe('AQ')
  })
})

/** Of `number`, modulo one that has no factor in common with it. */
function inverse(number: bigint, modulus: bigint): bigint {
  let [old, rest, x, next] = [number % modulus, modulus, 1n, 0n]
  while (rest !== 0n) {
    const times = old / rest
    ;[old, rest, x, next] = [rest, old - times * rest, next, x - times * next]
  }
  if (old !== 1n) throw new Error('there is a common factor')
  return ((x % modulus) + modulus) % modulus
}

test('keys and schemes of two kinds fail', () => {
  const { p256 } = vectors
  expect(ask('sign', { tag: 'p256', val: p256 }, rs256, text('m'))).toEqual(refused('failed'))
  expect(ask('sign', { tag: 'p256', val: p256 }, { tag: 'ed25519' }, text('m'))).toEqual(refused('failed'))
  expect(ask('sign', rsa.secret, p256.scheme, text('m'))).toEqual(refused('failed'))
  expect(ask('verify', { tag: 'ed25519', val: ed25519.point }, rs256, Buffer.alloc(64), text('m'))).toEqual(
    refused('failed'),
  )
})

test('data has a bound, and what is longer is refused', () => {
  const guest = new TestGuest({ limits: { hostCallBytes: 100 } })
  const sign = (length: number) =>
    guest.invoke(CRYPTO, 'sign', { tag: 'ed25519', val: ed25519.seed }, { tag: 'ed25519' }, Buffer.alloc(length))
  expect(sign(100)).toMatchObject({ tag: 'ok' })
  expect(sign(101)).toEqual(refused('too-large'))
  const open = { tag: 'ed25519', val: ed25519.point }
  expect(guest.invoke(CRYPTO, 'verify', open, { tag: 'ed25519' }, Buffer.alloc(64), Buffer.alloc(101))).toEqual(
    refused('too-large'),
  )
})

test('no key is generated, so nothing is read that a snapshot would freeze', () => {
  const guest = new TestGuest()
  guest.invoke(CRYPTO, 'sign', { tag: 'p256', val: vectors.p256 }, vectors.p256.scheme, text('m'))
  expect([guest.host.captureWarnings(), guest.host.heldBytes, guest.host.openHandles]).toEqual([[], 0, 0])
})

test('whatever numbers a guest gives, it gets an answer', () => {
  const number = fc.oneof(
    fc.uint8Array({ maxLength: 130 }),
    fc.constantFrom(
      ...Object.values(rsa.numbers),
      vectors.p256.d,
      vectors.p256.point,
      vectors.p384.point,
      ed25519.point,
      Buffer.alloc(2_000, 255),
    ),
    // DER where a number is to be.
    fc.constant(rsa.publicKey.export({ format: 'der', type: 'spki' })),
  )
  const hash = fc.constantFrom('sha1', 'sha256', 'sha384', 'sha512')
  const curve = fc.constantFrom('p256', 'p384')
  const numbers = fc.record({
    n: number,
    e: number,
    d: number,
    p: number,
    q: number,
    dp: number,
    dq: number,
    qi: number,
  })
  const nearly = numbers.map((any) => ({
    ...rsa.numbers,
    ...Object.fromEntries(Object.entries(any).slice(0, any.n.length % 3)),
  }))
  const secret = fc.oneof(
    fc.record({ tag: curve, val: fc.record({ d: number, point: fc.option(number, { nil: undefined }) }) }),
    fc.record({ tag: fc.constant('ed25519'), val: number }),
    fc.record({ tag: fc.constant('rsa'), val: fc.oneof(numbers, nearly) }),
  )
  const open = fc.oneof(
    fc.record({ tag: fc.constantFrom('p256', 'p384', 'ed25519'), val: number }),
    fc.record({ tag: fc.constant('rsa'), val: fc.oneof(numbers, nearly) }),
  )
  const salt = fc.option(fc.oneof(fc.nat(300), fc.constantFrom(2 ** 31, 2 ** 32 - 1)), { nil: undefined })
  const scheme = fc.oneof(
    fc.record({ tag: fc.constantFrom('ecdsa', 'rsassa-pkcs1'), val: hash }),
    fc.constant({ tag: 'ed25519' }),
    fc.record({ tag: fc.constant('rsa-pss'), val: fc.record({ hash, saltLength: salt }) }),
  )
  const answers = new Map<string, number>()
  const note = (func: string, answer: unknown) => {
    const tag = typeof answer === 'object' && answer !== null && 'tag' in answer ? String(answer.tag) : 'none'
    const key = `${func} ${tag}`
    answers.set(key, (answers.get(key) ?? 0) + 1)
  }
  const property = fc.property(secret, open, scheme, number, number, (secret, open, scheme, one, other) => {
    note('sign', ask('sign', secret, scheme, one))
    note('verify', ask('verify', open, scheme, one, other))
    note('derive-public', ask('derive-public', secret))
    note('check-public', ask('check-public', open))
  })
  fc.assert(property, { numRuns: 1_000 })
  // It reaches both.
  expect([...answers.keys()].toSorted()).toEqual(
    ['check-public', 'derive-public', 'sign', 'verify'].flatMap((func) => [`${func} err`, `${func} ok`]),
  )
})

test('raw bits are a trap or an answer, as of any call', () => {
  const unexpected: unknown[] = []
  const i32 = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }))
  const functions = offeredFunctions().filter(([iface]) => iface === CRYPTO)
  const property = fc.property(
    fc.constantFrom(...functions),
    fc.array(i32, { minLength: 20, maxLength: 20 }),
    ([iface, func], args) => {
      const guest = new TestGuest()
      const count = findFunction(iface, func)?.params.flat.length ?? 0
      try {
        guest.call(iface, func, ...args.slice(0, count > 16 ? 1 : count), 512)
      } catch (error) {
        if (!(error instanceof GuestTrap) && !(error instanceof GuestLimit)) unexpected.push(error)
      }
    },
  )
  fc.assert(property, { numRuns: 1_000 })
  expect(unexpected).toEqual([])
})

test("what is derived is a key of Node's, too", () => {
  const { p256 } = vectors
  const key = createPublicKey({
    key: {
      kty: 'EC',
      crv: 'P-256',
      x: p256.point.subarray(1, 33).toString('base64url'),
      y: p256.point.subarray(33).toString('base64url'),
    },
    format: 'jwk',
  })
  const signature = signatureOf({ tag: 'p256', val: { d: p256.d, point: undefined } }, p256.scheme, text('m'))
  expect(verify('sha256', text('m'), { key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true)
})
