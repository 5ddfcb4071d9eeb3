import { connect } from 'node:net'
import {
  ChangeMessageVisibilityBatchCommand,
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { describe, expect, it } from 'vitest'
import { accountId } from '../../functions/fakes.ts'
import type { ApiServer } from '../server.ts'
import { arn, credentials, failure, openBench, region } from './support.ts'

describe('messages', () => {
  it('come back with their attributes, which the SDK verifies', async () => {
    const { sqs, now, create, receive } = await openBench()
    const QueueUrl = await create('one')
    const MessageAttributes = {
      Hello: { DataType: 'String', StringValue: 'There' },
      'Help.Me': { DataType: 'Number.int', StringValue: '42' },
      Raw: { DataType: 'Binary', BinaryValue: Uint8Array.of(0, 1, 255) },
    }
    const sent = await sqs.send(
      new SendMessageCommand({
        QueueUrl,
        MessageBody: 'böse',
        MessageAttributes,
        MessageSystemAttributes: { AWSTraceHeader: { DataType: 'String', StringValue: 'Root=1' } },
      }),
    )
    expect(sent).toMatchObject({ MD5OfMessageBody: 'ece40577fee0833e87ee83a4c168f6f7' })
    expect(sent.SequenceNumber).toBeUndefined()
    const [message, ...more] = await receive(QueueUrl, {
      MessageSystemAttributeNames: ['All'],
      MessageAttributeNames: ['All'],
    })
    expect(more).toEqual([])
    expect(message).toEqual({
      MessageId: sent.MessageId,
      ReceiptHandle: expect.any(String),
      Body: 'böse',
      MD5OfBody: sent.MD5OfMessageBody,
      MD5OfMessageAttributes: sent.MD5OfMessageAttributes,
      MessageAttributes,
      Attributes: {
        SenderId: accountId,
        SentTimestamp: String(now().getTime()),
        ApproximateFirstReceiveTimestamp: String(now().getTime()),
        ApproximateReceiveCount: '1',
        AWSTraceHeader: 'Root=1',
      },
    })
  })

  it('show the attributes that are asked for', async () => {
    const { sqs, create, receive } = await openBench()
    const QueueUrl = await create('one', { VisibilityTimeout: '0' })
    const of = (StringValue: string) => ({ DataType: 'String', StringValue })
    const MessageAttributes = { Hello: of('There'), General: of('Kenobi'), 'Help.Me': of('Me') }
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'msg', MessageAttributes }))
    const shown = async (...MessageAttributeNames: string[]) => {
      const [message] = await receive(QueueUrl, { MessageAttributeNames })
      return [Object.keys(message?.MessageAttributes ?? {}).toSorted(), message?.MD5OfMessageAttributes]
    }
    // The digests that AWS answered.
    const all = [['General', 'Hello', 'Help.Me'], '4c360f3fdafd970e05fae2f149d997f5']
    expect(await shown('.*')).toEqual(all)
    expect(await shown('All')).toEqual(all)
    expect(await shown('Hello', 'Nothing')).toEqual([['Hello'], 'a311262e065454b75da111d535b8dacd'])
    expect(await shown('Hello', 'General')).toEqual([['General', 'Hello'], 'fca026605781cb4126a1e9044df24232'])
    expect(await shown('Hel.*')).toEqual([['Hello', 'Help.Me'], '83fee93c1bcd8b9a5a923ffacdc636c7'])
    expect(await shown('Nothing')).toEqual([[], undefined])
    const [plain] = await receive(QueueUrl, { MessageSystemAttributeNames: ['SenderId', 'SequenceNumber'] })
    expect(plain?.Attributes).toEqual({ SenderId: accountId })
    expect((await receive(QueueUrl))[0]).not.toHaveProperty('Attributes')
  })

  it('keep their order in FIFO queues', async () => {
    const { sqs, create, receive } = await openBench()
    const QueueUrl = await create('one.fifo')
    const entry = (Id: string) => ({
      Id,
      MessageBody: Id,
      MessageGroupId: 'g',
      MessageDeduplicationId: `d${Id}`,
    })
    const sent = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries: ['1', '2'].map(entry) }))
    const third = await sqs.send(new SendMessageCommand({ QueueUrl, ...entry('3') }))
    const numbers = [...(sent.Successful ?? []), third].map(({ SequenceNumber }) => SequenceNumber)
    const got = await receive(QueueUrl, { AttributeNames: ['All'], ReceiveRequestAttemptId: 'x' })
    expect(got.map(({ Body, Attributes }) => [Body, Attributes?.SequenceNumber])).toEqual([
      ['1', numbers[0]],
      ['2', numbers[1]],
      ['3', numbers[2]],
    ])
    expect(got[0]?.Attributes).toMatchObject({ MessageGroupId: 'g', MessageDeduplicationId: 'd1' })
    const again = await sqs.send(new SendMessageCommand({ QueueUrl, ...entry('3') }))
    expect(again).toMatchObject({ MessageId: third.MessageId, SequenceNumber: third.SequenceNumber })
  })

  it('are sent, hidden, given back and deleted in batches, each with its own outcome', async () => {
    const { sqs, advance, create, receive } = await openBench()
    const QueueUrl = await create('one')
    const sent = await sqs.send(
      new SendMessageBatchCommand({
        QueueUrl,
        Entries: [
          { Id: 'a', MessageBody: 'A' },
          { Id: 'b', MessageBody: 'B', DelaySeconds: 901 },
          { Id: 'c', MessageBody: 'C' },
        ],
      }),
    )
    expect(sent.Successful?.map(({ Id }) => Id)).toEqual(['a', 'c'])
    expect(sent.Failed).toEqual([
      {
        Id: 'b',
        SenderFault: true,
        Code: 'InvalidParameterValue',
        Message: 'Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.',
      },
    ])
    const [one, two] = await receive(QueueUrl)
    const Entries = [
      { Id: '1', ReceiptHandle: one?.ReceiptHandle, VisibilityTimeout: 0 },
      { Id: '2', ReceiptHandle: 'garbage', VisibilityTimeout: 0 },
    ]
    const changed = await sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries }))
    expect(changed.Successful).toEqual([{ Id: '1' }])
    expect(changed.Failed).toMatchObject([{ Id: '2', SenderFault: true, Code: 'ReceiptHandleIsInvalid' }])
    const [again] = await receive(QueueUrl)
    expect(again?.Body).toBe('A')
    const handles = [again?.ReceiptHandle, two?.ReceiptHandle, 'garbage']
    const deletions = handles.map((ReceiptHandle, index) => ({ Id: `${index}`, ReceiptHandle }))
    const deleted = await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries: deletions }))
    expect(deleted.Successful).toEqual([{ Id: '0' }, { Id: '1' }])
    expect(deleted.Failed).toMatchObject([{ Id: '2' }])
    advance(100)
    expect(await receive(QueueUrl)).toEqual([])
  })

  it('are hidden, given back and deleted one by one', async () => {
    const { sqs, advance, create, send, receive } = await openBench()
    const QueueUrl = await create('one')
    await send(QueueUrl, 'a')
    const [first] = await receive(QueueUrl, { VisibilityTimeout: 10 })
    const ReceiptHandle = first?.ReceiptHandle
    const change = (VisibilityTimeout: number) =>
      sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout }))
    await change(20)
    advance(19)
    expect(await receive(QueueUrl)).toEqual([])
    await change(0)
    const [second] = await receive(QueueUrl)
    expect(second?.Body).toBe('a')
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: second?.ReceiptHandle }))
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: second?.ReceiptHandle }))
    await expect(change(5)).rejects.toMatchObject(failure('InvalidParameterValue', /not available for visibility/))
    await expect(change(43_201)).rejects.toMatchObject(failure('InvalidParameterValue'))
    await expect(sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: 'garbage' }))).rejects.toMatchObject(
      failure('ReceiptHandleIsInvalid', 'The input receipt handle "garbage" is not a valid receipt handle.', 404),
    )
  })

  it('go to the dead-letter queue after too many receives', async () => {
    const { create, send, receive } = await openBench()
    const dead = await create('dead')
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: arn('dead'), maxReceiveCount: 1 })
    const QueueUrl = await create('one', { RedrivePolicy, VisibilityTimeout: '0' })
    const { MessageId } = await send(QueueUrl, 'poison')
    expect(await receive(QueueUrl)).toHaveLength(1)
    expect(await receive(QueueUrl)).toEqual([])
    expect(await receive(dead, { AttributeNames: ['All'] })).toMatchObject([
      { MessageId, Body: 'poison', Attributes: { DeadLetterQueueSourceArn: arn('one') } },
    ])
  })

  it("are waited for by the queue's own time or that of the request", async () => {
    const { create, send, receive } = await openBench()
    const QueueUrl = await create('one', { ReceiveMessageWaitTimeSeconds: '20' })
    const polls = [receive(QueueUrl), receive(QueueUrl, { WaitTimeSeconds: 20 })]
    expect(await receive(QueueUrl, { WaitTimeSeconds: 0 })).toEqual([])
    for (const body of ['a', 'b']) await send(QueueUrl, body)
    const [first, second] = await Promise.all(polls)
    expect([...(first ?? []), ...(second ?? [])].map(({ Body }) => Body).toSorted()).toEqual(['a', 'b'])
  })

  it('are not held up by hundreds of idle polls', async () => {
    const { sqs, server, create, send, receive } = await openBench()
    const idle = await create('idle')
    const busy = await create('busy')
    const stop = new AbortController()
    const command = () => new ReceiveMessageCommand({ QueueUrl: idle, WaitTimeSeconds: 20 })
    const client = new SQSClient({
      endpoint: server.url,
      region,
      credentials,
      requestHandler: { httpAgent: { maxSockets: 300 } },
    })
    const polls = Array.from({ length: 200 }, () =>
      client.send(command(), { abortSignal: stop.signal }).catch(() => {}),
    )
    for (let i = 0; i < 20; i++) {
      await send(busy, `${i}`)
      const [message] = await receive(busy)
      expect(message?.Body).toBe(`${i}`)
      await sqs.send(new DeleteMessageCommand({ QueueUrl: busy, ReceiptHandle: message?.ReceiptHandle }))
    }
    stop.abort()
    await Promise.all(polls)
    client.destroy()
  })

  it('are not taken for a caller who left', async () => {
    const { server, create, send, receive } = await openBench()
    const QueueUrl = await create('one')
    const { hostname, port, host } = new URL(server.url)
    const body = JSON.stringify({ QueueUrl, WaitTimeSeconds: 20 })
    const socket = connect(Number(port), hostname)
    const head = `POST / HTTP/1.1\r\nHost: ${host}\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\n`
    socket.write(`${head}Content-Type: application/x-amz-json-1.0\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    const ended = watchPolls(server)
    await ended.begun
    socket.destroy()
    await ended.over
    await send(QueueUrl, 'a')
    const [message] = await receive(QueueUrl, { MessageSystemAttributeNames: ['ApproximateReceiveCount'] })
    expect(message).toMatchObject({ Body: 'a', Attributes: { ApproximateReceiveCount: '1' } })
  })

  it('carry how many invocations came before them, which clients neither set nor see', async () => {
    const { server, create, receive } = await openBench()
    const QueueUrl = await create('one', { VisibilityTimeout: '0' })
    const headers = { 'x-amz-target': 'AmazonSQS.SendMessage', 'content-type': 'application/x-amz-json-1.0' }
    const body = JSON.stringify({ QueueUrl, MessageBody: 'a', hops: 9, Hops: 9 })
    expect((await fetch(QueueUrl, { method: 'POST', headers, body })).status).toBe(200)
    const request = { max: 1, visibilityTimeoutSeconds: 0, waitMs: 0, signal: undefined }
    expect(await server.queues.receive(arn('one'), request)).toMatchObject([{ body: 'a', hops: 0 }])
    const sent = { body: 'b', attributes: {}, delaySeconds: 0, groupId: undefined, deduplicationId: undefined, hops: 7 }
    await server.queues.send(arn('one'), sent)
    const all = { MessageSystemAttributeNames: ['All' as const], MessageAttributeNames: ['All'] }
    expect(JSON.stringify(await receive(QueueUrl, all))).not.toMatch(/hops/i)
  })
})

/** When the next receive begins, and when it is over. */
function watchPolls({ queues }: ApiServer) {
  const begun = Promise.withResolvers<void>()
  const over = Promise.withResolvers<void>()
  const { receive } = queues
  queues.receive = async (...parameters) => {
    queues.receive = receive
    begun.resolve()
    try {
      return await receive(...parameters)
    } finally {
      over.resolve()
    }
  }
  return { begun: begun.promise, over: over.promise }
}
