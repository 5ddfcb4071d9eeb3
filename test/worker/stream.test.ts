/** InvokeWithResponseStream, as the SDK reads it. */
import {
  InvokeWithResponseStreamCommand,
  LambdaClient,
  type InvokeWithResponseStreamCommandInput,
} from '@aws-sdk/client-lambda'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { specOf, WorkerBench, type TestWorker } from './support/harness.ts'

let bench: WorkerBench
let worker: TestWorker
let client: LambdaClient

beforeAll(async () => {
  bench = new WorkerBench()
  worker = await bench.worker([{ put: specOf('f') }])
  client = new LambdaClient({
    endpoint: `http://127.0.0.1:${worker.port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    maxAttempts: 1,
  })
})
afterAll(async () => {
  client.destroy()
  await bench[Symbol.asyncDispose]()
})

async function stream(script: unknown, more: Partial<InvokeWithResponseStreamCommandInput> = {}) {
  const answer = await client.send(
    new InvokeWithResponseStreamCommand({ FunctionName: 'f', Payload: JSON.stringify(script), ...more }),
  )
  const chunks: Uint8Array[] = []
  let complete
  for await (const event of answer.EventStream ?? []) {
    if (event.PayloadChunk?.Payload !== undefined) chunks.push(event.PayloadChunk.Payload)
    if (event.InvokeComplete !== undefined) complete = event.InvokeComplete
  }
  return { answer, chunks, complete }
}

test('the payload comes in chunks, then it is complete', async () => {
  const script = { do: 'echo', value: 'x'.repeat(200_000) }
  const { answer, chunks, complete } = await stream(script)
  expect(answer).toMatchObject({
    StatusCode: 200,
    ExecutedVersion: '$LATEST',
    ResponseStreamContentType: 'application/vnd.amazon.eventstream',
  })
  expect(chunks.map(({ length }) => length)).toEqual([65_536, 65_536, 65_536, 200_024 - 3 * 65_536])
  expect(JSON.parse(Buffer.concat(chunks).toString())).toEqual(script)
  expect(complete).toEqual({})
})

test("a function's error comes with the completion, and so does the log", async () => {
  const { chunks, complete } = await stream({ do: 'fail' }, { LogType: 'Tail' })
  expect(chunks).toEqual([])
  expect(complete).toMatchObject({ ErrorCode: 'Unhandled', ErrorDetails: expect.stringContaining('"broken"') })
  expect(Buffer.from(complete?.LogResult ?? '', 'base64').toString()).toMatch(/^START [^]*REPORT /)
})

test('DryRun runs nothing; an asynchronous one there is not', async () => {
  const { answer, chunks } = await stream({ do: 'throw-uncaught' }, { InvocationType: 'DryRun' })
  expect([answer.StatusCode, chunks]).toEqual([204, []])
  const event: Partial<InvokeWithResponseStreamCommandInput> = {}
  Object.assign(event, { InvocationType: 'Event' })
  await expect(stream({}, event)).rejects.toMatchObject({ name: 'ValidationException' })
})

test('what is refused is refused as for Invoke', async () => {
  bench.onForwarded = (_incoming, outgoing) =>
    void outgoing.writeHead(404, { 'x-amzn-errortype': 'ResourceNotFoundException' }).end('{"Message":"none"}')
  await expect(stream({}, { FunctionName: 'none' })).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
  await expect(stream({}, { Payload: '{' })).rejects.toMatchObject({ name: 'InvalidRequestContentException' })
})
