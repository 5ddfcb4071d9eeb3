import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { buildJavaScript } from '../../src/build/languages/javascript.ts'
import { limitsSchema } from '../../src/config.ts'

async function build(files: Record<string, string>, handler = 'index.handler') {
  const workFolder = await mkdtemp(join(tmpdir(), 'thaw-javascript-'))
  onTestFinished(() => rm(workFolder, { recursive: true, force: true }))
  const bytes = new Map(Object.entries(files).map(([name, text]) => [name, new TextEncoder().encode(text)]))
  return buildJavaScript({ files: bytes, handler, workFolder, limits: limitsSchema.parse({}) })
}

const exported = 'export const handler = async () => 1\n'

test('a component comes of a handler, with the time of its init', async () => {
  const { component, initMs, warnings } = await build({
    'index.mjs': `const end = Date.now() + 60; while (Date.now() < end) {}\n${exported}`,
  })
  expect([...component.subarray(0, 8)]).toEqual([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0])
  expect(initMs).toBeGreaterThanOrEqual(59)
  expect(warnings).toEqual([])
})

test('init that draws randomness is warned of', async () => {
  const { warnings } = await build({ 'index.mjs': `export const id = Math.random()\nglobalThis.id = id\n${exported}` })
  expect(warnings).toEqual([expect.stringContaining('Init used randomness')])
})

test.each([
  ['a host file', 'import "/etc/passwd"', "Cannot import '/etc/passwd' (from index.mjs): it is outside"],
  [
    'a path out of the package',
    'import "../../../../../../etc/passwd"',
    "'../../../../../../etc/passwd' (from index.mjs)",
  ],
  ['a file URL', 'import "file:///etc/passwd"', "'file:///etc/passwd'"],
  [
    'a dependency of the host',
    'import "zod"',
    "Runtime.ImportModuleError: Error: Cannot find module 'zod' (imported from index.mjs)",
  ],
  [
    'node:fs',
    'import "node:fs"',
    "Cannot import 'node:fs' (from index.mjs): Node's built-in module node:fs is not available",
  ],
  ['fs', 'import fs from "fs"; fs.x()', "Cannot import 'fs' (from index.mjs): Node's built-in module fs"],
  ['a missing file', 'import "./nope.js"', "Cannot find module './nope.js' (imported from index.mjs)"],
  ['what Thaw does not offer', 'import "wasi:http/types@0.2.0"', "Cannot import 'wasi:http/types@0.2.0'"],
])('importing %s is an error that names it and its importer', async (_, line, message) => {
  await expect(build({ 'index.mjs': `${line}\n${exported}` })).rejects.toMatchObject({
    code: 'Build',
    message: expect.stringContaining(message),
  })
})

test('require of a built-in is an error that names it and its importer', async () => {
  const building = build({ 'lib/a.cjs': 'require("fs")', 'index.mjs': `import "./lib/a.cjs"\n${exported}` })
  await expect(building).rejects.toThrow("Cannot import 'fs' (from lib/a.cjs)")
})

test('a syntax error names file, line and column', async () => {
  const building = build({ 'index.mjs': `import "./lib/b.ts"\n${exported}`, 'lib/b.ts': 'const a = 1\nlet = = 3\n' })
  await expect(building).rejects.toThrow(/Unexpected token[\s\S]*lib\/b\.ts:2:7/)
})

test('what init throws is named with its type and its place in the source', async () => {
  const source = 'type A = { b: number }\n\nfunction f(a: A) {\n  throw new TypeError(`bad ${a.b}`)\n}\nf({ b: 1 })\n'
  const building = build({ 'index.ts': `import './lib'\n${exported}`, 'lib.ts': source })
  await expect(building).rejects.toThrow(/^Init failed: TypeError: bad 1 \(lib\.ts:4:\d+\)$/)
})

test.each([
  ['recursion without end', 'const f = (a) => [f([a])]; f()', 'Init failed: wasm trap: call stack exhausted'],
  ['process.exit', 'process.exit(1)', 'Init failed: Exited with i32 exit status 1'],
  [
    'more memory than there is',
    'const a = []; for (;;) a.push(new Uint8Array(1e8))',
    'Init failed: InternalError: out of memory (index.mjs:1:',
  ],
  ['what is no error', 'throw { a: 1 }', 'Init failed: object: [object Object]'],
])('an init that ends by %s is an error', async (_, line, message) => {
  await expect(build({ 'index.mjs': `${line}\n${exported}` })).rejects.toThrow(message)
})

test('a top-level await that never ends is an error', async () => {
  const building = build({ 'index.mjs': `await new Promise(() => {})\n${exported}` })
  await expect(building).rejects.toThrow('Init failed: a top-level await waits for what never comes')
})

test.each([
  ['nope.handler', "Runtime.ImportModuleError: Error: Cannot find module 'nope'"],
  ['index.nope', 'Runtime.HandlerNotFound: index.nope is undefined or not exported'],
  ['index.data', 'Runtime.HandlerNotFound: index.data is not a function'],
  ['index', "Runtime.MalformedHandlerName: Bad handler 'index'"],
  ['../index.handler', "Runtime.MalformedHandlerName: '../index.handler' is not a valid handler name"],
])('the handler %s is an error with the name Lambda gives it', async (handler, message) => {
  const building = build({ 'index.mjs': `${exported}export const data = { a: 1 }` }, handler)
  await expect(building).rejects.toMatchObject({ code: 'Build', message: expect.stringContaining(message) })
})

test('what the SDK itself draws in init is not warned of', async () => {
  const { warnings } = await build({
    'index.mjs': `import url from 'node:url'\nglobalThis.all = [url, URL, Response]\n${exported}`,
  })
  expect(warnings).toEqual([])
})

test('init that draws randomness is warned of also after that', async () => {
  const { warnings } = await build({ 'index.mjs': `export const id = [URL, Math.random()]\n${exported}` })
  expect(warnings).toEqual([expect.stringContaining('Init used randomness')])
})
