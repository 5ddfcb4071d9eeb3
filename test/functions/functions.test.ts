import { expect, it, vi } from 'vitest'
import { ThawError } from '../../src/errors.ts'
import type { BuildOutput } from '../../src/functions/collaborators.ts'
import { parseFunctionRef } from '../../src/functions/names.ts'
import { temporaryFolder } from '../store/temp.ts'
import { accountId, createControlPlane, creation, nothing, region, running, zip, type ControlPlane } from './fakes.ts'

const ref = (name: string, qualifier?: string) => parseFunctionRef(name, qualifier, { accountId, region })
const open = async (settings?: Parameters<typeof createControlPlane>[1]) =>
  createControlPlane(await temporaryFolder(), settings)

async function withFunction(settings?: Parameters<typeof createControlPlane>[1]): Promise<ControlPlane> {
  const plane = await open(settings)
  await plane.functions.create(accountId, 'f', creation())
  await plane.functions.idle()
  return plane
}

const codeOf = (error: unknown) => (error instanceof ThawError ? error.code : String(error))

const updateCode = {
  zipFile: zip('two'),
  architecture: undefined,
  dryRun: false,
  publish: false,
  revisionId: undefined,
}

it('answers a creation as Pending and becomes Active once workers have it', async () => {
  await using plane = await open()
  const { functions, builder, dataPlane } = plane
  builder.gate.close()
  const created = await functions.create(accountId, 'f', creation())
  expect(created).toMatchObject({ state: { name: 'Pending', reasonCode: 'Creating' }, lastUpdate: { status: 'None' } })
  expect(await functions.specs()).toEqual([])
  builder.gate.open()
  await functions.idle()
  const active = await functions.get(ref('f'))
  expect(active).toMatchObject({ state: { name: 'Active' }, lastUpdate: { status: 'Successful' } })
  expect(active.revisionId).not.toBe(created.revisionId)
  expect(running(dataPlane)).toEqual({ f: active.deployment })
})

it('is not Active before the data plane has acknowledged', async () => {
  await using plane = await open()
  const { functions, dataPlane } = plane
  const { promise: published, resolve } = Promise.withResolvers<void>()
  dataPlane.gate.close()
  dataPlane.gate.pass = ((pass) => () => (resolve(), pass()))(dataPlane.gate.pass)
  await functions.create(accountId, 'f', creation())
  await published
  expect((await functions.get(ref('f'))).state.name).toBe('Pending')
  dataPlane.gate.open()
  await functions.idle()
  expect((await functions.get(ref('f'))).state.name).toBe('Active')
})

it('gives workers all they must know', async () => {
  await using plane = await open()
  await plane.functions.create(
    accountId,
    'f',
    creation({ environment: { A: 'b' }, timeoutSeconds: 7, memoryMb: 256, logGroup: '/own' }),
  )
  await plane.functions.idle()
  const { code } = await plane.functions.get(ref('f'))
  expect(await plane.functions.specs()).toEqual([
    {
      deployment: 1,
      accountId,
      functionName: 'f',
      version: '$LATEST',
      functionArn: 'arn:aws:lambda:us-east-1:111111111111:function:f',
      runtime: 'nodejs24.x',
      memoryMb: 256,
      timeoutMs: 7_000,
      ephemeralStorageMb: 512,
      environment: { A: 'b' },
      egress: [],
      engine: 'engine',
      snapshot: `snapshot of index.handler ${code.sha256}`,
      initDurationMs: 2,
      logGroup: '/own',
    },
  ])
})

it.each(['Build', 'InvalidParameterValue'] as const)(
  'fails a creation with the reason of the %s error',
  async (code) => {
    await using plane = await open()
    plane.builder.failure = new ThawError(code, 'SyntaxError in index.js, line 3')
    await plane.functions.create(accountId, 'f', creation())
    await plane.functions.idle()
    const failure = { reasonCode: 'FunctionError', reason: 'SyntaxError in index.js, line 3' }
    expect(await plane.functions.get(ref('f'))).toMatchObject({
      state: { name: 'Failed', ...failure },
      lastUpdate: { status: 'Failed', ...failure },
    })
    expect(await plane.functions.specs()).toEqual([])
  },
)

it('shows nothing of an internal error', async () => {
  await using plane = await open()
  plane.builder.failure = new Error('EACCES /home/secret')
  await plane.functions.create(accountId, 'f', creation())
  await plane.functions.idle()
  const { state } = await plane.functions.get(ref('f'))
  expect(state).toEqual({ name: 'Failed', reasonCode: 'InternalError', reason: 'An internal error occurred.' })
})

it('brings a function that failed to life with an update', async () => {
  await using plane = await open()
  plane.builder.failure = new ThawError('Build', 'broken')
  await plane.functions.create(accountId, 'f', creation())
  await plane.functions.idle()
  plane.builder.failure = undefined
  const updated = await plane.functions.updateCode(ref('f'), updateCode)
  expect(updated).toMatchObject({ state: { name: 'Pending' }, lastUpdate: { status: 'InProgress' } })
  await plane.functions.idle()
  expect(await plane.functions.get(ref('f'))).toMatchObject({ state: { name: 'Active' } })
})

it('serves the old code while an update builds, and for good when it fails', async () => {
  await using plane = await withFunction()
  const before = await plane.functions.specs()
  plane.builder.gate.close()
  plane.builder.failure = new ThawError('Build', 'broken')
  const updating = await plane.functions.updateCode(ref('f'), updateCode)
  expect(updating).toMatchObject({ state: { name: 'Active' }, lastUpdate: { status: 'InProgress' } })
  expect(await plane.functions.specs()).toEqual(before)
  plane.builder.gate.open()
  await plane.functions.idle()
  expect(await plane.functions.get(ref('f'))).toMatchObject({
    state: { name: 'Active' },
    lastUpdate: { status: 'Failed', reasonCode: 'FunctionError', reason: 'broken' },
    code: { sha256: updating.code.sha256 },
  })
  expect(await plane.functions.specs()).toEqual(before)
})

it('builds when a configuration update follows a code update that failed', async () => {
  await using plane = await withFunction()
  plane.builder.failure = new ThawError('Build', 'broken')
  const { code } = await plane.functions.updateCode(ref('f'), updateCode)
  await plane.functions.idle()
  plane.builder.failure = undefined
  await plane.functions.updateConfiguration(ref('f'), { ...nothing, timeoutSeconds: 9 })
  await plane.functions.idle()
  const [spec] = await plane.functions.specs()
  expect(spec).toMatchObject({ timeoutMs: 9_000, snapshot: `snapshot of index.handler ${code.sha256}` })
})

it('needs no build for a change of configuration alone, but waits for the workers', async () => {
  await using plane = await withFunction()
  const input = { ...nothing, environment: { A: 'b' }, memoryMb: 512 }
  const updating = await plane.functions.updateConfiguration(ref('f'), input)
  expect(updating.lastUpdate.status).toBe('InProgress')
  await plane.functions.idle()
  expect(plane.builder.requests).toHaveLength(1)
  expect((await plane.functions.get(ref('f'))).lastUpdate).toEqual({ status: 'Successful' })
  expect(running(plane.dataPlane)).toEqual({ f: updating.deployment })
})

it('builds anew for another handler', async () => {
  await using plane = await withFunction()
  await plane.functions.updateConfiguration(ref('f'), { ...nothing, handler: 'other.handler' })
  await plane.functions.idle()
  expect(plane.builder.requests.map(({ handler }) => handler)).toEqual(['index.handler', 'other.handler'])
})

it('goes through a redundant update as through any other, with two new revisions', async () => {
  await using plane = await withFunction()
  const before = await plane.functions.get(ref('f'))
  const updating = await plane.functions.updateConfiguration(ref('f'), { ...nothing, description: '' })
  await plane.functions.idle()
  const after = await plane.functions.get(ref('f'))
  expect(new Set([before, updating, after].map(({ revisionId }) => revisionId)).size).toBe(3)
  expect(updating.deployment).toBeGreaterThan(before.deployment)
})

it('refuses a second change while one is in progress', async () => {
  await using plane = await withFunction()
  plane.builder.gate.close()
  await plane.functions.updateCode(ref('f'), updateCode)
  const busy = {
    code: 'ResourceConflict',
    message:
      'The operation cannot be performed at this time. An update is in progress for resource: arn:aws:lambda:us-east-1:111111111111:function:f',
  }
  await expect(plane.functions.updateCode(ref('f'), updateCode)).rejects.toMatchObject(busy)
  await expect(plane.functions.updateConfiguration(ref('f'), nothing)).rejects.toMatchObject(busy)
  plane.builder.gate.open()
})

it('lets one of many simultaneous changes through', async () => {
  await using plane = await withFunction()
  const attempts = Array.from({ length: 10 }, () => plane.functions.updateConfiguration(ref('f'), nothing))
  const outcomes = await Promise.allSettled(attempts)
  const codes = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? 'accepted' : codeOf(outcome.reason)))
  expect(codes.toSorted()).toEqual([...Array.from({ length: 9 }, () => 'ResourceConflict'), 'accepted'])
})

it('refuses a change of a function that is still Pending', async () => {
  await using plane = await open()
  plane.builder.gate.close()
  await plane.functions.create(accountId, 'f', creation())
  await expect(plane.functions.updateConfiguration(ref('f'), nothing)).rejects.toMatchObject({
    code: 'ResourceConflict',
    message:
      'The operation cannot be performed at this time. The function is currently in the following state: Pending',
  })
  plane.builder.gate.open()
})

it('refuses a stale revision and takes the latest', async () => {
  await using plane = await withFunction()
  const { revisionId } = await plane.functions.get(ref('f'))
  const stale = { ...updateCode, revisionId: 'stale' }
  await expect(plane.functions.updateCode(ref('f'), stale)).rejects.toMatchObject({ code: 'PreconditionFailed' })
  await plane.functions.updateCode(ref('f'), { ...updateCode, revisionId })
})

it('changes nothing on a dry run, but says what would be', async () => {
  await using plane = await withFunction()
  const before = await plane.functions.get(ref('f'))
  const would = await plane.functions.updateCode(ref('f'), { ...updateCode, dryRun: true })
  expect(would.code.sha256).not.toBe(before.code.sha256)
  expect(would.lastUpdate).toEqual({ status: 'Successful' })
  expect(await plane.functions.get(ref('f'))).toEqual(before)
})

it('fails a build that needs more memory than configured, and names the need', async () => {
  await using plane = await open()
  plane.builder.snapshotMemoryBytes = 200 * 1_048_576 + 1
  await plane.functions.create(accountId, 'f', creation({ memoryMb: 200 }))
  await plane.functions.idle()
  const { state } = await plane.functions.get(ref('f'))
  expect(state).toMatchObject({ name: 'Failed', reasonCode: 'InvalidConfiguration' })
  expect(state).toMatchObject({ reason: expect.stringContaining('Set MemorySize to at least 201.') })
})

it('refuses at once to go below what the snapshot needs', async () => {
  await using plane = await open()
  plane.builder.snapshotMemoryBytes = 200 * 1_048_576
  await plane.functions.create(accountId, 'f', creation({ memoryMb: 256 }))
  await plane.functions.idle()
  const lower = plane.functions.updateConfiguration(ref('f'), { ...nothing, memoryMb: 128 })
  await expect(lower).rejects.toMatchObject({ code: 'InvalidParameterValue', message: /at least 200/ })
  expect((await plane.functions.get(ref('f'))).lastUpdate).toEqual({ status: 'Successful' })
})

it('fails the update and goes back to what is live when the data plane refuses', async () => {
  await using plane = await withFunction()
  const live = running(plane.dataPlane)
  plane.dataPlane.failure = new ThawError('Unavailable', 'worker 2 did not acknowledge within 5000 ms')
  await plane.functions.updateConfiguration(ref('f'), { ...nothing, timeoutSeconds: 9 })
  await plane.functions.idle()
  expect((await plane.functions.get(ref('f'))).lastUpdate).toMatchObject({
    status: 'Failed',
    reasonCode: 'InternalError',
    reason: 'worker 2 did not acknowledge within 5000 ms',
  })
  expect(running(plane.dataPlane)).toEqual(live)
})

it('deletes once no worker runs the function any more', async () => {
  await using plane = await withFunction()
  await plane.functions.delete(ref('f'))
  expect(running(plane.dataPlane)).toEqual({})
  const gone = {
    code: 'ResourceNotFound',
    message: 'Function not found: arn:aws:lambda:us-east-1:111111111111:function:f',
  }
  await expect(plane.functions.get(ref('f'))).rejects.toMatchObject(gone)
  await expect(plane.functions.delete(ref('f'))).rejects.toMatchObject(gone)
})

it('keeps a function that the workers could not be made to drop', async () => {
  await using plane = await withFunction()
  plane.dataPlane.failure = new ThawError('Unavailable', 'no worker answers')
  await expect(plane.functions.delete(ref('f'))).rejects.toMatchObject({ code: 'Unavailable' })
  plane.dataPlane.failure = undefined
  await plane.functions.get(ref('f'))
  await plane.functions.delete(ref('f'))
})

it('ends the build of a function that is deleted meanwhile, and never publishes it', async () => {
  await using plane = await open()
  plane.builder.gate.close()
  await plane.functions.create(accountId, 'f', creation())
  await plane.functions.delete(ref('f'))
  await plane.functions.idle()
  expect(running(plane.dataPlane)).toEqual({})
  plane.builder.gate.open()
  const again = await plane.functions.create(accountId, 'f', creation())
  await plane.functions.idle()
  expect(running(plane.dataPlane)).toEqual({ f: again.deployment })
})

it('never publishes a build that ends after its function was deleted and made anew', async () => {
  await using plane = await open()
  const { functions, builder, dataPlane } = plane
  const builds: (() => void)[] = []
  // A builder that cannot be stopped.
  builder.build = ({ handler }) => {
    const { promise, resolve } = Promise.withResolvers<BuildOutput>()
    const output = { engine: 'e', snapshot: handler, snapshotMemoryBytes: 1, initMs: 1, warnings: [], cached: false }
    builds.push(() => resolve(output))
    return promise
  }
  await functions.create(accountId, 'f', creation({ handler: 'old.handler' }))
  await vi.waitUntil(() => builds.length === 1)
  await functions.delete(ref('f'))
  const again = await functions.create(accountId, 'f', creation({ handler: 'new.handler' }))
  await vi.waitUntil(() => builds.length === 2)
  for (const finish of builds) finish()
  await functions.idle()
  const snapshots = dataPlane.changes.flatMap((change) => ('put' in change ? [change.put.snapshot] : []))
  expect(snapshots).toEqual(['new.handler'])
  expect(running(dataPlane)).toEqual({ f: again.deployment })
})

it('deletes a function that is changed in the middle of its deletion', async () => {
  await using plane = await withFunction()
  const { functions, dataPlane } = plane
  const published = dataPlane.changes.length
  dataPlane.gate.close()
  const deletion = functions.delete(ref('f'))
  await vi.waitUntil(() => dataPlane.changes.length > published)
  await functions.updateConfiguration(ref('f'), { ...nothing, timeoutSeconds: 9 })
  dataPlane.gate.open()
  await deletion
  await functions.idle()
  await expect(functions.get(ref('f'))).rejects.toMatchObject({ code: 'ResourceNotFound' })
  expect(running(dataPlane)).toEqual({})
})

it.each([
  ['$LATEST', '$LATEST version cannot be deleted without deleting the function.'],
  ['alias', 'Deletion of aliases is not currently supported.'],
])('refuses to delete the qualifier %s', async (qualifier, message) => {
  await using plane = await withFunction()
  const deletion = plane.functions.delete(ref('f', qualifier))
  await expect(deletion).rejects.toMatchObject({ code: 'InvalidParameterValue', message })
})

it('knows no version but $LATEST', async () => {
  await using plane = await withFunction()
  await plane.functions.get(ref('f', '$LATEST'))
  const arn = 'arn:aws:lambda:us-east-1:111111111111:function:f'
  for (const qualifier of ['1221', 'alias', '$latest'])
    await expect(plane.functions.get(ref('f', qualifier))).rejects.toMatchObject({
      code: 'ResourceNotFound',
      message: `Function not found: ${arn}:${qualifier}`,
    })
  await plane.functions.delete(ref('f', '7'))
  await plane.functions.get(ref('f'))
  const update = plane.functions.updateConfiguration(ref('f', '1'), nothing)
  await expect(update).rejects.toMatchObject({ code: 'InvalidParameterValue', message: /Aliases and versions do not/ })
})

it('says why a function cannot be invoked', async () => {
  await using plane = await open()
  const arn = 'arn:aws:lambda:us-east-1:111111111111:function:f'
  const why = async () => {
    const { code, message } = await plane.functions.whyNotInvokable(ref('f'))
    return { code, message }
  }
  expect(await why()).toEqual({ code: 'ResourceNotFound', message: `Function not found: ${arn}:$LATEST` })
  plane.builder.gate.close()
  await plane.functions.create(accountId, 'f', creation())
  expect(await why()).toMatchObject({ code: 'ResourceConflict', message: /following state: Pending$/ })
  plane.builder.gate.open()
  await plane.functions.idle()
  expect(await why()).toMatchObject({ code: 'Unavailable' })
})

it('takes up interrupted work when it starts again', async () => {
  const directory = await temporaryFolder()
  {
    await using plane = await createControlPlane(directory)
    await plane.functions.create(accountId, 'updated', creation())
    await plane.functions.idle()
    plane.builder.gate.close()
    await plane.functions.create(accountId, 'created', creation())
    await plane.functions.updateCode(ref('updated'), updateCode)
  }
  await using plane = await createControlPlane(directory)
  const [before] = await plane.functions.specs()
  expect(before).toMatchObject({ functionName: 'updated', deployment: 1 })
  await plane.functions.recover()
  await plane.functions.idle()
  for (const name of ['created', 'updated'])
    expect(await plane.functions.get(ref(name))).toMatchObject({
      state: { name: 'Active' },
      lastUpdate: { status: 'Successful' },
    })
  expect(running(plane.dataPlane)).toEqual({ created: 2, updated: 3 })
})

it('drops packages nobody refers to when it starts', async () => {
  await using plane = await withFunction()
  const old = (await plane.functions.get(ref('f'))).code.sha256
  await plane.functions.updateCode(ref('f'), updateCode)
  await plane.functions.idle()
  await plane.artifacts.verifyCode(old)
  await plane.functions.recover()
  await expect(plane.artifacts.verifyCode(old)).rejects.toMatchObject({ code: 'Artifact' })
  expect(Buffer.from(await plane.functions.readCode(ref('f')))).toEqual(updateCode.zipFile)
})

it('dates changes by its clock', async () => {
  let now = new Date('2026-01-01T00:00:00Z')
  await using plane = await withFunction({ now: () => now })
  expect((await plane.functions.get(ref('f'))).lastModified).toEqual(now)
  now = new Date('2026-02-01T00:00:00Z')
  await plane.functions.updateConfiguration(ref('f'), nothing)
  expect((await plane.functions.get(ref('f'))).lastModified).toEqual(now)
})

it('pages through the list with markers', async () => {
  await using plane = await open()
  for (const name of ['a', 'b', 'c', 'd', 'e']) await plane.functions.create(accountId, name, creation())
  await plane.functions.idle()
  const names: string[][] = []
  let marker: string | undefined
  do {
    const page = await plane.functions.list(accountId, { marker, maxItems: 2, versions: 'latest' })
    names.push(page.functions.map(({ functionName }) => functionName))
    marker = page.nextMarker
  } while (marker !== undefined)
  expect(names).toEqual([['a', 'b'], ['c', 'd'], ['e']])
  const bad = plane.functions.list(accountId, { marker: '!!', maxItems: undefined, versions: 'latest' })
  await expect(bad).rejects.toMatchObject({ code: 'InvalidParameterValue' })
})
