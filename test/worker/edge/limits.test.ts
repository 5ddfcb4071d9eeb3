/** Clients that are slow, silent or too many, against limits small enough to wait for. */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { invokePath, specOf, WorkerBench, type TestWorker } from '../support/harness.ts'
import { open } from './support/raw.ts'

const limits = {
  headersMs: 100,
  bodyStallMs: 300,
  bodyGraceMs: 600,
  bodyBytesPerSecond: 1_000,
  keepAliveMs: 100,
  connections: 20,
}
const host = 'Host: thaw.test\r\n'

let bench: WorkerBench
let worker: TestWorker

beforeAll(async () => {
  bench = new WorkerBench({ limits })
  worker = await bench.worker([{ put: specOf('hello') }])
})
afterAll(() => bench[Symbol.asyncDispose]())

/** Longer than any limit, as the worker counts: it lets silent connections go one after the other. */
async function longEnough(): Promise<void> {
  for (let i = 0; i < 6; i++) {
    using silent = await open(worker)
    await silent.ended()
  }
}

const invocation = (length: number) =>
  `POST ${invokePath('hello')} HTTP/1.1\r\n${host}Content-Length: ${length}\r\n\r\n`

test.each([
  ['the request line', 'GET /ed'],
  ['the fields', `GET /edge HTTP/1.1\r\n${host}A: b`],
])('a head that does not get beyond %s is cut off with 408, which names the limit', async (_part, bytes) => {
  using connection = await open(worker)
  connection.write(bytes)
  const answer = await connection.next()
  expect(answer).toMatchObject({ status: 408, headers: { connection: 'close' } })
  expect(JSON.parse(answer?.body ?? '').message).toContain('limits.headersMs, 100 ms')
  expect(await connection.ended()).toBe(true)
})

test('a second head is timed as the first', async () => {
  using connection = await open(worker)
  connection.write(`${invocation(2)}{}GET /ed`)
  expect((await connection.next())?.status).toBe(200)
  expect((await connection.next())?.status).toBe(408)
})

test('who connects and says nothing is let go without a word', async () => {
  using connection = await open(worker)
  expect(await connection.ended()).toBe(true)
})

test('a connection that stays idle is closed, and its client told beforehand', async () => {
  using connection = await open(worker)
  connection.write(`${invocation(2)}{}`)
  expect((await connection.next())?.headers).toMatchObject({ 'keep-alive': 'timeout=0' })
  expect(await connection.ended()).toBe(true)
})

describe('a body', () => {
  const forwarded = `POST /edge HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n`

  test.each([
    ['of an invocation', `${invocation(10)}"abc`],
    ['that is handed on', `${forwarded}2\r\nab\r\n`],
  ])('%s of which no more comes is cut off with 408, which names the limit', async (_case, bytes) => {
    bench.onForwarded = (incoming) => void incoming.on('error', () => {}).resume()
    using connection = await open(worker)
    connection.write(bytes)
    const answer = await connection.next()
    expect(answer).toMatchObject({ status: 408, headers: { connection: 'close' } })
    expect(JSON.parse(answer?.body ?? '').message).toContain('limits.bodyStallMs, 300 ms')
    expect(await connection.ended()).toBe(true)
  })

  test('that only trickles is cut off with 408, which names the rate', async () => {
    using connection = await open(worker)
    connection.write(`${invocation(10_000)}"`)
    const trickle = setInterval(() => connection.write('x'), 20)
    const answer = await connection.next()
    clearInterval(trickle)
    expect(answer?.status).toBe(408)
    expect(JSON.parse(answer?.body ?? '').message).toContain('limits.bodyBytesPerSecond, 1000 bytes a second')
  })

  test('may take longer than that if it is fast enough', async () => {
    using connection = await open(worker)
    connection.write(`POST ${invokePath('hello')} HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n1\r\n"\r\n`)
    const pending = new Set(['time'])
    void longEnough()
      .then(longEnough)
      .finally(() => pending.clear())
    while (pending.size > 0) {
      // Fifty times what is asked for: neither a slow machine nor a fast one comes near a limit.
      connection.write(`64\r\n${'0'.repeat(100)}\r\n`)
      await sleep(2)
    }
    connection.write('1\r\n"\r\n0\r\n\r\n')
    expect((await connection.next())?.status).toBe(200)
  })

  test('that nobody reads yet may wait', async () => {
    const answer = Promise.withResolvers<void>()
    bench.onForwarded = (incoming, outgoing) =>
      void answer.promise.then(() => incoming.on('end', () => outgoing.end('read')).resume())
    using connection = await open(worker)
    const [mebibytes, bytes] = [16, 1_048_576]
    connection.write(`POST /edge HTTP/1.1\r\n${host}Content-Length: ${mebibytes * bytes}\r\n\r\n`)
    for (let i = 0; i < mebibytes; i++) connection.write(Buffer.alloc(bytes))
    // Held up long past the limit by the controller, which is not the client's fault.
    await longEnough()
    answer.resolve()
    expect((await connection.next())?.body).toBe('read')
  })
})

test('a response that its client does not take is given up', async () => {
  const closed = Promise.withResolvers<boolean>()
  bench.onForwarded = (_incoming, outgoing) => {
    outgoing.on('close', () => closed.resolve(outgoing.writableFinished))
    outgoing.end(Buffer.alloc(32 * 1_048_576))
  }
  using connection = await open(worker)
  connection.socket.pause()
  connection.write(`GET /edge HTTP/1.1\r\n${host}\r\n`)
  expect(await closed.promise).toBe(false)
})

test('a function that takes long without a byte either way is waited for', async () => {
  const hold = await bench.hold()
  using connection = await open(worker)
  const script = JSON.stringify({ do: 'hold', url: hold.url })
  connection.write(`${invocation(script.length)}${script}`)
  const { response } = await hold.arrived()
  await longEnough()
  response.end('done')
  expect(await connection.next()).toMatchObject({ status: 200, body: '"done"' })
})

test('connections over the limit are closed at once, and those within are served', async () => {
  await using own = new WorkerBench({ limits: { connections: 3 } })
  const { port } = await own.worker([{ put: specOf('hello') }])
  const within = await Promise.all([1, 2, 3].map(() => open({ port })))
  for (const connection of within) {
    connection.write(`${invocation(2)}{}`)
    expect((await connection.next())?.status).toBe(200)
  }
  using over = await open({ port })
  expect(await over.ended()).toBe(true)
  const [first, second] = within
  first?.[Symbol.dispose]()
  if (first !== undefined) await once(first.socket, 'close')
  second?.write(`${invocation(2)}{}`)
  expect((await second?.next())?.status).toBe(200)
  for (const connection of within) connection[Symbol.dispose]()
})

test('a connection of another process that once was slow may idle as long as before', async () => {
  const size = 32 * 1_048_576
  bench.onForwarded = (_incoming, outgoing) => void outgoing.end(Buffer.alloc(size))
  using connection = await open({ path: worker.socketPath })
  connection.socket.pause()
  connection.write(`GET /edge HTTP/1.1\r\n${host}\r\n`)
  // Looked at meanwhile, but not given up.
  using silent = await open(worker)
  await silent.ended()
  connection.socket.resume()
  await expect.poll(() => connection.pending.length, { timeout: 20_000 }).toBeGreaterThan(size)
  await longEnough()
  expect((await connection.next())?.body).toHaveLength(size)
  connection.write(`${invocation(2)}{}`)
  expect((await connection.next())?.status).toBe(200)
})

test('the private socket knows no limit of requests or idleness', async () => {
  await using own = new WorkerBench({ limits: { ...limits, connectionRequests: 1, connections: 1 } })
  const { socketPath } = await own.worker([{ put: specOf('hello') }])
  using connection = await open({ path: socketPath })
  using other = await open({ path: socketPath })
  for (let i = 0; i < 3; i++) {
    connection.write(`${invocation(2)}{}`)
    expect((await connection.next())?.headers).toMatchObject({ connection: 'keep-alive' })
  }
  other.write(`${invocation(2)}{}`)
  expect((await other.next())?.status).toBe(200)
})
