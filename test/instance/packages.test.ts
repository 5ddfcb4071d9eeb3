import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { PackageCatalog } from '../../src/instance/packages.ts'
import type { PackageLease } from '../../src/instance/packages.ts'
import { writeBundle } from '../../src/snapshot/package-bundle.ts'

let folder: string
let name: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'thaw-packages-'))
  name = await writeBundle(folder, new Map([['a', Buffer.from('text')]]))
})
afterEach(async () => {
  await rm(folder, { recursive: true })
})

function textOf({ root }: PackageLease): string {
  const node = root.get('a')
  if (node?.kind !== 'regular-file') throw new Error('no file')
  const into = Buffer.alloc(node.contents.size)
  node.contents.read(0, into)
  return into.toString()
}

test('one tree for all invocations of a package', () => {
  using catalog = new PackageCatalog(folder)
  using first = catalog.lease(name, 1)
  using second = catalog.lease(name, 2)
  expect(first.root).toBe(second.root)
  expect([textOf(first), catalog.size]).toEqual(['text', 1])
})

test('it stays open while a function has it or an invocation runs on it, and no longer', () => {
  using catalog = new PackageCatalog(folder)
  const running = catalog.lease(name, 1)
  catalog.lease(name, 2)[Symbol.dispose]()
  catalog.retire(1)
  expect(catalog.size).toBe(1)
  catalog.retire(2)
  expect([catalog.size, textOf(running)]).toEqual([1, 'text'])
  running[Symbol.dispose]()
  expect(catalog.size).toBe(0)
  expect(() => textOf(running)).toThrow(expect.objectContaining({ code: 'io' }))
})

test('a package that is missing is the platform’s error', () => {
  using catalog = new PackageCatalog(folder)
  expect(() => catalog.lease('a'.repeat(64), 1)).toThrow(expect.objectContaining({ code: 'Artifact' }))
  expect(catalog.size).toBe(0)
})
