import { describe, expect, it } from 'vitest'
import { message, openBench } from './support.ts'

const content = { ContentBasedDeduplication: 'true' }

describe('a FIFO queue', () => {
  it('keeps order in each group, and gives a group to one receiver at a time', async () => {
    const { queues, create, send, receive, bodies } = openBench()
    const arn = await create('one.fifo', content)
    for (const body of ['x1', 'y1', 'x2', 'y2', 'x3']) await send(arn, body, { groupId: body.slice(0, 1) })
    const first = await receive(arn, { max: 2 })
    expect(first.map(({ body }) => body)).toEqual(['x1', 'x2'])
    expect(await bodies(arn, { max: 10 })).toEqual(['y1', 'y2'])
    expect(await bodies(arn)).toEqual([])
    await queues.delete(
      arn,
      first.map(({ receiptHandle }) => receiptHandle),
    )
    expect(await bodies(arn)).toEqual(['x3'])
  })

  it('numbers messages upwards, in 20 digits', async () => {
    const { queues, create, receive } = openBench()
    const arn = await create('one.fifo', content)
    const numbers: (string | undefined)[] = []
    for (const body of ['a', 'b', 'c'])
      numbers.push((await queues.send(arn, message(body, { groupId: 'g' }))).sequenceNumber)
    for (const number of numbers) expect(number).toMatch(/^\d{20}$/)
    expect(numbers).toEqual([...new Set(numbers)].toSorted())
    const got = await receive(arn)
    expect(got.map(({ sequenceNumber }) => sequenceNumber)).toEqual(numbers)
    expect(got[0]).toMatchObject({ groupId: 'g', deduplicationId: expect.stringMatching(/^[0-9a-f]{64}$/) })
  })

  it('takes a second message with the same id for the first, for 5 minutes', async () => {
    const { queues, create, bodies, advance } = openBench()
    const arn = await create('one.fifo')
    const send = (body: string) => queues.send(arn, message(body, { groupId: 'g', deduplicationId: 'd' }))
    const first = await send('one')
    advance(299)
    const { messageId, sequenceNumber } = await send('two')
    expect({ messageId, sequenceNumber }).toEqual({
      messageId: first.messageId,
      sequenceNumber: first.sequenceNumber,
    })
    expect(await bodies(arn)).toEqual(['one'])
    advance(1)
    expect((await send('three')).messageId).not.toBe(first.messageId)
  })

  it('tells contents apart, and groups where they are the scope', async () => {
    const { create, send, bodies } = openBench()
    const whole = await create('whole.fifo', content)
    for (const groupId of ['g', 'h']) await send(whole, 'same', { groupId })
    await send(whole, 'other', { groupId: 'h' })
    expect(await bodies(whole)).toEqual(['same', 'other'])

    const grouped = await create('grouped.fifo', { ...content, DeduplicationScope: 'messageGroup' })
    for (const groupId of ['g', 'h', 'g']) await send(grouped, 'same', { groupId })
    expect(await bodies(grouped)).toEqual(['same', 'same'])
  })

  it('ends a receipt with its visibility timeout', async () => {
    const { queues, create, send, receive, bodies, advance } = openBench()
    const arn = await create('one.fifo', { ...content, VisibilityTimeout: '1' })
    await send(arn, 'a', { groupId: 'g' })
    const [taken] = await receive(arn)
    const handle = taken?.receiptHandle ?? ''
    advance(1)
    expect(await queues.deleteBatch(arn, [handle])).toMatchObject([
      {
        queueCode: 'InvalidParameterValue',
        message: `Value ${handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.`,
      },
    ])
    const [refused] = await queues.changeVisibilityBatch(arn, [{ receiptHandle: handle, timeoutSeconds: 5 }])
    expect(refused).toMatchObject({ queueCode: 'InvalidParameterValue' })
    expect(await bodies(arn)).toEqual(['a'])
  })

  it('delays by its own delay only, in order', async () => {
    const { queues, create, send, bodies, advance } = openBench()
    const arn = await create('one.fifo', { ...content, DelaySeconds: '10' })
    await send(arn, 'first', { groupId: 'g' })
    await queues.setAttributes(arn, { DelaySeconds: '0' })
    await send(arn, 'second', { groupId: 'g' })
    expect(await bodies(arn)).toEqual([])
    advance(10)
    expect(await bodies(arn)).toEqual(['first', 'second'])
  })

  it('gives a group back from the message that was returned', async () => {
    const { queues, create, send, receive, bodies } = openBench()
    const arn = await create('one.fifo', content)
    for (const body of ['1', '2', '3']) await send(arn, body, { groupId: 'g' })
    const [one, two] = await receive(arn, { max: 2 })
    await queues.delete(arn, [one?.receiptHandle ?? ''])
    expect(await bodies(arn)).toEqual([])
    await queues.changeVisibility(arn, [two?.receiptHandle ?? ''], 0)
    expect(await bodies(arn)).toEqual(['2', '3'])
  })

  it('lets a group go on once its poison has moved to the dead-letter queue', async () => {
    const { create, send, bodies, receive, advance } = openBench()
    const dead = await create('dead.fifo')
    const redrive = JSON.stringify({ deadLetterTargetArn: dead, maxReceiveCount: 1 })
    const arn = await create('one.fifo', { ...content, RedrivePolicy: redrive })
    for (const body of ['poison', 'next']) await send(arn, body, { groupId: 'g' })
    expect(await bodies(arn, { max: 1 })).toEqual(['poison'])
    advance(30)
    expect(await bodies(arn)).toEqual(['next'])
    expect(await receive(dead)).toMatchObject([{ body: 'poison', groupId: 'g', deadLetterQueueSourceArn: arn }])
  })

  it('refuses a whole batch of which one has no group or id', async () => {
    const { queues, create, bodies } = openBench()
    const arn = await create('one.fifo')
    const good = message('a', { groupId: 'g', deduplicationId: 'a' })
    await expect(queues.sendBatch(arn, [good, message('b', { deduplicationId: 'b' })])).rejects.toMatchObject({
      queueCode: 'InvalidParameterValue',
      message: 'The request must contain the parameter MessageGroupId.',
    })
    await expect(queues.sendBatch(arn, [good, message('b', { groupId: 'b' })])).rejects.toMatchObject({
      queueCode: 'InvalidParameterValue',
    })
    expect(await bodies(arn)).toEqual([])
  })
})
