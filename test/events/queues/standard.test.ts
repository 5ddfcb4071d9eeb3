import { describe, expect, it } from 'vitest'
import { accountId, arnOf, message, openBench, region, request } from './support.ts'

const attributes = { kind: { dataType: 'String', stringValue: 'x', binaryValue: undefined } }

describe('a standard queue', () => {
  it('hands a message on as it was sent, and hides it', async () => {
    const { queues, create, receive, bodies, advance } = openBench()
    const arn = await create('one')
    const sent = await queues.send(arn, message('böse', { attributes, hops: 3, traceHeader: 'Root=1', groupId: 'g' }))
    expect(sent).toEqual({
      messageId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      md5OfBody: 'ece40577fee0833e87ee83a4c168f6f7',
      md5OfAttributes: expect.stringMatching(/^[0-9a-f]{32}$/),
      sequenceNumber: undefined,
    })
    advance(2)
    const [got, ...more] = await receive(arn)
    expect(more).toEqual([])
    expect(got).toEqual({
      messageId: sent.messageId,
      receiptHandle: expect.any(String),
      body: 'böse',
      md5OfBody: sent.md5OfBody,
      attributes,
      md5OfAttributes: sent.md5OfAttributes,
      senderId: accountId,
      sentAt: 1_700_000_000_000,
      firstReceivedAt: 1_700_000_002_000,
      receiveCount: 1,
      groupId: 'g',
      deduplicationId: undefined,
      sequenceNumber: undefined,
      traceHeader: 'Root=1',
      deadLetterQueueSourceArn: undefined,
      hops: 3,
    })
    advance(29)
    expect(await bodies(arn)).toEqual([])
    advance(1)
    expect(await receive(arn)).toMatchObject([{ receiveCount: 2, firstReceivedAt: 1_700_000_002_000 }])
  })

  it('takes the visibility timeout of the receive before its own', async () => {
    const { create, send, bodies, advance } = openBench()
    const arn = await create('one', { VisibilityTimeout: '5' })
    await send(arn, 'a')
    await bodies(arn, { visibilityTimeoutSeconds: 60 })
    advance(59)
    expect(await bodies(arn)).toEqual([])
    advance(1)
    expect(await bodies(arn)).toEqual(['a'])
    advance(5)
    expect(await bodies(arn, { visibilityTimeoutSeconds: 0 })).toEqual(['a'])
    expect(await bodies(arn)).toEqual(['a'])
  })

  it('delays messages by its own delay or theirs', async () => {
    const { create, send, bodies, advance, attribute } = openBench()
    const arn = await create('one', { DelaySeconds: '10' })
    await send(arn, 'queue')
    await send(arn, 'own', { delaySeconds: 5 })
    await send(arn, 'now', { delaySeconds: 0 })
    expect(await attribute(arn, 'ApproximateNumberOfMessagesDelayed')).toBe('2')
    expect(await bodies(arn)).toEqual(['now'])
    advance(5)
    expect(await bodies(arn)).toEqual(['own'])
    advance(4)
    expect(await bodies(arn)).toEqual([])
    advance(1)
    expect(await bodies(arn)).toEqual(['queue'])
  })

  it('deletes by the latest handle, also after its time, and passes over older ones', async () => {
    const { queues, create, send, receive, bodies, advance } = openBench()
    const arn = await create('one')
    await send(arn, 'a')
    const [first] = await receive(arn)
    advance(30)
    const [second] = await receive(arn)
    if (first === undefined || second === undefined) throw new Error('nothing received')
    expect(first.receiptHandle).not.toBe(second.receiptHandle)
    expect(await queues.deleteBatch(arn, [first.receiptHandle])).toEqual([undefined])
    advance(30)
    expect(await queues.deleteBatch(arn, [second.receiptHandle, 'garbage'])).toMatchObject([
      undefined,
      {
        queueCode: 'ReceiptHandleIsInvalid',
        message: 'The input receipt handle "garbage" is not a valid receipt handle.',
      },
    ])
    await queues.delete(arn, [second.receiptHandle, 'garbage'])
    advance(100)
    expect(await bodies(arn)).toEqual([])
  })

  it('changes the visibility of a message in flight, for 12 hours at most', async () => {
    const { queues, create, send, receive, bodies, advance } = openBench()
    const arn = await create('one')
    await send(arn, 'a')
    const [taken] = await receive(arn)
    const handle = taken?.receiptHandle ?? ''
    const change = async (timeoutSeconds: number) =>
      (await queues.changeVisibilityBatch(arn, [{ receiptHandle: handle, timeoutSeconds }]))[0]
    advance(20)
    expect(await change(30)).toBeUndefined()
    advance(29)
    expect(await bodies(arn)).toEqual([])
    expect(await change(43_200)).toMatchObject({
      message:
        'Value 43200 for parameter VisibilityTimeout is invalid. ' +
        'Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds]',
    })
    expect(await change(0)).toBeUndefined()
    // Recorded by AWS: no error for one that is visible again, and none of it changes.
    expect(await change(30)).toBeUndefined()
    expect(await bodies(arn)).toEqual(['a'])
    expect(await change(30)).toMatchObject({
      queueCode: 'InvalidParameterValue',
      message:
        `Value ${handle} for parameter ReceiptHandle is invalid. ` +
        'Reason: Message does not exist or is not available for visibility timeout change.',
    })
  })

  it('forgets messages after their retention', async () => {
    const { create, send, bodies, advance, attribute } = openBench()
    const arn = await create('one', { MessageRetentionPeriod: '60' })
    await send(arn, 'old')
    advance(30)
    await send(arn, 'new')
    advance(30)
    expect(await attribute(arn, 'ApproximateNumberOfMessages')).toBe('1')
    expect(await bodies(arn)).toEqual(['new'])
  })

  it('moves a message that was received too often to its dead-letter queue', async () => {
    const { create, send, receive, bodies, advance } = openBench()
    const dead = await create('dead')
    const redrive = JSON.stringify({ deadLetterTargetArn: dead, maxReceiveCount: 2 })
    const arn = await create('one', { RedrivePolicy: redrive })
    const messageId = await send(arn, 'poison', { attributes, hops: 4 })
    for (let i = 0; i < 2; i++) {
      expect(await bodies(arn)).toEqual(['poison'])
      advance(30)
    }
    expect(await bodies(dead)).toEqual([])
    expect(await bodies(arn)).toEqual([])
    expect(await receive(dead)).toMatchObject([
      { messageId, body: 'poison', attributes, hops: 4, receiveCount: 3, deadLetterQueueSourceArn: arn },
    ])
  })

  it('refuses more in flight than the limit, and takes them up again', async () => {
    const { queues, create, send, receive, bodies } = openBench({ limits: { queueInFlight: 3 } })
    const arn = await create('one')
    for (const body of ['a', 'b', 'c', 'd']) await send(arn, body)
    const [first] = await receive(arn, { max: 1 })
    expect(await bodies(arn)).toEqual(['b', 'c'])
    await expect(receive(arn)).rejects.toMatchObject({ queueCode: 'OverLimit', code: 'TooManyRequests' })
    await queues.delete(arn, [first?.receiptHandle ?? ''])
    expect(await bodies(arn)).toEqual(['d'])
  })

  it('sends what can be sent of a batch', async () => {
    const { queues, create, bodies } = openBench()
    const arn = await create('one')
    const outcomes = await queues.sendBatch(arn, [message('a'), message(''), message('b', { delaySeconds: 901 })])
    expect(outcomes).toMatchObject([
      { messageId: expect.any(String) },
      { queueCode: 'MissingParameter' },
      { queueCode: 'InvalidParameterValue' },
    ])
    expect(await bodies(arn)).toEqual(['a'])
  })

  it('refuses a batch that is too long as a whole', async () => {
    const { queues, create, bodies } = openBench({ limits: { queueMessageBytes: 2_000 } })
    const arn = await create('one')
    const half = message('x'.repeat(1_001))
    await expect(queues.sendBatch(arn, [half, half])).rejects.toMatchObject({
      queueCode: 'BatchRequestTooLong',
      message: 'Batch requests cannot be longer than 2000 bytes. You have sent 2002 bytes.',
    })
    expect(await bodies(arn)).toEqual([])
  })

  it('is not there under other names, regions and accounts', async () => {
    const { queues, create } = openBench()
    const arn = await create('one')
    expect(await queues.find(arn)).toEqual({
      accountId,
      queueName: 'one',
      arn,
      fifo: false,
      visibilityTimeoutSeconds: 30,
    })
    for (const other of [
      arnOf('two'),
      arn.replace(region, 'eu-west-1'),
      arn.replace(accountId, '2'.repeat(12)),
      'one',
      `${arn}/x`,
    ]) {
      expect(await queues.find(other)).toBeUndefined()
      const gone = { queueCode: 'QueueDoesNotExist', code: 'ResourceNotFound' }
      await expect(queues.send(other, message('a'))).rejects.toMatchObject(gone)
      await expect(queues.receive(other, request())).rejects.toMatchObject(gone)
      await expect(queues.delete(other, ['x'])).rejects.toMatchObject(gone)
    }
  })
})
