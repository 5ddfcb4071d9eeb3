import { PutFunctionEventInvokeConfigCommand } from '@aws-sdk/client-lambda'
import { CreateScheduleCommand, SchedulerClient } from '@aws-sdk/client-scheduler'
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { role, startServer, type TestServer } from '../e2e/server.ts'
import { deploy } from './support.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer({ workers: 1 })
  await deploy(server, { name: 'scheduled-job' })
})
afterAll(() => server[Symbol.asyncDispose]())

const arn = (service: string, name: string) => `arn:aws:${service}:us-east-1:000000000000:${name}`

test('a schedule calls it once, at its time', async () => {
  const settings = {
    endpoint: server.thaw.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'a' },
  }
  const [scheduler, sqs] = [new SchedulerClient(settings), new SQSClient(settings)]
  try {
    // What it answers goes to a queue, where the test can see it.
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'reports' }))
    const OnSuccess = { Destination: arn('sqs', 'reports') }
    await server.client.send(
      new PutFunctionEventInvokeConfigCommand({ FunctionName: 'scheduled-job', DestinationConfig: { OnSuccess } }),
    )
    const time = new Date(Date.now() + 2_000).toISOString().slice(0, 19)
    await scheduler.send(
      new CreateScheduleCommand({
        Name: 'daily',
        ScheduleExpression: `at(${time})`,
        FlexibleTimeWindow: { Mode: 'OFF' },
        Target: {
          Arn: arn('lambda', 'function:scheduled-job'),
          RoleArn: role,
          Input: JSON.stringify({ report: 'daily', scheduledFor: '<aws.scheduler.scheduled-time>' }),
        },
      }),
    )
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }))
    expect(Messages.map(({ Body }) => JSON.parse(Body ?? '').responsePayload)).toEqual([
      { report: 'daily', scheduledFor: `${time}Z` },
    ])
  } finally {
    scheduler.destroy()
    sqs.destroy()
  }
})
