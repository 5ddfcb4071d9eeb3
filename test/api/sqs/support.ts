/** SQS's own client against the API of test/api/server.ts, with a clock that only tests move. */
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
  type QueueAttributeName,
} from '@aws-sdk/client-sqs'
import { onTestFinished } from 'vitest'
import { accountId } from '../../functions/fakes.ts'
import { startApi, type ApiServer } from '../server.ts'

export const region = 'us-east-1'
export const credentials = { accessKeyId: 'any', secretAccessKey: 'any' }
export const arn = (name: string) => `arn:aws:sqs:${region}:${accountId}:${name}`

export interface Bench {
  server: ApiServer
  sqs: SQSClient
  now(): Date
  advance(seconds: number): void
  /** Returns the URL. */
  create(name: string, attributes?: Partial<Record<QueueAttributeName, string>>): Promise<string>
  send(url: string, body: string): Promise<{ MessageId?: string | undefined }>
  /** Up to ten. */
  receive: (
    url: string,
    more?: Partial<ReceiveMessageCommand['input']>,
  ) => Promise<NonNullable<Awaited<ReturnType<typeof receiveOnce>>['Messages']>>
  attributes(url: string, ...names: QueueAttributeName[]): Promise<Record<string, string> | undefined>
}

const receiveOnce = (sqs: SQSClient, input: ReceiveMessageCommand['input']) =>
  sqs.send(new ReceiveMessageCommand(input))

/** Goes away with the test. */
export async function openBench(): Promise<Bench> {
  let now = new Date('2026-01-01T00:00:00Z')
  const server = await startApi({ now: () => now, limits: { queueMessageBytes: 4_096 } })
  const sqs = new SQSClient({ endpoint: server.url, region, credentials, maxAttempts: 1 })
  onTestFinished(async () => {
    sqs.destroy()
    await server[Symbol.asyncDispose]()
  })
  return {
    server,
    sqs,
    now: () => now,
    advance(seconds) {
      now = new Date(now.getTime() + seconds * 1_000)
    },
    async create(QueueName, attributes = {}) {
      const fifo = QueueName.endsWith('.fifo') ? { FifoQueue: 'true' } : {}
      const command = new CreateQueueCommand({ QueueName, Attributes: { ...fifo, ...attributes } })
      return (await sqs.send(command)).QueueUrl ?? ''
    },
    send: (QueueUrl, MessageBody) => sqs.send(new SendMessageCommand({ QueueUrl, MessageBody })),
    receive: async (QueueUrl, more = {}) =>
      (await receiveOnce(sqs, { QueueUrl, MaxNumberOfMessages: 10, ...more })).Messages ?? [],
    attributes: async (QueueUrl, ...AttributeNames) =>
      (await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }))).Attributes,
  }
}

/** As the SDK shows errors. `message`: text, or an asymmetric matcher. */
export const failure = (name: string, message?: unknown, status = 400) => ({
  name,
  ...(message !== undefined && { message }),
  $metadata: { httpStatusCode: status },
})
