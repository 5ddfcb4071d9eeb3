/** HTTP components where accounts are told apart: requests that must be signed, and private networks that must be opened. */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { AddPermissionCommand, CreateFunctionUrlConfigCommand, type LambdaClient } from '@aws-sdk/client-lambda'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { callAdmin } from '../../../src/cli/account-admin.ts'
import type { AccessKey } from '../../../src/identity/key-ring.ts'
import { key as nobodysKey, draft, sign, type Wire } from '../../identity/signing.ts'
import { accountOf, type Account } from '../../identity/two-accounts.support.ts'
import { watHttpGuest } from '../../support/http-guests.ts'
import { create, startServer, type TestServer } from '../server.ts'

const made = z.object({ key: z.object({ accessKeyId: z.string(), accountId: z.string(), secret: z.string() }) })
const upstream = createServer((incoming, outgoing) => void outgoing.end(`upstream ${incoming.url}`))

let dataDir: string
let server: TestServer
let owner: Account
let other: Account
const hosts = new Map<string, string>()

async function start(egressPrivateNetworks: string): Promise<void> {
  const overrides = { workers: 1, auth: 'accounts', egressPrivateNetworks, limits: { payloadBytes: 10_000 } }
  server = await startServer(overrides, dataDir)
}

const join_ = async (accountId: string): Promise<Account> =>
  accountOf(server.thaw.url, made.parse(await callAdmin({ dataDir }, 'POST', '/accounts', { accountId })).key)

async function deploy(client: LambdaClient, name: string, component: Uint8Array, AuthType: 'AWS_IAM' | 'NONE') {
  await create(client, name, { Runtime: 'provided.component' as never, Code: { ZipFile: component } })
  const { FunctionUrl = '' } = await client.send(new CreateFunctionUrlConfigCommand({ FunctionName: name, AuthType }))
  hosts.set(name, new URL(FunctionUrl).host)
  if (AuthType === 'AWS_IAM') return
  const permission = { StatementId: 'public', Principal: '*', Action: 'lambda:InvokeFunctionUrl' }
  await client.send(new AddPermissionCommand({ FunctionName: name, ...permission, FunctionUrlAuthType: AuthType }))
}

const portOf = (): number => {
  const address = upstream.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

beforeAll(async () => {
  await once(upstream.listen(0, '127.0.0.1'), 'listening')
  dataDir = await mkdtemp(join(tmpdir(), 'thaw-e2e-'))
  await start('127.0.0.0/8,::1')
  ;[owner, other] = [await join_('111111111111'), await join_('222222222222')]
  await Promise.all([
    deploy(owner.client, 'echo2', await watHttpGuest('0.2', 'echo'), 'AWS_IAM'),
    deploy(owner.client, 'echo3', await watHttpGuest('0.3', 'echo'), 'AWS_IAM'),
    deploy(owner.client, 'proxy', await watHttpGuest('0.3', 'proxy'), 'NONE'),
  ])
})
afterAll(async () => {
  for (const { client } of [owner, other]) client.destroy()
  upstream.closeAllConnections()
  upstream.close()
  await server[Symbol.asyncDispose]()
  await rm(dataDir, { recursive: true, force: true })
})

interface Answer {
  status: number | undefined
  body: string
}

/** As it is on the wire, the body in so many pieces, each sent when the one before has gone. */
async function send({ method, url, headers, body }: Wire, pieces = 1): Promise<Answer> {
  const { port } = new URL(server.thaw.url)
  const outgoing = request({ host: '127.0.0.1', port, method, path: url, headers })
  const response = once(outgoing, 'response')
  const size = Math.ceil(body.length / pieces)
  for (let at = 0; at < body.length; at += size) {
    const piece = Buffer.from(body.subarray(at, at + size))
    await new Promise((resolve) => outgoing.write(piece, resolve))
  }
  outgoing.end()
  const [incoming] = await response
  return { status: incoming.statusCode, body: await text(incoming) }
}

const contents = 'contents '.repeat(100)
const headers = { 'content-type': 'text/plain' }
const signed = (name: string, key: AccessKey, hash: boolean, body = contents): Promise<Wire> =>
  sign(draft({ path: '/a', headers, body: Buffer.from(body) }), {
    key,
    hash,
    at: new Date(),
    host: hosts.get(name) ?? '',
  })

describe.each(['echo2', 'echo3'])('a signed request to a component, %s,', (name) => {
  describe.each([
    ['with the hash of its body', true],
    ['without', false],
  ])('%s', (_name, hash) => {
    test('is answered when all of its streamed body is there', async () => {
      const wire = await signed(name, owner.key, hash)
      expect('x-amz-content-sha256' in wire.headers).toBe(hash)
      const chunked = { ...wire, headers: { ...wire.headers, 'transfer-encoding': 'chunked' } }
      expect(await send(chunked, 9)).toEqual({ status: 200, body: contents })
    })

    test('is refused with another body than was signed', async () => {
      const wire = await signed(name, owner.key, hash)
      const forged = { ...wire, body: Buffer.from(contents.replace('contents', 'CONTENTS')) }
      const { status, body } = await send(forged, 9)
      expect([status, body]).toEqual([403, expect.stringMatching(hash ? /x-amz-content-sha256/ : /signature/i)])
      expect(body).not.toContain('CONTENTS')
    })
  })

  test('is refused of another account, of nobody, and unsigned', async () => {
    const unsigned = { method: 'POST', url: '/a', headers: { host: hosts.get(name) ?? '' }, body: Buffer.from('x') }
    const wires = [await signed(name, other.key, true), await signed(name, nobodysKey, true), unsigned]
    for (const wire of wires) expect((await send(wire)).status).toBe(403)
  })

  test('is refused over payloadBytes, as its signature covers all of it', async () => {
    const { status, body } = await send(await signed(name, owner.key, true, 'x'.repeat(10_001)))
    expect([status, body]).toEqual([413, expect.stringContaining('10000 bytes')])
  })
})

describe('private networks', () => {
  const allow = (...Allow: string[]) => {
    const body = Buffer.from(JSON.stringify({ Egress: { Allow } }))
    return owner.raw({ method: 'PUT', path: '/2015-03-31/functions/proxy/configuration', body })
  }
  const fetched = () =>
    send({
      method: 'GET',
      url: `/localhost:${portOf()}/private`,
      headers: { host: hosts.get('proxy') ?? '' },
      body: new Uint8Array(0),
    })
  const settled = () =>
    expect
      .poll(async () => (await owner.lambda('GetFunctionConfiguration', { FunctionName: 'proxy' })).body)
      .toMatchObject({ LastUpdateStatus: 'Successful' })

  test('that the operator has opened may be listed and reached, others not', async () => {
    expect(await allow('10.0.0.1:80')).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('THAW_EGRESS_PRIVATE_NETWORKS') },
    })
    expect((await allow(`localhost:${portOf()}`)).status).toBe(200)
    await settled()
    expect(await fetched()).toEqual({ status: 200, body: 'upstream /private' })
  })

  test('that the operator closes are closed to lists from before', async () => {
    await server[Symbol.asyncDispose]()
    await start('none')
    expect((await fetched()).status).toBe(502)
    owner.client.destroy()
    owner = accountOf(server.thaw.url, owner.key)
    expect(await allow(`localhost:${portOf()}`)).toMatchObject({ status: 400 })
  })
})
