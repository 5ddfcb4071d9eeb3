/** Node.js handlers as people write them, deployed as zips with their node_modules; what they answer is what Node answers. */
import { generateKeyPairSync } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { dirname, extname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageFunction } from '../support/build-cache.ts'
import { failureOf, payloadText, testRuntime, type TestRuntime } from '../support/runtime.ts'
import { zipOf } from './zip.support.ts'

const folder = join(import.meta.dirname, '..', 'fixtures', 'node-handlers')

let runtime: TestRuntime
beforeAll(async () => {
  // As in the guest, where there is no other.
  process.env['TZ'] = 'UTC'
  runtime = await testRuntime()
})
afterAll(() => runtime[Symbol.asyncDispose]())

/** A package as npm has installed it, less what no code needs, so that the zip stays small. */
function installed(name: string): [string, Uint8Array][] {
  const path = findPackageJSON(name, import.meta.url)
  if (path === undefined) throw new Error(`${name} is not installed`)
  const root = dirname(path)
  return readdirSync(root, { recursive: true, withFileTypes: true }).flatMap((entry): [string, Uint8Array][] => {
    const file = join(entry.parentPath, entry.name)
    const inside = relative(root, file)
    const code = ['.js', '.cjs', '.mjs', '.json'].includes(extname(file)) && !/\.min\.js$|^cdn|^fp\//.test(inside)
    const wanted = entry.isFile() && code && !/(?:^|\/)(?:locale\/(?!en-US|_lib)|src|docs|test)/.test(inside)
    return wanted ? [[join('node_modules', name, inside), readFileSync(file)]] : []
  })
}

async function deploy(file: string, packages: readonly string[]) {
  const source = { [file]: readFileSync(join(folder, file)), 'package.json': '{ "type": "commonjs" }' }
  const zip = await zipOf({ ...source, ...Object.fromEntries(packages.flatMap(installed)) })
  const component = await packageFunction(zip, `${file.slice(0, file.indexOf('.'))}.handler`)
  return runtime.deploy(component)
}

type Callback = (error: unknown, value?: unknown) => void
type NodeHandler = (event: unknown, context: object, callback: Callback) => unknown

/** What the same file answers in this process. */
async function inNode(file: string, event: unknown): Promise<unknown> {
  const module: { handler?: NodeHandler; default?: { handler: NodeHandler } } = await import(
    pathToFileURL(join(folder, file)).href
  )
  const handler = module.handler ?? module.default?.handler
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  const returned = handler?.(event, { functionName: 'f', awsRequestId: 'r' }, (error, value) =>
    error === null || error === undefined ? resolve(value) : reject(error),
  )
  const value = returned === undefined ? await promise : await returned
  return JSON.parse(JSON.stringify(value))
}

const orders = [
  { customer: 'b', sku: 'x', price: 2.5, quantity: 2 },
  { customer: 'a', sku: 'y', price: 0.1, quantity: 3 },
  { customer: 'b', sku: 'x', price: 1, quantity: 1 },
]
const awslogs =
  'H4sIAAAAAAAAAHWPwQqCQBCGX0Xm7EFtK+smZBEUgXoLCdMhFtKV3akI8d0bLYmibvPPN3wz00CJxmQnTO41whwWQRIctmEcB6sQbFC3CjW3XW8kxpOpP+OC22d1Wml1qZkQGtoMsScxaczKN3plG8zlaHIta5KqWsozoTYw3/djzwhpLwivWFGHGpAFe7DL68JlBUk+l7KSN7tCOEJ4M3/qOI49vMHj+zCKdlFqLaU2ZHV2a4Ct/an0/ivdX8oYc1UVX860fQDQiMdxRQEAAA=='

const pairs = {
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  p256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  p384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ed25519: generateKeyPairSync('ed25519'),
}
const spkiOf = (name: keyof typeof pairs) => String(pairs[name].publicKey.export({ format: 'pem', type: 'spki' }))
const pkcs8Of = (name: keyof typeof pairs) => String(pairs[name].privateKey.export({ format: 'pem', type: 'pkcs8' }))
const pemsOf = (name: keyof typeof pairs, type?: 'pkcs1' | 'sec1') => ({
  pkcs8: pkcs8Of(name),
  spki: spkiOf(name),
  ...(type !== undefined && { traditional: String(pairs[name].privateKey.export({ format: 'pem', type })) }),
})

/** With the RSA key, and otherwise as little as a certificate may have (RFC 5280, 4.1). Nobody has signed it. */
function certificate(): string {
  const element = (tag: number, ...parts: Uint8Array[]): Buffer => {
    const contents = Buffer.concat(parts)
    const { length } = contents
    const head = length < 0x80 ? [tag, length] : [tag, 0x82, length >> 8, length & 255]
    return Buffer.concat([Buffer.from(head), contents])
  }
  const hex = (text: string) => Buffer.from(text, 'hex')
  const algorithm = hex('300d06092a864886f70d01010b0500')
  const time = element(0x17, Buffer.from('260101000000Z'))
  const name = element(0x30)
  const key = pairs.rsa.publicKey.export({ format: 'der', type: 'spki' })
  const body = element(0x30, hex('a003020102'), hex('020101'), algorithm, name, element(0x30, time, time), name, key)
  const bytes = element(0x30, body, algorithm, element(3, Buffer.alloc(257)))
  return `-----BEGIN CERTIFICATE-----\n${bytes.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`
}

const cases: [file: string, packages: string[], event: unknown][] = [
  ['orders.js', ['lodash'], { detail: { orders } }],
  [
    'mailer.js',
    ['mustache'],
    { template: 'a.mustache', data: { name: 'Ä <b>', items: [{ title: 'x', price: 1 }], signature: '<i>y</i>' } },
  ],
  ['validate.ts', ['zod'], { body: JSON.stringify({ name: '', email: 'nope', tags: ['c'], home: 'x' }) }],
  [
    'validate.ts',
    ['zod'],
    { isBase64Encoded: true, body: btoa(JSON.stringify({ name: 'a', email: 'a@b.co', age: '7' })) },
  ],
  ['dates.js', ['date-fns'], { from: '2024-02-27T08:30:00Z', to: '2024-03-05T00:00:00Z' }],
  ['logs.mjs', ['fflate'], { awslogs: { data: awslogs } }],
  ['token.mjs', ['jose'], { subject: 'me', now: 1_700_000_000 }],
  [
    'signed.mjs',
    ['jose'],
    {
      subject: 'me',
      now: 1_700_000_000,
      keys: {
        RS256: { pem: pkcs8Of('rsa') },
        PS256: { jwk: pairs.rsa.privateKey.export({ format: 'jwk' }) },
        ES256: { pem: pkcs8Of('p256') },
        ES384: { jwk: pairs.p384.privateKey.export({ format: 'jwk' }) },
        EdDSA: { pem: pkcs8Of('ed25519') },
      },
      spki: {
        RS256: spkiOf('rsa'),
        PS256: spkiOf('rsa'),
        ES256: spkiOf('p256'),
        ES384: spkiOf('p384'),
        EdDSA: spkiOf('ed25519'),
      },
    },
  ],
  [
    'webhook.js',
    [],
    {
      body: '{"id":"evt_1","ä":true}',
      certificate: certificate(),
      pems: {
        rsa: pemsOf('rsa', 'pkcs1'),
        p256: pemsOf('p256', 'sec1'),
        p384: pemsOf('p384', 'sec1'),
        ed25519: pemsOf('ed25519'),
      },
    },
  ],
  ['identifiers.js', ['uuid'], { body: '{"a":1}', signature: '0'.repeat(64) }],
  [
    'queue.js',
    [],
    {
      Records: [
        { messageId: '1', body: '{"id":7}' },
        { messageId: '2', body: '{' },
        { messageId: '3', body: '{}' },
      ],
    },
  ],
  ['bundled.js', [], { key: 'a/b/people.csv', csv: 'name,ort\nJörg,Köln\n€,😀' }],
  ['traced.js', [], { ids: ['a', 'b', 'c'], link: 'https://example.org/a/b?x=1&x=2&y=%20' }],
]

test.each(cases)('%s with %j answers as in Node', async (file, packages, event) => {
  const result = await runtime.invoke(await deploy(file, packages), JSON.stringify(event))
  const expected = await inNode(file, event)
  expect(JSON.parse(payloadText(result))).toEqual(expected)
})

test('a callback with an error is the function error', async () => {
  const spec = await deploy('mailer.js', ['mustache'])
  const failure = failureOf(await runtime.invoke(spec, JSON.stringify({ template: 'a.txt' })))
  expect(failure).toMatchObject({ errorType: 'Error', errorMessage: 'a.txt is no template' })
})

test("an error's trace has the author's files and lines", async () => {
  const failure = failureOf(await runtime.invoke(await deploy('failing.js', []), '{"id":3}'))
  expect(failure).toMatchObject({ errorType: 'NotFoundError', errorMessage: 'No item 3' })
  const lines = readFileSync(join(folder, 'failing.js'), 'utf8').split('\n')
  const line = lines.findIndex((text) => text.includes('throw new NotFoundError')) + 1
  expect(failure.trace?.filter((at) => at.includes(' find '))).toEqual([
    expect.stringMatching(new RegExp(`^ {4}at find \\(/var/task/failing\\.js:${line}:\\d+\\)$`)),
  ])
})

test('instances come back clean', () => {
  expect(runtime.impurities).toEqual([])
})
