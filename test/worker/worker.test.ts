import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  invokePath,
  send,
  specOf,
  WorkerBench,
  type Answer,
  type RequestOptions,
  type TestWorker,
} from './support/harness.ts'

const spec = specOf('hello')
let bench: WorkerBench
let worker: TestWorker

beforeAll(async () => {
  bench = new WorkerBench()
  worker = await bench.worker([
    { put: spec },
    { put: specOf('logs') },
    { put: specOf('batched') },
    { put: specOf('starts') },
  ])
})
afterAll(() => bench[Symbol.asyncDispose]())

function invoke(script: unknown, options: RequestOptions & { name?: string } = {}): Promise<Answer> {
  const { name = 'hello', ...rest } = options
  const body = typeof script === 'string' ? script : JSON.stringify(script)
  return send({ port: worker.port, method: 'POST', path: invokePath(name), body, ...rest })
}

describe('an invocation', () => {
  test('answers with the payload and the headers of Lambda', async () => {
    const { status, headers, body } = await invoke({ do: 'echo', value: 'grüße' })
    expect(status).toBe(200)
    expect(JSON.parse(body)).toEqual({ do: 'echo', value: 'grüße' })
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'x-amz-executed-version': '$LATEST',
      'x-amzn-requestid': expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
    expect(headers['x-amz-function-error']).toBeUndefined()
    expect(headers['x-amz-log-result']).toBeUndefined()
  })

  test('says how it was started and how long each phase took', async () => {
    const timings: (string | string[] | undefined)[] = []
    for (let i = 0; i < 3; i++) timings.push((await invoke({}, { name: 'starts' })).headers['server-timing'])
    expect(timings).toEqual([
      expect.stringMatching(/^start;desc=cold, init;dur=12\.300, run;dur=1\.250, total;dur=[\d.]+$/),
      expect.stringMatching(/^start;desc=restore, restore;dur=0\.500, run;dur=1\.250, total;dur=[\d.]+$/),
      expect.stringMatching(/^start;desc=warm, run;dur=1\.250, total;dur=[\d.]+$/),
    ])
  })

  test("hands a function's error on as data", async () => {
    const { status, headers, body } = await invoke({ do: 'fail' })
    expect(status).toBe(200)
    expect(headers['x-amz-function-error']).toBe('Unhandled')
    expect(JSON.parse(body)).toEqual({ errorType: 'Error', errorMessage: 'broken', trace: ['Error: broken'] })
  })

  test.each([
    ['hello'],
    ['hello:$LATEST'],
    ['function:hello'],
    ['000000000000:function:hello'],
    ['arn:aws:lambda:us-east-1:000000000000:function:hello'],
    ['arn:aws:lambda:us-east-1:000000000000:function:hello:$LATEST'],
  ])('finds the function by %s', async (name) => {
    const { body } = await invoke({ do: 'describe' }, { name })
    const qualifier = name.endsWith(':$LATEST') ? ':$LATEST' : ''
    expect(JSON.parse(body)).toMatchObject({ invokedFunctionArn: `${spec.functionArn}${qualifier}` })
  })

  test('finds the function with a qualifier parameter and a trailing slash', async () => {
    const { status, body } = await invoke(
      { do: 'describe' },
      { path: `${invokePath('hello')}/?Qualifier=${encodeURIComponent('$LATEST')}` },
    )
    expect(status).toBe(200)
    expect(JSON.parse(body)).toMatchObject({ invokedFunctionArn: `${spec.functionArn}:$LATEST` })
  })

  test('gets what the caller said about itself', async () => {
    const { body } = await invoke(
      { do: 'describe' },
      {
        headers: {
          'x-amz-client-context': Buffer.from('{"custom":{"a":1}}').toString('base64'),
          'x-amz-tenant-id': 'blue',
          'x-amzn-trace-id': 'Root=1-5',
        },
      },
    )
    expect(JSON.parse(body)).toMatchObject({
      clientContext: '{"custom":{"a":1}}',
      tenantId: 'blue',
      traceId: 'Root=1-5',
    })
  })

  test('without a body is one with an empty event', async () => {
    expect((await invoke('')).body).toBe('{}')
  })

  test('is not run by DryRun', async () => {
    const { status, body } = await invoke({ do: 'throw-uncaught' }, { headers: { 'x-amz-invocation-type': 'DryRun' } })
    expect([status, body]).toEqual([204, ''])
  })

  test('goes the same way through the private socket', async () => {
    const { status } = await send({
      socketPath: worker.socketPath,
      method: 'POST',
      path: invokePath('hello'),
      body: '{}',
    })
    expect(status).toBe(200)
  })

  test('is aborted when the caller goes away', async () => {
    const hold = await bench.hold()
    const abort = new AbortController()
    const gone = invoke({ do: 'hold', url: hold.url }, { signal: abort.signal }).catch(() => 'gone')
    await hold.arrived()
    abort.abort()
    expect(await gone).toBe('gone')
    expect((await hold.arrived()).url).toBe('/?aborted')
  })
})

describe('a request that is refused', () => {
  const errorOf = ({ status, headers, body }: Answer) => ({
    status,
    type: headers['x-amzn-errortype'],
    ...JSON.parse(body),
  })

  test('because its payload is no JSON', async () => {
    expect(errorOf(await invoke('{"a": hi}'))).toEqual({
      status: 400,
      type: 'InvalidRequestContentException',
      Type: 'User',
      message: "Could not parse request body into json: Unexpected character 'h' (code 104) at byte 6",
    })
  })

  test('because its payload is not UTF-8', async () => {
    const body = Buffer.from([0x22, 0xff, 0x22])
    expect(errorOf(await send({ port: worker.port, method: 'POST', path: invokePath('hello'), body }))).toMatchObject({
      status: 400,
      message: 'Could not parse request body into json: Invalid UTF-8',
    })
  })

  test.each([['declared'], ['streamed']])('because its payload is too large, %s', async (how) => {
    const headers: Record<string, string> = how === 'streamed' ? { 'transfer-encoding': 'chunked' } : {}
    const body = `"${'x'.repeat(bench.config.limits.payloadBytes)}"`
    // The rest of the body may meet a closed connection before the answer is read.
    const outcome = await invoke(body, { headers }).then(
      (answer) => errorOf(answer),
      (error: NodeJS.ErrnoException) => error.code,
    )
    const refusal = {
      status: 413,
      type: 'RequestTooLargeException',
      Type: 'User',
      message: 'Request must be smaller than 6291456 bytes for the InvokeFunction operation',
    }
    expect([refusal, 'EPIPE', 'ECONNRESET']).toContainEqual(outcome)
  })

  test('with 413 before its body is sent', async () => {
    const socket = connect(worker.port, '127.0.0.1')
    socket.write(`POST ${invokePath('hello')} HTTP/1.1\r\nhost: x\r\ncontent-length: 6291457\r\n\r\n`)
    const answer = (await buffer(socket)).toString()
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(answer).toContain('RequestTooLargeException')
  })

  test.each([
    ['not base64 of JSON', 'x'.repeat(40), 'Client context must be a valid Base64-encoded JSON object.'],
    ['too long', 'x'.repeat(3_584), 'Client context must be at most 3583 bytes of Base64, it has 3584.'],
  ])('because its client context is %s', async (_, context, message) => {
    const answer = await invoke({}, { headers: { 'x-amz-client-context': context } })
    expect(errorOf(answer)).toMatchObject({ status: 400, message })
  })

  test('because its invocation type does not exist', async () => {
    const unknown = await invoke({}, { headers: { 'x-amz-invocation-type': 'Later' } })
    expect(errorOf(unknown)).toMatchObject({ status: 400, type: 'ValidationException' })
  })

  test('because its qualifiers differ', async () => {
    const answer = await invoke({}, { path: `${invokePath('hello:1')}?Qualifier=2` })
    expect(errorOf(answer)).toMatchObject({
      status: 400,
      message: 'The derived qualifier from the function name does not match the specified qualifier.',
    })
  })

  test('with a clean 500 where the platform is at fault, which is told', async () => {
    expect(errorOf(await invoke({ do: 'defect' }))).toMatchObject({
      status: 500,
      type: 'ServiceException',
      Message: 'The snapshot is damaged: deploy the function again.',
    })
    const notice = await worker.noticed('an invocation failed')
    expect(notice.fields.error).toContain('The snapshot is damaged')
  })
})

describe('logs', () => {
  test('come back as a tail, in the form of Lambda', async () => {
    const { headers } = await invoke(
      { do: 'log', text: 'one\ntwo' },
      { headers: { 'x-amz-log-type': 'Tail' }, name: 'logs' },
    )
    const id = String(headers['x-amzn-requestid'])
    expect(Buffer.from(String(headers['x-amz-log-result']), 'base64').toString()).toBe(
      [
        `START RequestId: ${id} Version: $LATEST`,
        'one',
        'two',
        `END RequestId: ${id}`,
        `REPORT RequestId: ${id}\tDuration: 1.25 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 2 MB\tInit Duration: 12.30 ms`,
        '',
      ].join('\n'),
    )
  })

  test('are cut to the last 4 KB, between characters', async () => {
    const { headers } = await invoke({ do: 'log', text: 'ü'.repeat(10_000) }, { headers: { 'x-amz-log-type': 'Tail' } })
    const tail = Buffer.from(String(headers['x-amz-log-result']), 'base64')
    expect(tail.length).toBeGreaterThan(4_092)
    expect(tail.length).toBeLessThanOrEqual(4_096)
    expect(tail.toString()).toMatch(/^ü+\nEND [^]*REPORT [^]*\n$/)
  })

  test('and usage reach the controller in batches', async () => {
    const batched = '000000000000/batched'
    const before = worker.batches.length
    await Promise.all([1, 2, 3].map((n) => invoke({ do: 'log', text: `line ${n}` }, { name: 'batched' })))
    await invoke({ do: 'fail' }, { name: 'batched' })
    const since = () =>
      worker.batches.slice(before).map(({ usage, logs }) => ({ usage: usage[batched], log: logs[batched] ?? '' }))
    await worker.reported(() => since().reduce((sum, { usage }) => sum + (usage?.invocations ?? 0), 0) >= 4)
    const log = since()
      .map((batch) => batch.log)
      .join('')
    expect(log.match(/^START /gm)).toHaveLength(4)
    // Of the one cold start, and no part of what the caller sees.
    expect(log.match(/^INIT_START Runtime Version: nodejs24\.x\nSTART /gm)).toHaveLength(1)
    expect(log).toMatch(/^line 2$/m)
    expect(log).toMatch(/^\[ERROR\] RequestId: [0-9a-f-]+ Error: broken$/m)
    expect(since().reduce((sum, { usage }) => sum + (usage?.errors ?? 0), 0)).toBe(1)
    expect(since().reduce((sum, { usage }) => sum + (usage?.gbSeconds ?? 0), 0)).toBeCloseTo(4 * 0.125 * 0.002)
  })
})

describe('what is no invocation', () => {
  test('or none that a worker answers goes to the controller: events', async () => {
    bench.onForwarded = (incoming, outgoing) => {
      void buffer(incoming).then((body) => outgoing.writeHead(202).end(body))
    }
    const { status, body } = await invoke({ a: 1 }, { headers: { 'x-amz-invocation-type': 'Event' } })
    expect([status, body]).toEqual([202, '{"a":1}'])
  })

  test('goes to the controller and back, as it is', async () => {
    const seen = Promise.withResolvers<Record<string, unknown>>()
    bench.onForwarded = (incoming, outgoing) => {
      void buffer(incoming).then((body) => {
        seen.resolve({ method: incoming.method, url: incoming.url, headers: incoming.headers, body: body.toString() })
        outgoing.writeHead(201, { 'x-answer': 'yes', connection: 'close', 'set-cookie': ['a=1', 'b=2'] })
        outgoing.write('part one, ')
        outgoing.end('part two')
      })
    }
    const answer = await send({
      port: worker.port,
      method: 'PUT',
      path: '/2015-03-31/functions/hello/code?x=1',
      headers: { 'x-mine': '1', te: 'trailers', connection: 'x-hop', 'x-hop': '1', 'transfer-encoding': 'chunked' },
      body: 'a body',
    })
    expect(answer).toMatchObject({ status: 201, body: 'part one, part two' })
    expect(answer.headers).toMatchObject({ 'x-answer': 'yes', 'set-cookie': ['a=1', 'b=2'] })
    const { headers, ...rest } = await seen.promise
    expect(rest).toEqual({ method: 'PUT', url: '/2015-03-31/functions/hello/code?x=1', body: 'a body' })
    expect(headers).toMatchObject({ 'x-mine': '1', host: `127.0.0.1:${worker.port}` })
    expect(headers).not.toHaveProperty('te')
    expect(headers).not.toHaveProperty('x-hop')
  })

  test('has a body framed even where HTTP expects none', async () => {
    const bodies: string[] = []
    bench.onForwarded = (incoming, outgoing) => {
      void buffer(incoming).then((body) => {
        bodies.push(`${incoming.method} ${body.toString()}`)
        outgoing.end()
      })
    }
    const smuggled = 'GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n'
    const headers = { 'transfer-encoding': 'chunked' }
    for (let i = 0; i < 2; i++) await send({ port: worker.port, method: 'DELETE', path: '/x', headers, body: smuggled })
    expect(bodies).toEqual([`DELETE ${smuggled}`, `DELETE ${smuggled}`])
  })

  test('is also the invocation of a function that is not here', async () => {
    bench.onForwarded = (incoming, outgoing) => void outgoing.writeHead(404).end(incoming.url)
    const answer = await invoke({}, { name: 'nobody' })
    expect(answer).toMatchObject({ status: 404, body: invokePath('nobody') })
    expect(await invoke({}, { name: 'hello:7' })).toMatchObject({ status: 404 })
    expect(await invoke({}, { name: '111111111111:function:hello' })).toMatchObject({ status: 404 })
  })

  test('gets 503 when the controller breaks off', async () => {
    bench.onForwarded = (incoming) => void incoming.socket.destroy()
    const { status, headers } = await send({ port: worker.port, path: '/2015-03-31/functions' })
    expect([status, headers['x-amzn-errortype']]).toEqual([503, 'ServiceUnavailableException'])
  })

  test('is cut off, not ended, when the controller breaks off in mid answer', async () => {
    bench.onForwarded = (_incoming, outgoing) => {
      outgoing.writeHead(200, { 'content-length': '100' })
      outgoing.write('half', () => outgoing.destroy())
    }
    await expect(send({ port: worker.port, path: '/x' })).rejects.toMatchObject({ code: 'ECONNRESET' })
  })
})

test('changes take effect before they are acknowledged', async () => {
  bench.onForwarded = (_incoming, outgoing) => void outgoing.writeHead(404).end()
  const first = specOf('changing')
  await worker.apply([{ put: first }])
  expect(JSON.parse((await invoke({ do: 'describe' }, { name: 'changing' })).body).spec).toEqual(first)
  const second = specOf('changing', { environment: { A: '1' } })
  await worker.apply([{ put: second }])
  expect(JSON.parse((await invoke({ do: 'describe' }, { name: 'changing' })).body).spec).toEqual(second)
  await worker.apply([{ remove: second }])
  expect((await invoke({}, { name: 'changing' })).status).toBe(404)
})

test('a quarantined deployment is run by the worker behind that socket only', async () => {
  const culprit = specOf('culprit')
  await using own = new WorkerBench()
  const socketPath = own.run.socketPath('quarantine')
  const changes = [{ put: culprit }, { quarantine: { deployment: culprit.deployment, socketPath } }]
  const front = await own.worker(changes)
  const ask = () =>
    send({ port: front.port, method: 'POST', path: invokePath('culprit'), body: JSON.stringify({ do: 'describe' }) })
  expect((await ask()).status).toBe(503)
  const quarantine = await own.worker(changes, 'none', 'quarantine')
  expect(JSON.parse((await ask()).body)).toMatchObject({ pid: quarantine.pid })
  // A new deployment is innocent.
  await front.apply([{ put: specOf('culprit') }])
  expect(JSON.parse((await ask()).body)).toMatchObject({ pid: front.pid })
})

test('the permission model holds: no writing, no reading elsewhere, no processes, no threads, nothing of the environment', async () => {
  writeFileSync(join(bench.folder, 'secret'), 'x')
  const { body } = await invoke({ do: 'escape', folder: bench.folder })
  const denied = 'ERR_ACCESS_DENIED'
  expect(JSON.parse(body)).toEqual({
    write: denied,
    readOutside: denied,
    readData: denied,
    spawn: denied,
    thread: denied,
  })
  expect(JSON.parse((await invoke({ do: 'describe' })).body).env).toEqual({ UV_THREADPOOL_SIZE: '16' })
})

test('a rejection that nobody awaits is told, and nothing else', async () => {
  expect((await invoke({ do: 'reject-unhandled' })).status).toBe(200)
  const notice = await worker.noticed('unhandled rejection')
  expect(notice.fields.error).toContain('nobody awaits this')
  expect((await invoke({})).status).toBe(200)
})

test('an exception that nobody catches answers whoever waits and ends the worker', async () => {
  await using own = new WorkerBench()
  const doomed = await own.worker([{ put: spec }])
  const answer = await send({
    port: doomed.port,
    method: 'POST',
    path: invokePath('hello'),
    body: JSON.stringify({ do: 'throw-uncaught' }),
  })
  expect(answer.status).toBe(500)
  expect(answer.headers['x-amzn-errortype']).toBe('ServiceException')
  expect(await doomed.exited).toMatchObject({ code: 1 })
  expect((await doomed.noticed('uncaught exception')).fields.error).toContain('nobody catches this')
})

test('drained, a worker takes no more, finishes what is open, and exits with 0', async () => {
  await using own = new WorkerBench()
  const hold = await own.hold()
  const draining = await own.worker([{ put: spec }])
  const body = JSON.stringify({ do: 'hold', url: hold.url })
  const open = send({ port: draining.port, method: 'POST', path: invokePath('hello'), body })
  const { response } = await hold.arrived()
  process.kill(draining.pid, 'SIGTERM')
  await draining.draining
  await expect(send({ port: draining.port, path: '/' })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  response.end('done')
  expect(await open).toMatchObject({ status: 200, body: '"done"', headers: { connection: 'close' } })
  expect(await draining.exited).toMatchObject({ code: 0 })
  expect(draining.batches.map(({ usage }) => usage['000000000000/hello']?.invocations)).toEqual([1])
})

test('what does not end within drainMs is not waited for', async () => {
  await using own = new WorkerBench({ limits: { drainMs: 50 } })
  const hold = await own.hold()
  const draining = await own.worker([{ put: spec }])
  const body = JSON.stringify({ do: 'hold', url: hold.url })
  const open = send({ port: draining.port, method: 'POST', path: invokePath('hello'), body }).catch(() => 'cut')
  await hold.arrived()
  draining.drain()
  expect(await draining.exited).toMatchObject({ code: 0 })
  expect(await open).toBe('cut')
})
