import { CreateEventSourceMappingCommand } from '@aws-sdk/client-lambda'
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../e2e/server.ts'
import { deploy } from './support.ts'

let server: TestServer
let sqs: SQSClient
beforeAll(async () => {
  server = await startServer({ workers: 1 })
  sqs = new SQSClient({
    endpoint: server.thaw.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
  })
  await deploy(server, { name: 'queue-consumer' }, { Timeout: 1 })
})
afterAll(async () => {
  sqs.destroy()
  await server[Symbol.asyncDispose]()
})

const arn = (name: string) => `arn:aws:sqs:us-east-1:000000000000:${name}`
const queue = async (QueueName: string, Attributes = {}) =>
  (await sqs.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl ?? ''

test('what can be done is done, what cannot goes to the dead-letter queue', async () => {
  const dead = await queue('dead')
  const jobs = await queue('jobs', {
    VisibilityTimeout: '1',
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arn('dead'), maxReceiveCount: 1 }),
  })
  await server.client.send(
    new CreateEventSourceMappingCommand({
      FunctionName: 'queue-consumer',
      EventSourceArn: arn('jobs'),
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    }),
  )
  const bodies = ['{"quantity":1}', '{"quantity":"many"}', '{"quantity":3}', 'no JSON']
  const Entries = bodies.map((MessageBody, index) => ({ Id: String(index), MessageBody }))
  await sqs.send(new SendMessageBatchCommand({ QueueUrl: jobs, Entries }))

  const failed: (string | undefined)[] = []
  while (failed.length < 2) {
    const more = await sqs.send(new ReceiveMessageCommand({ QueueUrl: dead, WaitTimeSeconds: 20 }))
    failed.push(...(more.Messages ?? []).map(({ Body }) => Body))
  }
  expect(failed.toSorted()).toEqual([bodies[3], bodies[1]].toSorted())
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: jobs, AttributeNames: ['All'] }))
  expect(Attributes).toMatchObject({ ApproximateNumberOfMessages: '0', ApproximateNumberOfMessagesNotVisible: '0' })
})
