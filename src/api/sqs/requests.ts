/** Requests of SQS's JSON protocol, parsed. A member sent as null counts as not sent. */
import { z } from 'zod'
import { ThawError } from '../../errors.ts'
import { QueueError } from '../../events/queues/errors.ts'
import { optional } from '../members.ts'

const strings = z.record(z.string(), z.string())

const attributeValue = z
  .object({
    DataType: optional(z.string()),
    StringValue: optional(z.string()),
    BinaryValue: optional(z.base64()),
    StringListValues: optional(z.array(z.string())),
    BinaryListValues: optional(z.array(z.string())),
  })
  .transform((value) => ({
    dataType: value.DataType ?? '',
    stringValue: value.StringValue,
    binaryValue: value.BinaryValue,
    lists: (value.StringListValues?.length ?? 0) + (value.BinaryListValues?.length ?? 0) > 0,
  }))
const attributeValues = optional(z.record(z.string(), attributeValue))

const message = {
  MessageBody: z.string(),
  DelaySeconds: optional(z.int()),
  MessageAttributes: attributeValues,
  MessageSystemAttributes: attributeValues,
  MessageGroupId: optional(z.string()),
  MessageDeduplicationId: optional(z.string()),
}
const QueueUrl = z.string()
const Id = z.string()
const ReceiptHandle = z.string()
const paging = { MaxResults: optional(z.int()), NextToken: optional(z.string()) }
const batchOf = <T extends z.ZodType>(entry: T) => z.object({ QueueUrl, Entries: optional(z.array(entry)) })
const names = optional(z.array(z.string()))

export const requests = {
  createQueue: z.object({ QueueName: z.string(), Attributes: optional(strings), tags: optional(strings) }),
  getQueueUrl: z.object({ QueueName: z.string(), QueueOwnerAWSAccountId: optional(z.string()) }),
  listQueues: z.object({ QueueNamePrefix: optional(z.string()), ...paging }),
  listDeadLetterSourceQueues: z.object({ QueueUrl, ...paging }),
  queue: z.object({ QueueUrl }),
  getQueueAttributes: z.object({ QueueUrl, AttributeNames: names }),
  setQueueAttributes: z.object({ QueueUrl, Attributes: strings }),
  tagQueue: z.object({ QueueUrl, Tags: strings }),
  untagQueue: z.object({ QueueUrl, TagKeys: z.array(z.string()) }),
  sendMessage: z.object({ QueueUrl, ...message }),
  sendMessageBatch: batchOf(z.object({ Id, ...message })),
  receiveMessage: z.object({
    QueueUrl,
    AttributeNames: names,
    MessageSystemAttributeNames: names,
    MessageAttributeNames: names,
    MaxNumberOfMessages: optional(z.int()),
    VisibilityTimeout: optional(z.int()),
    WaitTimeSeconds: optional(z.int()),
    ReceiveRequestAttemptId: optional(z.string()),
  }),
  deleteMessage: z.object({ QueueUrl, ReceiptHandle }),
  deleteMessageBatch: batchOf(z.object({ Id, ReceiptHandle })),
  changeMessageVisibility: z.object({ QueueUrl, ReceiptHandle, VisibilityTimeout: z.int() }),
  changeMessageVisibilityBatch: batchOf(z.object({ Id, ReceiptHandle, VisibilityTimeout: optional(z.int()) })),
}

export type MessageRequest = Omit<z.infer<typeof requests.sendMessage>, 'QueueUrl'>
export type ReceiveMessageRequest = z.infer<typeof requests.receiveMessage>

/** Throws `MissingParameter`, or `InvalidRequestContent` if a member has the wrong type. */
export function parse<T>(schema: z.ZodType<T>, request: unknown): T {
  const parsed = schema.safeParse(request, { reportInput: true })
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const path = issue?.path.join('.') ?? ''
  if (issue?.code === 'invalid_type' && (issue.input === undefined || issue.input === null))
    throw new QueueError('MissingParameter', `The request must contain the parameter ${path}.`)
  throw new ThawError('InvalidRequestContent', `The member ${path} has the wrong type.`)
}
