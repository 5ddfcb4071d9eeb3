import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createQuickBuilder } from '../../src/build/quick/quick-builder.ts'
import { startLocalServer, type LocalServer } from '../../src/cli/project/local-server.ts'
import { eventually } from '../controller/support/server.ts'
import { folderOf, script, thaw, type Ended, type RunOptions } from './support.ts'

const echo = `
  export const handler = async (event) => {
    console.log('got', Object.keys(event).join())
    if (event.fail) throw new TypeError('as asked')
    return { event, colour: process.env.COLOUR }
  }`
const project = (settings: Record<string, unknown> = {}, source = echo) =>
  folderOf({ 'thaw.json': JSON.stringify({ name: 'echo', ...settings }), 'index.mjs': source })

let server: LocalServer
let env: NodeJS.ProcessEnv
beforeAll(async () => {
  server = await startLocalServer({ config: { port: 0 }, createBuilder: createQuickBuilder })
  env = { THAW_ENDPOINT: server.url, THAW_DATA: server.dataDir }
})
afterAll(() => server[Symbol.asyncDispose]())

/** As `*.localhost` may not resolve here, by address and Host. */
async function getFunctionUrl(url: string): Promise<string> {
  const outgoing = request(server.url, { headers: { host: new URL(url).host } }).end()
  const [response] = await once(outgoing, 'response')
  return text(response)
}

const run = (args: readonly string[], options: RunOptions = {}) => thaw(args, { ...options, env })

test('what the build warns of is shown by deploy', async () => {
  const source = 'const key = process.env.KEY\nexport const handler = () => key'
  const { code, stdout, stderr } = await run(['deploy', await project({ name: 'warned' }, source), '--json'])
  expect([code, stderr]).toEqual([
    0,
    expect.stringMatching(/^warning: process\.env\.KEY read at index\.mjs:1:\d+ [^\n]+\n$/),
  ])
  expect(JSON.parse(stdout)).toMatchObject({ warnings: [expect.stringContaining('process.env.KEY')] })
})

describe('a function that is there', () => {
  let deployed: Ended
  beforeAll(async () => {
    // Goes with the server's.
    const folder = join(server.dataDir, 'project')
    await mkdir(folder)
    await writeFile(join(folder, 'thaw.json'), '{"name":"echo","environment":{"COLOUR":"blue"}}')
    await writeFile(join(folder, 'index.mjs'), echo)
    deployed = await run(['deploy', folder])
  })

  test('deploy says where it is called', async () => {
    const { code, stdout, stderr } = deployed
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(
      /^Deployed echo \([\d.]+ K?i?B\) in [\d.]+ m?s\nInvoke {2}http:\S+\/functions\/echo\/invocations\n$/,
    )
    const answer = await fetch(/http:\S+/.exec(stdout)?.[0] ?? '', { method: 'POST', body: '{"n":1}' })
    expect(await answer.json()).toEqual({ event: { n: 1 }, colour: 'blue' })
  })

  test('invoke: the payload on stdout, the log on stderr', async () => {
    const file = join(await folderOf({ 'e.json': '{"from":"file"}' }), 'e.json')
    expect(await run(['invoke', 'echo', '--event', file])).toEqual({
      code: 0,
      stdout: '{"event":{"from":"file"},"colour":"blue"}\n',
      stderr: '',
    })
    const piped = await run(['invoke', 'echo', '--event', '-', '--tail', '-q', '$LATEST'], {
      input: '{"from":"stdin"}',
    })
    expect(piped.stdout).toBe('{"event":{"from":"stdin"},"colour":"blue"}\n')
    expect(piped.stderr).toMatch(/^START RequestId: [\s\S]*\tgot from\n[\s\S]*\nREPORT RequestId: [^\n]+\n$/)
    const sample = await run(['invoke', 'echo', '--sample', 'sqs', '--json'])
    expect(JSON.parse(sample.stdout)).toMatchObject({
      statusCode: 200,
      executedVersion: '$LATEST',
      serverTiming: expect.stringContaining('start;desc='),
      payload: { event: { Records: [{ eventSource: 'aws:sqs' }] } },
    })
  })

  test('a function error is exit code 1, its payload still on stdout', async () => {
    const { code, stdout, stderr } = await run(['invoke', 'echo', '-e', '-'], { input: '{"fail":true}' })
    expect([code, stderr]).toEqual([1, ''])
    expect(JSON.parse(stdout)).toMatchObject({ errorType: 'TypeError', errorMessage: 'as asked' })
  })

  test('what the server refuses is one line', async () => {
    const stderr = expect.stringMatching(/^thaw: ResourceNotFoundException: Function not found: [^\n]+\n$/)
    expect(await run(['invoke', 'nobody'])).toEqual({ code: 1, stdout: '', stderr })
    expect((await run(['invoke', 'echo', '-e', '-'], { input: '{' })).stderr).toMatch(
      /^thaw: InvalidRequestContentException: [^\n]+\n$/,
    )
    expect((await run(['invoke', 'echo', '-e', '/nowhere'])).stderr).toMatch(
      /^thaw: The event could not be read: ENOENT[^\n]+\n$/,
    )
  })

  test('logs: what there is, since when, and what comes', async () => {
    const all = () => run(['logs', 'echo'])
    await eventually(async () => (await all()).stdout.includes('REPORT'))
    expect((await run(['logs', 'echo', '--since', '1h'])).stdout).toContain('START RequestId')
    expect(await run(['logs', 'echo', '--since', '2100-01-01'])).toEqual({ code: 0, stdout: '', stderr: '' })
    const lines = (await run(['logs', 'echo', '--json'])).stdout.trim().split('\n')
    expect(JSON.parse(lines[0] ?? '')).toEqual({ line: expect.stringMatching(/^START RequestId/) })
    expect((await run(['logs', 'nobody'])).stderr).toBe('thaw: nobody has logged nothing; there are logs of echo\n')
    const elsewhere = await thaw(['logs', 'echo'], { env: { THAW_DATA: '/nowhere' } })
    expect([elsewhere.code, elsewhere.stderr]).toEqual([
      1,
      "thaw: /nowhere is no server's data folder: logs are read on the server's own machine, --data says where they are\n",
    ])

    const child = spawn(process.execPath, [script, 'logs', 'echo', '--follow', '--since', '2100-01-01'], {
      env: { PATH: process.env.PATH, ...env },
    })
    let followed = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      followed += text
    })
    // Whatever it was asked before it was there, one of these comes after.
    await eventually(async () => {
      await run(['invoke', 'echo', '-e', '-'], { input: '{"followed":1}' })
      return followed.includes('got followed')
    })
    child.kill('SIGINT')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  test('ls', async () => {
    const { code, stdout } = await run(['ls'])
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^NAME +RUNTIME +MEMORY +TIMEOUT +STATE +LAST MODIFIED\necho +nodejs24\.x +128 MB +3 s +Active +20/,
    )
    expect(JSON.parse((await run(['ls', '--json'])).stdout)[0]).toEqual({
      name: 'echo',
      runtime: 'nodejs24.x',
      memory: 128,
      timeout: 3,
      state: 'Active',
      lastModified: expect.any(String),
    })
  })

  test('bench counts calls by how they started', async () => {
    const rows = JSON.parse((await run(['bench', 'echo', '-n', '20', '--json'])).stdout)
    expect(rows.at(-1)).toEqual({
      start: 'warm',
      calls: expect.any(Number),
      p50Ms: expect.any(Number),
      p99Ms: expect.any(Number),
    })
    expect(rows.reduce((sum: number, { calls }: { calls: number }) => sum + calls, 0)).toBe(20)
    expect(rows.at(-1).p50Ms).toBeLessThanOrEqual(rows.at(-1).p99Ms)
    const failing = await run(['bench', 'echo', '-n', '2', '-e', '-'], { input: '{"fail":1}' })
    expect(failing.stderr).toMatch(/^warning: 2 of 2 calls failed: \{"errorType":"TypeError"[^\n]*\n$/)
    expect((await run(['bench', 'echo', '-n', '1'])).stdout).toMatch(
      /^START +CALLS +P50 +P99\nwarm +1 +[\d.]+ ms +[\d.]+ ms\n$/,
    )
  })

  test('async', async () => {
    const { code, stdout, stderr } = await run(['invoke', 'echo', '--async', '-e', '-'], { input: '{"queued":1}' })
    expect([code, stdout, stderr]).toEqual([0, '', expect.stringMatching(/^Queued, request \S+\n$/)])
    await eventually(async () => (await run(['logs', 'echo'])).stdout.includes('got queued'))
  })
})

test('deployed again: settings and code follow the folder, versions and aliases are made', async () => {
  const name = 'again'
  const answer = (version: number) => `export const handler = () => ${version}`
  await run(['deploy', await project({ name, memory: 128 }, answer(1)), '--alias', 'live'])
  const second = await run([
    'deploy',
    await project({ name, memory: 256, url: true }, answer(2)),
    '--publish',
    '--json',
  ])
  const result = JSON.parse(second.stdout)
  expect(result).toMatchObject({ name, version: '2', functionUrl: expect.stringMatching(/^http:/) })
  expect((await run(['invoke', name])).stdout).toBe('2\n')
  expect((await run(['invoke', name, '-q', 'live'])).stdout).toBe('1\n')
  const memory = JSON.parse((await run(['ls', '--json'])).stdout).find(
    (one: { name: string }) => one.name === name,
  ).memory
  expect(memory).toBe(256)
  expect(await getFunctionUrl(result.functionUrl)).toBe('2')

  const third = await run(['deploy', await project({ name }, answer(3)), '--alias', 'live'])
  expect(third.stdout).toMatch(/^Deployed again version 3 as live /)
  expect((await run(['invoke', name, '-q', 'live'])).stdout).toBe('3\n')
  expect(await run(['rm', name, '-q', '1'])).toMatchObject({ code: 0, stdout: 'Deleted again:1\n' })
  expect(JSON.parse((await run(['rm', name, '--json'])).stdout)).toEqual({ deleted: name })
  expect((await run(['rm', name])).code).toBe(1)
})

test('a build that fails shows the source, and what ran before still runs', async () => {
  const name = 'breaks'
  await run(['deploy', await project({ name }, 'export const handler = () => 1')])
  const { code, stdout, stderr } = await run([
    'deploy',
    await project({ name }, '\nconst a = 1\nconst b = null.x\nexport const handler = () => b'),
  ])
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/^thaw: Init failed: TypeError: cannot read property 'x' of null \(index\.mjs:3:\d+\)\n/)
  expect(stderr).toMatch(/\n> 3 \| const b = null\.x\n {4}\| +\^\n/)
  expect((await run(['invoke', name])).stdout).toBe('1\n')
})
