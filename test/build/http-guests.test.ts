/** That the HTTP guests of the tests are what they are taken for: built, valid, and importing what they are said to. */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { componentWit } from '@bytecodealliance/jco'
import { describe, expect, test } from 'vitest'
import {
  assemblyscriptHttpGuest,
  cHttpGuest,
  quickjsHttpGuest,
  starlingmonkeyHttpGuest,
  watHttpGuest,
} from '../support/http-guests.ts'

const hasClang = spawnSync('clang', ['--version']).status === 0

/** Interfaces by name and version, in order; `init` is componentize-qjs's own and called by nobody. */
async function worldOf(component: Uint8Array): Promise<{ imports: string[]; exports: string[] }> {
  const wit = await componentWit(component)
  const names = (keyword: string) =>
    [...wit.matchAll(new RegExp(`^ *${keyword} ([a-z:/-]+@[\\d.]+);`, 'gm'))].map((match) => match[1] ?? '').toSorted()
  return { imports: names('import'), exports: names('export') }
}

test('QuickJS answers by wasi:http 0.3, and imports no async function of it', async () => {
  const { imports, exports } = await worldOf(await quickjsHttpGuest())
  expect(exports).toEqual(['wasi:http/handler@0.3.0'])
  expect(imports.filter((name) => name.includes('http'))).toEqual(['wasi:http/types@0.3.0'])
  expect(imports).toContain('wasi:random/insecure-seed@0.2.12')
})

test('StarlingMonkey answers by wasi:http 0.2, and has timers, randomness and outgoing requests', async () => {
  const { imports, exports } = await worldOf(await starlingmonkeyHttpGuest())
  expect(exports).toEqual(['wasi:http/incoming-handler@0.2.10'])
  expect(imports).toEqual(
    expect.arrayContaining([
      'wasi:cli/environment@0.2.12',
      'wasi:cli/stderr@0.2.12',
      'wasi:clocks/monotonic-clock@0.2.12',
      'wasi:http/outgoing-handler@0.2.10',
      'wasi:http/types@0.2.10',
      'wasi:random/random@0.2.12',
    ]),
  )
}, 180_000)

test('AssemblyScript answers by wasi:http 0.2, and imports nothing besides', async () => {
  expect(await worldOf(await assemblyscriptHttpGuest())).toEqual({
    imports: ['wasi:http/types@0.2.0', 'wasi:io/error@0.2.0', 'wasi:io/streams@0.2.0'],
    exports: ['wasi:http/incoming-handler@0.2.0'],
  })
})

// For a developer without clang this is not a fault of Thaw; CI installs it.
describe.skipIf(!hasClang && process.env.CI !== 'true')('C answers by wasi:http 0.2', () => {
  test('the least there is imports nothing of the adapter', async () => {
    expect(await worldOf(await cHttpGuest('hello'))).toEqual({
      imports: ['wasi:http/types@0.2.0', 'wasi:io/error@0.2.12', 'wasi:io/streams@0.2.12'],
      exports: ['wasi:http/incoming-handler@0.2.0'],
    })
  })

  test('the one with routes has the interfaces of its own and of the adapter', async () => {
    const { imports, exports } = await worldOf(await cHttpGuest('routes'))
    expect(exports).toEqual(['wasi:http/incoming-handler@0.2.0'])
    expect(imports).toEqual(expect.arrayContaining(['wasi:http/outgoing-handler@0.2.0', 'wasi:cli/environment@0.2.12']))
  })
})

const exported = { '0.2': 'wasi:http/incoming-handler@0.2.0', '0.3': 'wasi:http/handler@0.3.0' }

describe.each(['0.2', '0.3'] as const)('WebAssembly text, wasi:http %s', (version) => {
  const folder = join(import.meta.dirname, '..', 'fixtures', 'http', 'wat', version)
  const names = readdirSync(folder).map((file) => file.replace('.wat', ''))

  test.each(names)('%s', async (name) => {
    expect((await worldOf(await watHttpGuest(version, name))).exports).toEqual([exported[version]])
  })
})

test('a guest of WebAssembly text imports only what it mentions', async () => {
  expect((await worldOf(await watHttpGuest('0.2', 'spin'))).imports).toEqual(['wasi:http/types@0.2.0'])
  expect((await worldOf(await watHttpGuest('0.3', 'pieces'))).imports).toEqual([
    'wasi:clocks/monotonic-clock@0.3.0',
    'wasi:clocks/types@0.3.0',
    'wasi:http/types@0.3.0',
  ])
})
