/** What a function signs, Node verifies, and the other way round; keys go between them in every format. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { javascriptFunction } from '../support/build-cache.ts'
import { payloadText, testRuntime, type TestRuntime } from '../support/runtime.ts'
import type { FunctionSpec } from '../../src/invocation.ts'

const source = `
  const b64 = (buffer) => new Uint8Array(buffer).toBase64()
  const bytes = (text) => Uint8Array.fromBase64(text)
  const { subtle } = crypto
  export const handler = async ({ key, params, keys, data, signature, generate }) => {
    const pair = generate
      ? await subtle.generateKey(key, true, ['sign', 'verify'])
      : {
          privateKey: await subtle.importKey('pkcs8', bytes(keys.pkcs8), key, true, ['sign']),
          publicKey: await subtle.importKey('spki', bytes(keys.spki), key, true, ['verify']),
        }
    const { privateKey, publicKey } = pair
    return {
      verified: signature === undefined ? undefined : await subtle.verify(params, publicKey, bytes(signature), bytes(data)),
      signature: b64(await subtle.sign(params, privateKey, bytes(data))),
      spki: b64(await subtle.exportKey('spki', publicKey)),
      pkcs8: b64(await subtle.exportKey('pkcs8', privateKey)),
      publicJwk: await subtle.exportKey('jwk', publicKey),
      privateJwk: await subtle.exportKey('jwk', privateKey),
    }
  }`

const answerSchema = z.object({
  verified: z.boolean().optional(),
  signature: z.string(),
  spki: z.string(),
  pkcs8: z.string(),
  publicJwk: z.record(z.string(), z.unknown()),
  privateJwk: z.record(z.string(), z.unknown()),
})

let runtime: TestRuntime
let spec: FunctionSpec
beforeAll(async () => {
  runtime = await testRuntime()
  spec = await runtime.deploy(javascriptFunction(source))
})
afterAll(() => runtime[Symbol.asyncDispose]())

const { subtle } = globalThis.crypto
const base64 = (buffer: ArrayBuffer) => Buffer.from(buffer).toString('base64')
const bytes = (text: string) => Buffer.from(text, 'base64')

interface Params {
  name: string
  hash?: string
  namedCurve?: string
  saltLength?: number
}

const rsa = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }
const cases: [key: Params, params: Params][] = [
  ...['P-256', 'P-384'].flatMap((namedCurve) =>
    ['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512'].map((hash): [Params, Params] => [
      { name: 'ECDSA', namedCurve },
      { name: 'ECDSA', hash },
    ]),
  ),
  [{ name: 'Ed25519' }, { name: 'Ed25519' }],
  ...['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512'].flatMap((hash): [Params, Params][] => [
    [{ name: 'RSASSA-PKCS1-v1_5', hash }, { name: 'RSASSA-PKCS1-v1_5' }],
    [
      { name: 'RSA-PSS', hash },
      { name: 'RSA-PSS', saltLength: 20 },
    ],
  ]),
]

async function ask(event: object) {
  return answerSchema.parse(JSON.parse(payloadText(await runtime.invoke(spec, JSON.stringify(event)))))
}

/** Node's keys, imported from what the guest has exported. */
async function imported(key: Params, { spki, pkcs8 }: { spki: string; pkcs8: string }) {
  return {
    publicKey: await subtle.importKey('spki', bytes(spki), key, true, ['verify']),
    privateKey: await subtle.importKey('pkcs8', bytes(pkcs8), key, true, ['sign']),
  }
}

/** Newer than the standard's text, Node names the algorithm of Ed25519, too. */
const plain = ({ alg, ...jwk }: Record<string, unknown>) => (alg === 'Ed25519' ? jwk : { alg, ...jwk })

test.each(cases)('%j with %j', async (key, params) => {
  const pair = await subtle.generateKey({ ...rsa, ...key }, true, ['sign', 'verify'])
  if (!('privateKey' in pair)) throw new Error('no pair')
  const { privateKey, publicKey } = pair
  const keys = {
    pkcs8: base64(await subtle.exportKey('pkcs8', privateKey)),
    spki: base64(await subtle.exportKey('spki', publicKey)),
  }
  const data = Buffer.from('what is signed, ä')
  const signature = base64(await subtle.sign(params, privateKey, data))
  const answer = await ask({ key, params, keys, data: data.toString('base64'), signature })
  expect(answer.verified).toBe(true)
  expect(await subtle.verify(params, publicKey, bytes(answer.signature), data)).toBe(true)
  expect([answer.spki, answer.pkcs8]).toEqual([keys.spki, keys.pkcs8])
  expect(plain(answer.publicJwk)).toEqual(plain({ ...(await subtle.exportKey('jwk', publicKey)) }))
  expect(plain(answer.privateJwk)).toEqual(plain({ ...(await subtle.exportKey('jwk', privateKey)) }))
})

test.each(cases.filter(([{ hash }]) => hash === undefined))('%j is generated for %j', async (key, params) => {
  const event = { key, params, data: '', generate: true }
  const [answer, other] = [await ask(event), await ask(event)]
  const { publicKey, privateKey } = await imported(key, answer)
  expect(await subtle.verify(params, publicKey, bytes(answer.signature), Buffer.alloc(0))).toBe(true)
  const signature = await subtle.sign(params, privateKey, Buffer.from('x'))
  expect(await subtle.verify(params, publicKey, signature, Buffer.from('x'))).toBe(true)
  expect(other.pkcs8).not.toBe(answer.pkcs8)
})

test('instances come back clean', () => {
  expect(runtime.impurities).toEqual([])
})
