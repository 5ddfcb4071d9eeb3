/** Accounts on a whole server: workers check signatures by themselves, with the keys they are told. */
import { execFile } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { callAdmin } from '../../src/cli/account-admin.ts'
import type { AccessKey } from '../../src/identity/key-ring.ts'
import { startServer, testFolder, type TestServer } from '../controller/support/server.ts'
import { invokePath, send } from '../worker/support/harness.ts'
import { key as nobodysKey, presign, sign, type Draft, type Wire } from './signing.ts'
import { accountOf, type Account, type Answer } from './two-accounts.support.ts'

let server: TestServer
let owner: Account
let other: Account
const clients: Account[] = []

const keySchema = z.object({ accessKeyId: z.string(), accountId: z.string(), secret: z.string() })

async function admin(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<unknown> {
  return callAdmin({ dataDir: server.folder }, method, path, body)
}

function clientOf(key: AccessKey): Account {
  const account = accountOf(server.controller.url, key)
  clients.push(account)
  return account
}

const joined = async (accountId: string): Promise<Account> => {
  const made = z.object({ key: keySchema }).parse(await admin('POST', '/accounts', { accountId }))
  return clientOf(made.key)
}

/** Of the functions that the server was prepared with. */
const accountId = '000000000000'
const arn = `arn:aws:lambda:us-east-1:${accountId}:function:hello`

beforeAll(async () => {
  server = await startServer({ functions: ['hello'], config: { auth: 'accounts' } })
  owner = await joined(accountId)
  other = await joined('222222222222')
})
afterAll(async () => {
  for (const { client } of clients) client.destroy()
  await server[Symbol.asyncDispose]()
  rmSync(testFolder, { recursive: true, force: true })
})

const event = { do: 'echo', value: 'naïve €' }
const invoke = (account: Account, more: Record<string, unknown> = {}): Promise<Answer> =>
  account.lambda('Invoke', { FunctionName: 'hello', Payload: JSON.stringify(event), ...more })

/** On connections of their own, so that every worker gets some. */
async function everyWorker(ask: () => Promise<Answer>): Promise<(string | undefined)[]> {
  const answers = await Promise.all(Array.from({ length: 24 }, ask))
  return [...new Set(answers.map(({ error }) => error))]
}

const draft = (): Draft => ({
  method: 'POST',
  path: invokePath('hello'),
  query: {},
  headers: {},
  body: Buffer.from(JSON.stringify(event)),
})
const signing = (key: AccessKey) => ({ key, at: new Date(), host: `127.0.0.1:${server.controller.port}` })
const sent = async ({ method, url, headers, body }: Wire): Promise<{ status: number; body: unknown }> => {
  const answer = await send({ port: server.controller.port, method, path: url, headers, body: Buffer.from(body) })
  return { status: answer.status, body: JSON.parse(answer.body.toString()) }
}

describe('a worker', () => {
  test('runs what an account of the server signed, from the moment that its key was made', async () => {
    expect(await everyWorker(() => invoke(owner))).toEqual([undefined])
    const made = keySchema.parse(await admin('POST', `/accounts/${accountId}/keys`))
    const another = clientOf(made)
    expect(await everyWorker(() => invoke(another))).toEqual([undefined])
    await admin('DELETE', `/keys/${made.accessKeyId}`)
    expect(await everyWorker(() => invoke(another))).toEqual(['UnrecognizedClientException'])
  })

  test('takes a presigned invocation', async () => {
    expect(await sent(await presign(draft(), signing(owner.key)))).toMatchObject({ status: 200 })
  })

  test('takes any way to name the function', async () => {
    for (const FunctionName of [arn, `${accountId}:function:hello`, `${arn}:$LATEST`])
      expect(await invoke(owner, { FunctionName })).toMatchObject({ status: 200 })
    expect(await invoke(owner, { Qualifier: '$LATEST', InvocationType: 'DryRun' })).toMatchObject({ status: 200 })
  })

  test('refuses what is unsigned, or signed by nobody', async () => {
    const unsigned = await server.invoke('hello', event)
    expect([unsigned.status, JSON.parse(unsigned.body.toString())]).toEqual([
      403,
      { message: 'Missing Authentication Token' },
    ])
    expect(await sent(await sign(draft(), signing(nobodysKey)))).toEqual({
      status: 403,
      body: { message: 'The security token included in the request is invalid.' },
    })
  })

  test('refuses what was signed with another secret, another body, another path, or long ago', async () => {
    const { key } = owner
    const good = await sign(draft(), signing(key))
    expect(await sent(good)).toMatchObject({ status: 200 })
    const wrong = [
      await sign(draft(), { ...signing(key), key: { ...key, secret: 'wrong' } }),
      { ...good, body: Buffer.from('{"do":"echo"}') },
      { ...good, url: `${good.url}?Qualifier=%24LATEST` },
      { ...good, headers: { ...good.headers, 'x-amz-log-type': 'Tail' } },
      await sign(draft(), { ...signing(key), at: new Date(Date.now() - 400_000) }),
      await sign(draft(), { ...signing(key), region: 'eu-west-1' }),
    ]
    for (const request of wrong) {
      const { status, body } = await sent(request)
      expect([status, Object.keys(Object(body))]).toEqual([403, ['message']])
    }
  })

  test("keeps another account's function from a caller", async () => {
    expect(await everyWorker(() => invoke(other))).toEqual(['ResourceNotFoundException'])
    expect(await everyWorker(() => invoke(other, { FunctionName: arn }))).toEqual(['AccessDeniedException'])
    expect(await everyWorker(() => invoke(other, { FunctionName: `${accountId}:function:hello` }))).toEqual([
      'AccessDeniedException',
    ])
  })

  test("keeps another account's URL, logs and snapshots from a caller", async () => {
    const made = await owner.lambda('CreateFunctionUrlConfig', { FunctionName: 'hello', AuthType: 'AWS_IAM' })
    const { FunctionUrl } = z.object({ FunctionUrl: z.string() }).parse(made.body)
    const { host } = new URL(FunctionUrl)
    const url = async ({ key }: Account) => sent(await sign({ ...draft(), path: '/' }, { ...signing(key), host }))
    expect(await url(owner)).toMatchObject({ status: 200 })
    expect(await url(other)).toMatchObject({ status: 403 })
    expect(await url({ ...other, key: { ...other.key, accountId } })).toMatchObject({ status: 403 })

    const tail = await invoke(other, { FunctionName: arn, LogType: 'Tail' })
    expect([tail.status, 'LogResult' in tail.body]).toEqual([403, false])
    // There is no way to these but the data folder; nothing is served by a path of it.
    const paths = [
      `/logs/${accountId}/hello.log`,
      `/${accountId}/hello.log`,
      `/artifacts/snapshots`,
      `/_thaw/snapshots`,
      `/_thaw/functions/hello/../../../thaw.db`,
      `/_thaw/functions/..%2f..%2fthaw.db/code`,
      `/_thaw/functions/${encodeURIComponent(arn)}/code`,
    ]
    for (const path of paths) {
      const { status } = await other.raw({ path })
      expect([path, [400, 403, 404].includes(status)]).toEqual([path, true])
    }
    await owner.lambda('DeleteFunctionUrlConfig', { FunctionName: 'hello' })
  })

  test("lets a caller who was permitted to invoke another account's function do so, and no more", async () => {
    const permission = { StatementId: 'other', Action: 'lambda:InvokeFunction', Principal: other.accountId }
    expect(await owner.lambda('AddPermission', { FunctionName: 'hello', ...permission })).toMatchObject({ status: 200 })
    expect(await everyWorker(() => invoke(other, { FunctionName: arn }))).toEqual([undefined])
    expect(await other.lambda('GetFunction', { FunctionName: arn })).toMatchObject({ error: 'AccessDeniedException' })
    await owner.lambda('RemovePermission', { FunctionName: 'hello', StatementId: 'other' })
    expect(await everyWorker(() => invoke(other, { FunctionName: arn }))).toEqual(['AccessDeniedException'])
  })

  test('believes nobody from outside who claims to be the controller', async () => {
    const headers = { 'x-thaw-account': accountId, 'x-thaw-request-id': '1', 'x-thaw-hops': '0' }
    const request = { method: 'POST', path: invokePath('hello'), body: Buffer.from('{}') }
    // Nothing of it reaches the controller, so that not even the signature holds any more.
    expect(await other.raw({ ...request, headers })).toMatchObject({ status: 403 })
    const unsigned = await send({ ...request, port: server.controller.port, headers, body: '{}' })
    expect(unsigned.status).toBe(403)
  })

  test('that takes the place of a dead one knows the keys', async () => {
    const before = server.controller.workers()
    for (const pid of [...before.serving, ...before.standby]) process.kill(pid, 'SIGKILL')
    await server.until(() => {
      const { serving } = server.controller.workers()
      return serving.length === 2 && serving.every((pid) => !before.serving.includes(pid))
    })
    await server.until(() =>
      invoke(owner).then(
        () => true,
        () => false,
      ),
    )
    expect(await everyWorker(() => invoke(owner))).toEqual([undefined])
  })

  test('a disabled account is out at once, and in again', async () => {
    await admin('POST', `/accounts/${accountId}/disable`)
    expect(await everyWorker(() => invoke(owner))).toEqual(['UnrecognizedClientException'])
    await admin('POST', `/accounts/${accountId}/enable`)
    expect(await everyWorker(() => invoke(owner))).toEqual([undefined])
  })

  test('knows nothing of the administration of accounts', async () => {
    for (const path of ['/accounts', '/keys', `/accounts/${accountId}/keys`])
      expect(await owner.raw({ path })).toMatchObject({ status: 404, error: 'UnknownOperationException' })
  })
})

const onPath = (command: string): boolean =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, command)))

describe('other signers', () => {
  test.runIf(onPath('curl'))('curl', async () => {
    const { key } = owner
    // A plain path: older versions do not encode what is encoded already, as AWS wants it.
    const url = `${server.controller.url}${invokePath('hello')}`
    const user = ['--aws-sigv4', 'aws:amz:us-east-1:lambda', '--user', `${key.accessKeyId}:${key.secret}`]
    const { stdout } = await promisify(execFile)('curl', ['-s', ...user, '--data', JSON.stringify(event), url])
    expect(JSON.parse(stdout)).toEqual(event)
  })

  test.runIf(onPath('aws'))("AWS's command line, which is Python", async () => {
    const { key, accountId: id } = owner
    const env = {
      PATH: process.env.PATH,
      AWS_ACCESS_KEY_ID: key.accessKeyId,
      AWS_SECRET_ACCESS_KEY: key.secret,
      AWS_DEFAULT_REGION: 'us-east-1',
    }
    const aws = async (...args: string[]): Promise<string> =>
      (await promisify(execFile)('aws', ['--endpoint-url', server.controller.url, ...args], { env })).stdout
    expect(JSON.parse(await aws('lambda', 'list-functions'))).toMatchObject({ Functions: [{ FunctionName: 'hello' }] })
    const tags = await aws('lambda', 'list-tags', '--resource', `arn:aws:lambda:us-east-1:${id}:function:hello`)
    expect(JSON.parse(tags)).toEqual({ Tags: {} })
    const made = await aws('sqs', 'create-queue', '--queue-name', 'naive')
    expect(JSON.parse(made).QueueUrl).toMatch(`/${id}/naive`)
  })
})
