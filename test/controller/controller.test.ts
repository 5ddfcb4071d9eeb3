import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startController } from '../../src/controller/start.ts'
import { holdServer, send, scriptedRuntime } from '../worker/support/harness.ts'
import {
  configOf,
  eventually,
  isAlive,
  preparedFolder,
  silent,
  startServer,
  testFolder,
  type TestServer,
} from './support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer({ functions: ['hello', 'logged'], failed: ['broken'] })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(testFolder, { recursive: true, force: true })
})

test('all workers serve the port that the first one was given', async () => {
  expect(server.controller.url).toBe(`http://127.0.0.1:${server.controller.port}`)
  const pids = new Set<number>()
  while (pids.size < 2) pids.add(JSON.parse((await server.invoke('hello', { do: 'describe' })).body).pid)
  expect(pids).toEqual(new Set(server.controller.workers().serving))
})

test('the control plane answers through the workers', async () => {
  const answer = await send({ port: server.controller.port, path: '/2015-03-31/functions' })
  expect(answer.status).toBe(200)
  const names = JSON.parse(answer.body).Functions.map(({ FunctionName }: { FunctionName: string }) => FunctionName)
  expect(names).toEqual(['broken', 'hello', 'logged'])
})

test('what no worker can run is explained by the control plane', async () => {
  const missing = await server.invoke('nobody', {})
  expect([missing.status, JSON.parse(missing.body).Message]).toEqual([
    404,
    'Function not found: arn:aws:lambda:us-east-1:000000000000:function:nobody:$LATEST',
  ])
  const broken = await server.invoke('broken', {})
  expect([broken.status, JSON.parse(broken.body).message]).toEqual([
    409,
    'The operation cannot be performed at this time. The function is currently in the following state: Failed',
  ])
})

test('a deleted function is gone from every worker when the deletion is answered', async () => {
  await using own = await startServer({ functions: ['hello'] })
  const port = own.controller.port
  const path = '/2015-03-31/functions/hello'
  expect((await send({ port, method: 'DELETE', path })).status).toBe(204)
  const answers = await Promise.all(Array.from({ length: 20 }, () => own.invoke('hello', {})))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([404]))
})

test('a worker that takes no change is replaced, not waited for', async () => {
  await using own = await startServer({ functions: ['hello'] })
  const { port } = own.controller
  const [stopped] = own.controller.workers().serving
  process.kill(stopped ?? 0, 'SIGSTOP')
  // Some connections go to the stopped one: they are its loss.
  const deletions = Array.from({ length: 8 }, () =>
    send({ port, method: 'DELETE', path: '/2015-03-31/functions/hello' }).then(
      ({ status }) => status,
      () => 'lost',
    ),
  )
  expect(await Promise.all(deletions)).toContain(204)
  expect(own.controller.workers().serving).not.toContain(stopped)
})

test("logs are written to the function's file, and usage is counted", async () => {
  for (const text of ['first', 'second']) await server.invoke('logged', { do: 'log', text })
  const path = join(server.folder, 'logs', '000000000000', 'logged.log')
  await eventually(() => existsSync(path) && readFileSync(path, 'utf8').split('REPORT').length === 3)
  expect(readFileSync(path, 'utf8')).toMatch(/^START [^]*^first$[^]*^REPORT /m)
  expect((await server.controller.usage()).logged).toMatchObject({ invocations: 2, errors: 0, durationMs: 2.5 })
})

test('a second controller on the same folder is refused, by name of the first', async () => {
  await expect(startController(configOf(server.folder), { logger: silent })).rejects.toMatchObject({
    code: 'Config',
    message: `The data folder ${server.folder} is in use by another server (pid ${process.pid}).`,
  })
})

test('a second server on the same port is refused, though workers share theirs', async () => {
  const folder = await preparedFolder([])
  const config = configOf(folder, { port: server.controller.port })
  await expect(startController(config, { logger: silent })).rejects.toMatchObject({
    code: 'Config',
    message: expect.stringContaining(`Cannot listen on 127.0.0.1:${server.controller.port}: it is in use`),
  })
})

test('closed, it lets open requests finish', async () => {
  const own = await startServer({ config: { workers: 1 } })
  const hold = await holdServer()
  const open = own.invoke('hello', { do: 'hold', url: hold.url })
  const { response } = await hold.arrived()
  const closed = own.controller.close()
  await eventually(() =>
    own.invoke('hello', {}).then(
      () => false,
      () => true,
    ),
  )
  response.end('done')
  expect((await open).status).toBe(200)
  await closed
  // What it counted outlives it.
  await using next = await startController(configOf(own.folder), { logger: silent, runtimeModule: scriptedRuntime })
  expect((await next.usage()).hello?.invocations).toBeGreaterThanOrEqual(1)
  hold.server.close()
})

test('closed, it leaves no process, no socket, no page, no lock', async () => {
  const own = await startServer({})
  const id = createHash('sha256').update(own.folder).digest('hex').slice(0, 16)
  const page = existsSync('/dev/shm') ? `/dev/shm/thaw-${id}.page` : join(own.folder, `thaw-${id}.page`)
  await own.until(() => own.controller.workers().standby.length === 1)
  const { serving, standby } = own.controller.workers()
  expect(existsSync(page)).toBe(true)
  await own.controller.close()
  expect([...serving, ...standby].filter(isAlive)).toEqual([])
  expect(existsSync(join(own.folder, 'run'))).toBe(false)
  expect(existsSync(page)).toBe(false)
  await own.controller.stopped
  // Neither folder nor port are in use any more.
  const config = configOf(own.folder, { port: own.controller.port })
  await (await startController(config, { logger: silent })).close()
  await own[Symbol.asyncDispose]()
})

describe('a controller that cannot start', () => {
  test('because its workers die says so, with their last words, and leaves nothing', async () => {
    const folder = await preparedFolder([])
    const runtimeModule = new URL('no-such-runtime.ts', import.meta.url).href
    await expect(startController(configOf(folder), { logger: silent, runtimeModule })).rejects.toMatchObject({
      code: 'Service',
      message: expect.stringMatching(/^Workers cannot start: 5 in a row [^]*no-such-runtime/),
    })
    expect(existsSync(join(folder, 'run'))).toBe(false)
  })

  test('because the port is taken says so', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => {
      taken.once('listening', resolve)
    })
    const address = taken.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const config = configOf(await preparedFolder([]), { port })
    await expect(startController(config, { logger: silent })).rejects.toMatchObject({ code: 'Config' })
    taken.close()
  })
})
