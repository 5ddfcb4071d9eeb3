/** Node.js handlers as people write them, deployed as zips with their node_modules; what they answer is what Node answers. */
import { readdirSync, readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { dirname, extname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageComponent } from '../support/build-cache.ts'
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
  const component = await packageComponent(zip, `${file.slice(0, file.indexOf('.'))}.handler`)
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
