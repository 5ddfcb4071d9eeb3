/** Files beside a component in a zip: what becomes of them in a build. */
import { rm } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { bundlePath, PackageBundle } from '../../src/snapshot/package-bundle.ts'
import { watGuest } from '../support/guests.ts'
import { testBuilder } from './builder.support.ts'
import { zipOf } from './zip.support.ts'

const runtime = 'provided.component' as const

test('are kept in a bundle, which its content names', async () => {
  const { builder, request, artifactsDir, leftovers } = await testBuilder()
  const component = await watGuest('echo')
  const upload = (files: Record<string, string | Uint8Array>) => zipOf({ 'bin/guest.wasm': component, ...files })
  const files = { 'config.json': '{}', 'data/words.txt': 'one two' }
  const asked = await request(await upload(files), { runtime })
  const built = await builder.build(asked)
  const name = built.files ?? ''
  {
    using bundle = PackageBundle.open(artifactsDir, name)
    expect(bundle.files).toEqual([
      { path: 'config.json', size: 2 },
      { path: 'data/words.txt', size: 7 },
    ])
  }
  expect(await leftovers()).toEqual([])

  const other = await builder.build(await request(await upload({ ...files, 'data/words.txt': 'three' }), { runtime }))
  expect(other.files).not.toBe(name)
  expect([other.engine, other.snapshot]).toEqual([built.engine, built.snapshot])

  expect(await builder.build(asked)).toMatchObject({ cached: true, files: name })
  await rm(bundlePath(artifactsDir, name))
  expect(await builder.build(asked)).toMatchObject({ cached: false, files: name })
})

test('are none where there is only the component', async () => {
  const { builder, request } = await testBuilder()
  const component = await watGuest('echo')
  const raw = await builder.build(await request(component, { runtime }))
  const zipped = await builder.build(await request(await zipOf({ 'guest.wasm': component }), { runtime }))
  expect([raw.files, zipped.files]).toEqual([undefined, undefined])
})
