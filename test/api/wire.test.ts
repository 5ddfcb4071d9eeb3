/** What the official client would never send or show. */
import { connect } from 'node:net'
import { once } from 'node:events'
import { IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { operations } from '../../src/api/operations.ts'
import { zip } from '../functions/fakes.ts'
import { startApi, type ApiServer } from './server.ts'

const F = '/2015-03-31/functions'
const creation = (overrides: Record<string, unknown> = {}) => ({
  FunctionName: 'f',
  Runtime: 'nodejs24.x',
  Role: 'arn:aws:iam::111111111111:role/r',
  Handler: 'index.handler',
  Code: { ZipFile: zip().toString('base64') },
  ...overrides,
})
const create = (api: ApiServer, overrides?: Record<string, unknown>) => api.request('POST', F, creation(overrides))

it('carries a request id and JSON on every answer', async () => {
  await using api = await startApi()
  const created = await create(api)
  await api.functions.idle()
  const answers = [
    created,
    await api.request('GET', `${F}/none`),
    await api.request('GET', '/nowhere'),
    await api.request('POST', '/2015-03-31/functions/f/versions'),
    await api.request('DELETE', `${F}/f`),
  ]
  expect(answers.map(({ status }) => status)).toEqual([201, 404, 404, 201, 204])
  const ids = answers.map(({ headers }) => headers.get('x-amzn-requestid'))
  expect(new Set(ids).size).toBe(answers.length)
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  for (const { headers, status } of answers)
    expect(headers.get('content-type')).toBe(status === 204 ? null : 'application/json')
})

it('accepts trailing slashes and percent-encoded ARNs', async () => {
  await using api = await startApi()
  expect((await api.request('POST', `${F}/`, creation())).status).toBe(201)
  const arn = encodeURIComponent('arn:aws:lambda:us-east-1:111111111111:function:f')
  for (const path of [`${F}/${arn}`, `${F}/${arn}/`, `${F}/f/configuration/`, `${F}/f%3A%24LATEST`])
    expect((await api.request('GET', path)).status).toBe(200)
})

it.each(['%', '%zz', '%2F..%2F', '%00', 'f%20g', '*'])('refuses the path segment %s as a name', async (segment) => {
  await using api = await startApi()
  const { status, body } = await api.request('GET', `${F}/${segment}`)
  expect(status).toBe(400)
  expect(body).toEqual({ message: expect.stringMatching(/^1 validation error detected: Value '/) })
})

it('names an unknown operation', async () => {
  await using api = await startApi()
  for (const [method, path] of [
    ['GET', '/'],
    ['PATCH', `${F}/f`],
    ['DELETE', F],
  ] as const) {
    const { status, headers, body } = await api.request(method, path)
    expect(status).toBe(404)
    expect(headers.get('x-amzn-errortype')).toBe('UnknownOperationException')
    expect(body).toEqual({ message: `Unknown operation: ${method} ${path}` })
  }
})

it('has a handler for every operation of the model', async () => {
  await using api = await startApi()
  for (const { name, method, path, query } of operations) {
    const url = `${path.replaceAll(/:\w+/g, 'x')}${query === undefined ? '' : `?${query.join('=')}`}`
    const { status } = await api.request(method, url)
    expect({ name, missing: status === 501 }).toEqual({ name, missing: false })
  }
})

const badBodies: [body: string, message: RegExp][] = [
  ['{', /^Could not parse request body into json: /],
  ['[]', /^Could not parse request body into json: an object is expected$/],
  ['"x"', /an object is expected$/],
  ['{"FunctionName":7}', /functionName: .*expected string/],
  [JSON.stringify(creation({ Timeout: '3' })), /timeout: .*expected number/],
  [JSON.stringify(creation({ Timeout: 1.5 })), /timeout: .*expected int/],
  [JSON.stringify(creation({ Environment: { Variables: { A: 1 } } })), /environment.variables.a: .*expected string/],
  [JSON.stringify(creation({ Code: { ZipFile: 'not base64!' } })), /code.zipFile is no base64/],
]

it.each(badBodies)('refuses the body %s', async (body, message) => {
  await using api = await startApi()
  const response = await fetch(`${api.url}${F}`, { method: 'POST', body })
  expect(response.status).toBe(400)
  expect(response.headers.get('x-amzn-errortype')).toBe('InvalidRequestContentException')
  expect(await response.json()).toEqual({ Type: 'User', message: expect.stringMatching(message) })
})

const violations: [what: string, overrides: Record<string, unknown>, constraint: string][] = [
  [
    'timeout',
    { Timeout: 0 },
    `Value '0' at 'timeout' failed to satisfy constraint: Member must have value greater than or equal to 1`,
  ],
  [
    'timeout',
    { Timeout: 901 },
    `Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900`,
  ],
  [
    'memory',
    { MemorySize: 127 },
    `Value '127' at 'memorySize' failed to satisfy constraint: Member must have value greater than or equal to 128`,
  ],
  [
    'memory',
    { MemorySize: 10_241 },
    `Value '10241' at 'memorySize' failed to satisfy constraint: Member must have value less than or equal to 10240`,
  ],
  [
    'description',
    { Description: 'd'.repeat(257) },
    `Value '${'d'.repeat(257)}' at 'description' failed to satisfy constraint: Member must have length less than or equal to 256`,
  ],
  [
    'role',
    { Role: 'me' },
    `Value 'me' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+`,
  ],
  ['role', { Role: null }, `Value null at 'role' failed to satisfy constraint: Member must not be null`],
  ['code', { Code: undefined }, `Value null at 'code' failed to satisfy constraint: Member must not be null`],
  [
    'handler',
    { Handler: 'a b' },
    `Value 'a b' at 'handler' failed to satisfy constraint: Member must satisfy regular expression pattern: [^\\s]+`,
  ],
  [
    'storage',
    { EphemeralStorage: { Size: 1 } },
    `Value '1' at 'ephemeralStorage.size' failed to satisfy constraint: Member must have value greater than or equal to 512`,
  ],
  [
    'tracing',
    { TracingConfig: { Mode: 'x' } },
    `Value 'x' at 'tracingConfig.mode' failed to satisfy constraint: Member must satisfy enum value set: [Active, PassThrough]`,
  ],
  [
    'variables',
    { Environment: { Variables: { '1A': 'secret' } } },
    `Value '[1A]' at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]`,
  ],
  [
    'architectures',
    { Architectures: ['x86_64', 'arm64'] },
    `Value '[x86_64, arm64]' at 'architectures' failed to satisfy constraint: Member must have length less than or equal to 1`,
  ],
  [
    'architectures',
    { Architectures: ['mips'] },
    `Value '[mips]' at 'architectures' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64]]`,
  ],
  [
    'package type',
    { PackageType: 'Rpm' },
    `Value 'Rpm' at 'packageType' failed to satisfy constraint: Member must satisfy enum value set: [Zip, Image]`,
  ],
]

it.each(violations)('words a violation of %s as AWS does', async (_what, overrides, constraint) => {
  await using api = await startApi()
  const { status, headers, body } = await create(api, overrides)
  expect(body).toEqual({ message: `1 validation error detected: ${constraint}` })
  expect([status, headers.get('x-amzn-errortype')]).toEqual([400, 'ValidationException'])
})

it('lists all violations at once', async () => {
  await using api = await startApi()
  const { body } = await create(api, { Timeout: 0, MemorySize: 1 })
  expect(body).toEqual({ message: expect.stringMatching(/^2 validation errors detected: Value .*; Value /) })
})

it.each([
  ['MaxItems=0', /'maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1$/],
  ['MaxItems=10001', /less than or equal to 10000$/],
  ['FunctionVersion=x', /\[ALL\]$/],
])('validates the query %s', async (query, message) => {
  await using api = await startApi()
  const { status, body } = await api.request('GET', `${F}?${query}`)
  expect([status, body]).toEqual([400, { message: expect.stringMatching(message) }])
})

it.each([
  [{ VpcConfig: { SubnetIds: ['subnet-1'], SecurityGroupIds: [] } }, 'VpcConfig is not supported'],
  [
    { DeadLetterConfig: { TargetArn: 'arn:aws:sns:us-east-1:111111111111:t' } },
    'DeadLetterConfig.TargetArn must be the ARN of an SQS queue',
  ],
  [{ FileSystemConfigs: [{ Arn: 'x' }] }, 'FileSystemConfigs is not supported'],
  [{ LoggingConfig: { LogFormat: 'JSON' } }, 'LoggingConfig.LogFormat JSON is not supported'],
  [{ Code: { ImageUri: 'x' } }, 'ImageUri is not supported'],
])('refuses %j by name', async (overrides, message) => {
  await using api = await startApi()
  const { status, body } = await create(api, overrides)
  expect([status, body]).toEqual([400, { Type: 'User', message: expect.stringContaining(message) }])
})

it('accepts empty configurations of what it does not support', async () => {
  await using api = await startApi()
  const empty = { VpcConfig: { SubnetIds: [], SecurityGroupIds: [] }, Layers: [], DeadLetterConfig: { TargetArn: '' } }
  expect((await create(api, empty)).status).toBe(201)
})

it.each(['assemblyscript', 'provided.component'])('deploys the runtime %s', async (Runtime) => {
  await using api = await startApi()
  expect(await create(api, { Runtime })).toMatchObject({ status: 201, body: { Runtime } })
})

it('refuses a body over the limit, whether its length is announced or not', async () => {
  await using api = await startApi({ limits: { requestBytes: 10_000 } })
  const expected = {
    Type: 'User',
    message: 'Request must be smaller than 10000 bytes for the CreateFunction operation',
  }
  const announced = await create(api, { Description: 'x'.repeat(20_000) })
  expect([announced.status, announced.body]).toEqual([413, expected])
  const streamed = request(`${api.url}${F}`, { method: 'POST' })
  streamed.write('x'.repeat(20_000))
  const [response] = z.tuple([z.instanceof(IncomingMessage)]).parse(await once(streamed, 'response'))
  expect([response.statusCode, JSON.parse(await text(response))]).toEqual([413, expected])
  streamed.destroy()
})

it('shows nothing of what went wrong inside', async () => {
  await using api = await startApi()
  api.database[Symbol.dispose]()
  const { status, headers, body } = await api.request('GET', `${F}/f`)
  expect([status, headers.get('x-amzn-errortype')]).toEqual([500, 'ServiceException'])
  expect(body).toEqual({ Type: 'Service', Message: 'An internal error occurred.' })
})

it('survives a client that goes away in the middle of a request', async () => {
  await using api = await startApi()
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1')
  await once(socket, 'connect')
  socket.write(`POST ${F} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{"FunctionName":`)
  socket.destroy()
  expect((await create(api)).status).toBe(201)
})
