import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { folderOf, thaw } from './support.ts'

const leftOver = () => readdirSync(tmpdir()).filter((name) => name.startsWith('thaw-build-'))

test('says what comes out, and leaves nothing', async () => {
  const folder = await folderOf({
    'thaw.json': '{"name":"built"}',
    'index.mjs': 'const r = Math.random(); export const handler = () => r',
  })
  const { code, stdout, stderr } = await thaw(['build', folder, '--json'])
  expect([code, stderr]).toEqual([
    0,
    expect.stringMatching(/^warning: Math\.random\(\) read at index\.mjs:1:\d+ during init[^\n]+\n$/),
  ])
  const report = JSON.parse(stdout)
  expect(report).toMatchObject({
    name: 'built',
    runtime: 'nodejs24.x',
    engine: expect.stringMatching(/^[0-9a-f]{64}$/),
    snapshot: expect.stringMatching(/^[0-9a-f]{64}$/),
    warnings: [expect.any(String)],
  })
  expect(report.snapshotBytes).toBeGreaterThan(100_000)
  expect(report.snapshotBytes).toBeLessThan(report.memoryBytes)
  expect(leftOver()).toEqual([])
})

test('shows the source of what is wrong', async () => {
  const folder = await folderOf({ 'index.mjs': 'export const handler = () => 1\nconst x = \n' })
  const { code, stdout, stderr } = await thaw(['build', folder])
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/\[PARSE_ERROR\][^\n]*\n[\s\S]*index\.mjs:\d+:\d+[\s\S]*│/)
  expect(stderr).not.toContain(tmpdir())
  expect(leftOver()).toEqual([])
})

test('bench of a folder: servers of its own, calls by how they started', async () => {
  const folder = await folderOf({ 'index.mjs': 'export const handler = () => 1' })
  const servers = () => readdirSync(tmpdir()).filter((name) => /^thaw-\w{6}$/.test(name))
  const before = new Set(servers())
  const { code, stdout, stderr } = await thaw(['bench', folder, '-n', '5', '--json'])
  expect([code, stderr]).toEqual([0, ''])
  const rows: Record<string, number>[] = JSON.parse(stdout)
  expect(rows.map(({ start }) => start)).toEqual(expect.arrayContaining(['restore', 'warm']))
  // A burst of 32, then five of each kind.
  expect(rows.reduce((sum, { calls = 0 }) => sum + calls, 0)).toBe(32 + 5 + 5)
  expect(servers().filter((name) => !before.has(name))).toEqual([])
})
