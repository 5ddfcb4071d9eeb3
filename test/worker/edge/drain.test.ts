import { expect, test } from 'vitest'
import type { Batch } from '../../../src/worker/messages.ts'
import { invokePath, specOf, WorkerBench, type TestWorker } from '../support/harness.ts'
import { open } from './support/raw.ts'

const host = 'Host: thaw.test\r\n'
const ask = `GET /edge HTTP/1.1\r\n${host}\r\n`
const invocation = (body: string) =>
  `POST ${invokePath('hello')} HTTP/1.1\r\n${host}Content-Length: ${body.length}\r\n\r\n${body}`

async function draining(bench: WorkerBench): Promise<TestWorker> {
  return bench.worker([{ put: specOf('hello') }])
}

test('idle connections are closed at once, those of the private socket too, and unused ones', async () => {
  await using bench = new WorkerBench({ limits: { drainMs: 60_000 } })
  const worker = await draining(bench)
  using idle = await open(worker)
  idle.write(invocation('{}'))
  await idle.next()
  using internal = await open({ path: worker.socketPath })
  internal.write(invocation('{}'))
  await internal.next()
  using unused = await open(worker)
  worker.drain()
  expect(await Promise.all([idle.ended(), internal.ended(), unused.ended()])).toEqual([true, true, true])
  expect(await worker.exited).toMatchObject({ code: 0 })
})

test('a request half sent, in its head or in its body, gets its answer, and the connection ends', async () => {
  await using bench = new WorkerBench({ limits: { drainMs: 60_000 } })
  const worker = await draining(bench)
  using head = await open(worker)
  using second = await open(worker)
  using body = await open(worker)
  second.write(invocation('{}'))
  await second.next()
  const whole = invocation('"whole"')
  for (const [connection, sent] of [
    [head, 20],
    [second, 20],
    [body, whole.length - 3],
  ] as const)
    connection.write(whole.slice(0, sent))
  // Read by now: the worker serves in order.
  using last = await open(worker)
  last.write(invocation('{}'))
  await last.next()
  worker.drain()
  await worker.draining
  head.write(whole.slice(20))
  second.write(whole.slice(20))
  body.write(whole.slice(-3))
  for (const connection of [head, second, body]) {
    expect(await connection.next()).toMatchObject({ status: 200, body: '"whole"', headers: { connection: 'close' } })
    expect(await connection.ended()).toBe(true)
  }
  expect(await worker.exited).toMatchObject({ code: 0 })
})

test('a request that is still half sent after drainMs gets 503, and the connection ends', async () => {
  await using bench = new WorkerBench({ limits: { drainMs: 100 } })
  const worker = await draining(bench)
  using head = await open(worker)
  using body = await open(worker)
  head.write(ask.slice(0, 20))
  body.write(invocation('"whole"').slice(0, -3))
  using last = await open(worker)
  last.write(invocation('{}'))
  await last.next()
  worker.drain()
  for (const connection of [head, body]) {
    const answer = await connection.next()
    expect(answer).toMatchObject({ status: 503, headers: { connection: 'close' } })
    expect(await connection.ended()).toBe(true)
  }
  expect(await worker.exited).toMatchObject({ code: 0 })
})

test('a response that streams may end, and then its connection does, though it had said to stay', async () => {
  await using bench = new WorkerBench({ limits: { drainMs: 60_000 } })
  const finish = Promise.withResolvers<void>()
  bench.onForwarded = (_incoming, outgoing) => {
    outgoing.writeHead(200, { 'content-length': '8' }).write('half')
    void finish.promise.then(() => outgoing.end('half'))
  }
  const worker = await draining(bench)
  using connection = await open(worker)
  connection.write(ask)
  await expect.poll(() => connection.pending).toContain('half')
  worker.drain()
  await worker.draining
  finish.resolve()
  expect(await connection.next()).toMatchObject({ body: 'halfhalf', headers: { connection: 'keep-alive' } })
  expect(await connection.ended()).toBe(true)
  expect(await worker.exited).toMatchObject({ code: 0 })
})

test('a response that has ended, but not left, is not cut', async () => {
  // More than the kernels hold.
  const size = 20_000_000
  await using bench = new WorkerBench({ limits: { drainMs: 60_000, payloadBytes: 2 * size } })
  const worker = await draining(bench)
  using idle = await open(worker)
  idle.write(invocation('{}'))
  await idle.next()
  using connection = await open(worker)
  connection.socket.pause()
  connection.write(invocation(JSON.stringify({ do: 'return', value: 'x'.repeat(size) })))
  // Both have been run, and so answered.
  const invocations = (batch: Batch) => batch.usage['000000000000/hello']?.invocations ?? 0
  await worker.reported((batches) => batches.reduce((sum, batch) => sum + invocations(batch), 0) === 2)
  worker.drain()
  await worker.draining
  connection.socket.resume()
  await expect.poll(() => connection.pending.length, { timeout: 20_000 }).toBeGreaterThan(size)
  expect((await connection.next())?.body).toHaveLength(size + 2)
  expect(await idle.ended()).toBe(true)
  expect(await worker.exited).toMatchObject({ code: 0 })
})
