import { readFile, readdir, rm, writeFile, chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { engineFolder, engineHash, loadEngine } from '../../src/instance/engine.ts'
import type { FunctionSpec } from '../../src/invocation.ts'
import { watGuest } from '../support/guests.ts'
import { payloadText, testRuntime, type TestRuntime } from '../support/runtime.ts'

let runtime: TestRuntime
let spec: FunctionSpec
let folder: string
beforeAll(async () => {
  runtime = await testRuntime({ ownArtifacts: true })
  spec = await runtime.deploy(await watGuest('echo'))
  folder = engineFolder(runtime.artifactsDir, spec.engine)
})
afterAll(() => runtime[Symbol.asyncDispose]())

/** Changes a file for as long as the callback runs. */
async function damaged(
  file: string,
  contents: string | Uint8Array | undefined,
  then: () => Promise<void>,
): Promise<void> {
  const path = join(folder, file)
  const whole = await readFile(path)
  await chmod(path, 0o644)
  if (contents === undefined) await rm(path)
  else await writeFile(path, contents)
  try {
    await then()
  } finally {
    await writeFile(path, whole)
  }
}

const loading = () => loadEngine(runtime.artifactsDir, spec.engine)
const moduleFile = async () => (await readdir(folder)).find((name) => name.endsWith('.wasm')) ?? ''

test('an engine is its manifest and its modules, all by their hashes', async () => {
  const manifest = await readFile(join(folder, 'engine.json'), 'utf8')
  expect(engineHash(manifest)).toBe(spec.engine)
  const engine = await loading()
  expect(engine.hash).toBe(spec.engine)
  expect(engine.modules.length).toBeGreaterThan(0)
})

test('a missing engine', async () => {
  const missing = 'f'.repeat(64)
  await expect(loadEngine(runtime.artifactsDir, missing)).rejects.toMatchObject({
    code: 'Artifact',
    message: `Engine ${missing} is missing`,
  })
})

test('a missing module', async () => {
  await damaged(await moduleFile(), undefined, async () => {
    await expect(loading()).rejects.toMatchObject({
      code: 'Artifact',
      message: expect.stringMatching(/module \w+ is missing/),
    })
  })
})

test('a damaged module', async () => {
  await damaged(await moduleFile(), Buffer.from('\0asm\x01\0\0\0'), async () => {
    await expect(loading()).rejects.toMatchObject({
      code: 'Artifact',
      message: expect.stringMatching(/does not match its hash/),
    })
  })
})

test('a damaged manifest', async () => {
  await damaged('engine.json', '{"format":1}', async () => {
    await expect(loading()).rejects.toMatchObject({
      code: 'Artifact',
      message: expect.stringMatching(/manifest does not match/),
    })
  })
})

test('an invocation on a damaged engine is refused, and works once it is whole', async () => {
  await damaged(await moduleFile(), Buffer.from('garbage'), async () => {
    await expect(runtime.invoke(spec, 'x')).rejects.toMatchObject({ code: 'Artifact' })
  })
  expect(payloadText(await runtime.invoke(spec, 'x'))).toBe('x')
})
