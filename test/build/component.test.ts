import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { componentEmbed, componentNew, parse } from '@bytecodealliance/jco'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { componentToArtifacts, type ComponentArtifacts } from '../../src/build/component.ts'
import { witDocument } from '../../src/build/guest-sdk.ts'
import { configFromEnvironment } from '../../src/config.ts'
import { engineFolder, loadEngine } from '../../src/instance/engine.ts'
import { SnapshotImage } from '../../src/snapshot/image.ts'
import { fixtureText, javascriptGuest, watComponent, watGuest, withText } from '../support/guests.ts'
import { payloadText, testRuntime } from '../support/runtime.ts'

const { limits } = configFromEnvironment({})
let artifactsDir: string
beforeEach(async () => {
  artifactsDir = await mkdtemp(join(tmpdir(), 'thaw-component-'))
})
afterEach(() => rm(artifactsDir, { recursive: true, force: true }))

const build = (component: Uint8Array, roundToPages = 1): Promise<ComponentArtifacts> =>
  componentToArtifacts(component, { artifactsDir, limits, roundToPages })

test('the same input gives the same names and writes nothing twice', async () => {
  const component = await watGuest('echo')
  const first = await build(component)
  const files = await readdir(artifactsDir, { recursive: true })
  const second = await build(component)
  expect([second.engine, second.snapshot]).toEqual([first.engine, first.snapshot])
  expect((await readdir(artifactsDir, { recursive: true })).toSorted()).toEqual(files.toSorted())
})

test('nothing but whole artifacts is left in the folder', async () => {
  const { engine } = await build(await watGuest('echo'))
  const files = await readdir(artifactsDir, { recursive: true })
  expect(files.filter((name) => name.includes('tmp'))).toEqual([])
  expect(await readdir(engineFolder(artifactsDir, engine))).toContain('engine.json')
})

test('two JavaScript functions have one engine and two snapshots', async () => {
  const component = await javascriptGuest('hoarder')
  const one = await build(component, 16)
  const other = await build(withText(component, 'canary-of-the-function', 'canary-of-another-code'), 16)
  const live = await build(await javascriptGuest('live'), 16)
  expect([other.engine, live.engine]).toEqual([one.engine, one.engine])
  expect(new Set([one.snapshot, other.snapshot, live.snapshot]).size).toBe(3)
})

describe('memories', () => {
  const sized = (pages: string) =>
    watComponent(`(module (memory (export "memory") ${pages})
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096))
      (func (export "thaw:function/handler@0.1.0#handle") (param i32) (result i32) (i32.const 16)))`)

  const pagesOf = async (component: Uint8Array, roundToPages: number) => {
    const { snapshot, snapshotMemoryBytes } = await build(component, roundToPages)
    using image = SnapshotImage.open(artifactsDir, snapshot)
    const pages = image.manifest.memories.map((memory) => memory.pages)
    expect(snapshotMemoryBytes).toBe(pages.reduce((sum, own) => sum + own, 0) * 65_536)
    return pages
  }

  test('are as the component has them, or rounded up', async () => {
    expect(await pagesOf(await sized('3'), 1)).toEqual([3])
    expect(await pagesOf(await sized('3'), 16)).toEqual([16])
    expect(await pagesOf(await sized('16'), 16)).toEqual([16])
  })

  test('but never past their own maximum', async () => {
    expect(await pagesOf(await sized('3 5'), 16)).toEqual([5])
  })

  test('functions that differ in them only have one engine', async () => {
    const [small, large] = [await build(await sized('3')), await build(await sized('9'))]
    expect(small.engine).toBe(large.engine)
    expect(small.snapshot).not.toBe(large.snapshot)
  })
})

test('what init writes, sets and opens is in the snapshot', async () => {
  await using runtime = await testRuntime()
  const spec = await runtime.deploy(
    await watComponent(`
      (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
      (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))
      (global $digit (mut i32) (i32.const 0))
      (global $stream (mut i32) (i32.const 0))
      (func $init
        (global.set $digit (i32.const 55))
        (i32.store8 (i32.const 1000) (i32.const 56))
        (global.set $stream (call $stdout)))
      (start $init)
      (func (export "thaw:function/handler@0.1.0#handle") (param i32) (result i32)
        (i32.store8 (i32.const 999) (global.get $digit))
        (call $write (global.get $stream) (i32.const 999) (i32.const 2) (i32.const 64))
        (call $ok (i32.const 999) (i32.const 2)))`),
  )
  for (let round = 0; round < 3; round++) {
    const result = await runtime.invoke(spec)
    expect(payloadText(result)).toBe('78')
    expect(result.log).toBe('78')
  }
})

test('init that reads what a snapshot freezes is warned of', async () => {
  const { warnings } = await build(
    await watComponent(`
      (import "wasi:clocks/monotonic-clock@0.2.0" "now" (func $now (result i64)))
      (import "wasi:random/random@0.2.0" "get-random-u64" (func $random (result i64)))
      (func $init (drop (call $now)) (drop (call $random)))
      (start $init)
      (func (export "thaw:function/handler@0.1.0#handle") (param i32) (result i32) (i32.const 16))`),
  )
  expect(warnings).toEqual([expect.stringMatching(/clock/), expect.stringMatching(/randomness/)])
})

test.each(['utf8', 'utf16'] as const)('a component whose strings are %s', async (stringEncoding) => {
  await using runtime = await testRuntime()
  // Answers with the function's name, as it came.
  const text = `(module
    (func (export "thaw:function/handler@0.1.0#handle") (param $event i32) (result i32)
      (call $ok (i32.load offset=16 (local.get $event)) (i32.mul (i32.and (i32.load offset=20 (local.get $event)) (i32.const 0xffff)) (i32.const ${stringEncoding === 'utf8' ? 1 : 2}))))
    ${fixtureText('prelude.wat')})`
  const embedded = await componentEmbed({
    binary: await parse(text),
    witSource: witDocument(),
    world: 'function',
    stringEncoding,
  })
  const spec = await runtime.deploy(await componentNew(embedded), { functionName: 'grüße' })
  const { outcome } = await runtime.invoke(spec)
  const expected = Buffer.from('grüße', stringEncoding === 'utf8' ? 'utf8' : 'utf16le')
  expect(outcome.kind === 'success' && Buffer.from(outcome.payload)).toEqual(expected)
})

test('a component with the same module twice', async () => {
  const twice = fixtureText('shared-table.wat').replace(
    '(core instance $o (instantiate $owner))',
    `(core module $same (func (export "same")))
     (core module $again (func (export "same")))
     (core instance $s (instantiate $same))
     (core instance $a (instantiate $again))
     (core instance $o (instantiate $owner))`,
  )
  const { engine } = await build(await watComponent(twice))
  const { modules } = await loadEngine(artifactsDir, engine)
  expect(modules).toHaveLength(4)
  // One file for both, and the manifest.
  expect(await readdir(engineFolder(artifactsDir, engine))).toHaveLength(4)
})
