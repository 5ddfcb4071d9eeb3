/** Thaw's own operations on routes, as they are on the wire. */
import { expect, it } from 'vitest'
import { startWithAlias } from './prepared.ts'
import type { ApiServer, WireAnswer } from './server.ts'

const R = '/2026-11-22/routes'
const arn = 'arn:aws:lambda:us-east-1:111111111111:function:f'
let hosts = 0
const create = (api: ApiServer, overrides: Record<string, unknown> = {}): Promise<WireAnswer> =>
  api.request('POST', R, { Host: `h${++hosts}.example.com`, FunctionName: 'f', AuthType: 'NONE', ...overrides })
const idOf = ({ body }: WireAnswer): string =>
  typeof body === 'object' && body !== null && 'RouteId' in body ? String(body.RouteId) : ''

it('a route has a life', async () => {
  await using api = await startWithAlias()
  const created = await create(api, { Host: 'API.example.com' })
  const route = {
    RouteId: expect.stringMatching(/^[a-z0-9]{10}$/),
    Host: 'api.example.com',
    Path: '/*',
    FunctionArn: arn,
    AuthType: 'NONE',
    InvokeMode: 'BUFFERED',
    CreationTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    LastModifiedTime: expect.any(String),
  }
  expect([created.status, created.body]).toEqual([201, route])
  const path = `${R}/${idOf(created)}`
  expect(await api.request('GET', path)).toMatchObject({ status: 200, body: created.body })
  const change = {
    Path: '/a/*',
    Methods: ['POST', 'GET'],
    Qualifier: 'live',
    AuthType: 'AWS_IAM',
    InvokeMode: 'RESPONSE_STREAM',
  }
  const updated = { ...route, ...change, Methods: ['GET', 'POST'], FunctionArn: `${arn}:live`, Qualifier: undefined }
  expect((await api.request('PUT', path, change)).body).toEqual(updated)
  // What is left out stays, and an empty list is all methods.
  expect((await api.request('PUT', path, { Methods: [] })).body).toEqual({ ...updated, Methods: undefined })
  expect((await api.request('PUT', path, { FunctionName: 'f:1' })).body).toMatchObject({ FunctionArn: `${arn}:1` })
  expect(await api.request('DELETE', path)).toMatchObject({ status: 204, body: undefined })
  for (const method of ['GET', 'PUT', 'DELETE']) {
    const { status, headers, body } = await api.request(method, path, method === 'PUT' ? {} : undefined)
    expect([status, headers.get('x-amzn-errortype')]).toEqual([404, 'ResourceNotFoundException'])
    expect(body).toEqual({ Type: 'User', Message: `Route not found: ${idOf(created)}` })
  }
})

it('lists page by page, and by function and qualifier', async () => {
  await using api = await startWithAlias()
  const ids = await Promise.all(
    ['f', 'f:live', arn].map(async (FunctionName) => idOf(await create(api, { FunctionName }))),
  )
  const seen: string[] = []
  let marker = ''
  do {
    const { body } = await api.request('GET', `${R}?MaxItems=2${marker}`)
    const page = body as { Routes: { RouteId: string }[]; NextMarker?: string }
    expect(page.Routes.length).toBeLessThanOrEqual(2)
    seen.push(...page.Routes.map(({ RouteId }) => RouteId))
    marker = page.NextMarker === undefined ? '' : `&Marker=${page.NextMarker}`
  } while (marker !== '')
  expect(seen).toEqual(ids.toSorted())
  const listed = async (query: string) => {
    const { body } = await api.request('GET', `${R}?${query}`)
    return (body as { Routes: { RouteId: string }[] }).Routes.map(({ RouteId }) => RouteId)
  }
  expect(await listed('FunctionName=f')).toEqual(ids.toSorted())
  expect(await listed('FunctionName=f&Qualifier=live')).toEqual([ids[1]])
  expect(await listed('FunctionName=g')).toEqual([])
})

const refusals: [request: Record<string, unknown>, status: number, type: string, message: string][] = [
  [
    { Host: undefined },
    400,
    'Validation',
    "Value null at 'host' failed to satisfy constraint: Member must not be null",
  ],
  [{ FunctionName: undefined }, 400, 'Validation', "Value null at 'functionName'"],
  [{ AuthType: undefined }, 400, 'Validation', "Value null at 'authType'"],
  [{ AuthType: 'OPEN' }, 400, 'Validation', 'enum value set: [NONE, AWS_IAM]'],
  [{ InvokeMode: 'SLOW' }, 400, 'Validation', 'enum value set: [BUFFERED, RESPONSE_STREAM]'],
  [{ Methods: ['get'] }, 400, 'Validation', 'enum value set: [GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS]'],
  [{ FunctionName: 'a b' }, 400, 'Validation', "Value 'a b' at 'functionName'"],
  [{ Host: 'localhost' }, 400, 'InvalidParameterValue', 'localhost'],
  [{ Path: 'x' }, 400, 'InvalidParameterValue', 'Path must begin with a slash'],
  [{ Qualifier: 'none' }, 404, 'ResourceNotFound', ':function:f:none'],
  [{ FunctionName: 'none' }, 404, 'ResourceNotFound', ':function:none'],
  [{ FunctionName: arn.replace('111111111111', '222222222222') }, 403, 'AccessDenied', '222222222222:function:f'],
]

it('refuses what makes no route, in the words of Lambda', async () => {
  await using api = await startWithAlias()
  for (const [request, status, type, message] of refusals) {
    const { headers, ...answer } = await create(api, request)
    const body = answer.body as Record<string, string>
    expect([request, answer.status, headers.get('x-amzn-errortype')]).toEqual([request, status, `${type}Exception`])
    expect(body.message ?? body.Message).toContain(message)
  }
})
