import { rm, mkdtemp, readdir, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateFunctionCommand, GetFunctionConfigurationCommand } from '@aws-sdk/client-lambda'
import { expect, test, vi } from 'vitest'
import { assemblyscriptComponent } from '../support/build-cache.ts'
import { clientOf, invoke, role, startServer, zipOf, type TestServer } from './server.ts'

/** Recursion without a loop: there is no checkpoint on its path. */
const exponential = `
  function fibonacci(n: i32): i64 { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2) }
  export function handler(event: string): string { return event == '"stop"' ? 'null' : fibonacci(90).toString() }`
const echo = 'export const handler = async (event) => event'

/** Whether a promise is still pending. */
function watch(promise: Promise<unknown>): { readonly going: boolean } {
  const run = { going: true }
  const over = () => {
    run.going = false
  }
  promise.then(over, over)
  return run
}

async function javascript(server: TestServer, name: string, source: string, more: { Timeout?: number } = {}) {
  await server.create(name, { Code: { ZipFile: await zipOf({ 'index.mjs': source }) }, ...more })
}

async function component(
  server: TestServer,
  name: string,
  bytes: Uint8Array,
  more: { Timeout?: number } = {},
): Promise<void> {
  await server.create(name, { Runtime: 'provided.component' as never, Code: { ZipFile: bytes }, ...more })
}

test('a guest without a checkpoint costs its worker; neighbours go on, and the third time it is alone', async () => {
  await using server = await startServer()
  await component(server, 'runaway', await assemblyscriptComponent(exponential), { Timeout: 1 })
  await javascript(server, 'neighbour', echo)
  const seen = new Set(server.thaw.workers().serving)
  for (let round = 0; round < 3; round++) {
    // On a connection of its own: one kept alive may lead to the worker that has just died.
    const client = clientOf(server.thaw.url)
    const runaway = invoke(client, 'runaway', 'go').then(
      () => 'answered',
      (error: unknown) => (error instanceof Error ? 'failed' : 'unknown'),
    )
    // The kernel spreads the callers over the workers: those of the stuck one fail with it, the others go on.
    let answers = 0
    const run = watch(runaway)
    const caller = async () => {
      while (run.going) if ((await server.invoke('neighbour', 1).catch(() => undefined)) !== undefined) answers++
    }
    await Promise.all([runaway, ...Array.from({ length: 12 }, caller)])
    client.destroy()
    expect(await runaway).toBe('failed')
    expect(answers).toBeGreaterThan(0)
    // Its place is taken by another process.
    await vi.waitFor(() => expect(server.thaw.workers().serving.filter((pid) => !seen.has(pid))).toHaveLength(1), {
      timeout: 20_000,
    })
    for (const pid of server.thaw.workers().serving) seen.add(pid)
  }
  // From now on only its own worker runs it: the serving ones stay, whatever it does.
  const serving = server.thaw.workers().serving.toSorted()
  await expect(server.invoke('runaway', 'go')).rejects.toMatchObject({ $fault: 'server' })
  // It rests for a second, then answers again.
  const again = async () => expect((await server.invoke('runaway', 'stop')).payload).toBeNull()
  await vi.waitFor(again, { timeout: 20_000, interval: 100 })
  expect(server.thaw.workers().serving.toSorted()).toEqual(serving)
  expect(server.thaw.workers().quarantine).toHaveLength(1)
})

test('an endless loop shares its worker and ends by itself', async () => {
  await using server = await startServer({ workers: 1 })
  await javascript(server, 'loop', 'export const handler = () => { for (;;); }', {
    Timeout: 1,
  })
  await javascript(server, 'neighbour', echo)
  const before = server.thaw.workers().serving
  const loop = server.invoke('loop')
  const run = watch(loop)
  let answers = 0
  while (run.going) {
    expect((await server.invoke('neighbour', { answers })).payload).toEqual({ answers })
    answers++
  }
  expect(await loop).toMatchObject({ functionError: 'Unhandled', payload: { errorType: 'Sandbox.Timedout' } })
  expect(answers).toBeGreaterThan(20)
  expect(server.thaw.workers().serving).toEqual(before)
})

test('beyond the account’s concurrency callers are throttled, with the reason', async () => {
  await using server = await startServer({ limits: { accountConcurrency: 2 } })
  const source = 'export const handler = () => new Promise((resolve) => setTimeout(() => resolve("done"), 500))'
  await javascript(server, 'slow', source)
  const results = await Promise.allSettled(Array.from({ length: 6 }, () => server.invoke('slow')))
  const throttled = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
  expect(throttled.length).toBeGreaterThanOrEqual(4)
  for (const reason of throttled)
    expect(reason).toMatchObject({
      name: 'TooManyRequestsException',
      Reason: 'ConcurrentInvocationLimitExceeded',
      $metadata: { httpStatusCode: 429 },
    })
  expect((await server.invoke('slow')).payload).toBe('done')
})

test('init that never ends is the deploy’s failure, by the limit’s name', async () => {
  await using server = await startServer({ limits: { buildMs: 8_000 } })
  await server.client.send(
    new CreateFunctionCommand({
      FunctionName: 'endless',
      Role: role,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Code: { ZipFile: await zipOf({ 'index.mjs': 'for (;;);\nexport const handler = () => 1' }) },
    }),
  )
  await expect(server.updated('endless')).rejects.toThrow('FAILURE')
  expect(await server.client.send(new GetFunctionConfigurationCommand({ FunctionName: 'endless' }))).toMatchObject({
    State: 'Failed',
    StateReason: expect.stringContaining('buildMs'),
  })
})

test('after a restart the functions are there; half-written and damaged files cost only what they belong to', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'thaw-e2e-'))
  try {
    {
      await using server = await startServer({}, dataDir)
      await javascript(server, 'whole', echo)
      await javascript(server, 'damaged', 'export const handler = async () => "never seen again"')
    }
    const snapshots = join(dataDir, 'artifacts', 'snapshots')
    const images = (await readdir(snapshots, { recursive: true })).filter((name) => name.endsWith('.img'))
    const written = await Promise.all(
      images.map(async (name) => ({ path: join(snapshots, name), at: (await stat(join(snapshots, name))).mtimeMs })),
    )
    const latest = written.toSorted((a, b) => b.at - a.at)[0]?.path ?? ''
    await truncate(latest, 4_096)
    await writeFile(join(dataDir, 'artifacts', 'code', '.half-written.tmp'), 'half')
    await using server = await startServer({}, dataDir)
    expect((await server.invoke('whole', { still: 'here' })).payload).toEqual({ still: 'here' })
    await expect(server.invoke('damaged')).rejects.toMatchObject({
      name: 'ServiceException',
      $metadata: { httpStatusCode: 500 },
    })
    expect((await server.invoke('whole', 2)).payload).toBe(2)
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
})
