import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueUrlCommand,
  ListDeadLetterSourceQueuesCommand,
  ListQueuesCommand,
  ListQueueTagsCommand,
  PurgeQueueCommand,
  SetQueueAttributesCommand,
  TagQueueCommand,
  UntagQueueCommand,
  type QueueAttributeName,
} from '@aws-sdk/client-sqs'
import { describe, expect, it } from 'vitest'
import { accountId } from '../../functions/fakes.ts'
import { arn, failure, openBench } from './support.ts'

describe('queues', () => {
  it('are made once, found by name, and listed', async () => {
    const { sqs, server, create } = await openBench()
    const url = await create('one', { DelaySeconds: '3' })
    expect(url).toBe(`${server.url}/${accountId}/one`)
    expect(await create('one', { DelaySeconds: '3' })).toBe(url)
    expect((await sqs.send(new CreateQueueCommand({ QueueName: 'one' }))).QueueUrl).toBe(url)
    await expect(create('one', { DelaySeconds: '4' })).rejects.toMatchObject(
      failure(
        'QueueNameExists',
        'A queue already exists with the same name and a different value for attribute DelaySeconds',
      ),
    )
    expect((await sqs.send(new GetQueueUrlCommand({ QueueName: 'one' }))).QueueUrl).toBe(url)
    await create('two')
    expect((await sqs.send(new ListQueuesCommand({}))).QueueUrls).toEqual([url, `${server.url}/${accountId}/two`])
    expect((await sqs.send(new ListQueuesCommand({ QueueNamePrefix: 'x' }))).QueueUrls).toBeUndefined()
  })

  it('are listed in pages', async () => {
    const { sqs, create } = await openBench()
    for (const name of ['a1', 'a2', 'a3', 'b']) await create(name)
    const page = (NextToken?: string) =>
      sqs.send(new ListQueuesCommand({ QueueNamePrefix: 'a', MaxResults: 2, ...(NextToken && { NextToken }) }))
    const first = await page()
    const second = await page(first.NextToken)
    const names = [first, second].map(({ QueueUrls = [] }) => QueueUrls.map((url) => url.split('/').at(-1)))
    expect(names).toEqual([['a1', 'a2'], ['a3']])
    expect(second.NextToken).toBeUndefined()
  })

  it('have the attributes of a standard queue', async () => {
    const { now, create, send, attributes } = await openBench()
    const url = await create('one')
    await send(url, 'a')
    const all = await attributes(url, 'All')
    expect(all).toEqual({
      QueueArn: arn('one'),
      ApproximateNumberOfMessages: '1',
      ApproximateNumberOfMessagesNotVisible: '0',
      ApproximateNumberOfMessagesDelayed: '0',
      CreatedTimestamp: String(now().getTime() / 1_000),
      LastModifiedTimestamp: String(now().getTime() / 1_000),
      VisibilityTimeout: '30',
      MaximumMessageSize: '4096',
      MessageRetentionPeriod: '345600',
      DelaySeconds: '0',
      ReceiveMessageWaitTimeSeconds: '0',
      SqsManagedSseEnabled: 'true',
    })
    expect(await attributes(url, 'QueueArn', 'Policy')).toEqual({ QueueArn: arn('one') })
    expect(await attributes(url)).toEqual({})
  })

  it('have the attributes of a FIFO queue', async () => {
    const { create, attributes } = await openBench()
    const url = await create('one.fifo', { ContentBasedDeduplication: 'true' })
    expect(await attributes(url, 'All')).toMatchObject({
      FifoQueue: 'true',
      ContentBasedDeduplication: 'true',
      DeduplicationScope: 'queue',
      FifoThroughputLimit: 'perQueue',
    })
  })

  it('change their attributes', async () => {
    const { sqs, server, now, advance, create, attributes } = await openBench()
    await create('dead')
    const url = await create('one')
    advance(5)
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: arn('dead'), maxReceiveCount: '3' })
    const Attributes = {
      VisibilityTimeout: '69',
      MaximumMessageSize: '2048',
      RedrivePolicy,
      SqsManagedSseEnabled: 'false',
    }
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes }))
    expect(await attributes(url, 'All')).toMatchObject({
      ...Attributes,
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arn('dead'), maxReceiveCount: 3 }),
      LastModifiedTimestamp: String(now().getTime() / 1_000),
      CreatedTimestamp: String(now().getTime() / 1_000 - 5),
    })
    const dead = `${server.url}/${accountId}/dead`
    const sources = await sqs.send(new ListDeadLetterSourceQueuesCommand({ QueueUrl: dead }))
    expect(sources.queueUrls).toEqual([url])
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes: { RedrivePolicy: '' } }))
    expect(await attributes(url, 'RedrivePolicy')).toEqual({})
    expect((await sqs.send(new ListDeadLetterSourceQueuesCommand({ QueueUrl: dead }))).queueUrls).toEqual([])
  })

  const bad = (policy: object) => ({ RedrivePolicy: JSON.stringify(policy) })
  it.each<[string, Partial<Record<QueueAttributeName, string>>, string, unknown]>([
    [
      'a timeout',
      { VisibilityTimeout: '43201' },
      'InvalidAttributeValue',
      'Invalid value for the parameter VisibilityTimeout.',
    ],
    ['a size', { MaximumMessageSize: '1023' }, 'InvalidAttributeValue', expect.anything()],
    ['a retention', { MessageRetentionPeriod: '59' }, 'InvalidAttributeValue', expect.anything()],
    ['a wait', { ReceiveMessageWaitTimeSeconds: '21' }, 'InvalidAttributeValue', expect.anything()],
    ['a word', { DelaySeconds: 'soon' }, 'InvalidAttributeValue', expect.anything()],
    [
      'a FIFO attribute',
      { ContentBasedDeduplication: 'true' },
      'InvalidAttributeName',
      'Unknown Attribute ContentBasedDeduplication.',
    ],
    ['FifoQueue', { FifoQueue: 'true' }, 'InvalidAttributeName', 'Unknown Attribute FifoQueue.'],
    ['a read-only attribute', { QueueArn: 'x' }, 'InvalidAttributeName', 'Unknown Attribute QueueArn.'],
    ['a key', { KmsMasterKeyId: 'alias/x' }, 'UnsupportedOperation', expect.anything()],
    [
      'a policy that denies',
      { Policy: JSON.stringify({ Statement: [{ Effect: 'Deny' }] }) },
      'UnsupportedOperation',
      expect.anything(),
    ],
    ['a policy that is none', { Policy: 'x' }, 'InvalidAttributeValue', expect.anything()],
    [
      'a redrive allow policy',
      { RedriveAllowPolicy: '{"redrivePermission":"x"}' },
      'InvalidParameterValue',
      expect.anything(),
    ],
    [
      'no ARN of a dead-letter queue',
      bad({ deadLetterTargetArn: 'dummy', maxReceiveCount: 42 }),
      'InvalidParameterValue',
      'Value {"deadLetterTargetArn":"dummy","maxReceiveCount":42} for parameter RedrivePolicy is invalid. ' +
        'Reason: Invalid value for deadLetterTargetArn.',
    ],
    [
      'a dead-letter queue that is not there',
      bad({ deadLetterTargetArn: arn('x'), maxReceiveCount: 1 }),
      'InvalidParameterValue',
      expect.stringMatching(/does not exist/),
    ],
    [
      'itself as dead-letter queue',
      bad({ deadLetterTargetArn: arn('one'), maxReceiveCount: 1 }),
      'InvalidParameterValue',
      expect.stringMatching(/another queue/),
    ],
    [
      'another kind of dead-letter queue',
      bad({ deadLetterTargetArn: arn('f.fifo'), maxReceiveCount: 1 }),
      'InvalidParameterValue',
      expect.stringMatching(/same type of queue/),
    ],
    [
      'a dead-letter queue that refuses',
      bad({ deadLetterTargetArn: arn('closed'), maxReceiveCount: 1 }),
      'InvalidParameterValue',
      expect.stringMatching(/does not allow/),
    ],
    [
      'no count',
      bad({ deadLetterTargetArn: arn('one') }),
      'InvalidParameterValue',
      expect.stringMatching(/mandatory attribute: maxReceiveCount/),
    ],
    [
      'a count of none',
      bad({ deadLetterTargetArn: arn('one'), maxReceiveCount: 0 }),
      'InvalidParameterValue',
      expect.stringMatching(/from 1 to 1000/),
    ],
  ])('refuse %s', async (_, Attributes, name, message) => {
    const { sqs, create } = await openBench()
    const url = await create('one')
    await create('f.fifo')
    await create('closed', { RedriveAllowPolicy: '{"redrivePermission":"denyAll"}' })
    await expect(sqs.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes }))).rejects.toMatchObject(
      failure(name, message),
    )
  })

  it('keep a policy that allows, a redrive allow policy, and no key', async () => {
    const { create, attributes } = await openBench()
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: '*' }] })
    const RedriveAllowPolicy = JSON.stringify({ redrivePermission: 'allowAll' })
    const url = await create('one', { Policy, RedriveAllowPolicy, KmsMasterKeyId: '' })
    expect(await attributes(url, 'Policy', 'RedriveAllowPolicy', 'KmsMasterKeyId')).toEqual({
      Policy,
      RedriveAllowPolicy,
    })
  })

  it('stay FIFO or standard', async () => {
    const { sqs, create } = await openBench()
    const url = await create('one.fifo')
    const change = new SetQueueAttributesCommand({ QueueUrl: url, Attributes: { FifoQueue: 'false' } })
    await expect(sqs.send(change)).rejects.toMatchObject(
      failure(
        'InvalidAttributeValue',
        'Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.',
      ),
    )
  })

  it.each([
    ['a b', {}],
    ['', {}],
    ['x'.repeat(81), {}],
    ['one.fifo', { FifoQueue: 'false' }],
    ['one', { FifoQueue: 'true' }],
    ['.fifo', { FifoQueue: 'true' }],
  ])('have no such name: %j', async (QueueName, Attributes) => {
    const { sqs } = await openBench()
    const error = await sqs.send(new CreateQueueCommand({ QueueName, Attributes })).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ name: expect.stringMatching(/^InvalidParameterValue|^InvalidAttributeName/) })
  })

  it('have tags', async () => {
    const { sqs } = await openBench()
    const made = await sqs.send(new CreateQueueCommand({ QueueName: 'one', tags: { a: '1', b: '2' } }))
    const QueueUrl = made.QueueUrl
    await sqs.send(new TagQueueCommand({ QueueUrl, Tags: { b: '3', c: '' } }))
    expect((await sqs.send(new ListQueueTagsCommand({ QueueUrl }))).Tags).toEqual({ a: '1', b: '3', c: '' })
    await sqs.send(new UntagQueueCommand({ QueueUrl, TagKeys: ['a', 'c', 'x'] }))
    expect((await sqs.send(new ListQueueTagsCommand({ QueueUrl }))).Tags).toEqual({ b: '3' })
  })

  it('are purged once a minute', async () => {
    const { sqs, advance, create, send, receive } = await openBench()
    const QueueUrl = await create('one')
    await send(QueueUrl, 'a')
    await sqs.send(new PurgeQueueCommand({ QueueUrl }))
    expect(await receive(QueueUrl)).toEqual([])
    advance(59)
    await expect(sqs.send(new PurgeQueueCommand({ QueueUrl }))).rejects.toMatchObject(
      failure('PurgeQueueInProgress', 'Only one PurgeQueue operation on one is allowed every 60 seconds.', 403),
    )
    advance(1)
    await sqs.send(new PurgeQueueCommand({ QueueUrl }))
  })

  it('are gone once deleted', async () => {
    const { sqs, create, send, receive } = await openBench()
    const QueueUrl = await create('one')
    await send(QueueUrl, 'a')
    await sqs.send(new DeleteQueueCommand({ QueueUrl }))
    const gone = failure('QueueDoesNotExist', 'The specified queue does not exist.')
    await expect(send(QueueUrl, 'b')).rejects.toMatchObject(gone)
    await expect(receive(QueueUrl)).rejects.toMatchObject(gone)
    await expect(sqs.send(new GetQueueUrlCommand({ QueueName: 'one' }))).rejects.toMatchObject(gone)
    expect(await receive(await create('one'))).toEqual([])
  })
})
