import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { eventually } from '../controller/support/server.ts'

const root = join(import.meta.dirname, '..', '..')
const script = join(root, 'src', 'cli', 'thaw.mjs')
const folder = mkdtempSync(join(tmpdir(), 'thaw-cli-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

function thaw(args: string[], env: NodeJS.ProcessEnv = {}, node = process.execPath, file = script): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(node, [file, ...args], { env: { PATH: process.env.PATH, ...env } }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    )
  })
}

test('--version prints the version', async () => {
  const { version } = z
    .object({ version: z.string() })
    .parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')))
  expect(await thaw(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
})

describe('doctor', () => {
  test('--json says what this machine offers', async () => {
    const { code, stdout } = await thaw(['doctor', '--json'])
    const found = JSON.parse(stdout)
    expect(code).toBe(0)
    expect(found).toMatchObject({
      ok: true,
      node: process.version,
      restore: expect.stringMatching(/^(scan|pagemap|copy)$/),
    })
    expect(found.limits.accountConcurrency).toBe(1_000)
    const names = found.checks.map(({ name }: { name: string }) => name)
    expect(names).toEqual(expect.arrayContaining(['JSPI', 'FFI (koffi)', 'permission model', 'restore by copying']))
  })

  test('prints it for people', async () => {
    const { stdout } = await thaw(['doctor'], { THAW_RESTORE: 'copy' })
    expect(stdout).toMatch(/^Node v26\S+ on \S+; instances are restored by: copy\n/)
    expect(stdout).toMatch(/^ {2}yes {2}JSPI /m)
    expect(stdout).toMatch(/^ {2}payloadBytes +6291456$/m)
  })
})

describe('what the user got wrong is one line', () => {
  test('a configuration that is none', async () => {
    const { code, stderr } = await thaw(['start', '--port', 'http'], { THAW_DATA: folder })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^thaw: Configuration: port: [^\n]+\n$/)
  })

  test('a port that is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const address = taken.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const { code, stderr } = await thaw(['start', '--port', String(port), '--data', join(folder, 'taken')])
    expect(code).toBe(1)
    expect(stderr).toMatch(new RegExp(`^thaw: Cannot listen on 127.0.0.1:${port}: it is in use [^\n]+\n$`))
    taken.close()
  })
})

describe('an older Node', () => {
  /** A copy of the launcher in an installation of its own, with this as `node_modules/.bin/node`. */
  function installation(name: string, bundled: string | undefined): string {
    const home = join(folder, name)
    mkdirSync(join(home, 'src', 'cli'), { recursive: true })
    cpSync(script, join(home, 'src', 'cli', 'thaw.mjs'))
    // What an older Node would say of itself.
    writeFileSync(join(home, 'old.cjs'), "Object.defineProperty(process.versions, 'node', { value: '18.20.0' })")
    if (bundled !== undefined) {
      mkdirSync(join(home, 'node_modules', '.bin'), { recursive: true })
      const path = join(home, 'node_modules', '.bin', 'node')
      writeFileSync(path, bundled)
      chmodSync(path, 0o755)
    }
    return home
  }
  const launch = (home: string, args: string[]) =>
    thaw(
      args,
      { NODE_OPTIONS: `--require ${join(home, 'old.cjs')}` },
      process.execPath,
      join(home, 'src', 'cli', 'thaw.mjs'),
    )

  test('starts the one that npm install brought, and ends as that does', async () => {
    const home = installation('with', '#!/bin/sh\necho "bundled: $2 $3"\nexit 7\n')
    const { code, stdout } = await launch(home, ['start', '--x'])
    expect([code, stdout]).toEqual([7, 'bundled: start --x\n'])
  })

  test('without it says in one line what to do', async () => {
    const home = installation('without', undefined)
    const { code, stdout, stderr } = await launch(home, ['start'])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toBe(
      `thaw needs Node 26, this is 18.20.0: run "npm install" in ${home} (it brings Node 26 along), or start thaw with Node 26.\n`,
    )
  })

  test('passes signals on', async () => {
    const home = installation(
      'signals',
      '#!/bin/sh\ntrap "echo got it; exit 3" TERM\necho ready\nwhile :; do sleep 0.05; done\n',
    )
    const child = spawn(process.execPath, [join(home, 'src', 'cli', 'thaw.mjs')], {
      env: { PATH: process.env.PATH, NODE_OPTIONS: `--require ${join(home, 'old.cjs')}` },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const lines = createInterface(child.stdout)
    const seen: string[] = []
    lines.on('line', (line) => {
      seen.push(line)
      if (line === 'ready') child.kill('SIGTERM')
    })
    const [code] = await once(child, 'close')
    expect([code, seen]).toEqual([3, ['ready', 'got it']])
  })
})

describe('start', () => {
  const data = join(folder, 'data')
  let server: { child: ChildProcess; lines: string[]; stderr: () => string }

  async function start(): Promise<typeof server> {
    const child = spawn(process.execPath, [script, 'start', '--port', '0', '--workers', '1'], {
      env: { PATH: process.env.PATH, THAW_DATA: data },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const lines: string[] = []
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    const printed = Promise.withResolvers<void>()
    child.once('exit', () => printed.reject(new Error(`thaw start ended: ${stderr}`)))
    createInterface(child.stdout).on('line', (line) => {
      lines.push(line)
      if (line.includes('create-function')) printed.resolve()
    })
    await printed.promise
    child.removeAllListeners('exit')
    return { child, lines, stderr: () => stderr }
  }

  beforeAll(async () => {
    server = await start()
  })
  // Killed, it would leave its shared page to the next server on this folder, which there is none of.
  afterAll(async () => {
    const { child } = server
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    await gone
  })

  test('on an empty folder deploys the example, with progress, and prints three lines', () => {
    expect(server.lines).toEqual([
      expect.stringMatching(/^Thaw serves the Lambda API on http:\/\/127\.0\.0\.1:\d+, data in /),
      'Deploying examples/hello: packaging',
      'Deploying examples/hello: building, and taking the snapshot',
      expect.stringMatching(/^Deployed examples\/hello in [\d.]+ s$/),
      expect.stringMatching(/^curl /),
      expect.stringMatching(/^aws lambda .* invoke /),
      expect.stringMatching(/^aws lambda .* create-function /),
    ])
  })

  test.runIf(onPath('curl'))('the curl line works as it stands', async () => {
    const { stdout } = await promisify(execFile)('sh', ['-c', server.lines.at(-3) ?? ''])
    expect(JSON.parse(stdout)).toMatchObject({ message: 'Hello, you!', invocations: 1 })
  })

  test.runIf(onPath('aws'))('the aws lines work as they stand', async () => {
    const env = { PATH: process.env.PATH, HOME: folder }
    // Through a pipe: what Node gives its children is a socket, which /dev/stdout cannot open.
    const run = (line: string | undefined) => promisify(execFile)('sh', ['-c', `${line} | cat`], { env, cwd: '/' })
    expect((await run(server.lines.at(-2))).stdout).toContain('"message":"Hello, you!"')
    expect(JSON.parse((await run(server.lines.at(-1))).stdout)).toMatchObject({
      FunctionName: 'mine',
      State: 'Pending',
    })
  })

  test('told to end by SIGTERM it ends with 0 and leaves nothing running, and starts again with what it had', async () => {
    const { child } = server
    const url = /http:\S+(?=,)/.exec(server.lines[0] ?? '')?.[0] ?? ''
    child.kill('SIGTERM')
    // Ctrl-C comes twice when npm passes it on: that is one wish.
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
    await expect(fetch(url)).rejects.toThrow('fetch failed')
    expect(existsSync(join(data, 'run'))).toBe(false)
    server = await start()
    expect(server.lines.map((line) => line.split(' ')[0])).toEqual(['Thaw', 'curl', 'aws', 'aws'])
    const again = /http:\S+(?=,)/.exec(server.lines[0] ?? '')?.[0] ?? ''
    const answer = await fetch(`${again}/2015-03-31/functions/hello/invocations`, { method: 'POST', body: '{}' })
    expect(await answer.json()).toMatchObject({ message: 'Hello, world!' })
  })

  test('a signal that comes while it starts ends it as well', async () => {
    const child = spawn(process.execPath, [script, 'start', '--port', '0'], {
      env: { PATH: process.env.PATH, THAW_DATA: join(folder, 'early') },
      stdio: 'ignore',
    })
    // It has started to start when it has taken the folder.
    await eventually(() => existsSync(join(folder, 'early', 'lock')))
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(existsSync(join(folder, 'early', 'run'))).toBe(false)
  })

  test('it ends when the older Node that launched it is killed', async () => {
    const child = spawn(process.execPath, [script, 'start', '--port', '0'], {
      env: { PATH: process.env.PATH, THAW_DATA: join(folder, 'launched'), THAW_LAUNCHER: '1' },
      stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
    })
    if (child.stdout === null) throw new Error('no stdout')
    await once(createInterface(child.stdout), 'line')
    child.disconnect()
    expect(await once(child, 'exit')).toEqual([0, null])
  })
})

function onPath(command: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((directory) => existsSync(join(directory, command)))
}
