/** JavaScript's base: made once, remade when damaged, done without when it cannot be; and what code in it finds. */
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createBuilder } from '../../src/build/builder.ts'
import { limitsSchema } from '../../src/config.ts'
import { javascriptFunction } from '../support/build-cache.ts'
import { testCacheDir } from '../support/cache-dir.ts'
import { payloadText, testRuntime, type TestRuntime } from '../support/runtime.ts'
import { zipOf } from './zip.support.ts'

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'thaw-base-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const eventSource = 'export const handler = () => 1'

async function buildWith(cacheDir: string, logged: unknown[] = [], source = eventSource) {
  return (await builtWith(cacheDir, source, logged)).engine
}

async function builtWith(cacheDir: string, source: string, logged: unknown[] = []) {
  const folder = await temporaryFolder()
  const codePath = join(folder, 'package.zip')
  await writeFile(codePath, await zipOf({ 'index.mjs': source }))
  await using builder = createBuilder({
    artifactsDir: join(folder, 'artifacts'),
    tempDir: join(folder, 'temp'),
    cacheDir,
    limits: limitsSchema.parse({}),
    logger: { warn: (fields, message) => void logged.push([message, fields]) },
  })
  return await builder.build({ runtime: 'nodejs24.x', handler: 'index.handler', codePath })
}

test('it is made once for all builders of a cache, and again when it is damaged', async () => {
  const cacheDir = join(await temporaryFolder(), 'cache')
  const made = await buildWith(cacheDir)
  const [name = '', ...others] = await readdir(cacheDir)
  expect([name, others]).toEqual([expect.stringMatching(/^javascript-[0-9a-f]{64}\.base$/), []])
  const path = join(cacheDir, name)
  const before = await stat(path)
  expect(await buildWith(cacheDir)).toBe(made)
  expect((await stat(path)).ino).toBe(before.ino)

  const bytes = await readFile(path)
  const middle = Math.floor(bytes.length / 2)
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle)
  await writeFile(path, bytes)
  expect(await buildWith(cacheDir)).toBe(made)
  expect((await stat(path)).ino).not.toBe(before.ino)
})

test('where it cannot be kept, functions are built without it, of the same engine', async () => {
  const cacheDir = join(await temporaryFolder(), 'file')
  await writeFile(cacheDir, '')
  const logged: unknown[] = []
  const [without, with_] = [await buildWith(cacheDir, logged), await buildWith(testCacheDir)]
  expect(without).toBe(with_)
  expect(logged).toEqual([['JavaScript is built without a base', { error: expect.stringContaining('ENOTDIR') }]])
})

const fetchSource = 'export default { fetch: () => new Response() }'

test('the one for HTTP is made when a function of fetch style comes, and not before', async () => {
  const cacheDir = join(await temporaryFolder(), 'cache')
  const event = await builtWith(cacheDir, eventSource)
  expect([event.entry, (await readdir(cacheDir)).length]).toEqual([undefined, 1])
  const http = await builtWith(cacheDir, fetchSource)
  const names = await readdir(cacheDir)
  expect(names.toSorted()[1]).toMatch(/^javascript-http-[0-9a-f]{64}\.base$/)
  expect([http.entry, names.length, http.engine === event.engine]).toEqual(['http-0.3', 2, false])
  const notFetch = await builtWith(cacheDir, 'export default { fetch: 1, handler: () => 1 }')
  expect([notFetch.entry, notFetch.engine]).toEqual([undefined, event.engine])
})

test('without it such a function is built all the same, of the same engine', async () => {
  const noFolder = join(await temporaryFolder(), 'file')
  await writeFile(noFolder, '')
  const without = await builtWith(noFolder, fetchSource)
  const within = await builtWith(testCacheDir, fetchSource)
  expect([without.entry, without.engine]).toEqual(['http-0.3', within.engine])
  const notFetch = await builtWith(noFolder, 'export default { fetch: 1, handler: () => 1 }')
  expect(notFetch.entry).toBeUndefined()
})

describe('code in it finds what it finds in a module', () => {
  let runtime: TestRuntime
  beforeAll(async () => {
    runtime = await testRuntime()
  })
  afterAll(() => runtime[Symbol.asyncDispose]())
  const answer = async (files: string | Record<string, string>, event = '{}'): Promise<unknown> =>
    JSON.parse(payloadText(await runtime.invoke(await runtime.deploy(javascriptFunction(files)), event)))

  test('no names of its making', async () => {
    const source = `
      const names = [typeof exports, typeof module, typeof made, typeof scripts, typeof own]
      export const handler = () => [...names, this === undefined]`
    expect(await answer(source)).toEqual([...Array<string>(5).fill('undefined'), true])
  })

  test('a require that only the bundler can follow', async () => {
    const source = `
      const names = ['./function.mjs', './sdk.mjs', './runtime.mjs', 'wasi:cli/stdout@0.2.0']
      exports.handler = async () => names.map((name) => { try { return typeof require(name) } catch (e) { return e.message } })`
    const refused = (name: string) =>
      expect.stringContaining(`Calling \`require\` for "${name}" in an environment that`)
    expect(await answer({ 'index.js': source })).toEqual(
      ['./function.mjs', './sdk.mjs', './runtime.mjs', 'wasi:cli/stdout@0.2.0'].map(refused),
    )
  })

  test('exports that change later, and cycles', async () => {
    const files = {
      'index.mjs': `
        import { count, add } from './count.mjs'
        import { later } from './cycle.mjs'
        export const name = 'index'
        export const handler = () => { add(); add(); return [count, later()] }`,
      'count.mjs': 'export let count = 0\nexport function add() { count++ }',
      'cycle.mjs': `import * as index from './index.mjs'\nexport const later = () => index.name`,
    }
    expect(await answer(files)).toEqual([2, 'index'])
  })

  test('text of every width, as it was written', async () => {
    const text = 'é ü ß \u2028 漢字 🦊 "quoted" \\ `${x}`'
    expect(await answer(`export const handler = () => ${JSON.stringify(text)}`)).toBe(text)
  })
})
