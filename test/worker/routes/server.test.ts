/** Routes as a worker serves them, next to everything else on its port. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { HttpRoute } from '../../../src/functions/collaborators.ts'
import { draft, sign } from '../../identity/signing.ts'
import {
  invokePath,
  send,
  specOf,
  WorkerBench,
  type Answer,
  type RequestOptions,
  type TestWorker,
} from '../support/harness.ts'

const accountId = '000000000000'
let bench: WorkerBench
let worker: TestWorker

function route(routeId: string, path: string, overrides: Partial<HttpRoute> = {}): { putRoute: HttpRoute } {
  return {
    putRoute: {
      routeId,
      accountId,
      functionName: 'f',
      qualifier: '$LATEST',
      host: 'api.example.com',
      path,
      methods: [],
      authType: 'NONE',
      statements: [],
      invokeMode: 'BUFFERED',
      ...overrides,
    },
  }
}

beforeAll(async () => {
  bench = new WorkerBench({ apiHosts: ['thaw.example.com'] })
  worker = await bench.worker([
    { put: specOf('f') },
    { put: specOf('f', { version: '1' }) },
    { putAlias: { accountId, functionName: 'f', alias: 'live', version: '1', additional: undefined } },
    route('users', '/users/*/posts/*'),
    route('reads', '/files/*', { methods: ['GET', 'HEAD'] }),
    route('alias', '/alias', { qualifier: 'live' }),
    route('gone', '/gone', { functionName: 'gone' }),
    route('signed', '/signed', { authType: 'AWS_IAM' }),
    route('wide', '/*', { host: '*.example.com' }),
    route('off', '/off', { functionName: 'off' }),
    { functionPool: { accountId, functionName: 'off', pool: 3 } },
    { put: specOf('off') },
  ])
})
afterAll(() => bench[Symbol.asyncDispose]())

function request(path: string, options: RequestOptions = {}): Promise<Answer> {
  return send({ port: worker.port, path, ...options, headers: { host: 'api.example.com', ...options.headers } })
}

describe('the event', () => {
  test('says by which route it came', async () => {
    const { body, headers } = await request('/users/4%202/posts/a/b?x=1', { method: 'PUT', body: '{"a":1}' })
    expect(JSON.parse(body)).toMatchObject({
      version: '2.0',
      routeKey: 'ANY /users/*/posts/*',
      rawPath: '/users/4%202/posts/a/b',
      rawQueryString: 'x=1',
      pathParameters: { 1: '4 2', proxy: 'a/b' },
      requestContext: {
        accountId: 'anonymous',
        apiId: 'users',
        domainName: 'api.example.com',
        domainPrefix: 'api',
        http: { method: 'PUT', path: '/users/4%202/posts/a/b' },
        requestId: headers['x-amzn-requestid'],
        routeKey: 'ANY /users/*/posts/*',
        stage: '$default',
      },
      body: '{"a":1}',
    })
  })

  test('has the method in the key of a route for some', async () => {
    expect(JSON.parse((await request('/files/a')).body)).toMatchObject({
      routeKey: 'GET /files/*',
      pathParameters: { proxy: 'a' },
    })
  })

  test('is $default for all of a host', async () => {
    const event = JSON.parse((await request('/x/y', { headers: { host: 'Any.Example.com:9000' } })).body)
    expect(event).toMatchObject({
      routeKey: '$default',
      requestContext: { apiId: 'wide', domainName: 'any.example.com', domainPrefix: 'any' },
    })
    expect(event).not.toHaveProperty('pathParameters')
  })
})

test('the answer is the function’s, by the qualifier of the route', async () => {
  const value = { statusCode: 201, headers: { 'x-a': '1' }, body: 'made' }
  const returned = await request('/made', { method: 'POST', body: JSON.stringify({ do: 'return', value }) })
  expect(returned).toMatchObject({ status: 201, body: 'made', headers: { 'x-a': '1' } })
  const { body } = await request('/alias', { method: 'POST', body: '{"do":"describe"}' })
  const arn = `arn:aws:lambda:us-east-1:${accountId}:function:f:live`
  expect(JSON.parse(body)).toMatchObject({ spec: { version: '1' }, invokedFunctionArn: arn })
})

describe('what is not for a function', () => {
  test.each([
    ['a path without a route', '/nowhere', 'other.example.org', undefined],
    ['dots in the path', '/files/../signed', 'api.example.com', undefined],
    ['an encoded way up', '/files/%2e%2e/signed', 'api.example.com', undefined],
  ])('%s', async (_, path, host) => {
    await worker.apply([route('org', '/only', { host: 'other.example.org' })])
    const { status, body, headers } = await request(path, { headers: { host } })
    expect([status, body]).toEqual([404, '{"message":"Not Found"}'])
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'x-amzn-requestid': expect.any(String) })
  })

  test('a method that no route takes', async () => {
    await worker.apply([route('get', '/get', { host: 'get.example.org', methods: ['GET'] })])
    const headers = { host: 'get.example.org' }
    expect((await request('/get', { headers })).status).toBe(200)
    expect(await request('/get', { method: 'POST', headers })).toMatchObject({
      status: 404,
      body: '{"message":"Not Found"}',
    })
  })

  test('a function that cannot answer, or may not run any more', async () => {
    expect((await request('/gone')).status).toBe(502)
    expect(await request('/off', { headers: { host: 'api.example.com' } })).toMatchObject({
      status: 429,
      headers: { 'x-amzn-errortype': 'TooManyRequestsException' },
    })
  })
})

test('other hosts are served as without routes', async () => {
  const plain = { port: worker.port, method: 'POST', body: '{"do":"return","value":1}' }
  for (const host of ['127.0.0.1', 'localhost:9000', 'thaw.example.com', 'example.com']) {
    expect(await send({ ...plain, path: invokePath('f'), headers: { host } })).toMatchObject({ status: 200, body: '1' })
    expect((await send({ ...plain, path: '/files/a', headers: { host } })).body).toBe('the controller')
  }
})

test('a route is in force when it is acknowledged, and no longer when it is removed', async () => {
  const headers = { host: 'new.example.org' }
  expect((await request('/', { headers })).body).toBe('the controller')
  await worker.apply([route('new', '/*', { host: 'new.example.org' })])
  expect((await request('/', { headers })).status).toBe(200)
  await worker.apply([{ removeRoute: { routeId: 'new' } }])
  expect((await request('/', { headers })).body).toBe('the controller')
})

describe('AWS_IAM', () => {
  test('asks for a signature', async () => {
    expect(await request('/signed')).toMatchObject({ status: 403, body: '{"message":"Forbidden"}' })
    const authorization = 'AWS4-HMAC-SHA256 Credential=AKIAX/20260101/us-east-1/lambda/aws4_request, Signature=00'
    const { body } = await request('/signed', { headers: { authorization } })
    expect(JSON.parse(body).requestContext.authorizer.iam).toMatchObject({ accountId })
  })

  test('with accounts, the signature is checked, and whose it is', async () => {
    await using own = new WorkerBench({ auth: 'accounts' })
    const ownKey = { accessKeyId: 'AKIAOWN', accountId, secret: 'own' }
    const otherKey = { accessKeyId: 'AKIAOTHER', accountId: '111111111111', secret: 'other' }
    const keys = [ownKey, otherKey].map((putKey) => ({ putKey }))
    const checked = await own.worker([...keys, { put: specOf('f') }, route('s', '/x', { authType: 'AWS_IAM' })])
    const signed = async (key: typeof ownKey, body = 'signed'): Promise<number> => {
      const wire = await sign(draft({ path: '/x', query: {}, body: Buffer.from('signed') }), {
        key,
        at: new Date(),
        host: 'api.example.com',
      })
      const { method, url: path, headers } = wire
      return (await send({ port: checked.port, method, path, headers, body })).status
    }
    expect(await signed(ownKey)).toBe(200)
    expect(await signed(ownKey, 'tampered')).toBe(403)
    expect(await signed({ ...ownKey, secret: 'wrong' })).toBe(403)
    expect(await signed(otherKey)).toBe(403)
    const statement = {
      Sid: 's',
      Effect: 'Allow' as const,
      Principal: { AWS: otherKey.accountId },
      Action: 'lambda:InvokeFunctionUrl',
      Resource: `arn:aws:lambda:us-east-1:${accountId}:function:f`,
    }
    await checked.apply([route('s', '/x', { authType: 'AWS_IAM', statements: [statement] })])
    expect(await signed(otherKey)).toBe(200)
  })
})

test('a function in quarantine is run by its worker, through the same route', async () => {
  const spec = specOf('bad')
  const change = [{ put: spec }, route('bad', '/*', { functionName: 'bad', host: 'bad.example.org' })]
  const quarantine = await bench.worker(change, 'none')
  await worker.apply([...change, { quarantine: { deployment: spec.deployment, socketPath: quarantine.socketPath } }])
  const options = { method: 'POST', headers: { host: 'bad.example.org' }, body: '{"do":"describe"}' }
  expect(JSON.parse((await request('/x', options)).body).pid).toBe(quarantine.pid)
})
