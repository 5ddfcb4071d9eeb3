import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { componentEmbed, componentNew, parse } from '@bytecodealliance/jco'
import { array, assert, asyncProperty, nat, oneof, tuple, uint8Array } from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { witDocument } from '../../src/build/guest-sdk.ts'
import { openPackage, writePackage, type PackageLimits } from '../../src/build/package.ts'
import { ThawError } from '../../src/errors.ts'
import { withClaimedSize, withPath, zipOf } from './zip.support.ts'

const limits: PackageLimits = { zipBytes: 100_000, unzippedBytes: 1_000_000, zipEntries: 10 }

const unreadable = 'Could not unzip uploaded file. Please check your file, then try to upload again.'

/** The message of the refusal. Any other error, or none, fails the test. */
async function refusalOf(bytes: Uint8Array): Promise<string> {
  try {
    await openPackage(bytes, limits)
  } catch (error) {
    if (error instanceof ThawError && error.code === 'InvalidParameterValue') return error.message
    throw error
  }
  return 'none'
}

test('files are read with their paths and contents, folders are not', async () => {
  const opened = await openPackage(
    await zipOf({ 'index.mjs': 'a', 'lib/': '', 'lib/ü.js': 'b', 'empty.txt': '' }),
    limits,
  )
  expect(
    opened.kind === 'files' && [...opened.files].map(([path, bytes]) => [path, Buffer.from(bytes).toString()]),
  ).toEqual([
    ['index.mjs', 'a'],
    ['lib/ü.js', 'b'],
    ['empty.txt', ''],
  ])
})

test('files are written below a folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'thaw-package-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const opened = await openPackage(await zipOf({ 'a/b/c.js': 'deep', 'a/d.js': 'less' }), limits)
  if (opened.kind === 'files') await writePackage(opened.files, folder)
  expect(await readFile(join(folder, 'a/b/c.js'), 'utf8')).toBe('deep')
  expect(await readFile(join(folder, 'a/d.js'), 'utf8')).toBe('less')
})

test.each([
  ['climbs', '../x/p', "contains '..'"],
  ['climbs further in', 'a/../b', "contains '..'"],
  ['is absolute', '/abs/p', 'is absolute'],
  ['is absolute on Windows', 'C:/abs', 'is absolute'],
  ['has a backslash', 'a\\..\\b', 'contains a backslash'],
  ['has a NUL', 'a.js\0b', 'contains a NUL'],
  ['has an empty part', 'a//b.p', 'contains an empty part or a dot'],
  ['has a dot part', 'a/./bp', 'contains an empty part or a dot'],
])('a path that %s is refused', async (_, path, rule) => {
  const honest = 'x'.repeat(Buffer.byteLength(path))
  expect(await refusalOf(withPath(await zipOf({ [honest]: 'content' }), honest, path))).toContain(rule)
})

test.each([
  ['twice', ['aa/bb', 'aa/cc'], 'aa/bb'],
  ['twice but for case', ['aa/bb', 'aa/cc'], 'AA/BB'],
  ['as a file and as a folder', ['aa/bb', 'aa/cc'], 'aa/bb/dd'],
])('a path that comes %s is refused', async (_, [first = '', second = ''], path) => {
  const zip = await zipOf({ [first]: '1', [`${second}${'c'.repeat(path.length - second.length)}`]: '2' })
  expect(await refusalOf(withPath(zip, `${second}${'c'.repeat(path.length - second.length)}`, path))).toContain(
    'has a path twice',
  )
})

test('symbolic links and special files are refused', async () => {
  expect(await refusalOf(await zipOf({ link: '/etc/passwd' }, { mode: 0o120777 }))).toContain(
    'symbolic link, which is not allowed: "link"',
  )
  expect(await refusalOf(await zipOf({ pipe: '' }, { mode: 0o010644 }))).toContain(
    'special file, which is not allowed: "pipe"',
  )
})

test("what is no zip is refused in Lambda's words", async () => {
  expect(
    await refusalOf(new TextEncoder().encode('not a zip at all, but long enough to look for a central directory')),
  ).toContain(unreadable)
  const zip = await zipOf({ 'index.mjs': 'export {}' })
  expect(await refusalOf(zip.subarray(0, zip.length - 10))).toContain(unreadable)
  expect(await refusalOf(zip.subarray(10))).toContain(unreadable)
})

test("a damaged file is refused in Lambda's words", async () => {
  const zip = Buffer.from(await zipOf({ 'index.mjs': 'export const handler = 1;'.repeat(50) }))
  zip.fill(0xff, 40, 60)
  expect(await refusalOf(new Uint8Array(zip))).toContain(unreadable)
})

test('an empty upload and an empty zip are refused', async () => {
  expect(await refusalOf(new Uint8Array(0))).toContain('Uploaded file must be a non-empty zip')
  expect(await refusalOf(await zipOf({}))).toContain('Uploaded file must be a non-empty zip')
  expect(await refusalOf(await zipOf({ 'folder/': '' }))).toContain('Uploaded file must be a non-empty zip')
})

test("the upload's size is limited", async () => {
  expect(await refusalOf(new Uint8Array(100_001))).toContain('at most 100000 are allowed (limit zipBytes)')
})

test('the number of entries is limited', async () => {
  const files = Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`${index}.js`, '']))
  expect(await refusalOf(await zipOf(files))).toContain('more than 10 entries (limit zipEntries)')
})

test('a zip bomb is stopped by the unzipped size, file by file and over all', async () => {
  const message = 'Unzipped size must be smaller than 1000000 bytes (limit unzippedBytes)'
  expect(await refusalOf(await zipOf({ bomb: new Uint8Array(1_000_001) }))).toContain(message)
  expect(await refusalOf(await zipOf({ a: new Uint8Array(600_000), b: new Uint8Array(600_000) }))).toContain(message)
})

test('a header that promises less than it delivers is caught while inflating', async () => {
  const bomb = await zipOf({ bomb: new Uint8Array(3_000_000) })
  expect(await refusalOf(withClaimedSize(bomb, 3_000_000, 10))).toContain(unreadable)
})

test('a component is taken as it is', async () => {
  const core = await parse('(module (memory (export "memory") 1))')
  const component = await componentNew(core)
  expect(await openPackage(component, limits)).toEqual({ kind: 'component', bytes: component })
})

test('a core module is refused as one', async () => {
  expect(await refusalOf(await parse('(module)'))).toContain('The uploaded file is a core module, not a component')
})

test('a WIT package is refused as one', async () => {
  const dummy = await componentNew(await componentEmbed({ dummy: true, witSource: witDocument(), world: 'function' }))
  expect((await openPackage(dummy, { ...limits, zipBytes: 1e6 })).kind).toBe('component')
  // A package of interfaces alone: sections for types and exports, none for code.
  expect(
    await refusalOf(await parse('(component (type (component)) (export "thaw:function/handler@0.1.0" (type 0)))')),
  ).toContain('a WIT package: a component with no code')
})

test('other WebAssembly is refused', async () => {
  expect(await refusalOf(Uint8Array.of(0, 0x61, 0x73, 0x6d, 9, 0, 0, 0))).toContain('WebAssembly of an unknown version')
  expect(await refusalOf(Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0, 1, 0xff, 0x01))).toContain(
    'a component cut short',
  )
})

test('whatever is uploaded, the answer is a package or a refusal', async () => {
  const zip = await zipOf({ 'index.mjs': 'export const handler = 1;'.repeat(50), 'lib/b.js': 'b' })
  const mutated = array(tuple(nat(zip.length - 1), nat(255)), { minLength: 1, maxLength: 8 }).map((edits) =>
    edits.reduce((bytes, [at, value]) => bytes.with(at, value), zip),
  )
  await assert(
    asyncProperty(oneof(mutated, uint8Array({ maxLength: 200 })), async (bytes) => {
      try {
        await openPackage(bytes, limits)
      } catch (error) {
        if (!(error instanceof ThawError && error.code === 'InvalidParameterValue')) throw error
      }
    }),
    { numRuns: 500 },
  )
})
