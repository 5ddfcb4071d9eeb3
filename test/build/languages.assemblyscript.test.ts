import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildAssemblyScript } from '../../src/build/languages/assemblyscript.ts'
import { limitsSchema } from '../../src/config.ts'
import { assemblyscriptComponent } from '../support/build-cache.ts'
import { testRuntime, type TestRuntime } from '../support/runtime.ts'

let runtime: TestRuntime
beforeAll(async () => {
  runtime = await testRuntime()
})
afterAll(() => runtime[Symbol.asyncDispose]())

function build(files: Record<string, string>, handler = 'index.handler') {
  const bytes = new Map(Object.entries(files).map(([name, text]) => [name, new TextEncoder().encode(text)]))
  return buildAssemblyScript({ files: bytes, handler, workFolder: '/nonexistent', limits: limitsSchema.parse({}) })
}

async function run(source: string | Record<string, string>, payload: string, options = {}) {
  const spec = await runtime.deploy(await assemblyscriptComponent(source), { environment: { COLOUR: 'blue' } })
  const { outcome, log } = await runtime.invoke(spec, payload, options)
  if (outcome.kind === 'failure') return { failure: outcome.failure, log }
  return { text: new TextDecoder().decode(outcome.payload), log }
}

const everything = `
  import { Context, environment, fail } from "thaw"
  import { twice } from "./lib/twice"
  let count = 0
  export function handler(event: string, context: Context): string {
    count += 1
    if (event == '"fail"') return fail<string>("My.Error", "nö")
    if (event == '"throw"') throw new Error("thrown")
    if (event == '"log"') {
      console.log("hello ü")
      console.error("x".repeat(5000))
    }
    if (event == '"random"') return Math.random().toString()
    if (event == '"now"') return Date.now().toString()
    if (event == '"env"') return environment("COLOUR")! + (environment("NOPE") === null ? " null" : "")
    if (event == '"context"') {
      const left = context.getRemainingTimeInMillis()
      return [context.awsRequestId, context.functionName, context.functionVersion, context.memoryLimitInMB.toString(),
        context.tenantId!, (context.traceId === null).toString(), context.clientContext!, (left > 0 && left <= 60000).toString()].join(" ")
    }
    return twice(event) + " " + count.toString()
  }
`
const files = {
  'index.ts': everything,
  'lib/twice.ts': 'export function twice(text: string): string { return text + text }',
}

test('a handler of strings answers, each time from the snapshot', async () => {
  expect((await run(files, '"日本"')).text).toBe('"日本""日本" 1')
  expect((await run(files, '"日本"')).text).toBe('"日本""日本" 1')
})

test.each(['ArrayBuffer', 'Uint8Array'])('a handler of %s answers with the very bytes', async (type) => {
  const source = `export function handler(event: ${type}): ${type} { return event }`
  for (const payload of ['{"a":"ü"}', '0', `"${'x'.repeat(100_000)}"`])
    expect((await run(source, payload)).text).toBe(payload)
})

test('fail answers with a function error', async () => {
  expect((await run(files, '"fail"')).failure).toMatchObject({ errorType: 'My.Error', errorMessage: 'nö' })
})

test('throw ends the invocation and says why in the log', async () => {
  const { failure, log } = await run(files, '"throw"')
  expect(failure).toMatchObject({ errorType: 'Runtime.Trap' })
  expect(log).toMatch(/^\S+Z\t[\da-f-]{36}\tERROR\tthrown \(index\.ts:8:29\)\n$/)
})

test('console writes to the log as Lambda does, long lines whole', async () => {
  const [first, second, end] = (await run(files, '"log"', { requestId: 'r-1' })).log.split('\n')
  expect(first).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\tr-1\tINFO\thello ü$/)
  expect(second?.split('\t').slice(1)).toEqual(['r-1', 'ERROR', 'x'.repeat(5000)])
  expect(end).toBe('')
})

test('environment, clock, randomness and context are live', async () => {
  expect((await run(files, '"env"')).text).toBe('blue null')
  expect(Math.abs(Number((await run(files, '"now"')).text) - Date.now())).toBeLessThan(60_000)
  expect((await run(files, '"random"')).text).not.toBe((await run(files, '"random"')).text)
  const options = { requestId: 'r-1', tenantId: 't', clientContext: '{}' }
  expect((await run(files, '"context"', options)).text).toMatch(/^r-1 \S+ \$LATEST \d+ t true \{\} true$/)
})

test('a component asks for no more than its function uses', async () => {
  const component = await assemblyscriptComponent(
    'export function handler(event: ArrayBuffer): ArrayBuffer { return event }',
  )
  expect(Buffer.from(component).includes('wasi:random')).toBe(false)
  expect(component.length).toBeLessThan(10_000)
})

test.each([
  [
    'a type error',
    { 'index.ts': 'export function handler(e: string): string {\n  return nope\n}' },
    /Cannot find name 'nope'[\s\S]*index\.ts\(2,10\)/,
  ],
  [
    'a handler of other types',
    { 'index.ts': 'export function handler(e: i32): i32 { return e }' },
    /takes its event as Json, string, Uint8Array, ArrayBuffer or Request/,
  ],
  [
    'no such export',
    { 'index.ts': 'export function other(e: string): string { return e }' },
    /^Runtime\.HandlerNotFound: index\.handler is undefined or not exported$/,
  ],
  ['no such file', { 'other.ts': '' }, /^Runtime\.ImportModuleError: Error: Cannot find module 'index'/],
  [
    'a file of the host',
    {
      'index.ts': 'import { x } from "../../../../etc/passwd"\nexport function handler(e: string): string { return x }',
    },
    /File '[./]*etc\/passwd\.ts' not found/,
  ],
  [
    'a foreign import',
    {
      'index.ts':
        '@external("env", "steal")\ndeclare function steal(): i32\nexport function handler(e: string): string { return steal().toString() }',
    },
    /nothing here provides the import env steal/,
  ],
])('%s is a build error', async (_, sources, message) => {
  await expect(build(sources)).rejects.toMatchObject({
    code: 'Build',
    message: expect.stringMatching(message),
  })
})

test('an asconfig.json of the package has no say: it could name code to load', async () => {
  const config = JSON.stringify({ options: { transform: ['./evil.mjs'], runtime: 'incremental' } })
  const source = 'export function handler(e: string): string { return e }'
  const [plain, configured] = [
    await build({ 'index.ts': source }),
    await build({ 'index.ts': source, 'asconfig.json': config, 'evil.mjs': 'throw 1' }),
  ]
  expect(Buffer.from(configured.component).equals(Buffer.from(plain.component))).toBe(true)
})
