/** What is refused of a package that asks for an engine, before any engine is started. */
import { expect, test } from 'vitest'
import { testBuilder } from './builder.support.ts'

const asks = (engine: unknown) => JSON.stringify({ thaw: { engine } })
const handler = 'export const handler = async () => 1'
const starlingmonkey = { 'package.json': asks('starlingmonkey') }

test.each<[string, Record<string, string>, string]>([
  [
    'an engine that there is not',
    { 'index.mjs': handler, 'package.json': asks('v8') },
    'Unknown engine "v8" in package.json: known are quickjs, starlingmonkey',
  ],
  [
    'an engine that is no name',
    { 'index.mjs': handler, 'package.json': asks({ name: 'quickjs' }) },
    'Unknown engine {"name":"quickjs"} in package.json',
  ],
  [
    'a module of Node that is not offered',
    { ...starlingmonkey, 'index.mjs': `import { readFileSync } from 'node:fs'\n${handler}` },
    "Cannot import 'node:fs' (from index.mjs): Node's built-in module node:fs is not available in Thaw",
  ],
  [
    'a module of Node that QuickJS has and StarlingMonkey has not',
    { ...starlingmonkey, 'index.mjs': `import { AsyncLocalStorage } from 'async_hooks'\n${handler}` },
    "Cannot import 'async_hooks' (from index.mjs): Node's built-in module async_hooks is not available in StarlingMonkey",
  ],
  [
    "Thaw's hooks",
    { ...starlingmonkey, 'index.mjs': `import { onInit } from 'thaw:hooks'\n${handler}` },
    "Cannot import 'thaw:hooks' (from index.mjs): it is not available in StarlingMonkey",
  ],
  [
    'an interface that is not offered',
    { ...starlingmonkey, 'index.mjs': `import x from 'wasi:filesystem/types@0.2.0'\n${handler}` },
    "Cannot import 'wasi:filesystem/types@0.2.0' (from index.mjs)",
  ],
  [
    'a syntax error',
    { ...starlingmonkey, 'index.mjs': 'export const handler = (' },
    'The function could not be bundled',
  ],
])('%s', async (_, files, message) => {
  const { builder, request } = await testBuilder()
  await expect(builder.build(await request(files))).rejects.toThrow(message)
})

test('one build: what init throws is said, with its place; nothing is left behind', async () => {
  const { builder, request, leftovers } = await testBuilder()
  const files = { ...starlingmonkey, 'index.mjs': `${handler}\nthrow new RangeError('not today')` }
  const failed = builder.build(await request(files))
  await expect(failed).rejects.toThrow(/RangeError: not today/)
  await expect(failed).rejects.not.toThrow(/thaw-builder|node_modules/)
  expect(await leftovers()).toEqual([])
})

test('QuickJS by name is QuickJS', async () => {
  const { builder, request } = await testBuilder()
  const plain = await builder.build(await request({ 'index.mjs': handler }))
  const named = await builder.build(await request({ 'index.mjs': handler, 'package.json': asks('quickjs') }))
  expect(named.engine).toBe(plain.engine)
})
