/** The controller's way to functions, through real workers with scripted guests. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createInvoker, type Invoker } from '../../src/controller/invoker.ts'
import type { EventInvocation } from '../../src/events/invoking.ts'
import { invokePath, send, specOf, WorkerBench, type TestWorker } from '../worker/support/harness.ts'

const accountId = '000000000000'
const other = '111111111111'
let bench: WorkerBench
let workers: TestWorker[]
let invoker: Invoker
let sockets: string[]

beforeAll(async () => {
  bench = new WorkerBench()
  const changes = [
    { put: specOf('f') },
    { put: specOf('f', { version: '1' }) },
    { putAlias: { accountId, functionName: 'f', alias: 'live', version: '1', additional: undefined } },
    { accountPool: { accountId: other, pool: 1 } },
    { put: specOf('f', { accountId: other, environment: { OF: 'other' } }) },
    { functionPool: { accountId, functionName: 'off', pool: 2 } },
    { put: specOf('off') },
  ]
  bench.page.slots.setLimit(1, 10)
  workers = [await bench.worker(changes), await bench.worker(changes)]
  sockets = workers.map(({ socketPath }) => socketPath)
  invoker = createInvoker({ sockets: () => sockets })
  // Whatever a worker hands on to the controller here is a mistake.
  bench.onForwarded = (_incoming, outgoing) => void outgoing.writeHead(418).end('the controller')
})
afterAll(async () => {
  invoker[Symbol.dispose]()
  await bench[Symbol.asyncDispose]()
})

function invoke(script: unknown, overrides: Partial<EventInvocation> = {}) {
  return invoker.invoke({
    accountId,
    functionName: 'f',
    qualifier: '$LATEST',
    requestId: 'the-id',
    payload: Buffer.from(JSON.stringify(script)),
    clientContext: undefined,
    signal: undefined,
    hops: 0,
    ...overrides,
  })
}

async function described(overrides: Partial<EventInvocation> = {}): Promise<Record<string, unknown>> {
  const result = await invoke({ do: 'describe' }, overrides)
  if (result.kind !== 'success') throw new Error(JSON.stringify(result))
  return JSON.parse(Buffer.from(result.payload).toString())
}

test('the function gets what the event says', async () => {
  const seen = await described({ qualifier: 'live', clientContext: '{"a":"ü"}', hops: 3 })
  expect(seen).toMatchObject({
    requestId: 'the-id',
    clientContext: '{"a":"ü"}',
    traceId: 'Lineage=thaw:3',
    invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:f:live',
    spec: { version: '1' },
  })
  expect(await described({ accountId: other })).toMatchObject({ spec: { environment: { OF: 'other' } } })
})

test('workers take turns', async () => {
  const pids = new Set([(await described()).pid, (await described()).pid])
  expect(pids).toEqual(new Set(workers.map(({ pid }) => pid)))
})

test('each end has its kind', async () => {
  const text = (payload: Uint8Array) => JSON.parse(Buffer.from(payload).toString())
  const success = await invoke({ do: 'echo', value: 1 }, { qualifier: '1' })
  expect(success).toMatchObject({ kind: 'success', executedVersion: '1' })
  const error = await invoke({ do: 'fail' })
  expect(error).toMatchObject({ kind: 'error', executedVersion: '$LATEST' })
  expect(error.kind === 'error' && text(error.payload)).toMatchObject({ errorMessage: 'broken' })
  expect(await invoke({}, { functionName: 'off' })).toEqual({
    kind: 'throttled',
    reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
  })
  for (const missing of [{ functionName: 'none' }, { qualifier: '7' }, { accountId: '222222222222' }])
    expect(await invoke({}, missing)).toMatchObject({
      kind: 'missing',
      message: expect.stringMatching(/^Function not found: arn:/),
    })
  expect(await invoke({ do: 'defect' })).toMatchObject({
    kind: 'unavailable',
    message: expect.stringMatching(/^500 The snapshot is damaged/),
  })
})

test('a large payload comes through, there and back', async () => {
  const value = 'ü'.repeat(2_900_000)
  const result = await invoke({ do: 'echo', value })
  expect(result.kind === 'success' && JSON.parse(Buffer.from(result.payload).toString()).value).toBe(value)
})

test('aborted, the guest is ended', async () => {
  const hold = await bench.hold()
  const abort = new AbortController()
  const result = invoke({ do: 'hold', url: hold.url }, { signal: abort.signal })
  await hold.arrived()
  abort.abort()
  expect(await result).toMatchObject({ kind: 'unavailable' })
  expect((await hold.arrived()).url).toBe('/?aborted')
})

test('without a worker, or with one that died, nothing is known', async () => {
  await using own = new WorkerBench()
  const doomed = await own.worker([{ put: specOf('f') }])
  const before = sockets
  try {
    sockets = [doomed.socketPath]
    const hold = await own.hold()
    const result = invoke({ do: 'hold', url: hold.url })
    await hold.arrived()
    doomed.kill()
    expect(await result).toMatchObject({ kind: 'unavailable' })
    await doomed.exited
    expect(await invoke({})).toMatchObject({ kind: 'unavailable' })
    sockets = []
    expect(await invoke({})).toEqual({ kind: 'unavailable', message: 'No worker serves.' })
  } finally {
    sockets = before
  }
})

test('a client cannot pass for the controller: neither account, nor request id, nor hops', async () => {
  const headers = { 'x-thaw-account': other, 'X-Thaw-Request-Id': 'forged', 'x-thaw-hops': '9' }
  const body = JSON.stringify({ do: 'describe' })
  const answer = await send({ port: workers[0]?.port ?? 0, method: 'POST', path: invokePath('f'), headers, body })
  const seen = JSON.parse(answer.body)
  expect(seen.spec.accountId).toBe(accountId)
  expect(seen.requestId).not.toBe('forged')
  expect(answer.headers['x-amzn-requestid']).not.toBe('forged')
  expect(seen.traceId).toBeUndefined()
})

test('nor through what a worker hands on: to the controller, to the quarantine worker', async () => {
  const headers = {
    'x-thaw-account': other,
    'x-thaw-request-id': 'forged',
    'X-THAW-HOPS': '9',
    'x-kept': 'yes',
    'x-thaw-peer': '203.0.113.9',
  }
  const { promise, resolve } = Promise.withResolvers<string[]>()
  bench.onForwarded = (incoming, outgoing) => {
    resolve(incoming.rawHeaders)
    outgoing.end()
  }
  const [worker] = workers
  await send({ port: worker?.port ?? 0, path: '/2015-03-31/functions/', headers })
  const forwarded = (await promise).map((text) => text.toLowerCase())
  expect(forwarded).toContain('x-kept')
  // Whom it has the request from, the worker says itself.
  expect(forwarded.filter((text) => text.startsWith('x-thaw-'))).toEqual(['x-thaw-peer'])
  expect(forwarded[forwarded.indexOf('x-thaw-peer') + 1]).toBe('127.0.0.1')

  await using own = new WorkerBench()
  own.page.slots.setLimit(1, 10)
  const culprit = specOf('culprit')
  const changes = [
    { accountPool: { accountId: other, pool: 1 } },
    { put: culprit },
    { put: specOf('culprit', { accountId: other }) },
    { quarantine: { deployment: culprit.deployment, socketPath: own.run.socketPath('quarantine') } },
  ]
  const front = await own.worker(changes)
  const quarantine = await own.worker(changes, 'none', 'quarantine')
  const body = JSON.stringify({ do: 'describe' })
  const answer = await send({ port: front.port, method: 'POST', path: invokePath('culprit'), headers, body })
  const seen = JSON.parse(answer.body)
  expect(seen).toMatchObject({ pid: quarantine.pid, spec: { accountId } })
  expect(seen.requestId).not.toBe('forged')
  expect(seen.traceId).toBeUndefined()
  // The controller's own word goes the same way, and counts.
  using trusted = createInvoker({ sockets: () => [front.socketPath] })
  const result = await trusted.invoke({
    accountId,
    functionName: 'culprit',
    qualifier: '$LATEST',
    requestId: 'true-id',
    hops: 2,
    payload: Buffer.from(body),
    clientContext: undefined,
    signal: undefined,
  })
  expect(result.kind === 'success' && JSON.parse(Buffer.from(result.payload).toString())).toMatchObject({
    pid: quarantine.pid,
    requestId: 'true-id',
    traceId: 'Lineage=thaw:2',
  })
})
