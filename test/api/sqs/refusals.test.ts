import {
  AddPermissionCommand,
  GetQueueUrlCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs'
import { describe, expect, it } from 'vitest'
import { accountId } from '../../functions/fakes.ts'
import { failure, openBench } from './support.ts'

describe('refusals', () => {
  const entries = (count: number) => Array.from({ length: count }, (_, i) => ({ Id: `${i}`, MessageBody: 'x' }))

  it('of batches', async () => {
    const { sqs, create } = await openBench()
    const QueueUrl = await create('one')
    const batch = (Entries: { Id: string; MessageBody: string }[]) =>
      sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }))
    await expect(batch([])).rejects.toMatchObject(failure('EmptyBatchRequest'))
    await expect(batch(entries(11))).rejects.toMatchObject(
      failure('TooManyEntriesInBatchRequest', 'Maximum number of entries per request are 10. You have sent 11.'),
    )
    await expect(batch([...entries(1), ...entries(1)])).rejects.toMatchObject(failure('BatchEntryIdsNotDistinct'))
    for (const Id of ['', 'a:b', 'x'.repeat(81)])
      await expect(batch([{ Id, MessageBody: 'x' }])).rejects.toMatchObject(
        failure(
          'InvalidBatchEntryId',
          'A batch entry id can only contain alphanumeric characters, hyphens and underscores. ' +
            'It can be at most 80 letters long.',
        ),
      )
    const half = { MessageBody: 'x'.repeat(2_049) }
    await expect(
      batch([
        { Id: 'a', ...half },
        { Id: 'b', ...half },
      ]),
    ).rejects.toMatchObject(
      failure('BatchRequestTooLong', 'Batch requests cannot be longer than 4096 bytes. You have sent 4098 bytes.'),
    )
  })

  it('of messages', async () => {
    const { sqs, create, send } = await openBench()
    const QueueUrl = await create('one')
    const fifo = await create('one.fifo')
    await expect(send(QueueUrl, '')).rejects.toMatchObject(failure('MissingParameter'))
    await expect(send(QueueUrl, '\u0001')).rejects.toMatchObject(failure('InvalidMessageContents'))
    await expect(send(QueueUrl, 'x'.repeat(4_097))).rejects.toMatchObject(
      failure(
        'InvalidParameterValue',
        'One or more parameters are invalid. Reason: Message must be shorter than 4096 bytes.',
      ),
    )
    await expect(send(fifo, 'x')).rejects.toMatchObject(
      failure('MissingParameter', 'The request must contain the parameter MessageGroupId.'),
    )
    const lists = { a: { DataType: 'String', StringValue: 'x', StringListValues: ['y'] } }
    await expect(
      sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x', MessageAttributes: lists })),
    ).rejects.toMatchObject(failure('UnsupportedOperation'))
  })

  it('of receives out of range', async () => {
    const { create, receive } = await openBench()
    const QueueUrl = await create('one')
    await expect(receive(QueueUrl, { MaxNumberOfMessages: 11 })).rejects.toMatchObject(
      failure(
        'InvalidParameterValue',
        'Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.',
      ),
    )
    for (const more of [{ MaxNumberOfMessages: 0 }, { WaitTimeSeconds: 21 }, { VisibilityTimeout: 43_201 }])
      await expect(receive(QueueUrl, more)).rejects.toMatchObject(failure('InvalidParameterValue'))
  })

  it('of operations that Thaw does not have', async () => {
    const { sqs, create } = await openBench()
    const QueueUrl = await create('one')
    const unsupported = failure('UnsupportedOperation', expect.stringMatching(/is not supported by Thaw/))
    const permission = { QueueUrl, Label: 'l', AWSAccountIds: ['1'], Actions: ['*'] }
    await expect(sqs.send(new AddPermissionCommand(permission))).rejects.toMatchObject(unsupported)
    await expect(sqs.send(new StartMessageMoveTaskCommand({ SourceArn: 'x' }))).rejects.toMatchObject(unsupported)
  })

  it("of other accounts' queues", async () => {
    const { sqs, server, create, send, receive } = await openBench()
    await create('one')
    const other = `${server.url}/222222222222/one`
    const denied = failure('AccessDenied', `Access to the resource ${other} is denied.`, 403)
    await expect(send(other, 'x')).rejects.toMatchObject(denied)
    await expect(receive(other)).rejects.toMatchObject(denied)
    const named = new GetQueueUrlCommand({ QueueName: 'one', QueueOwnerAWSAccountId: '222222222222' })
    await expect(sqs.send(named)).rejects.toMatchObject(failure('QueueDoesNotExist'))
  })

  it('carry both names of the error on the wire', async () => {
    const { server } = await openBench()
    const call = async (operation: string, body: string, path = '/') => {
      const headers = { 'x-amz-target': `AmazonSQS.${operation}`, 'content-type': 'application/x-amz-json-1.0' }
      const response = await fetch(new URL(path, server.url), { method: 'POST', headers, body })
      const { status, headers: answered } = response
      const names = [answered.get('x-amzn-query-error'), answered.get('content-type')]
      return [status, ...names, await response.json()]
    }
    const QueueUrl = `${server.url}/${accountId}/none`
    expect(await call('PurgeQueue', JSON.stringify({ QueueUrl }), `/${accountId}/none`)).toEqual([
      400,
      'AWS.SimpleQueueService.NonExistentQueue;Sender',
      'application/x-amz-json-1.0',
      { __type: 'com.amazonaws.sqs#QueueDoesNotExist', message: 'The specified queue does not exist.' },
    ])
    expect(await call('PurgeQueue', '{}')).toMatchObject([
      400,
      'MissingParameter;Sender',
      expect.anything(),
      { message: 'The request must contain the parameter QueueUrl.' },
    ])
    expect(await call('PurgeQueue', '{"QueueUrl": 3}')).toMatchObject([
      400,
      'MalformedInput;Sender',
      expect.anything(),
      {},
    ])
    expect(await call('PurgeQueue', '{')).toMatchObject([400, 'MalformedInput;Sender', expect.anything(), {}])
    expect(await call('PurgeQueue', '{"QueueUrl": "one"}')).toMatchObject([
      404,
      'InvalidAddress;Sender',
      expect.anything(),
      {},
    ])
    expect(await call('Dance', '{}')).toMatchObject([
      400,
      'InvalidAction;Sender',
      expect.anything(),
      { __type: 'com.amazon.coral.service#UnknownOperationException' },
    ])
  })
})
