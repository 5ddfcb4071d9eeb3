import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FunctionUrlCors, FunctionUrlRoute } from '../../src/functions/collaborators.ts'
import type { AccessKey } from '../../src/identity/key-ring.ts'
import { draft, sign } from '../identity/signing.ts'
import { specOf, send, WorkerBench, type Answer, type RequestOptions, type TestWorker } from './support/harness.ts'

const accountId = '000000000000'
let bench: WorkerBench
let worker: TestWorker

function route(letter: string, overrides: Partial<FunctionUrlRoute> = {}): { putUrl: FunctionUrlRoute } {
  return {
    putUrl: {
      accountId,
      functionName: 'f',
      qualifier: '$LATEST',
      urlId: letter.repeat(32),
      authType: 'NONE',
      isPublic: true,
      statements: [],
      invokeMode: 'BUFFERED',
      cors: undefined,
      ...overrides,
    },
  }
}

const cors: FunctionUrlCors = {
  allowCredentials: true,
  allowHeaders: ['x-a', 'x-b'],
  allowMethods: ['GET', 'POST'],
  allowOrigins: ['https://one.example'],
  exposeHeaders: ['x-c'],
  maxAgeSeconds: 60,
}

beforeAll(async () => {
  bench = new WorkerBench()
  worker = await bench.worker([
    { put: specOf('f') },
    { put: specOf('f', { version: '1' }) },
    { putAlias: { accountId, functionName: 'f', alias: 'live', version: '1', additional: undefined } },
    { functionPool: { accountId, functionName: 'off', pool: 3 } },
    { put: specOf('off') },
    route('a'),
    route('b', { qualifier: 'live' }),
    route('c', { cors }),
    route('d', { isPublic: false }),
    route('e', { authType: 'AWS_IAM', isPublic: false }),
    route('f', { functionName: 'gone' }),
    route('g', { functionName: 'off' }),
    route('h', { cors: { ...cors, allowCredentials: false, allowOrigins: ['*'] } }),
  ])
})
afterAll(() => bench[Symbol.asyncDispose]())

const hostOf = (letter: string) => `${letter.repeat(32)}.lambda-url.us-east-1.localhost`
function request(letter: string, options: RequestOptions = {}): Promise<Answer> {
  return send({ port: worker.port, ...options, headers: { host: hostOf(letter), ...options.headers } })
}
const json = { 'content-type': 'application/json' }
const returning = (value: unknown): RequestOptions => ({
  method: 'POST',
  headers: json,
  body: JSON.stringify({ do: 'return', value }),
})

describe('the event', () => {
  test('is what was sent, in payload format 2.0', async () => {
    const before = Date.now()
    const { body, headers } = await request('a', {
      method: 'PUT',
      path: '/a%20b/c?x=1&y=%C3%BC&x=2&z',
      headers: {
        'content-type': 'application/json; charset=utf-8',
        cookie: 'one=1; two=2',
        'User-Agent': 'test',
        'X-Mixed': 'A',
        'x-forwarded-for': '10.0.0.1',
        'x-thaw-account': 'forged',
      },
      body: '{"ü":1}',
    })
    const event = JSON.parse(body)
    const { timeEpoch, time } = event.requestContext
    expect(timeEpoch).toBeGreaterThanOrEqual(before)
    expect(Date.parse(time.replace(/\//g, ' ').replace(':', ' '))).toBe(Math.floor(timeEpoch / 1_000) * 1_000)
    expect(event).toEqual({
      version: '2.0',
      routeKey: '$default',
      rawPath: '/a%20b/c',
      rawQueryString: 'x=1&y=%C3%BC&x=2&z',
      cookies: ['one=1', 'two=2'],
      headers: {
        host: hostOf('a'),
        'content-type': 'application/json; charset=utf-8',
        'content-length': '8',
        connection: 'close',
        cookie: 'one=1; two=2',
        'user-agent': 'test',
        'x-mixed': 'A',
        'x-forwarded-for': '10.0.0.1, 127.0.0.1',
        'x-forwarded-port': String(worker.port),
        'x-forwarded-proto': 'http',
      },
      queryStringParameters: { x: '1,2', y: 'ü', z: '' },
      requestContext: {
        accountId: 'anonymous',
        apiId: 'a'.repeat(32),
        domainName: hostOf('a'),
        domainPrefix: 'a'.repeat(32),
        http: { method: 'PUT', path: '/a%20b/c', protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'test' },
        requestId: headers['x-amzn-requestid'],
        routeKey: '$default',
        stage: '$default',
        time: expect.stringMatching(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/),
        timeEpoch: expect.any(Number),
      },
      body: '{"ü":1}',
      isBase64Encoded: false,
    })
  })

  test('has no body, query or cookies where there are none', async () => {
    const event = JSON.parse((await request('a')).body)
    expect(event).not.toHaveProperty('body')
    expect(event).not.toHaveProperty('cookies')
    expect(event).not.toHaveProperty('queryStringParameters')
    expect(event).toMatchObject({ rawPath: '/', rawQueryString: '', isBase64Encoded: false })
  })

  test.each([
    ['application/octet-stream', Buffer.from([0, 255])],
    ['application/x-www-form-urlencoded', Buffer.from('a=1')],
    ['text/plain', Buffer.from([0xff])],
  ])('has a body in base64 for %s', async (type, body) => {
    const event = JSON.parse((await request('a', { method: 'POST', headers: { 'content-type': type }, body })).body)
    expect(event).toMatchObject({ isBase64Encoded: true, body: body.toString('base64') })
  })

  test('goes to the version of the alias', async () => {
    const { body } = await request('b', { method: 'POST', headers: json, body: '{"do":"describe"}' })
    const arn = 'arn:aws:lambda:us-east-1:000000000000:function:f:live'
    expect(JSON.parse(body)).toMatchObject({ spec: { version: '1' }, invokedFunctionArn: arn })
  })
})

describe('the response', () => {
  test.each([
    ['a string, as it is', 'hello', 'hello'],
    ['a number', 3.1, '3.1'],
    ['null', null, 'null'],
    ['a list', ['hello', 3, true], '["hello",3,true]'],
    ['an object without statusCode', { body: 'x' }, '{"body":"x"}'],
  ])('is 200 and JSON for %s', async (_, value, body) => {
    const answer = await request('a', returning(value))
    expect(answer).toMatchObject({ status: 200, body, headers: { 'content-type': 'application/json' } })
    expect(answer.headers['x-amzn-requestid']).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('is what the function says, if it says a status', async () => {
    const value = {
      statusCode: '201',
      headers: { 'Content-Type': 'text/plain', 'X-Number': 1, Connection: 'upgrade', 'content-length': '999' },
      cookies: ['a=1; Path=/', 'b=2'],
      body: 'aGVsbG8=',
      isBase64Encoded: true,
    }
    const { status, headers, body } = await request('a', returning(value))
    expect([status, body]).toEqual([201, 'hello'])
    expect(headers).toMatchObject({
      'content-type': 'text/plain',
      'x-number': '1',
      'set-cookie': ['a=1; Path=/', 'b=2'],
      'content-length': '5',
    })
  })

  test.each([
    ['a status that is none', { statusCode: 99 }],
    ['a status that is no number', { statusCode: 'ok' }],
    ['a header that splits the response', { statusCode: 200, headers: { a: 'b\r\nc: d' } }],
    ['headers that are no map', { statusCode: 200, headers: 'a: b' }],
  ])('is 502 for %s', async (_, value) => {
    expect(await request('a', returning(value))).toMatchObject({ status: 502, body: 'Internal Server Error' })
  })

  test("is 502 for a function's error, and 429 when throttled", async () => {
    const failed = await request('a', { method: 'POST', headers: json, body: '{"do":"fail"}' })
    expect(failed).toMatchObject({ status: 502, body: 'Internal Server Error' })
    expect(await request('g')).toMatchObject({
      status: 429,
      headers: { 'x-amzn-errortype': 'TooManyRequestsException' },
    })
  })

  test('is 413 for a body over the limit', async () => {
    const body = Buffer.alloc(bench.config.limits.payloadBytes + 1)
    const status = await request('a', { method: 'POST', body }).then(
      (answer) => answer.status,
      (error: NodeJS.ErrnoException) => error.code,
    )
    expect([413, 'EPIPE', 'ECONNRESET']).toContain(status)
  })
})

describe('access', () => {
  test('unknown URLs are refused, and tell nothing', async () => {
    for (const letter of ['z', '0'])
      expect(await request(letter)).toMatchObject({
        status: 403,
        body: '{"Message":null}',
        headers: { 'x-amzn-errortype': 'AccessDeniedException' },
      })
  })

  test('a URL without a public policy is refused', async () => {
    const { status, body } = await request('d')
    expect(status).toBe(403)
    expect(JSON.parse(body).Message).toMatch(/^Forbidden/)
  })

  test('AWS_IAM wants a signature, in dev mode any', async () => {
    expect((await request('e')).status).toBe(403)
    const authorization =
      'AWS4-HMAC-SHA256 Credential=AKIAX/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=00'
    const { status, body } = await request('e', { headers: { authorization } })
    expect(status).toBe(200)
    expect(JSON.parse(body).requestContext).toMatchObject({ accountId, authorizer: { iam: { accountId } } })
  })

  test('with accounts, the signature is checked, and its account', async () => {
    await using own = new WorkerBench({ auth: 'accounts' })
    const keys = [
      { accessKeyId: 'AKIAOWN', accountId, secret: 'own' },
      { accessKeyId: 'AKIAOTHER', accountId: '111111111111', secret: 'other' },
    ]
    const changes = [...keys.map((putKey) => ({ putKey })), { put: specOf('f') }, route('e', { authType: 'AWS_IAM' })]
    const checked = await own.worker(changes)
    const signed = async (by: AccessKey, body?: string): Promise<Answer> => {
      const request = draft({ path: '/x', query: { a: '1' }, body: Buffer.from('signed') })
      const wire = await sign(request, { key: by, at: new Date(), host: hostOf('e') })
      const { method, url: path, headers } = wire
      return send({ port: checked.port, method, path, headers, body: body ?? 'signed' })
    }
    const [ownKey, otherKey] = keys
    if (ownKey === undefined || otherKey === undefined) throw new Error('unreachable')
    const answer = await signed(ownKey)
    expect(answer.status).toBe(200)
    const { authorizer } = JSON.parse(answer.body).requestContext
    expect(authorizer.iam).toMatchObject({ accessKey: 'AKIAOWN', accountId })
    expect((await signed(otherKey)).status).toBe(403)
    expect((await signed({ ...ownKey, secret: 'wrong' })).status).toBe(403)
    expect((await signed({ ...ownKey, accessKeyId: 'AKIANONE' })).status).toBe(403)
    expect((await signed(ownKey, 'tampered')).status).toBe(403)

    const granted = (principal: string) => ({
      Sid: 's',
      Effect: 'Allow' as const,
      Principal: { AWS: `arn:aws:iam::${principal}:root` },
      Action: 'lambda:InvokeFunctionUrl',
      Resource: `arn:aws:lambda:us-east-1:${accountId}:function:f`,
      Condition: { StringEquals: { 'lambda:FunctionUrlAuthType': 'AWS_IAM' } },
    })
    await checked.apply([route('e', { authType: 'AWS_IAM', statements: [granted('222222222222')] })])
    expect((await signed(otherKey)).status).toBe(403)
    await checked.apply([route('e', { authType: 'AWS_IAM', statements: [granted('111111111111')] })])
    expect((await signed(otherKey)).status).toBe(200)
    expect((await signed({ ...otherKey, secret: 'wrong' })).status).toBe(403)
  })

  test('a URL of a function that cannot answer is 502; one that is removed is unknown', async () => {
    expect((await request('f')).status).toBe(502)
    await worker.apply([route('i')])
    expect((await request('i')).status).toBe(200)
    await worker.apply([{ removeUrl: { urlId: 'i'.repeat(32) } }])
    expect((await request('i')).status).toBe(403)
  })
})

describe('CORS', () => {
  const preflight = (origin: string) => ({
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST' },
  })

  test('a preflight is answered without the function', async () => {
    const { status, headers, body } = await request('c', preflight('https://one.example'))
    expect([status, body]).toEqual([200, ''])
    expect(headers).toMatchObject({
      'access-control-allow-origin': 'https://one.example',
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET,POST',
      'access-control-allow-headers': 'x-a,x-b',
      'access-control-max-age': '60',
      vary: 'Origin',
    })
    expect((await request('h', preflight('https://any.example'))).headers).toMatchObject({
      'access-control-allow-origin': '*',
    })
  })

  test('another origin gets no permission', async () => {
    const { status, headers } = await request('c', preflight('https://two.example'))
    expect(status).toBe(200)
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([])
  })

  test("the function's own headers give way", async () => {
    const value = { statusCode: 200, headers: { 'Access-Control-Allow-Origin': '*', 'X-Own': '1' } }
    const { headers } = await request('c', {
      ...returning(value),
      headers: { ...json, origin: 'https://one.example' },
    })
    expect(headers).toMatchObject({
      'access-control-allow-origin': 'https://one.example',
      'access-control-expose-headers': 'x-c',
      'x-own': '1',
    })
    expect(headers).not.toHaveProperty('access-control-allow-methods')
  })

  test('without rules a preflight is for the function', async () => {
    const { body } = await request('a', preflight('https://one.example'))
    expect(JSON.parse(body).requestContext.http.method).toBe('OPTIONS')
  })
})
