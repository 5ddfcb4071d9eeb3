/** Settings as the workers of a whole server heed them. */
import {
  AddPermissionCommand,
  CreateAliasCommand,
  CreateFunctionUrlConfigCommand,
  DeleteFunctionConcurrencyCommand,
  DeleteFunctionUrlConfigCommand,
  GetProvisionedConcurrencyConfigCommand,
  PublishVersionCommand,
  PutFunctionConcurrencyCommand,
  PutProvisionedConcurrencyConfigCommand,
  RemovePermissionCommand,
} from '@aws-sdk/client-lambda'
import { request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { startServer, zipOf, type TestServer } from './server.ts'

const FunctionName = 'f'
let server: TestServer

beforeAll(async () => {
  server = await startServer()
  const source = 'export const handler = async () => "hello"'
  await server.create(FunctionName, { Code: { ZipFile: await zipOf({ 'index.mjs': source }) } })
  await server.client.send(new PublishVersionCommand({ FunctionName }))
  await server.client.send(new CreateAliasCommand({ FunctionName, Name: 'live', FunctionVersion: '1' }))
}, 120_000)
afterAll(() => server[Symbol.asyncDispose]())

/** `*.localhost` resolves in browsers, not everywhere: the name goes into the request, the connection to loopback. */
async function fetchUrl(address: string): Promise<{ status: number | undefined; body: string }> {
  const { host, port, pathname } = new URL(address)
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number | undefined; body: string }>()
  request({ host: '127.0.0.1', port, path: pathname, headers: { host } }, (response) => {
    buffer(response).then((body) => resolve({ status: response.statusCode, body: body.toString() }), reject)
  })
    .on('error', reject)
    .end()
  return promise
}

it('a function without concurrency is throttled, and is not when the reservation is gone', async () => {
  const { client } = server
  await client.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }))
  await expect(server.invoke(FunctionName)).rejects.toMatchObject({
    name: 'TooManyRequestsException',
    message: 'Rate Exceeded.',
    Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
  })
  await client.send(new DeleteFunctionConcurrencyCommand({ FunctionName }))
  expect((await server.invoke(FunctionName)).payload).toBe('hello')
})

it('provisioned concurrency becomes READY when the workers hold it', async () => {
  const { client } = server
  const target = { FunctionName, Qualifier: 'live' }
  await client.send(new PutProvisionedConcurrencyConfigCommand({ ...target, ProvisionedConcurrentExecutions: 3 }))
  await vi.waitFor(
    async () =>
      expect(await client.send(new GetProvisionedConcurrencyConfigCommand(target))).toMatchObject({
        Status: 'READY',
        AllocatedProvisionedConcurrentExecutions: 3,
        AvailableProvisionedConcurrentExecutions: 3,
      }),
    { timeout: 20_000, interval: 20 },
  )
  expect((await server.invoke('f:live')).payload).toBe('hello')
})

it('a function URL lets everybody in while the policy does', async () => {
  const { client } = server
  const { FunctionUrl = '' } = await client.send(new CreateFunctionUrlConfigCommand({ FunctionName, AuthType: 'NONE' }))
  expect(new URL(FunctionUrl).port).toBe(new URL(server.thaw.url).port)
  expect((await fetchUrl(FunctionUrl)).status).toBe(403)
  const statement = { FunctionName, StatementId: 'everybody' }
  await client.send(
    new AddPermissionCommand({
      ...statement,
      Action: 'lambda:InvokeFunctionUrl',
      Principal: '*',
      FunctionUrlAuthType: 'NONE',
    }),
  )
  expect(await fetchUrl(FunctionUrl)).toEqual({ status: 200, body: 'hello' })
  await client.send(new RemovePermissionCommand(statement))
  expect((await fetchUrl(FunctionUrl)).status).toBe(403)
  await client.send(new DeleteFunctionUrlConfigCommand({ FunctionName }))
  expect(await fetchUrl(FunctionUrl)).toMatchObject({ status: 403, body: '{"Message":null}' })
})
