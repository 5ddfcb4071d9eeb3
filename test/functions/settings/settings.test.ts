/** What settings tell the data plane, what survives a restart, and what comes between what. */
import { expect, it, vi } from 'vitest'
import type { DataPlaneChange } from '../../../src/functions/collaborators.ts'
import { parseFunctionRef } from '../../../src/functions/names.ts'
import type { PermissionInput } from '../../../src/functions/settings/statements.ts'
import { temporaryFolder } from '../../store/temp.ts'
import { accountId, createControlPlane, creation, region, type ControlPlane } from '../fakes.ts'

const ref = (name = 'f', qualifier?: string) => parseFunctionRef(name, qualifier, { accountId, region })
const key = (qualifier: string) => ({ accountId, functionName: 'f', qualifier })

const everybody: PermissionInput = {
  statementId: 's',
  action: 'lambda:InvokeFunctionUrl',
  principal: '*',
  sourceArn: undefined,
  sourceAccount: undefined,
  eventSourceToken: undefined,
  principalOrgId: undefined,
  functionUrlAuthType: 'NONE',
  invokedViaFunctionUrl: undefined,
}
const url = { authType: 'NONE', invokeMode: undefined, cors: undefined } as const

/** With the function `f` and its version 1. */
async function start(directory: string, ...settings: [Parameters<typeof createControlPlane>[1]?]) {
  const plane = await createControlPlane(directory, ...settings)
  await plane.functions.create(accountId, 'f', creation({ publish: true }))
  await plane.functions.idle()
  plane.dataPlane.changes.length = 0
  return plane
}

const urls = ({ dataPlane }: ControlPlane) =>
  dataPlane.changes.flatMap((change) => ('putUrl' in change ? [change.putUrl.isPublic] : []))

it('a URL is published as public when the policy lets everybody in, and no longer when it does not', async () => {
  await using plane = await start(await temporaryFolder())
  const { permissions, urls: functionUrls } = plane.settings
  const { urlId } = await functionUrls.create(ref(), url)
  expect(plane.dataPlane.changes).toEqual([
    {
      putUrl: {
        ...key('$LATEST'),
        urlId,
        authType: 'NONE',
        isPublic: false,
        statements: [],
        invokeMode: 'BUFFERED',
        cors: undefined,
      },
    },
  ])
  await permissions.add(ref(), everybody, undefined)
  await permissions.add(ref('f', '1'), everybody, undefined)
  await functionUrls.update(ref(), { authType: 'AWS_IAM' })
  await functionUrls.update(ref(), { authType: 'NONE' })
  await permissions.remove(ref(), 's', undefined)
  expect(urls(plane)).toEqual([false, true, false, true, false])
  await functionUrls.delete(ref())
  expect(plane.dataPlane.changes.at(-1)).toEqual({ removeUrl: { urlId } })
})

it('a URL stays until the workers have let go of it', async () => {
  await using plane = await start(await temporaryFolder())
  await plane.settings.urls.create(ref(), url)
  plane.dataPlane.failure = new Error('no workers')
  await expect(plane.settings.urls.delete(ref())).rejects.toThrow('no workers')
  plane.dataPlane.failure = undefined
  await plane.settings.urls.delete(ref())
})

it('everything that is served is served again after a restart', async () => {
  const directory = await temporaryFolder()
  const expected: DataPlaneChange[] = []
  {
    await using plane = await start(directory)
    await plane.settings.reservedConcurrency.put(ref(), 5)
    await plane.settings.provisionedConcurrency.put(ref('f', '1'), 3)
    await plane.settings.permissions.add(ref(), everybody, undefined)
    await plane.settings.urls.create(ref(), {
      ...url,
      invokeMode: 'RESPONSE_STREAM',
      cors: { allowOrigins: ['*'], maxAgeSeconds: 1 },
    })
    await plane.settings.provisionedConcurrency.idle()
    expected.push(...plane.dataPlane.changes)
  }
  expect(expected).toHaveLength(3)
  await using again = await createControlPlane(directory)
  expect(await again.served()).toEqual(expect.arrayContaining(expected))
})

it('nothing of a deleted function is left to one of the same name', async () => {
  await using plane = await start(await temporaryFolder())
  const { settings } = plane
  await settings.reservedConcurrency.put(ref(), 5)
  await settings.provisionedConcurrency.put(ref('f', '1'), 3)
  await settings.permissions.add(ref(), everybody, undefined)
  await settings.urls.create(ref(), url)
  await settings.recursion.put(ref(), 'Allow')
  await settings.provisionedConcurrency.idle()
  await plane.functions.delete(ref())
  await plane.functions.create(accountId, 'f', creation({ publish: true }))
  expect(await settings.served()).toEqual([])
  expect(await settings.recursion.get(ref())).toBe('Terminate')
  await expect(settings.permissions.get(ref())).rejects.toMatchObject({ code: 'ResourceNotFound' })
  expect(await settings.accountConcurrency.unreserved(accountId)).toBe(1_000)
})

it('a setting that comes while the function is being deleted finds no function', async () => {
  await using plane = await start(await temporaryFolder())
  plane.dataPlane.gate.close()
  const deleted = plane.functions.delete(ref())
  const { settings } = plane
  const late = Promise.allSettled([
    settings.urls.create(ref(), url),
    settings.permissions.add(ref(), everybody, undefined),
    settings.reservedConcurrency.put(ref(), 5),
    settings.provisionedConcurrency.put(ref('f', '1'), 5),
    settings.recursion.put(ref(), 'Allow'),
  ])
  plane.dataPlane.gate.open()
  await deleted
  for (const outcome of await late)
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ResourceNotFound' } })
  expect(plane.dataPlane.changes).toEqual([{ removeFunction: { accountId, functionName: 'f' } }])
})

it('reservations made at once never add up to more than there is', async () => {
  await using plane = await createControlPlane(await temporaryFolder())
  const names = Array.from({ length: 12 }, (_, index) => `f${index}`)
  for (const name of names) await plane.functions.create(accountId, name, creation())
  const { reservedConcurrency, accountConcurrency } = plane.settings
  const outcomes = await Promise.allSettled(names.map((name) => reservedConcurrency.put(ref(name), 100)))
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(9)
  expect(await accountConcurrency.unreserved(accountId)).toBe(100)
})

const stateOf = async ({ settings }: ControlPlane, qualifier = '1') => {
  const { status, allocated, available } = await settings.provisionedConcurrency.get(ref('f', qualifier))
  return { ...status, allocated, available }
}

it('an allocation that the workers refuse is FAILED', async () => {
  await using plane = await start(await temporaryFolder())
  plane.dataPlane.failure = new Error('no workers')
  await plane.settings.provisionedConcurrency.put(ref('f', '1'), 3)
  await plane.settings.provisionedConcurrency.idle()
  expect(await stateOf(plane)).toMatchObject({ name: 'FAILED', reason: 'The workers could not be reached.' })
})

it('an allocation that does not come about in time is FAILED, and says how far it came', async () => {
  await using plane = await start(await temporaryFolder(), { limits: { provisioningMs: 1 } })
  vi.spyOn(plane.dataPlane, 'provisioned').mockResolvedValue(2)
  await plane.settings.provisionedConcurrency.put(ref('f', '1'), 3)
  expect(await stateOf(plane)).toEqual({ name: 'IN_PROGRESS', allocated: 2, available: 2 })
  await plane.settings.provisionedConcurrency.idle()
  expect(await stateOf(plane)).toEqual({
    name: 'FAILED',
    reason: 'The workers hold 2 of 3 instances after 1 ms.',
    allocated: 2,
    available: 2,
  })
})

it('READY stays when instances are in use', async () => {
  await using plane = await start(await temporaryFolder())
  await plane.settings.provisionedConcurrency.put(ref('f', '1'), 3)
  await plane.settings.provisionedConcurrency.idle()
  vi.spyOn(plane.dataPlane, 'provisioned').mockResolvedValue(1)
  expect(await stateOf(plane)).toEqual({ name: 'READY', allocated: 3, available: 1 })
})

it('the last of several requests counts', async () => {
  await using plane = await start(await temporaryFolder())
  const { provisionedConcurrency } = plane.settings
  plane.dataPlane.gate.close()
  for (const concurrency of [3, 5, 2]) await provisionedConcurrency.put(ref('f', '1'), concurrency)
  plane.dataPlane.gate.open()
  await provisionedConcurrency.idle()
  expect(await stateOf(plane)).toEqual({ name: 'READY', allocated: 2, available: 2 })
  expect(plane.dataPlane.changes).toEqual([3, 5, 2].map((concurrency) => ({ provision: { ...key('1'), concurrency } })))
})

it('an allocation ends with its config', async () => {
  await using plane = await start(await temporaryFolder())
  const { provisionedConcurrency } = plane.settings
  vi.spyOn(plane.dataPlane, 'provisioned').mockResolvedValue(0)
  await provisionedConcurrency.put(ref('f', '1'), 3)
  await provisionedConcurrency.delete(ref('f', '1'))
  await provisionedConcurrency.idle()
  await expect(stateOf(plane)).rejects.toMatchObject({ code: 'ProvisionedConcurrencyConfigNotFound' })
  expect(plane.dataPlane.changes.at(-1)).toEqual({ provision: { ...key('1'), concurrency: 0 } })
})

it('an allocation that a crash interrupted is followed after the restart', async () => {
  const directory = await temporaryFolder()
  {
    await using plane = await start(directory)
    vi.spyOn(plane.dataPlane, 'provisioned').mockResolvedValue(0)
    await plane.settings.provisionedConcurrency.put(ref('f', '1'), 3)
  }
  await using again = await createControlPlane(directory)
  expect((await again.settings.provisionedConcurrency.get(ref('f', '1'))).status).toEqual({ name: 'IN_PROGRESS' })
  for (const change of await again.served()) await again.dataPlane.publish(change)
  await again.start()
  await again.settings.provisionedConcurrency.idle()
  expect(await stateOf(again)).toEqual({ name: 'READY', allocated: 3, available: 3 })
})

it('an alias is not provisioned while it points to $LATEST', async () => {
  await using plane = await start(await temporaryFolder())
  const { documents, settings } = plane
  const value = { name: 'live', description: '', functionVersion: '$LATEST', revisionId: 'r' }
  await documents.put({ kind: 'alias', accountId, scope: 'f', key: 'live' }, value, 'absent')
  await expect(settings.provisionedConcurrency.put(ref('f', 'live'), 1)).rejects.toMatchObject({
    message: 'Provisioned Concurrency Configs cannot be applied to unpublished function versions.',
  })
})
