import { createServer } from 'node:http'
import { once } from 'node:events'
import { buffer } from 'node:stream/consumers'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { key, verify, type Wire } from '../identity/signing.ts'
import { folderOf, onPath, thaw } from './support.ts'

/** Nobody listens on port 1. */
const nowhere = ['--endpoint', 'http://127.0.0.1:1']

describe('what makes no sense is one line and exit code 2', () => {
  test.each([
    [['depoly'], "thaw: unknown command 'depoly' (Did you mean deploy?)\n"],
    [['ls', '--jsn'], "thaw: unknown option '--jsn' (Did you mean --json?)\n"],
    [['invoke'], "thaw: missing required argument 'name'\n"],
    [['account', 'craete'], "thaw: unknown command 'craete' (Did you mean create?)\n"],
    [['ls', '--endpoint', 'here'], 'thaw: here is no http:// or https:// address\n'],
    [['bench', 'f', '-n', '0'], 'thaw: 0 is no whole number above 0\n'],
    [
      ['logs', 'f', '--since', 'lunch', '--data', '/nowhere'],
      'thaw: --since takes 30s, 10m, 2h, 1d or a date, not lunch\n',
    ],
    [['invoke', 'f', '--sample', 'sqss'], expect.stringMatching(/^thaw: [^\n]*'sqss' is invalid[^\n]* sqs[^\n]*\n$/)],
  ])('%j', async (args, stderr) => {
    const ended = await thaw(args)
    expect(ended).toEqual({ code: 2, stdout: '', stderr })
  })
})

test('help is on stdout, with every command', async () => {
  const { code, stdout, stderr } = await thaw(['--help'])
  expect([code, stderr]).toEqual([0, ''])
  const names = [
    'start',
    'init',
    'dev',
    'build',
    'deploy',
    'invoke',
    'logs',
    'ls',
    'rm',
    'route',
    'egress',
    'bench',
    'account',
  ]
  for (const name of [...names, 'doctor', 'completion']) expect(stdout).toMatch(new RegExp(`^  ${name}\\b`, 'm'))
})

test('where no server answers it says so, exit code 1', async () => {
  for (const args of [
    ['ls'],
    ['invoke', 'f'],
    ['rm', 'f'],
    ['bench', 'f'],
    ['deploy', await folderOf({ 'a.mjs': '' })],
  ]) {
    const { code, stdout, stderr } = await thaw([...args, ...nowhere])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^thaw: No server answers at http:\/\/127\.0\.0\.1:1 [^\n]+\n$/)
  }
})

describe('thaw.json', () => {
  const deploy = async (text: string) =>
    (await thaw(['deploy', await folderOf({ 'thaw.json': text }), ...nowhere])).stderr

  test.each([
    ['{"name":"a b"}', 'name: must be 1 to 64 letters, digits, - or _'],
    ['{"name":"a","memroy":1}', 'unknown key memroy; known are name, runtime, handler, engine, memory, '],
    ['{"name":"a","memory":64}', 'memory: Too small: expected number to be >=128'],
    ['{"name":"a","runtime":"python3.13"}', 'runtime: Invalid option: expected one of "nodejs24.x"|'],
    ['{', 'is no JSON: '],
    ['[]', 'expected object'],
  ])('%s is refused in one line', async (text, reason) => {
    const stderr = await deploy(text)
    expect(stderr).toMatch(/^thaw: [^\n]*thaw\.json[^\n]*\n$/)
    expect(stderr).toContain(reason)
  })

  test('a folder that is none, and one with nothing in it', async () => {
    expect((await thaw(['deploy', '/nowhere', ...nowhere])).stderr).toBe('thaw: There is no folder /nowhere\n')
    expect((await thaw(['deploy', await folderOf({ '.env': 'x' }), ...nowhere])).stderr).toMatch(
      /^thaw: There is nothing to deploy in [^\n]+\n$/,
    )
  })
})

describe('requests', () => {
  /** Answers all with an empty list; what the command sent. */
  async function seen(env: NodeJS.ProcessEnv, args = ['ls']): Promise<Wire> {
    let request: Wire | undefined
    const server = createServer(async (incoming, outgoing) => {
      const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]))
      request ??= { method: incoming.method ?? '', url: incoming.url ?? '', headers, body: await buffer(incoming) }
      outgoing.end('{"Functions":[]}')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const { stderr } = await thaw(args, { env: { THAW_ENDPOINT: `http://127.0.0.1:${port}`, ...env } })
    if (request === undefined) throw new Error(stderr)
    return request
  }

  test('are signed with the key in the environment', async () => {
    const env = { AWS_ACCESS_KEY_ID: key.accessKeyId, AWS_SECRET_ACCESS_KEY: key.secret }
    const args = ['invoke', 'arn:aws:lambda:us-east-1:000000000000:function:f', '-q', '$LATEST', '--sample', 'sns']
    const request = await seen(env, args)
    expect(await verify(request, { now: new Date() })).toMatchObject({ accountId: key.accountId })
    await expect(verify({ ...request, body: Buffer.from('{}') }, { now: new Date() })).rejects.toThrow('does not match')
  })

  test('are not without one', async () => {
    expect((await seen({ AWS_ACCESS_KEY_ID: key.accessKeyId })).headers).not.toHaveProperty('authorization')
  })
})

describe('completion', () => {
  test.runIf(onPath('bash'))('bash completes commands, options, and what options take', async () => {
    const { stdout } = await thaw(['completion', 'bash'])
    const complete = async (...words: string[]): Promise<string[]> => {
      const line = words.map((word) => `'${word}'`).join(' ')
      const program = `${stdout}\nCOMP_WORDS=(thaw ${line}); COMP_CWORD=${words.length}; _thaw; printf '%s\\n' "\${COMPREPLY[@]}"`
      return (await promisify(execFile)('bash', ['-c', program])).stdout.trim().split('\n')
    }
    expect(await complete('dep')).toEqual(['deploy'])
    expect(await complete('account', 'key', '')).toEqual(['create', 'ls', 'rm', '--help'])
    expect(await complete('deploy', '--pu')).toEqual(['--publish'])
    expect(await complete('invoke', 'f', '--sample', 's')).toEqual(['s3', 'schedule', 'sns', 'sqs'])
    expect(await complete('init', '--template', 'h')).toEqual(['hono', 'http'])
    expect(await complete('completion', 'z')).toEqual(['zsh'])
    expect(await complete('route', '')).toEqual(['add', 'ls', 'rm', '--help'])
    expect(await complete('route', 'add', '--auth', '')).toEqual(['NONE', 'AWS_IAM'])
  })

  test.each(['zsh', 'fish'])('%s has every command', async (shell) => {
    const { code, stdout } = await thaw(['completion', shell])
    expect(code).toBe(0)
    for (const name of ['start', 'deploy', 'account', 'completion']) expect(stdout).toContain(name)
    if (onPath(shell)) await promisify(execFile)(shell, ['-n', '-c', stdout])
  })
})
