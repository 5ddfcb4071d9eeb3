import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createSealer, openSecretKey } from '../../src/identity/secret-key.ts'
import { temporaryFolder } from '../store/temp.ts'

test('is made once, readable by its owner only', async () => {
  const folder = join(await temporaryFolder(), 'data')
  const opened = await Promise.all(Array.from({ length: 8 }, () => openSecretKey(folder)))
  const derived = new Set(opened.map((key) => Buffer.from(key.derive('x')).toString('hex')))
  expect(derived.size).toBe(1)
  expect(await readdir(folder)).toEqual(['secret.key'])
  const { mode, size } = await stat(join(folder, 'secret.key'))
  expect([(mode & 0o777).toString(8), size]).toEqual(['600', 32])
})

test('gives each purpose a key of its own', async () => {
  const key = await openSecretKey(await temporaryFolder())
  expect(key.derive('a')).toEqual(key.derive('a'))
  expect(key.derive('a')).not.toEqual(key.derive('b'))
})

test('a file that is no key is not used', async () => {
  const folder = await temporaryFolder()
  await writeFile(join(folder, 'secret.key'), 'short')
  await expect(openSecretKey(folder)).rejects.toThrow(/secret.key is to hold 32 bytes and holds 5/)
  expect(await readFile(join(folder, 'secret.key'), 'utf8')).toBe('short')
})

test('what is sealed opens with the same key and context, unaltered', async () => {
  const sealer = createSealer(await openSecretKey(await temporaryFolder()))
  const sealed = sealer.seal('a secret €', 'account/key')
  expect(sealer.open(sealed, 'account/key')).toBe('a secret €')
  expect(sealer.seal('a secret €', 'account/key')).not.toBe(sealed)
  expect(Buffer.from(sealed, 'base64').includes('secret')).toBe(false)

  const refused = 'What is stored of other was not sealed with this secret.key.'
  expect(() => sealer.open(sealed, 'other')).toThrow(refused)
  const bytes = Buffer.from(sealed, 'base64')
  for (let index = 0; index < bytes.length; index++) {
    const altered = Buffer.from(bytes)
    altered[index] = (altered[index] ?? 0) ^ 1
    expect(() => sealer.open(altered.toString('base64'), 'account/key')).toThrow('not sealed')
  }
  expect(() => sealer.open('', 'account/key')).toThrow('not sealed')
  const another = createSealer(await openSecretKey(await temporaryFolder()))
  expect(() => another.open(sealed, 'account/key')).toThrow('not sealed')
})
