/** Asynchronous invocation through a whole server: workers, controller, queues. */
import { InvokeCommand, PutFunctionEventInvokeConfigCommand } from '@aws-sdk/client-lambda'
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startQuickServer, zipOf, type TestServer } from './server.ts'

const source = `export const handler = async (event, context) => {
  if (event.fail) throw new TypeError('on purpose')
  return { requestId: context.awsRequestId, event }
}`

const arn = (kind: string, name: string): string => `arn:aws:${kind}:us-east-1:000000000000:${name}`

function queuesOf({ thaw }: TestServer): SQSClient {
  const credentials = { accessKeyId: 'any', secretAccessKey: 'any' }
  return new SQSClient({ endpoint: thaw.url, region: 'us-east-1', credentials, maxAttempts: 1 })
}

async function receive(sqs: SQSClient, queue: string) {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: queue }))
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20, MessageAttributeNames: ['All'] }),
  )
  const [message] = Messages
  const body: unknown = JSON.parse(message?.Body ?? 'null')
  return { body, attributes: message?.MessageAttributes }
}

const invokeEvent = (server: TestServer, event: unknown) =>
  server.client.send(new InvokeCommand({ FunctionName: 'f', InvocationType: 'Event', Payload: JSON.stringify(event) }))

test('an event reaches its function, and what became of it its destination', async () => {
  await using server = await startQuickServer({ limits: { asyncRetryMs: 20 } })
  const sqs = queuesOf(server)
  for (const QueueName of ['good', 'bad', 'dead']) await sqs.send(new CreateQueueCommand({ QueueName }))
  await server.create('f', {
    Code: { ZipFile: await zipOf({ 'index.mjs': source }) },
    DeadLetterConfig: { TargetArn: arn('sqs', 'dead') },
  })
  await server.client.send(
    new PutFunctionEventInvokeConfigCommand({
      FunctionName: 'f',
      DestinationConfig: {
        OnSuccess: { Destination: arn('sqs', 'good') },
        OnFailure: { Destination: arn('sqs', 'bad') },
      },
    }),
  )
  const accepted = await invokeEvent(server, { n: 1 })
  expect(accepted).toMatchObject({ StatusCode: 202 })
  const { requestId } = accepted.$metadata
  expect((await receive(sqs, 'good')).body).toEqual({
    version: '1.0',
    timestamp: expect.any(String),
    requestContext: {
      requestId,
      functionArn: `${arn('lambda', 'function')}:f:$LATEST`,
      condition: 'Success',
      approximateInvokeCount: 1,
    },
    requestPayload: { n: 1 },
    responseContext: { statusCode: 200, executedVersion: '$LATEST' },
    responsePayload: { requestId, event: { n: 1 } },
  })

  const failing = await invokeEvent(server, { fail: true })
  expect((await receive(sqs, 'bad')).body).toMatchObject({
    requestContext: {
      requestId: failing.$metadata.requestId,
      condition: 'RetriesExhausted',
      approximateInvokeCount: 3,
    },
    requestPayload: { fail: true },
    responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
    responsePayload: { errorType: 'TypeError', errorMessage: 'on purpose' },
  })
  const { body, attributes } = await receive(sqs, 'dead')
  expect(body).toEqual({ fail: true })
  expect(attributes).toMatchObject({
    RequestID: { StringValue: failing.$metadata.requestId },
    ErrorCode: { StringValue: '200' },
    ErrorMessage: { StringValue: 'on purpose' },
  })
  sqs.destroy()
})

test('a retry that is due while the server is down is made when it is up', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'thaw-e2e-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const limits = { asyncRetryMs: 2_000 }
  let requestId: string | undefined
  {
    await using server = await startQuickServer({ limits }, folder)
    const sqs = queuesOf(server)
    await sqs.send(new CreateQueueCommand({ QueueName: 'bad' }))
    await server.create('f', { Code: { ZipFile: await zipOf({ 'index.mjs': source }) } })
    const OnFailure = { Destination: arn('sqs', 'bad') }
    await server.client.send(
      new PutFunctionEventInvokeConfigCommand({
        FunctionName: 'f',
        MaximumRetryAttempts: 1,
        DestinationConfig: { OnFailure },
      }),
    )
    requestId = (await invokeEvent(server, { fail: true })).$metadata.requestId
    sqs.destroy()
  }
  await using server = await startQuickServer({ limits }, folder)
  const sqs = queuesOf(server)
  expect((await receive(sqs, 'bad')).body).toMatchObject({
    requestContext: { requestId, condition: 'RetriesExhausted', approximateInvokeCount: 2 },
  })
  sqs.destroy()
})
