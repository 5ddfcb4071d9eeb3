import { afterAll, beforeAll, expect, test } from 'vitest'
import { invokePath, send, specOf, WorkerBench, type TestWorker } from './support/harness.ts'

const limit = 5
let bench: WorkerBench
let workers: TestWorker[]

beforeAll(async () => {
  bench = new WorkerBench({ limits: { accountConcurrency: limit } })
  const put = specOf('busy')
  const first = await bench.worker([{ put }])
  workers = [first, await bench.worker([{ put }], first.port)]
})
afterAll(() => bench[Symbol.asyncDispose]())

const invoke = (worker: TestWorker | undefined, script: unknown) =>
  send({ socketPath: worker?.socketPath ?? '', method: 'POST', path: invokePath('busy'), body: JSON.stringify(script) })

test('the limit is exact across workers', async () => {
  const hold = await bench.hold()
  const open = Array.from({ length: limit }, (_, i) => invoke(workers[i % 2], { do: 'hold', url: hold.url }))
  const held = await Promise.all(open.map(() => hold.arrived()))
  for (const worker of workers) {
    const { status, headers, body } = await invoke(worker, {})
    expect(status).toBe(429)
    expect(headers['x-amzn-errortype']).toBe('TooManyRequestsException')
    expect(JSON.parse(body)).toEqual({
      Type: 'User',
      Reason: 'ConcurrentInvocationLimitExceeded',
      message: 'Rate Exceeded.',
    })
  }
  held[0]?.response.end('done')
  await Promise.race(open)
  expect((await invoke(workers[1], {})).status).toBe(200)
  for (const { response } of held) response.end('done')
  expect((await Promise.all(open)).map(({ status }) => status)).toEqual(Array.from({ length: limit }, () => 200))
  expect(bench.page.slots.inUse()).toBe(0)
})

test('a slot is given back whatever became of the invocation', async () => {
  for (const script of [{ do: 'fail' }, { do: 'defect' }, 'no json']) await invoke(workers[0], script)
  expect(bench.page.slots.inUse()).toBe(0)
})

test('workers share one public port', async () => {
  const pids = new Set<number>()
  while (pids.size < 2) {
    const body = JSON.stringify({ do: 'describe' })
    const answer = await send({ port: workers[0]?.port ?? 0, method: 'POST', path: invokePath('busy'), body })
    pids.add(JSON.parse(answer.body).pid)
  }
  expect(pids).toEqual(new Set(workers.map(({ pid }) => pid)))
})
