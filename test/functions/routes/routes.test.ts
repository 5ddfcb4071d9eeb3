/** Which routes may be, what the data plane is told of them, and what becomes of them. */
import { describe, expect, it } from 'vitest'
import { parseFunctionRef } from '../../../src/functions/names.ts'
import type { RouteInput } from '../../../src/functions/routes/admission.ts'
import { temporaryFolder } from '../../store/temp.ts'
import { accountId, createControlPlane, creation, region, type ControlPlane } from '../fakes.ts'

const other = '222222222222'
const ref = (name = 'f', qualifier?: string, account = accountId) =>
  parseFunctionRef(name, qualifier, { accountId: account, region })
const input = (overrides: Partial<RouteInput> = {}): RouteInput => ({
  host: 'api.example.com',
  path: '/*',
  methods: [],
  authType: 'NONE',
  invokeMode: 'BUFFERED',
  ...overrides,
})
const unchanged = {
  ref: undefined,
  host: undefined,
  path: undefined,
  methods: undefined,
  authType: undefined,
  invokeMode: undefined,
}
const page = { marker: undefined, maxItems: undefined }

/** With the functions `f`, its version 1 and alias `live`, and `g`; and an `f` of another account. */
async function start(directory?: string, ...settings: [Parameters<typeof createControlPlane>[1]?]) {
  const plane = await createControlPlane(directory ?? (await temporaryFolder()), ...settings)
  const { documents, functions } = plane
  await functions.create(accountId, 'f', creation({ publish: true }))
  await functions.create(accountId, 'g', creation())
  await functions.create(other, 'f', creation())
  await functions.idle()
  const alias = { name: 'live', description: '', functionVersion: '1', revisionId: 'r' }
  await documents.put({ kind: 'alias', accountId, scope: 'f', key: 'live' }, alias, 'absent')
  plane.dataPlane.changes.length = 0
  return plane
}

const told = ({ dataPlane }: ControlPlane) => dataPlane.changes
const create = ({ settings }: ControlPlane, overrides: Partial<RouteInput> = {}, at = ref()) =>
  settings.routes.create(at.accountId, at, input(overrides))
const idsOf = async ({ settings }: ControlPlane, account = accountId) =>
  (await settings.routes.list(account, undefined, page)).items.map(({ key }) => key)

describe('a route', () => {
  it('is told to the workers, changed in place, and taken from them before it is forgotten', async () => {
    await using plane = await start()
    const { routes } = plane.settings
    const { key: routeId } = await create(plane, {
      host: 'API.example.com',
      path: '/a/',
      methods: ['PUT', 'GET', 'GET'],
    })
    expect(routeId).toMatch(/^[a-z0-9]{10}$/)
    const putRoute = {
      routeId,
      accountId,
      functionName: 'f',
      qualifier: '$LATEST',
      host: 'api.example.com',
      path: '/a',
      methods: ['GET', 'PUT'],
      authType: 'NONE',
      statements: [],
      invokeMode: 'BUFFERED',
    }
    await routes.update(accountId, routeId, { ...unchanged, path: '/b', methods: [] })
    await routes.update(accountId, routeId, { ...unchanged, ref: ref('g'), authType: 'AWS_IAM' })
    expect(await idsOf(plane)).toEqual([routeId])
    plane.dataPlane.failure = new Error('no workers')
    await expect(routes.delete(accountId, routeId)).rejects.toThrow('no workers')
    plane.dataPlane.failure = undefined
    await routes.delete(accountId, routeId)
    expect(told(plane)).toEqual([
      { putRoute },
      { putRoute: { ...putRoute, path: '/b', methods: [] } },
      { putRoute: { ...putRoute, path: '/b', methods: [], functionName: 'g', authType: 'AWS_IAM' } },
      { removeRoute: { routeId } },
      { removeRoute: { routeId } },
    ])
    await expect(routes.get(accountId, routeId)).rejects.toMatchObject({ code: 'ResourceNotFound' })
  })

  it('goes with its function, alias or version, and with no other', async () => {
    await using plane = await start()
    const { settings, functions } = plane
    const paths = { f: ref(), live: ref('f', 'live'), one: ref('f', '1'), g: ref('g') }
    const ids: Record<string, string> = {}
    for (const [path, at] of Object.entries(paths)) ids[path] = (await create(plane, { path: `/${path}` }, at)).key
    await settings.dropQualifier({ accountId, functionName: 'f', qualifier: 'live' })
    expect(told(plane).at(-1)).toEqual({ removeRoute: { routeId: ids.live } })
    expect(await idsOf(plane)).toEqual([ids.f, ids.one, ids.g].toSorted())
    await functions.delete(ref())
    expect(await idsOf(plane)).toEqual([ids.g])
  })

  it('is served again after a restart, with the policy it is judged by', async () => {
    const directory = await temporaryFolder()
    const expected = await (async () => {
      await using plane = await start(directory)
      await create(plane, { authType: 'AWS_IAM' })
      await plane.settings.permissions.add(
        ref(),
        {
          statementId: 's',
          action: 'lambda:InvokeFunctionUrl',
          principal: other,
          sourceArn: undefined,
          sourceAccount: undefined,
          eventSourceToken: undefined,
          principalOrgId: undefined,
          functionUrlAuthType: 'AWS_IAM',
          invokedViaFunctionUrl: undefined,
        },
        undefined,
      )
      expect(told(plane)).toHaveLength(2)
      return told(plane).at(-1)
    })()
    expect(expected).toMatchObject({ putRoute: { statements: [{ Sid: 's' }] } })
    await using again = await createControlPlane(directory)
    expect(await again.settings.routes.served()).toEqual([expected])
  })

  it('that a crash left at two functions is at the later one', async () => {
    const directory = await temporaryFolder()
    {
      await using plane = await start(directory)
      const { key, value } = await create(plane)
      // What an update writes first when it takes the route to another function.
      await plane.documents.put({ kind: 'route', accountId, scope: 'g', key }, value, 'absent')
    }
    await using again = await createControlPlane(directory)
    expect(await again.settings.routes.served()).toMatchObject([{ putRoute: { functionName: 'g' } }])
    await again.start()
    await again.functions.delete(ref('g'))
    expect(await idsOf(again)).toEqual([])
  })

  it('is of a function that is there, and one’s own', async () => {
    await using plane = await start()
    for (const at of [ref('none'), ref('f', '9'), ref('f', 'none')])
      await expect(create(plane, {}, at)).rejects.toMatchObject({ code: 'ResourceNotFound' })
    const foreign = plane.settings.routes.create(accountId, ref('f', undefined, other), input())
    await expect(foreign).rejects.toMatchObject({ code: 'AccessDenied' })
    const { key } = await create(plane)
    const moved = (at: ReturnType<typeof ref>) =>
      plane.settings.routes.update(accountId, key, { ...unchanged, ref: at })
    await expect(moved(ref('none'))).rejects.toMatchObject({ code: 'ResourceNotFound' })
    await expect(moved(ref('f', undefined, other))).rejects.toMatchObject({ code: 'AccessDenied' })
    expect(told(plane)).toHaveLength(1)
  })

  it('that comes while the function is being deleted finds no function', async () => {
    await using plane = await start()
    plane.dataPlane.gate.close()
    const deleted = plane.functions.delete(ref())
    const late = Promise.allSettled([create(plane)])
    plane.dataPlane.gate.open()
    await deleted
    expect(await late).toMatchObject([{ status: 'rejected', reason: { code: 'ResourceNotFound' } }])
  })
})

describe('two routes', () => {
  it.each([
    ['the same path', {}, {}],
    ['another spelling of it', { path: '/a/b' }, { path: '//%61/b/' }],
    ['a method of both', { methods: ['GET', 'PUT'] }, { methods: ['PUT'] }],
  ])('with %s are a conflict', async (_, first, second) => {
    await using plane = await start()
    const { key } = await create(plane, first)
    await expect(create(plane, second, ref('g'))).rejects.toMatchObject({
      code: 'ResourceConflict',
      message: expect.stringContaining(key),
    })
    const { key: moved } = await create(plane, { path: '/elsewhere' })
    const full = { ...unchanged, ...input(second) }
    await expect(plane.settings.routes.update(accountId, moved, full)).rejects.toMatchObject({
      code: 'ResourceConflict',
    })
    expect(await plane.settings.routes.update(accountId, key, { ...unchanged, ...input(first) })).toMatchObject({ key })
  })

  it('of which one is more specific are not', async () => {
    await using plane = await start()
    for (const overrides of [{}, { methods: ['GET'] }, { path: '/a' }, { path: '/a/*' }, { host: '*.example.com' }])
      await create(plane, overrides)
    expect(await idsOf(plane)).toHaveLength(5)
  })

  it('made at once are not both made', async () => {
    await using plane = await start()
    const outcomes = await Promise.allSettled([create(plane), create(plane, {}, ref('g'))])
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  })
})

describe('a host', () => {
  it.each([
    ['api.example.com', 'api.example.com'],
    ['api.example.com', '*.example.com'],
    ['*.example.com', 'api.example.com'],
    ['*.example.com', '*.api.example.com'],
  ])('%s belongs to the account that had it first, so that %s does too', async (first, second) => {
    await using plane = await start()
    const { key } = await create(plane, { host: first })
    const foreign = ref('f', undefined, other)
    const attempt = () => create(plane, { host: second, path: '/other' }, foreign)
    // Not a word of whose it is.
    await expect(attempt()).rejects.toMatchObject({
      code: 'ResourceConflict',
      message: `Host ${second} is not available.`,
    })
    const { key: own } = await create(plane, { host: 'other.org' }, foreign)
    const taking = plane.settings.routes.update(other, own, { ...unchanged, host: second })
    await expect(taking).rejects.toMatchObject({ code: 'ResourceConflict' })
    await plane.settings.routes.delete(accountId, key)
    await attempt()
  })

  it('of the server cannot be routed', async () => {
    await using plane = await start(undefined, { config: { apiHosts: 'thaw.example.com,api.thaw.dev' } })
    for (const host of ['thaw.example.com', 'API.thaw.dev', 'x.lambda-url.us-east-1.localhost', '127.0.0.1'])
      await expect(create(plane, { host })).rejects.toMatchObject({ code: 'InvalidParameterValue' })
    await create(plane, { host: '*.example.com' })
  })
})

it('of another account a route cannot be seen, changed or deleted', async () => {
  await using plane = await start()
  const { routes } = plane.settings
  const { key } = await create(plane)
  expect(await idsOf(plane, other)).toEqual([])
  expect((await routes.list(other, ref(), page)).items).toEqual([])
  for (const attempt of [routes.get(other, key), routes.update(other, key, unchanged), routes.delete(other, key)])
    await expect(attempt).rejects.toMatchObject({ code: 'ResourceNotFound' })
})

it('an account has so many routes and no more', async () => {
  await using plane = await start(undefined, { limits: { routes: 2 } })
  await create(plane, { path: '/1' })
  await create(plane, { path: '/2' })
  await expect(create(plane, { path: '/3' })).rejects.toMatchObject({
    code: 'InvalidParameterValue',
    message: 'An account may have 2 routes (limits.routes).',
  })
  await create(plane, { host: 'other.org' }, ref('f', undefined, other))
})
