import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { readProject } from '../../src/cli/project/project.ts'
import { temporaryFolder } from '../store/temp.ts'
import { thaw } from './support.ts'

const root = join(import.meta.dirname, '..', '..')
const templates = ['assemblyscript', 'event', 'hono', 'http', 'queue-consumer']

test('templates are those that this file knows', () => {
  expect(readdirSync(join(root, 'src', 'cli', 'templates')).toSorted()).toEqual(templates)
})

test.each(templates)('%s: a project with its name, whose own test passes', async (template) => {
  const cwd = await temporaryFolder()
  const { code, stdout, stderr } = await thaw(['init', 'my-fn', '--template', template], { cwd })
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(/^Made my-fn in my-fn: README\.md, event\.json, /)
  expect(stdout).toMatch(/\n {2}cd my-fn\n(?: {2}npm install\n)? {2}thaw dev\n$/)
  const folder = join(cwd, 'my-fn')
  const { name, handler } = readProject(folder)
  expect(name).toBe('my-fn')
  expect(readdirSync(folder)).toEqual(
    expect.arrayContaining([expect.stringMatching(`^${handler.split('.')[0] ?? ''}\\.(mjs|ts)$`)]),
  )
  for (const file of readdirSync(folder)) expect(readFileSync(join(folder, file), 'utf8')).not.toContain('__NAME__')
  expect(() => JSON.parse(readFileSync(join(folder, 'event.json'), 'utf8'))).not.toThrow()
  if (!existsSync(join(folder, 'package.json'))) return
  // In place of npm install.
  await mkdir(join(folder, 'node_modules'))
  symlinkSync(join(root, 'node_modules', 'hono'), join(folder, 'node_modules', 'hono'))
  const run = await promisify(execFile)(process.execPath, ['--test'], { cwd: folder, env: { PATH: process.env.PATH } })
  expect(run.stdout).toMatch(/^# fail 0$|^ℹ fail 0$/m)
  expect(run.stdout).not.toMatch(/^(?:#|ℹ) tests 0$/m)
})

test('what is there is left alone', async () => {
  const cwd = await temporaryFolder()
  await thaw(['init', '--name', 'first'], { cwd })
  const before = readFileSync(join(cwd, 'thaw.json'), 'utf8')
  const { code, stdout, stderr } = await thaw(['init', '-t', 'http'], { cwd })
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/^thaw: \S+README\.md is there already; nothing was written\n$/)
  expect(readFileSync(join(cwd, 'thaw.json'), 'utf8')).toBe(before)
})

test('--json says what was made', async () => {
  const cwd = await temporaryFolder()
  expect(JSON.parse((await thaw(['init', 'a b', '--json'], { cwd })).stdout)).toEqual({
    folder: join(cwd, 'a b'),
    name: 'a-b',
    template: 'event',
    files: ['README.md', 'event.json', 'index.mjs', 'index.test.mjs', 'package.json', 'thaw.json'],
  })
})
