import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startAdminServer } from '../../src/controller/admin-server.ts'
import { lockFolder } from '../../src/controller/folder-lock.ts'
import { openRunFolder } from '../../src/controller/run-folder.ts'
import { createAccounts, type Accounts } from '../../src/identity/accounts.ts'
import { createKeyRing, type KeyRing } from '../../src/identity/key-ring.ts'
import { createSealer, openSecretKey } from '../../src/identity/secret-key.ts'
import { openDatabase } from '../../src/store/database.ts'
import { createSqliteDocuments } from '../../src/store/sqlite-documents.ts'
import { temporaryFolder } from '../store/temp.ts'

const script = join(import.meta.dirname, '..', '..', 'src', 'cli', 'thaw.mjs')

interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

function thaw(folder: string, ...args: string[]): Promise<Ended> {
  const env = { PATH: process.env.PATH, THAW_DATA: folder }
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [script, ...args], { env }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    )
  })
}

/** What a running server has of it: lock, run folder, database, admin socket. */
async function runServer(folder: string): Promise<{ accounts: Accounts; ring: KeyRing; socketPath: string }> {
  const resources = new AsyncDisposableStack()
  onTestFinished(() => resources.disposeAsync())
  resources.use(lockFolder(folder))
  const run = resources.use(openRunFolder(folder))
  const database = resources.use(openDatabase({ path: join(folder, 'thaw.db') }))
  const ring = createKeyRing()
  const accounts = createAccounts({
    documents: createSqliteDocuments(database),
    sealer: createSealer(await openSecretKey(folder)),
    clock: { now: () => new Date() },
    publish: async (change) => ring.apply(change),
  })
  for (const change of await accounts.keys()) ring.apply(change)
  const socketPath = run.socketPath('admin')
  resources.use(await startAdminServer(accounts, socketPath))
  return { accounts, ring, socketPath }
}

const accountId = '123456789012'

describe('without a server', () => {
  test('an account is made in a folder that is new, its secret shown once', async () => {
    const folder = join(await temporaryFolder(), 'data')
    const { code, stdout, stderr } = await thaw(folder, 'account', 'create', '--id', accountId, '--name', 'ours')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(
      /^Account 123456789012\nexport AWS_ACCESS_KEY_ID=AKIA[A-Z2-7]{16}\nexport AWS_SECRET_ACCESS_KEY=[A-Za-z0-9+/]{40}\n# The secret is not shown again.\n$/,
    )
    const secret = /SECRET_ACCESS_KEY=(.+)/.exec(stdout)?.[1] ?? ''
    for (const command of [['ls'], ['key', 'ls']])
      expect((await thaw(folder, 'account', ...command, '--json')).stdout).not.toContain(secret)
    expect(existsSync(join(folder, 'run'))).toBe(false)

    // The next server knows it.
    const { ring } = await runServer(folder)
    expect(ring.changes()).toEqual([{ putKey: { accessKeyId: expect.any(String), accountId, secret } }])
  })

  test('what is wrong is one line', async () => {
    const folder = await temporaryFolder()
    const refused = { code: 1, stdout: '', stderr: '' }
    expect(await thaw(folder, 'account', 'create', '--id', '12')).toEqual({
      ...refused,
      stderr: "thaw: An account's id has 12 digits: 12\n",
    })
    expect(await thaw(folder, 'account', 'key', 'create', accountId)).toEqual({
      ...refused,
      stderr: `thaw: There is no account ${accountId}.\n`,
    })
    expect(await thaw(folder, 'account', 'key', 'rm', 'AKIA/..')).toEqual({
      ...refused,
      stderr: 'thaw: There is no access key AKIA/...\n',
    })
    using _lock = lockFolder(folder)
    expect((await thaw(folder, 'account', 'ls')).stderr).toMatch(/^thaw: The data folder \S+ is in use by another /)
  })
})

describe('while a server runs', () => {
  test('the socket is its owner’s alone', async () => {
    const { socketPath } = await runServer(await temporaryFolder())
    expect((statSync(socketPath).mode & 0o777).toString(8)).toBe('600')
  })

  test('what is done is in force there at once', async () => {
    const folder = await temporaryFolder()
    const { ring } = await runServer(folder)
    const created = JSON.parse((await thaw(folder, 'account', 'create', '--id', accountId, '--json')).stdout)
    expect(created).toEqual({
      account: { accountId, name: '', createdAt: expect.any(String), disabled: false },
      key: { accessKeyId: expect.any(String), accountId, secret: expect.any(String) },
    })
    expect(ring.find(created.key.accessKeyId)).toMatchObject(created.key)

    const second = JSON.parse((await thaw(folder, 'account', 'key', 'create', accountId, '--json')).stdout)
    expect(ring.find(second.accessKeyId)).toMatchObject(second)
    const listed = (await thaw(folder, 'account', 'key', 'ls', accountId)).stdout.trimEnd().split('\n')
    expect(listed.map((line) => line.split('  ').slice(0, 2))).toEqual(
      [created.key.accessKeyId, second.accessKeyId].toSorted().map((id) => [id, accountId]),
    )

    expect((await thaw(folder, 'account', 'disable', accountId)).stdout).toBe(`Account ${accountId} is disabled\n`)
    expect(ring.changes()).toEqual([])
    expect((await thaw(folder, 'account', 'ls')).stdout).toMatch(new RegExp(`^${accountId}  \\S+  disabled\n$`))
    await thaw(folder, 'account', 'enable', accountId)
    expect(ring.changes()).toHaveLength(2)
    const removed = await thaw(folder, 'account', 'key', 'rm', second.accessKeyId)
    expect(removed.stdout).toBe(`Removed ${second.accessKeyId}\n`)
    expect(ring.changes()).toEqual([{ putKey: created.key }])
  })
})

describe('thaw start', () => {
  test('--no-dev asks for signatures on loopback too', async () => {
    const env = { PATH: process.env.PATH, THAW_DATA: await temporaryFolder() }
    const args = [script, 'start', '--port', '0', '--workers', '1', '--no-dev']
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'ignore'] })
    const lines: string[] = []
    for await (const line of createInterface(child.stdout)) {
      lines.push(line)
      if (lines.length === 2) break
    }
    expect(lines).toEqual([
      expect.stringMatching(/^Thaw serves the Lambda API on http:/),
      'Requests are to be signed: "thaw account" makes accounts and keys',
    ])
    const answer = await fetch(`${/http:[^,]+/.exec(lines[0] ?? '')?.[0]}/2015-03-31/functions`)
    expect(answer.status).toBe(403)
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  test('takes no dev mode on a public address', async () => {
    const { code, stderr } = await thaw(await temporaryFolder(), 'start', '--port', '0', '--host', '0.0.0.0', '--dev')
    expect([code, stderr]).toEqual([
      1,
      "thaw: Dev mode takes anybody's requests, so it is for loopback addresses only, and 0.0.0.0 is none.\n",
    ])
  })

  test('serves a public address only once there is an account', async () => {
    const { code, stderr } = await thaw(await temporaryFolder(), 'start', '--port', '0', '--host', '0.0.0.0')
    expect([code, stderr]).toEqual([
      1,
      'thaw: Requests to 0.0.0.0 must be signed with the key of an account, and there is none: run "thaw account create" first.\n',
    ])
  })
})
