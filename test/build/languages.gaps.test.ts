/** What of Node and the web is not in QuickJS, or only in part: it is there, or it says that it is not. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { FunctionSpec } from '../../src/invocation.ts'
import { javascriptFunction } from '../support/build-cache.ts'
import { payloadText, testRuntime, type TestRuntime } from '../support/runtime.ts'

const source = `
  import module, { createRequire } from 'node:module'
  import nodeCrypto from 'node:crypto'
  import { Buffer, transcode } from 'node:buffer'
  const require = createRequire(import.meta.url)
  const data = require('./data.json')
  const { two } = require('../lib/two.cjs') as { two: number }
  const load = createRequire(import.meta.url)
  const ofFunction = async (run: () => unknown) => {
    try { return await run() } catch (error) { return [error.name, error.code, error.message] }
  }
  const ecdsa = { name: 'ECDSA', namedCurve: 'P-521' }
  const jwk = (more: object) => crypto.subtle.importKey('jwk', more, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
  const cases = {
    require: () => [data, two, load('node:path').basename('/a/b'), require('./data.json') === data],
    late: (name: string) => require(name),
    builtins: () => [module.isBuiltin('node:crypto'), module.isBuiltin('fs'), module.builtinModules.includes('path')],
    intl: () => new Intl.NumberFormat('de').format(1),
    cipher: () => nodeCrypto.createCipheriv('aes-256-cbc', 'k', 'i'),
    scrypt: () => nodeCrypto.scryptSync('a', 'b', 32),
    hashes: () => nodeCrypto.createHash('sha256').update('a').digest('base64url').slice(0, 8),
    buffer: () => [Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]).readBigUint64LE().toString(), transcode(Buffer.from('é'), 'utf8', 'latin1').toString('hex')],
    ecdsa: () => crypto.subtle.importKey('jwk', { kty: 'EC', crv: 'P-521', x: 'a', y: 'b' }, ecdsa, false, ['verify']),
    rsa: () => crypto.subtle.generateKey({ name: 'RSA-PSS', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }, false, ['sign', 'verify']),
    encrypt: () => crypto.subtle.encrypt({ name: 'RSA-OAEP' }, {} as CryptoKey, new Uint8Array(1)),
    unknown: () => crypto.subtle.digest('MD4', new Uint8Array(1)),
    wrongKey: () => jwk({ kty: 'RSA', n: 'AQAB', e: 'AQAB' }),
    emptyKey: () => jwk({ kty: 'oct' }),
  }
  export const handler = (event: { name: keyof typeof cases, argument?: string }) => ofFunction(() => cases[event.name](event.argument))`

let runtime: TestRuntime
let spec: FunctionSpec
beforeAll(async () => {
  runtime = await testRuntime()
  const files = { 'src/index.ts': source, 'src/data.json': '{"a":1}', 'lib/two.cjs': 'exports.two = 2' }
  spec = await runtime.deploy(javascriptFunction(files, 'src/index.handler'))
})
afterAll(() => runtime[Symbol.asyncDispose]())

const answers: [name: string, value: unknown, argument?: string][] = [
  ['require', [{ a: 1 }, 2, 'b', true]],
  [
    'late',
    [
      'Error',
      'MODULE_NOT_FOUND',
      expect.stringMatching(/^Cannot find module '\.\/x': in Thaw all modules are bundled/),
    ],
    './x',
  ],
  ['builtins', [true, false, true]],
  ['intl', ['ReferenceError', null, expect.stringContaining('Intl')]],
  [
    'cipher',
    [
      'Error',
      'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM',
      expect.stringContaining('crypto.createCipheriv is not available in Thaw'),
    ],
  ],
  [
    'scrypt',
    ['Error', 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', expect.stringContaining('crypto.scryptSync is not available')],
  ],
  ['hashes', 'ypeBEsob'],
  ['buffer', ['1', 'e9']],
  ['ecdsa', ['NotSupportedError', 9, "The curve P-521 is not available in Thaw's crypto.subtle: P-256 and P-384 are"]],
  [
    'rsa',
    ['NotSupportedError', 9, expect.stringMatching(/^RSA-PSS keys cannot be made in Thaw, as that takes seconds/)],
  ],
  ['encrypt', ['NotSupportedError', 9, expect.stringMatching(/^RSA-OAEP is not available/)]],
  ['unknown', ['NotSupportedError', 9, expect.stringMatching(/^Unrecognized algorithm name: MD4 /)]],
  ['wrongKey', ['DataError', 0, 'The JSON Web Key is of type "RSA" and not "oct"']],
  ['emptyKey', ['DataError', 0, 'The JSON Web Key has no "k"']],
]

test.each(answers)('%s', async (name, value, argument) => {
  expect(JSON.parse(payloadText(await runtime.invoke(spec, JSON.stringify({ name, argument }))))).toEqual(value)
})

test('Intl is named where a function fails for it', async () => {
  const plain = await runtime.deploy(javascriptFunction('export const handler = async () => new Intl.Locale("de")'))
  const { outcome } = await runtime.invoke(plain, '{}')
  expect(outcome).toMatchObject({
    failure: {
      errorType: 'ReferenceError',
      errorMessage: 'Intl is not defined: Intl is not available in QuickJS, which runs JavaScript in Thaw',
    },
  })
})

test('instances come back clean', () => {
  expect(runtime.impurities).toEqual([])
})
