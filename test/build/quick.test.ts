/** The quick builder (thaw dev): what it makes is what an ordinary build makes, but sooner. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createBuilder, type Builder, type BuilderOptions } from '../../src/build/builder.ts'
import { createQuickBuilder } from '../../src/build/quick/quick-builder.ts'
import { scriptOf, UnsuitableBundle } from '../../src/build/base/loader.ts'
import { configFromEnvironment, limitsSchema } from '../../src/config.ts'
import { createRuntime } from '../../src/instance/runtime.ts'
import { SharedPage } from '../../src/memory/shared-page.ts'
import { zipOf } from '../e2e/server.ts'
import { testCacheDir } from '../support/cache-dir.ts'

const folder = mkdtempSync(join(tmpdir(), 'thaw-test-'))
const artifactsDir = join(folder, 'artifacts')
const resources = new AsyncDisposableStack()
const children: number[] = []
const fallbacks: unknown[] = []
let builder: Builder
let deployments = 0
const page = SharedPage.anonymous()
const runtime = createRuntime({ artifactsDir, page, workerIndex: 0, config: configFromEnvironment({}) })

beforeAll(() => {
  mkdirSync(artifactsDir)
  const options: BuilderOptions = {
    artifactsDir,
    tempDir: join(folder, 'tmp'),
    cacheDir: testCacheDir,
    limits: limitsSchema.parse({ buildMs: 10_000 }),
    logger: { warn: (fields) => void fallbacks.push(fields) },
    onChild: (pid) => void children.push(pid),
  }
  builder = resources.use(createQuickBuilder(options))
})
afterAll(async () => {
  await resources.disposeAsync()
  runtime[Symbol.dispose]()
  page[Symbol.dispose]()
  rmSync(folder, { recursive: true, force: true })
})

async function build(files: string | Record<string, string>, by: Builder = builder) {
  const codePath = join(artifactsDir, `package-${deployments++}.zip`)
  await writeFile(codePath, await zipOf(typeof files === 'string' ? { 'index.mjs': files } : files))
  return by.build({ runtime: 'nodejs24.x', handler: 'index.handler', codePath })
}

async function run(files: string | Record<string, string>, event: unknown = {}) {
  const { engine, snapshot } = await build(files)
  const spec = {
    deployment: ++deployments,
    accountId: '000000000000',
    functionName: 'f',
    version: '$LATEST',
    functionArn: 'arn',
    runtime: 'nodejs24.x',
    memoryMb: 128,
    timeoutMs: 3_000,
    ephemeralStorageMb: 512,
    environment: { COLOUR: 'blue' },
    egress: [],
    engine,
    snapshot,
    initDurationMs: 0,
    logGroup: '/aws/lambda/f',
  }
  const payload = Buffer.from(JSON.stringify(event))
  const none = { clientContext: undefined, tenantId: undefined, traceId: undefined, signal: undefined }
  const once = () =>
    runtime.invoke({ requestId: 'r', spec, payload: Buffer.from(payload), invokedFunctionArn: 'arn', ...none })
  await once()
  // The second shows that the first left nothing.
  const { outcome, log } = await once()
  return outcome.kind === 'success'
    ? { answer: JSON.parse(Buffer.from(outcome.payload).toString()), log }
    : { failure: outcome.failure, log }
}

test('the engine is the one of an ordinary build, so that instances are shared', async () => {
  const source = 'export const handler = () => 1'
  await using ordinary = createBuilder({
    artifactsDir: join(folder, 'ordinary'),
    tempDir: join(folder, 'tmp2'),
    cacheDir: testCacheDir,
    limits: limitsSchema.parse({}),
  })
  const [quick, usual] = [await build(source), await build(source, ordinary)]
  expect(quick.engine).toBe(usual.engine)
  expect(quick.snapshotMemoryBytes).toBe(usual.snapshotMemoryBytes)
})

test('handlers run as they do otherwise', async () => {
  const source = `
    import { two } from './lib/two.js'
    let calls = 0
    const top = await Promise.resolve(two)
    export const handler = async ({ n }) => {
      calls++
      await new Promise((resolve) => setTimeout(resolve, 5))
      console.log('hello ü')
      return { calls, top, n, colour: process.env.COLOUR, ids: new Set([crypto.randomUUID(), crypto.randomUUID()]).size }
    }`
  const { answer, log } = await run({ 'index.mjs': source, 'lib/two.js': 'exports.two = 2' }, { n: 'ü' })
  expect(answer).toEqual({ calls: 1, top: 2, n: 'ü', colour: 'blue', ids: 2 })
  expect(log).toMatch(/\thello ü\n$/)
  expect(
    (await run({ 'index.js': 'exports.handler = (event, context, done) => done(null, this)' })).answer,
  ).toBeDefined()
})

test('it is strict code in a module, with its own names', async () => {
  const source = `
    const handle = 1, init = 2, exported = typeof arguments
    export const handler = () => [handle, init, this === undefined, (() => { try { undeclared = 1 } catch (e) { return e.name } })()]`
  expect((await run(source)).answer).toEqual([1, 2, true, 'ReferenceError'])
})

test('traces name the package’s own lines', async () => {
  const { failure } = await run('function inner() {\n  null.x\n}\nexport const handler = async () => inner()')
  expect(failure).toMatchObject({ errorType: 'TypeError', trace: expect.any(Array) })
  expect(failure?.trace?.join('\n')).toMatch(/at inner \(\/var\/task\/index\.mjs:2:\d+\)/)
})

describe('what is wrong is said as in an ordinary build', () => {
  test.each([
    [
      'const a = 1\nconst b = null.x\nexport const handler = 1',
      /^Init failed: TypeError: cannot read property 'x' of null \(index\.mjs:2:\d+\)$/,
    ],
    ['throw new SyntaxError("mine")', /^Init failed: SyntaxError: mine \(index\.mjs:1:\d+\)$/],
    ['export const handlr = 1', 'Runtime.HandlerNotFound: index.handler is undefined or not exported'],
    [
      'await new Promise(() => {})\nexport const handler = 1',
      'Init failed: a top-level await or a hook (onInit, beforeSnapshot) waits for what never comes',
    ],
    ['process.exit(3)', /exit/],
    ['export const handler = ', /^The function could not be bundled: [\s\S]*index\.mjs:1:/],
  ])('%s', async (source, reason) => {
    const fell = fallbacks.length
    await expect(build(source)).rejects.toThrow(reason)
    expect(fallbacks).toHaveLength(fell)
  })
})

test('init that used randomness is warned of', async () => {
  expect((await build('const r = Math.random(); export const handler = () => r')).warnings).toEqual([
    expect.stringMatching(/^Math\.random\(\) read at index\.mjs:1:\d+ during init/),
  ])
})

test('one that never ends costs its process, and the next is built', async () => {
  const before = children.length
  await expect(build('for (;;);')).rejects.toThrow('The build did not finish within 10 s (limit buildMs)')
  expect((await run('export const handler = () => "next"')).answer).toBe('next')
  expect(children.length).toBe(before + 1)
})

test('other runtimes are built in the same process', async () => {
  const before = children.length
  const codePath = join(artifactsDir, 'assemblyscript.zip')
  await writeFile(
    codePath,
    await zipOf({ 'index.ts': 'export function handler(event: string): string { return event }' }),
  )
  const request = { runtime: 'assemblyscript', handler: 'index.handler', codePath } as const
  expect(await builder.build(request)).toMatchObject({ engine: expect.stringMatching(/^[0-9a-f]{64}$/), cached: false })
  await writeFile(codePath, 'no zip')
  await expect(builder.build(request)).rejects.toThrow('Could not unzip uploaded file')
  expect([children.length, fallbacks]).toEqual([before, []])
})

test('a bundle of another form is left to the ordinary builder', () => {
  expect(() => scriptOf('const a = 1\n')).toThrow(UnsuitableBundle)
  expect(scriptOf('import a, { b as c } from "wasi:x/y@0.2.0";\nlet d\nexport { d as e };\n//# end')).toBe(
    '(async function () { "use strict"; const { default: a, b: c } = await import("wasi:x/y@0.2.0");\nlet d\nreturn { e: d };\n//# end\n}).call(undefined)',
  )
})

test('nothing is left where artifacts are', async () => {
  await build('export const handler = () => 5')
  const staged = readdirSync(artifactsDir).filter((name) => name.startsWith('.'))
  expect(staged).toEqual([expect.stringMatching(/^\.quick-/)])
  expect(readdirSync(join(artifactsDir, staged[0] ?? ''))).toEqual([])
})
