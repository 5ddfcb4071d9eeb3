/** The operations on messages. */
import { invalidParameter } from '../../events/queues/errors.ts'
import type { QueueService } from '../../events/queues/service.ts'
import type { ApiContext } from '../context.ts'
import { answerBatch, entriesOf } from './batches.ts'
import { outgoingMessage, presentMessage, presentSent } from './messages.ts'
import { parseQueueUrl } from './queue-urls.ts'
import type { SqsOperation } from './queue-operations.ts'
import { parse, requests } from './requests.ts'

export function createMessageOperations(queues: QueueService): Record<string, SqsOperation> {
  const arnOf = (c: ApiContext, url: string): string => queues.arnOf(parseQueueUrl(c, url))

  return {
    async SendMessage(c, request) {
      const { QueueUrl, ...message } = parse(requests.sendMessage, request)
      return presentSent(await queues.send(arnOf(c, QueueUrl), outgoingMessage(message)))
    },

    async SendMessageBatch(c, request) {
      const { QueueUrl, Entries } = parse(requests.sendMessageBatch, request)
      const entries = entriesOf(Entries)
      const arn = arnOf(c, QueueUrl)
      const outcomes = await queues.sendBatch(arn, entries.map(outgoingMessage))
      return answerBatch(entries, outcomes, presentSent)
    },

    async ReceiveMessage(c, request) {
      const { QueueUrl, ...receive } = parse(requests.receiveMessage, request)
      const arn = arnOf(c, QueueUrl)
      const max = within(receive.MaxNumberOfMessages ?? 1, 'MaxNumberOfMessages', 1, 10)
      const { WaitTimeSeconds, VisibilityTimeout } = receive
      const waitSeconds =
        WaitTimeSeconds === undefined
          ? (await queues.get(arn)).attributes.receiveWaitSeconds
          : within(WaitTimeSeconds, 'WaitTimeSeconds', 0, 20)
      if (VisibilityTimeout !== undefined) within(VisibilityTimeout, 'VisibilityTimeout', 0, 43_200)
      const messages = await queues.receive(arn, {
        max,
        visibilityTimeoutSeconds: VisibilityTimeout,
        waitMs: waitSeconds * 1_000,
        signal: c.req.raw.signal,
      })
      // SQS leaves the member out where there is nothing.
      return messages.length === 0 ? {} : { Messages: messages.map((message) => presentMessage(message, receive)) }
    },

    async DeleteMessage(c, request) {
      const { QueueUrl, ReceiptHandle } = parse(requests.deleteMessage, request)
      const [error] = await queues.deleteBatch(arnOf(c, QueueUrl), [ReceiptHandle])
      if (error !== undefined) throw error
      return {}
    },

    async DeleteMessageBatch(c, request) {
      const { QueueUrl, Entries } = parse(requests.deleteMessageBatch, request)
      const entries = entriesOf(Entries)
      const handles = entries.map(({ ReceiptHandle }) => ReceiptHandle)
      return answerBatch(entries, await queues.deleteBatch(arnOf(c, QueueUrl), handles), () => ({}))
    },

    async ChangeMessageVisibility(c, request) {
      const { QueueUrl, ReceiptHandle, VisibilityTimeout } = parse(requests.changeMessageVisibility, request)
      const change = { receiptHandle: ReceiptHandle, timeoutSeconds: visibility(VisibilityTimeout) }
      const [error] = await queues.changeVisibilityBatch(arnOf(c, QueueUrl), [change])
      if (error !== undefined) throw error
      return {}
    },

    async ChangeMessageVisibilityBatch(c, request) {
      const { QueueUrl, Entries } = parse(requests.changeMessageVisibilityBatch, request)
      const entries = entriesOf(Entries)
      const { visibilityTimeoutSeconds } = (await queues.get(arnOf(c, QueueUrl))).attributes
      const changes = entries.map(({ ReceiptHandle, VisibilityTimeout = visibilityTimeoutSeconds }) => ({
        receiptHandle: ReceiptHandle,
        timeoutSeconds: visibility(VisibilityTimeout),
      }))
      return answerBatch(entries, await queues.changeVisibilityBatch(arnOf(c, QueueUrl), changes), () => ({}))
    },
  }
}

function within(value: number, name: string, min: number, max: number): number {
  if (value >= min && value <= max) return value
  const range = min === 0 ? `Must be >= ${min} and <= ${max}` : `Must be between ${min} and ${max}`
  throw invalidParameter(value, name, `${range}, if provided.`)
}

const visibility = (seconds: number): number => within(seconds, 'VisibilityTimeout', 0, 43_200)
