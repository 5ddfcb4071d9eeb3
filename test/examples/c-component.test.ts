import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../e2e/server.ts'

const hasClang = spawnSync('clang', ['--version']).status === 0
const component = join(tmpdir(), `thaw-c-${process.pid}.wasm`)

let server: TestServer
beforeAll(async () => {
  server = await startServer({ workers: 1 })
})
afterAll(async () => {
  rmSync(component, { force: true })
  await server[Symbol.asyncDispose]()
})

// For a user without clang this is not a fault of Thaw; CI installs it.
test.skipIf(!hasClang && process.env.CI !== 'true')('a component made from C answers', async () => {
  const folder = join(import.meta.dirname, '..', '..', 'examples', 'c-component')
  execFileSync('sh', [join(folder, 'build.sh'), component])
  await server.create('c-component', {
    Runtime: 'provided.component' as never,
    Code: { ZipFile: readFileSync(component) },
    Environment: { Variables: { SHORTEST_WORD: '4' } },
  })
  const answer = await server.invoke('c-component', 'the ice is thäwing now slowly', { LogType: 'Tail' })
  expect(answer.payload).toEqual({ characters: 29, words: 2 })
  expect(answer.log).toContain('\n32 bytes for c-component\n')
  expect((await server.invoke('c-component', {})).payload).toMatchObject({
    errorType: 'Event.Invalid',
    errorMessage: 'the event is no JSON string',
  })
})
