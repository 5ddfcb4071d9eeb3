/** Files of a C program: wasi-libc, the preview 1 adapter, a zip with files beside the component, a whole server. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, zipOf, type TestServer } from './server.ts'

const hasClang = spawnSync('clang', ['--version']).status === 0
const root = join(import.meta.dirname, '..', '..')

let server: TestServer
let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'thaw-files-'))
  server = await startServer({ workers: 1, verifyResets: true })
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await server[Symbol.asyncDispose]()
})

function compile(): Buffer {
  const example = join(root, 'examples', 'c-component')
  const [core, component] = [join(folder, 'core.wasm'), join(folder, 'component.wasm')]
  execFileSync('clang', [
    '--target=wasm32-wasi',
    '-mexec-model=reactor',
    '-O2',
    '-s',
    '-I',
    example,
    '-o',
    core,
    join(root, 'test', 'fixtures', 'c', 'files.c'),
  ])
  execFileSync(process.execPath, [join(example, 'component.mjs'), core, component])
  return readFileSync(component)
}

const wanted = {
  'init read': 'stage=test',
  'init write': 'EROFS',
  package: 'stage=test',
  'package below': 'one two',
  'package list': 'config.txt data/ ',
  'package write': 'EROFS',
  'tmp before': '',
  write: 'ok',
  append: 'ok',
  read: 'hello world',
  end: '11',
  overwritten: 'hello World',
  mkdir: 'ok',
  rename: 'ok',
  symlink: 'ok',
  'through link': 'hello World',
  'tmp list': 'dir/ link ',
  stat: '11',
  unlink: 'ok',
  'unlink open': 'ok',
  rmdir: 'ok',
  'read unlinked': 'hello World',
  'too big': 'ENOSPC',
  sparse: 'ok',
  escape: 'EPERM',
  'escape by link': 'EPERM',
  loop: 'ELOOP',
  // libc's answer where no folder that is open has the path.
  host: 'ENOTCAPABLE',
  proc: 'ENOTCAPABLE',
  chdir: 'ok',
  relative: 'one two',
}

// For a user without clang this is not a fault of Thaw; CI installs it.
test.skipIf(!hasClang && process.env.CI !== 'true')('a C program has the files it is meant to have', async () => {
  const ZipFile = await zipOf({
    'function.wasm': compile(),
    'config.txt': 'stage=test',
    'data/deep/words.txt': 'one two',
  })
  await server.create('files', { Runtime: 'provided.component' as never, Code: { ZipFile } })
  expect((await server.invoke('files')).payload).toEqual(wanted)
  // The same instance, reset: nothing is left, and the package is as it was.
  expect((await server.invoke('files')).payload).toEqual(wanted)
})
