/** The operations on queues. */
import { invalidParameter, missingQueue, QueueError } from '../../events/queues/errors.ts'
import type { QueuePage, QueueService } from '../../events/queues/service.ts'
import type { ApiContext } from '../context.ts'
import { parseQueueUrl, queueUrl } from './queue-urls.ts'
import { parse, requests } from './requests.ts'

/** Returns the answer's body. Errors: `QueueError`, `ThawError`. */
export type SqsOperation = (c: ApiContext, request: unknown) => Promise<object>

/** What there is to ask for besides `All`. */
const attributeNames = new Set([
  'All',
  'ApproximateNumberOfMessages',
  'ApproximateNumberOfMessagesDelayed',
  'ApproximateNumberOfMessagesNotVisible',
  'ContentBasedDeduplication',
  'CreatedTimestamp',
  'DeduplicationScope',
  'DelaySeconds',
  'FifoQueue',
  'FifoThroughputLimit',
  'KmsDataKeyReusePeriodSeconds',
  'KmsMasterKeyId',
  'LastModifiedTimestamp',
  'MaximumMessageSize',
  'MessageRetentionPeriod',
  'Policy',
  'QueueArn',
  'ReceiveMessageWaitTimeSeconds',
  'RedriveAllowPolicy',
  'RedrivePolicy',
  'SqsManagedSseEnabled',
  'VisibilityTimeout',
])

/** AWS: at most 1,000 a page, and 50 tags a queue. */
const pageSize = 1_000
const maxTags = 50

export function createQueueOperations(queues: QueueService): Record<string, SqsOperation> {
  const arnOf = (c: ApiContext, url: string): string => queues.arnOf(parseQueueUrl(c, url))

  const answerPage = (c: ApiContext, { queues: found, next }: QueuePage, member: string): object => ({
    ...(found.length > 0 && { [member]: found.map((queue) => queueUrl(c, queue)) }),
    ...(next !== undefined && { NextToken: Buffer.from(next).toString('base64url') }),
  })

  return {
    async CreateQueue(c, request) {
      const { QueueName: queueName, Attributes: attributes = {}, tags = {} } = parse(requests.createQueue, request)
      assertTagCount(tags)
      const queue = await queues.create({ accountId: c.get('caller').accountId, queueName }, attributes, tags)
      return { QueueUrl: queueUrl(c, queue) }
    },

    async GetQueueUrl(c, request) {
      const { QueueName: queueName, QueueOwnerAWSAccountId: owner } = parse(requests.getQueueUrl, request)
      const { accountId } = c.get('caller')
      if (owner !== undefined && owner !== accountId) throw missingQueue()
      return { QueueUrl: queueUrl(c, await queues.get(queues.arnOf({ accountId, queueName }))) }
    },

    async ListQueues(c, request) {
      const { QueueNamePrefix: prefix = '', ...page } = parse(requests.listQueues, request)
      const { accountId } = c.get('caller')
      return answerPage(c, await queues.list({ accountId, prefix, ...pageOf(page) }), 'QueueUrls')
    },

    async ListDeadLetterSourceQueues(c, request) {
      const { QueueUrl, ...page } = parse(requests.listDeadLetterSourceQueues, request)
      const found = await queues.listSources(arnOf(c, QueueUrl), pageOf(page))
      return { queueUrls: [], ...answerPage(c, found, 'queueUrls') }
    },

    async GetQueueAttributes(c, request) {
      const { QueueUrl, AttributeNames: names = [] } = parse(requests.getQueueAttributes, request)
      for (const name of names)
        if (!attributeNames.has(name)) throw new QueueError('InvalidAttributeName', `Unknown Attribute ${name}.`)
      const all = await queues.attributes(arnOf(c, QueueUrl))
      const shown = Object.entries(all).filter(([name]) => names.includes('All') || names.includes(name))
      return { Attributes: Object.fromEntries(shown) }
    },

    async SetQueueAttributes(c, request) {
      const { QueueUrl, Attributes: attributes } = parse(requests.setQueueAttributes, request)
      await queues.setAttributes(arnOf(c, QueueUrl), attributes)
      return {}
    },

    async PurgeQueue(c, request) {
      await queues.purge(arnOf(c, parse(requests.queue, request).QueueUrl))
      return {}
    },

    async DeleteQueue(c, request) {
      await queues.remove(arnOf(c, parse(requests.queue, request).QueueUrl))
      return {}
    },

    async TagQueue(c, request) {
      const { QueueUrl, Tags } = parse(requests.tagQueue, request)
      await queues.setTags(arnOf(c, QueueUrl), (tags) => {
        const changed = { ...tags, ...Tags }
        assertTagCount(changed)
        return changed
      })
      return {}
    },

    async UntagQueue(c, request) {
      const { QueueUrl, TagKeys } = parse(requests.untagQueue, request)
      await queues.setTags(arnOf(c, QueueUrl), (tags) =>
        Object.fromEntries(Object.entries(tags).filter(([key]) => !TagKeys.includes(key))),
      )
      return {}
    },

    async ListQueueTags(c, request) {
      const { tags } = await queues.get(arnOf(c, parse(requests.queue, request).QueueUrl))
      return { Tags: tags }
    },
  }
}

function pageOf({ MaxResults, NextToken }: { MaxResults: number | undefined; NextToken: string | undefined }) {
  const limit = MaxResults ?? pageSize
  if (limit < 1 || limit > pageSize)
    throw invalidParameter(limit, 'MaxResults', `MaxResults must be an integer between 1 and ${pageSize}.`)
  const after = NextToken === undefined ? undefined : Buffer.from(NextToken, 'base64url').toString()
  return { limit, after }
}

function assertTagCount(tags: Readonly<Record<string, string>>): void {
  if (Object.keys(tags).length > maxTags)
    throw new QueueError('InvalidParameterValue', `Too many tags added for queue. At most ${maxTags} are allowed.`)
}
