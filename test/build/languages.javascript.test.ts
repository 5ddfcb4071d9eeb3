import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { buildJavaScript, bundlePackage } from '../../src/build/languages/javascript.ts'
import { limitsSchema } from '../../src/config.ts'
import { javascriptFunction } from '../support/build-cache.ts'
import { functionToArtifacts } from '../support/runtime.ts'

/** As the builder does it, in the base. */
async function build(files: Record<string, string>, handler = 'index.handler') {
  const artifactsDir = await mkdtemp(join(tmpdir(), 'thaw-javascript-'))
  onTestFinished(() => rm(artifactsDir, { recursive: true, force: true }))
  return functionToArtifacts(javascriptFunction(files, handler), artifactsDir, limitsSchema.parse({}))
}

/** As the builder does it where the base cannot take it. */
async function componentOf(files: Record<string, string>) {
  const workFolder = await mkdtemp(join(tmpdir(), 'thaw-javascript-'))
  onTestFinished(() => rm(workFolder, { recursive: true, force: true }))
  const { files: bytes, handler } = javascriptFunction(files)
  return buildJavaScript({ files: bytes, handler, workFolder, limits: limitsSchema.parse({}) })
}

async function bundled(files: Record<string, string>) {
  const workFolder = await mkdtemp(join(tmpdir(), 'thaw-javascript-'))
  onTestFinished(() => rm(workFolder, { recursive: true, force: true }))
  const bytes = new Map(Object.entries(files).map(([name, text]) => [name, new TextEncoder().encode(text)]))
  return bundlePackage({ files: bytes, handler: 'index.handler', workFolder, limits: limitsSchema.parse({}) }, 'split')
}

const exported = 'export const handler = async () => 1\n'

test('a component comes of a handler, with the time of its init', async () => {
  const { component, initMs, warnings } = await componentOf({
    'index.mjs': `const end = Date.now() + 60; while (Date.now() < end) {}\n${exported}`,
  })
  expect([...component.subarray(0, 8)]).toEqual([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0])
  expect(initMs).toBeGreaterThanOrEqual(59)
  // One for each place, however often it was passed.
  expect(warnings).toEqual([
    expect.stringMatching(/^Date\.now\(\) read at index\.mjs:1:\d+ during init/),
    expect.stringMatching(/^Date\.now\(\) read at index\.mjs:1:\d+ during init/),
  ])
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
  ['recursion without end', 'const f = (a) => [f([a])]; f()', 'Init failed: Maximum call stack size exceeded'],
  ['process.exit', 'process.exit(1)', 'Init failed: the guest called wasi:cli/exit with status 1'],
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
  await expect(building).rejects.toThrow(
    'Init failed: a top-level await or a hook (onInit, beforeSnapshot) waits for what never comes',
  )
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

test('what init reads that will be another thing in an invocation is warned of, by name and place', async () => {
  const source = `import url from 'node:url'
    import { randomBytes } from 'node:crypto'
    import './node_modules/pkg/index.js'
    const { env } = process
    globalThis.kept = [url, URL, Response, console, env.MINE = 'x', env.MINE]
    export const secret: string | undefined = process.env.SECRET
    const names = Object.keys(env).length + ('B' in env ? 1 : 0)
    const draw = () => [Math.random(), crypto.randomUUID()]
    draw()
    randomBytes(4)
    const started = [new Date(), new Date(0), Date.now(), performance.now(), process.hrtime()]
    class Later { at = new Date() }
    ${exported}`
  const { warnings } = await build(
    {
      'src/index.ts': source,
      'src/node_modules/pkg/index.js': 'globalThis.dev = [process.env.NODE_ENV, process.env.PKG_KEY]',
    },
    'src/index.handler',
  )
  expect(warnings.map((warning) => warning.split(' during init: ')[0]?.replace(/:\d+$/, ''))).toEqual([
    'process.env.SECRET read at src/index.ts:6',
    'process.env read at src/index.ts:7',
    'process.env.B read at src/index.ts:7',
    'Math.random() read at src/index.ts:8',
    'crypto.randomUUID() read at src/index.ts:8',
    'crypto.getRandomValues() read at src/index.ts:10',
    'new Date() read at src/index.ts:11',
    'Date.now() read at src/index.ts:11',
    'performance.now() read at src/index.ts:11',
    'process.env.PKG_KEY read at src/node_modules/pkg/index.js:1',
  ])
  expect(warnings[0]).toMatch(/the snapshot keeps "undefined".*read it in the handler or in an afterRestore hook$/)
})

test('keys may be used while a function is built, and one that is made then is warned of', async () => {
  const { warnings } = await build({
    'index.mjs': `
      const { privateKey, publicKey } = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])
      const data = new Uint8Array(3)
      const signature = await crypto.subtle.sign('Ed25519', privateKey, data)
      if (!(await crypto.subtle.verify('Ed25519', publicKey, signature, data))) throw new Error('not verified')
      ${exported}`,
  })
  expect(warnings).toEqual([
    expect.stringMatching(
      /^crypto\.subtle\.generateKey\(\) read at index\.mjs:2:\d+ during init: the snapshot keeps the value/,
    ),
  ])
})

test('Intl in the function’s own files is warned of', async () => {
  const { warnings } = await build({
    'index.mjs': `export const handler = async () => new Intl.NumberFormat('de').format(1)`,
    'unused.mjs': 'Intl.Collator',
  })
  expect(warnings).toEqual([
    'index.mjs uses Intl, which is not available in QuickJS: it is a ReferenceError when it runs',
  ])
})

test('a function that holds the text of its own bundle keeps it', async () => {
  // What is zeroed in the image is the source that the engine was given, and nothing that looks like it.
  const holding = (text: string) => ({ 'index.mjs': `export const text = ${JSON.stringify(text)}\n${exported}` })
  let text = ''
  // The text speaks of where things are, which follows from its length.
  for (let last = '-'; last !== text;) {
    last = text
    text = (await bundled(holding(text))).code
  }
  const { component } = await componentOf(holding(text))
  expect(Buffer.from(component).indexOf(text.slice(64, -64))).toBeGreaterThan(0)
})
