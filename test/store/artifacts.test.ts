import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openArtifacts } from '../../src/store/artifacts.ts'
import { temporaryFolder } from './temp.ts'

const bytes = Buffer.from('a package')
const sha256 = createHash('sha256').update(bytes).digest('hex')

it('stores bytes under their digest', async () => {
  const artifacts = await openArtifacts({ directory: await temporaryFolder() })
  const stored = await artifacts.putCode(bytes)
  expect(stored).toEqual({ sha256, sizeBytes: bytes.length, path: artifacts.codePath(sha256) })
  expect(await readFile(stored.path)).toEqual(bytes)
  expect(Buffer.from(await artifacts.readCode(sha256))).toEqual(bytes)
})

it('stores a stream as it stores bytes', async () => {
  const artifacts = await openArtifacts({ directory: await temporaryFolder() })
  async function* chunks() {
    yield bytes.subarray(0, 2)
    yield bytes.subarray(2)
  }
  expect((await artifacts.putCode(chunks())).sha256).toBe(sha256)
})

it('is idempotent, also for many at once', async () => {
  const directory = await temporaryFolder()
  const artifacts = await openArtifacts({ directory })
  await Promise.all(Array.from({ length: 10 }, () => artifacts.putCode(bytes)))
  expect(await readdir(join(directory, 'code'))).toEqual([sha256])
})

it('leaves nothing behind when the stream fails', async () => {
  const directory = await temporaryFolder()
  const artifacts = await openArtifacts({ directory })
  async function* broken() {
    yield bytes
    throw new Error('the client went away')
  }
  await expect(artifacts.putCode(broken())).rejects.toThrow('the client went away')
  expect(await readdir(join(directory, 'code'))).toEqual([])
})

it('notices damage when it reads and repairs it when the same package comes again', async () => {
  const artifacts = await openArtifacts({ directory: await temporaryFolder() })
  const { path } = await artifacts.putCode(bytes)
  await writeFile(path, 'a pakcage')
  const damaged = { code: 'Artifact', message: `The package ${sha256} is damaged: upload it again.` }
  await expect(artifacts.readCode(sha256)).rejects.toMatchObject(damaged)
  await expect(artifacts.verifyCode(sha256)).rejects.toMatchObject(damaged)
  await artifacts.putCode(bytes)
  await artifacts.verifyCode(sha256)
})

it('names a missing package and refuses what is no content address', async () => {
  const artifacts = await openArtifacts({ directory: await temporaryFolder() })
  await expect(artifacts.verifyCode(sha256)).rejects.toMatchObject({ code: 'Artifact', message: /is missing/ })
  expect(() => artifacts.codePath('../../etc/passwd')).toThrow('Not a content address')
})

it('drops the packages that are not wanted any more', async () => {
  const directory = await temporaryFolder()
  const artifacts = await openArtifacts({ directory })
  await artifacts.putCode(bytes)
  await artifacts.putCode(Buffer.from('another'))
  expect(await artifacts.retainCode(new Set([sha256]))).toBe(1)
  expect(await readdir(join(directory, 'code'))).toEqual([sha256])
})

it('never shows what a killed writer left half written, and removes it at the next start', async () => {
  const directory = await temporaryFolder()
  const child = spawn(process.execPath, [join(import.meta.dirname, 'children/write-code.ts'), directory])
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  const left = await readdir(join(directory, 'code'))
  expect(left).toEqual([expect.stringMatching(/^\.tmp-/)])
  await openArtifacts({ directory })
  expect(await readdir(join(directory, 'code'))).toEqual([])
})
