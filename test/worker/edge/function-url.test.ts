/** What function URLs say of the client, and of its request's id. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FunctionUrlRoute } from '../../../src/functions/collaborators.ts'
import { send, specOf, WorkerBench, type Answer, type TestWorker } from '../support/harness.ts'

const accountId = '000000000000'
const spec = specOf('f')
const route: FunctionUrlRoute = {
  accountId,
  functionName: 'f',
  qualifier: '$LATEST',
  urlId: 'a'.repeat(32),
  authType: 'NONE',
  isPublic: true,
  statements: [],
  invokeMode: 'BUFFERED',
  cors: undefined,
}
const host = `${route.urlId}.lambda-url.us-east-1.localhost`
const changes = [{ put: spec }, { putUrl: route }]

let bench: WorkerBench
let proxied: WorkerBench
let worker: TestWorker
let behindProxy: TestWorker

beforeAll(async () => {
  bench = new WorkerBench()
  proxied = new WorkerBench({ trustedProxies: 'loopback' })
  ;[worker, behindProxy] = await Promise.all([bench.worker(changes), proxied.worker(changes)])
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
  await proxied[Symbol.asyncDispose]()
})

const ask = (to: TestWorker, headers: Record<string, string>, body?: unknown): Promise<Answer> =>
  send({
    port: to.port,
    method: 'POST',
    headers: { host, 'content-type': 'application/json', ...headers },
    body: body === undefined ? '' : JSON.stringify(body),
  })

const claims = {
  'x-forwarded-for': '198.51.100.7',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'shop.test',
  'x-forwarded-port': '8443',
  forwarded: 'for=198.51.100.8',
}

describe('the client', () => {
  test('is who connected, and what it claims of itself is not handed on as true', async () => {
    const { headers, requestContext } = JSON.parse((await ask(worker, claims)).body)
    expect(requestContext.http.sourceIp).toBe('127.0.0.1')
    expect(headers).toMatchObject({
      'x-forwarded-for': '198.51.100.7, 127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-port': String(worker.port),
    })
    expect(headers).not.toHaveProperty('x-forwarded-host')
    expect(headers).not.toHaveProperty('forwarded')
  })

  test('is who a trusted proxy says', async () => {
    const { headers, requestContext } = JSON.parse((await ask(behindProxy, claims)).body)
    expect(requestContext.http.sourceIp).toBe('198.51.100.7')
    expect(headers).toMatchObject({
      'x-forwarded-for': '198.51.100.7, 127.0.0.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-port': '8443',
      'x-forwarded-host': 'shop.test',
    })
    // Not read, so not vouched for.
    expect(headers).not.toHaveProperty('forwarded')
  })

  test('is unknown where a trusted proxy’s Forwarded cannot be read: 400', async () => {
    const answer = await ask(behindProxy, { forwarded: 'for="' })
    expect([answer.status, answer.body]).toEqual([400, expect.stringContaining('Forwarded')])
  })

  test('is the same for a function in quarantine, and nobody else can say so', async () => {
    await using own = new WorkerBench()
    const socketPath = own.run.socketPath('quarantine')
    const quarantined = [...changes, { quarantine: { deployment: spec.deployment, socketPath } }]
    const front = await own.worker(quarantined)
    await own.worker(quarantined, 'none', 'quarantine')
    const { headers, requestContext } = JSON.parse((await ask(front, { 'x-thaw-peer': '198.51.100.7' })).body)
    expect(requestContext.http.sourceIp).toBe('127.0.0.1')
    expect(headers).not.toHaveProperty('x-thaw-peer')
  })
})

test('an https target is taken from a trusted proxy, which may have had it over TLS', async () => {
  const answer = await send({ port: behindProxy.port, path: `https://${host}/x`, headers: { host } })
  expect(answer.status).toBe(200)
  expect(JSON.parse(answer.body)).toMatchObject({ rawPath: '/x' })
})

describe('x-request-id', () => {
  const id = "trace-1!#$%&'*+.^_`|~"

  test('comes back, and the function sees it', async () => {
    const { headers, body } = await ask(worker, { 'x-request-id': id })
    expect(headers).toMatchObject({ 'x-request-id': id, 'x-amzn-requestid': expect.stringMatching(/^[0-9a-f-]{36}$/) })
    expect(JSON.parse(body).headers['x-request-id']).toBe(id)
  })

  test('comes back with an error, too', async () => {
    const headers = { host: `${'b'.repeat(32)}.lambda-url.us-east-1.localhost`, 'x-request-id': id }
    expect(await send({ port: worker.port, headers })).toMatchObject({ status: 403, headers: { 'x-request-id': id } })
  })

  test.each([['a'.repeat(129)], ['a b'], ['<a>'], ['a,b'], ['ü']])('is dropped where it is none: %s', async (wrong) => {
    const { status, headers, body } = await ask(worker, { 'x-request-id': wrong })
    expect(status).toBe(200)
    expect(headers).not.toHaveProperty('x-request-id')
    expect(JSON.parse(body).headers).not.toHaveProperty('x-request-id')
  })

  test('is the function’s, if it says one', async () => {
    const value = { statusCode: 200, headers: { 'X-Request-Id': 'own' } }
    const { headers } = await ask(worker, { 'x-request-id': id }, { do: 'return', value })
    expect(headers['x-request-id']).toBe('own')
  })
})

test('the length of no body is not said with 204', async () => {
  const { status, headers } = await ask(worker, {}, { do: 'return', value: { statusCode: 204 } })
  expect(status).toBe(204)
  expect(headers).not.toHaveProperty('content-length')
})
