import { mkdtemp, readFile, rm, writeFile, chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { PackageBundle, bundlePath, writeBundle } from '../../src/snapshot/package-bundle.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'thaw-bundle-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true })
})

// Past a piece (256 KiB), with a file that lies over its end.
const big = Buffer.alloc(600_000, 'abcdefghij')
const files = new Map<string, Uint8Array>([
  ['b/big', big],
  ['a', Buffer.from('first')],
  ['empty', new Uint8Array()],
  ['z', Buffer.from('last')],
])

function read(bundle: PackageBundle, path: string, offset: number, most: number): string {
  const file = bundle.files.find((each) => each.path === path)
  if (file === undefined) throw new Error(`no ${path}`)
  const into = Buffer.alloc(most)
  return into.subarray(0, bundle.read(file, offset, into)).toString()
}

describe('a bundle', () => {
  test('has the files that were put in, by path', async () => {
    const name = await writeBundle(folder, files)
    using bundle = PackageBundle.open(folder, name)
    expect(bundle.files.map(({ path, size }) => `${path} ${size}`)).toEqual(['a 5', 'b/big 600000', 'empty 0', 'z 4'])
    expect([read(bundle, 'a', 0, 9), read(bundle, 'empty', 0, 9), read(bundle, 'z', 1, 2)]).toEqual(['first', '', 'as'])
    expect(read(bundle, 'b/big', 0, 700_000)).toBe(big.toString())
    expect(read(bundle, 'b/big', 262_130, 40)).toBe(big.subarray(262_130, 262_170).toString())
    expect([read(bundle, 'b/big', 599_999, 9), read(bundle, 'b/big', 600_000, 9), read(bundle, 'a', 99, 9)]).toEqual([
      'j',
      '',
      '',
    ])
  })

  test('is named by its content: the same in any order, another when a byte differs', async () => {
    const name = await writeBundle(folder, files)
    expect(await writeBundle(folder, new Map([...files].toReversed()))).toBe(name)
    expect(await writeBundle(folder, new Map([...files, ['a', Buffer.from('other')]]))).not.toBe(name)
    expect(await writeBundle(folder, new Map([...files, ['b/big', big.toReversed()]]))).not.toBe(name)
  })

  test('that is missing says so', () => {
    expect(() => PackageBundle.open(folder, 'a'.repeat(64))).toThrow(expect.objectContaining({ code: 'Artifact' }))
    expect(() => PackageBundle.open(folder, '../../etc/passwd')).toThrow('not a SHA-256')
  })

  /** Writes the file again with one byte changed; from the end if `at` is negative. */
  async function damaged(at: number): Promise<string> {
    const name = await writeBundle(folder, files)
    const path = bundlePath(folder, name)
    const bytes = await readFile(path)
    const index = at < 0 ? bytes.length + at : at
    bytes[index] = (bytes[index] ?? 0) ^ 1
    await chmod(path, 0o644)
    await writeFile(path, bytes)
    return name
  }

  test.each([0, 3, 4, 40])('with a damaged index (byte %i) is not opened', async (at) => {
    const name = await damaged(at)
    expect(() => PackageBundle.open(folder, name)).toThrow(expect.objectContaining({ code: 'Artifact' }))
  })

  test('whose index is another, though a valid one, is not opened', async () => {
    const name = await writeBundle(folder, files)
    const path = bundlePath(folder, name)
    const bytes = await readFile(path)
    bytes.write('y', bytes.indexOf('"path":"z"') + 8)
    await chmod(path, 0o644)
    await writeFile(path, bytes)
    expect(() => PackageBundle.open(folder, name)).toThrow('the index is damaged')
  })

  test('with damaged contents gives none of that piece, and all of the others', async () => {
    const name = await damaged(-1)
    using bundle = PackageBundle.open(folder, name)
    expect(read(bundle, 'a', 0, 9)).toBe('first')
    expect(() => read(bundle, 'z', 0, 1)).toThrow('damaged')
    expect(() => read(bundle, 'b/big', 599_000, 9)).toThrow('damaged')
  })

  test('that was cut short gives nothing of what is missing', async () => {
    const name = await writeBundle(folder, files)
    const path = bundlePath(folder, name)
    const bytes = await readFile(path)
    await chmod(path, 0o644)
    await writeFile(path, bytes.subarray(0, -10))
    using bundle = PackageBundle.open(folder, name)
    expect(() => read(bundle, 'z', 0, 1)).toThrow('too early')
  })
})
