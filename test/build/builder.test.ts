import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { parse } from '@bytecodealliance/jco'
import { expect, test } from 'vitest'
import { snapshotPaths } from '../../src/snapshot/manifest.ts'
import { watComponent, watGuest } from '../support/guests.ts'
import { testBuilder } from './builder.support.ts'
import { zipOf } from './zip.support.ts'

const echo = { 'index.mjs': 'export const handler = async (event) => event' }
const assemblyscriptEcho = { 'index.ts': 'export function handler(event: ArrayBuffer): ArrayBuffer { return event }' }

test('a package becomes an engine and a snapshot, which JavaScript functions share but for the snapshot', async () => {
  const { builder, request, artifactsDir, leftovers } = await testBuilder()
  const one = await builder.build(await request(echo))
  const two = await builder.build(await request({ 'index.mjs': 'export const handler = async () => 2' }))
  expect(one.cached).toBe(false)
  expect(two.engine).toBe(one.engine)
  expect(two.snapshot).not.toBe(one.snapshot)
  expect(one.snapshotMemoryBytes).toBeGreaterThan(1_000_000)
  expect(existsSync(snapshotPaths(artifactsDir, one.snapshot).image)).toBe(true)
  expect(await leftovers()).toEqual([])
})

test('assemblyscript takes source, provided.component a component, raw or zipped', async () => {
  const { builder, request } = await testBuilder()
  await builder.build(await request(assemblyscriptEcho, { runtime: 'assemblyscript' }))
  const component = await watGuest('echo')
  const raw = await builder.build(await request(component, { runtime: 'provided.component' }))
  const zipped = await builder.build(
    await request(await zipOf({ 'bin/guest.wasm': component, 'README.md': 'text' }), { runtime: 'provided.component' }),
  )
  expect([zipped.engine, zipped.snapshot]).toEqual([raw.engine, raw.snapshot])
})

test('the same input builds once', async () => {
  const { builder, request, children } = await testBuilder()
  const asked = await request(assemblyscriptEcho, { runtime: 'assemblyscript' })
  const [first, second] = await Promise.all([builder.build(asked), builder.build(asked)])
  const third = await builder.build(asked)
  expect(children).toHaveLength(1)
  expect([first.cached, second.cached, third.cached]).toEqual([false, false, true])
  expect(third.snapshot).toBe(first.snapshot)
})

test('another handler or runtime of the same upload is another build', async () => {
  const { builder, request, children } = await testBuilder()
  const source = 'export function a(e: string): string { return e }\nexport function b(e: string): string { return e }'
  const asked = await request({ 'index.ts': source }, { runtime: 'assemblyscript', handler: 'index.a' })
  await builder.build(asked)
  await builder.build({ ...asked, handler: 'index.b' })
  expect(children).toHaveLength(2)
})

test('a build whose artifacts are gone is built again', async () => {
  const { builder, request, artifactsDir } = await testBuilder()
  const asked = await request(assemblyscriptEcho, { runtime: 'assemblyscript' })
  const { snapshot } = await builder.build(asked)
  await rm(snapshotPaths(artifactsDir, snapshot).image)
  expect((await builder.build(asked)).cached).toBe(false)
  expect(existsSync(snapshotPaths(artifactsDir, snapshot).image)).toBe(true)
})

test.each([
  [
    'a component for nodejs',
    'nodejs24.x',
    () => watGuest('echo'),
    'InvalidParameterValue',
    'takes a zip of JavaScript or TypeScript',
  ],
  [
    'a core module',
    'provided.component',
    () => parse('(module)'),
    'InvalidParameterValue',
    'is a core module, not a component',
  ],
  [
    'a core module in a zip',
    'provided.component',
    async () => zipOf({ 'a.wasm': await parse('(module)') }),
    'InvalidParameterValue',
    'a.wasm is a core module',
  ],
  [
    'two components',
    'provided.component',
    async () => zipOf({ 'a.wasm': await watGuest('echo'), 'b.wasm': await watGuest('echo') }),
    'InvalidParameterValue',
    'the zip has 2 .wasm files',
  ],
  [
    'no component',
    'provided.component',
    () => zipOf({ 'a.js': '' }),
    'InvalidParameterValue',
    'the zip has 0 .wasm files',
  ],
  ['no zip', 'nodejs24.x', async () => new Uint8Array(100), 'InvalidParameterValue', 'Could not unzip uploaded file.'],
  [
    'a component without a handler',
    'provided.component',
    () => watComponent('(component (core module))'),
    'Build',
    'exports none of thaw:function/handler',
  ],
  [
    'a missing handler file',
    'nodejs24.x',
    () => zipOf({ 'other.mjs': '' }),
    'Build',
    "Runtime.ImportModuleError: Error: Cannot find module 'index'",
  ],
  [
    'a host file as an import',
    'nodejs24.x',
    () => zipOf({ 'index.mjs': 'import "/etc/passwd"' }),
    'Build',
    "Cannot import '/etc/passwd' (from index.mjs)",
  ],
] as const)('%s is refused with the reason', async (_, runtime, upload, code, message) => {
  const { builder, request, leftovers } = await testBuilder()
  await expect(builder.build(await request(await upload(), { runtime }))).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message),
  })
  expect(await leftovers()).toEqual([])
})

test('a missing upload is an artifact error', async () => {
  const { builder } = await testBuilder()
  await expect(
    builder.build({ runtime: 'nodejs24.x', handler: 'index.handler', codePath: '/nonexistent' }),
  ).rejects.toMatchObject({ code: 'Artifact' })
})
