import { describe, expect, it } from 'vitest'
import {
  accountId,
  createHarness,
  failure,
  functionArn,
  hour,
  minute,
  missing,
  queueArn,
  reserved,
  success,
  throttled,
  type Harness,
} from './harness.ts'

const both = { onSuccess: queueArn('good'), onFailure: queueArn('bad') }
const context = (condition: string, approximateInvokeCount: number) => ({
  requestId: expect.any(String),
  functionArn: `${functionArn('f')}:$LATEST`,
  condition,
  approximateInvokeCount,
})
const deadLettersOf = (h: Harness) => h.sent.filter(({ arn }) => arn === queueArn('dlq'))

describe('the destination record', () => {
  it('of a success', async () => {
    const h = await createHarness()
    h.settings.set('f', both)
    h.answers.set('f', [success('{"ok":true}')])
    const requestId = await h.accept()
    await h.settle()
    expect(h.sent.map(({ arn }) => arn)).toEqual([queueArn('good')])
    expect(JSON.parse(h.sent[0]?.body ?? '')).toEqual({
      version: '1.0',
      timestamp: new Date(h.timers.now()).toISOString(),
      requestContext: { ...context('Success', 1), requestId },
      requestPayload: { n: 1 },
      responseContext: { statusCode: 200, executedVersion: '$LATEST' },
      responsePayload: { ok: true },
    })
    expect(h.queue.pending(accountId)).toBe(0)
  })

  it('of exhausted retries', async () => {
    const h = await createHarness()
    h.settings.set('f', both)
    h.answers.set('f', [failure('one'), failure('two'), failure('three')])
    await h.accept()
    await h.pass(3 * minute)
    expect(h.bodies('bad')).toEqual([
      {
        version: '1.0',
        timestamp: expect.any(String),
        requestContext: context('RetriesExhausted', 3),
        requestPayload: { n: 1 },
        responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
        responsePayload: { errorType: 'Error', errorMessage: 'three', trace: [] },
      },
    ])
  })

  it('of an age that is exceeded, with what the function answered last', async () => {
    const h = await createHarness()
    h.answers.set('f', [failure('last'), throttled()])
    h.settings.set('f', { ...both, maximumEventAgeSeconds: 70 })
    await h.accept()
    await h.pass(2 * minute)
    expect(h.bodies('bad')).toMatchObject([
      {
        requestContext: context('EventAgeExceeded', 1),
        responseContext: { statusCode: 200, functionError: 'Unhandled' },
        responsePayload: { errorMessage: 'last' },
      },
    ])
  })

  it('of a function that was never reached has no response', async () => {
    const h = await createHarness()
    h.settings.set('f', { ...both, maximumEventAgeSeconds: 60 })
    h.answers.set('f', [throttled()])
    await h.accept()
    await h.pass(2 * minute)
    const [body] = h.bodies('bad')
    expect(body).toMatchObject({ requestContext: context('EventAgeExceeded', 0), requestPayload: { n: 1 } })
    expect(body).not.toHaveProperty('responseContext')
    expect(body).not.toHaveProperty('responsePayload')
  })

  it('of a function that is switched off, at once', async () => {
    const h = await createHarness()
    h.settings.set('f', { ...both, reservedConcurrency: 0 })
    h.answers.set('f', [reserved])
    await h.accept()
    await h.settle()
    expect(h.bodies('bad')).toEqual([
      {
        version: '1.0',
        timestamp: expect.any(String),
        requestContext: context('ZeroReservedConcurrency', 0),
        requestPayload: { n: 1 },
      },
    ])
  })

  it('keeps every digit of the payloads', async () => {
    const h = await createHarness()
    h.settings.set('f', both)
    h.answers.set('f', [success('12345678901234567891.10')])
    await h.accept('f', { payload: Buffer.from('{"big":98765432109876543210}') })
    await h.settle()
    expect(h.sent[0]?.body).toContain('"requestPayload":{"big":98765432109876543210}')
    expect(h.sent[0]?.body).toContain('"responsePayload":12345678901234567891.10')
  })

  it('leaves out a response that makes it too long for its queue', async () => {
    const h = await createHarness({ limits: { queueMessageBytes: 1_000 } })
    h.settings.set('f', both)
    h.answers.set('f', [success(JSON.stringify('x'.repeat(1_000)))])
    await h.accept()
    await h.settle()
    const [body] = h.bodies('good')
    expect(body).toMatchObject({ responseContext: { statusCode: 200 } })
    expect(body).not.toHaveProperty('responsePayload')
  })

  it('has what queues do not take escaped', async () => {
    const h = await createHarness()
    h.settings.set('f', both)
    h.answers.set('f', [success('"\uFFFF"')])
    await h.accept('f', { payload: Buffer.from('"é\uFFFE"') })
    await h.settle()
    expect(h.sent[0]?.body).toContain(String.raw`"requestPayload":"é\ufffe"`)
    expect(h.bodies('good')).toMatchObject([{ requestPayload: 'é\uFFFE', responsePayload: '\uFFFF' }])
  })

  it('shows a response that is no JSON as a string', async () => {
    const h = await createHarness()
    h.settings.set('f', both)
    h.answers.set('f', [success('no "JSON"')])
    await h.accept()
    await h.settle()
    expect(h.bodies('good')).toMatchObject([{ responsePayload: 'no "JSON"' }])
  })
})

it('a function with reserved concurrency that is only busy is throttled, not off', async () => {
  const h = await createHarness()
  h.settings.set('f', { ...both, reservedConcurrency: 1 })
  h.answers.set('f', [reserved, success()])
  await h.accept()
  await h.pass(minute)
  expect(h.bodies('good')).toHaveLength(1)
})

describe('the dead-letter queue', () => {
  it('gets the event as it was, with the error beside it', async () => {
    const h = await createHarness()
    h.settings.set('f', { deadLetterTarget: queueArn('dlq'), maximumRetryAttempts: 0 })
    h.answers.set('f', [failure('Test exception (this is intentional)')])
    const requestId = await h.accept('f', { payload: Buffer.from('{"raise_error":  1}') })
    await h.settle()
    const none = { binaryValue: undefined }
    expect(h.sent).toMatchObject([
      {
        arn: queueArn('dlq'),
        body: '{"raise_error":  1}',
        hops: 1,
        attributes: {
          RequestID: { dataType: 'String', stringValue: requestId, ...none },
          ErrorCode: { dataType: 'Number', stringValue: '200', ...none },
          ErrorMessage: { dataType: 'String', stringValue: 'Test exception (this is intentional)', ...none },
        },
      },
    ])
  })

  it('gets 1 KB of the message, and never half a character or nothing', async () => {
    const h = await createHarness()
    h.settings.set('f', { deadLetterTarget: queueArn('dlq'), maximumRetryAttempts: 0 })
    h.answers.set('f', [failure('€'.repeat(400)), failure('')])
    await h.accept()
    await h.accept()
    await h.settle()
    const messages = deadLettersOf(h).map(({ attributes }) => attributes.ErrorMessage?.stringValue)
    expect(messages).toEqual(['€'.repeat(341), 'Unknown error'])
  })

  it('gets no character that queues do not take', async () => {
    const h = await createHarness()
    h.settings.set('f', { deadLetterTarget: queueArn('dlq'), maximumRetryAttempts: 0 })
    h.answers.set('f', [failure('\u001B[31mred')])
    await h.accept()
    await h.settle()
    expect(deadLettersOf(h)[0]?.attributes.ErrorMessage?.stringValue).toBe('\uFFFD[31mred')
  })

  it('gets an event that leaves no room for attributes without them', async () => {
    const h = await createHarness({ limits: { queueMessageBytes: 1_000 } })
    h.settings.set('f', { deadLetterTarget: queueArn('dlq'), maximumRetryAttempts: 0 })
    h.answers.set('f', [failure()])
    await h.accept('f', { payload: Buffer.from(JSON.stringify('x'.repeat(998))) })
    await h.settle()
    expect(deadLettersOf(h)).toMatchObject([{ attributes: {} }])
    expect(deadLettersOf(h)[0]?.body).toHaveLength(1_000)
  })

  it('and the failure destination both get theirs', async () => {
    const h = await createHarness()
    h.settings.set('f', { ...both, deadLetterTarget: queueArn('dlq'), maximumRetryAttempts: 0 })
    h.answers.set('f', [failure()])
    await h.accept()
    await h.settle()
    expect(h.sent.map(({ arn }) => arn)).toEqual([queueArn('bad'), queueArn('dlq')])
  })

  it('hears nothing of a success', async () => {
    const h = await createHarness()
    h.settings.set('f', { deadLetterTarget: queueArn('dlq') })
    await h.accept()
    await h.settle()
    expect(h.sent).toEqual([])
  })
})

describe('a function that is gone', () => {
  it('with settings that are still known, is a failure', async () => {
    const h = await createHarness()
    h.settings.set('f', { ...both, exists: false })
    h.answers.set('f', [missing])
    await h.accept()
    await h.settle()
    expect(h.bodies('bad')).toMatchObject([
      {
        requestContext: context('RetriesExhausted', 0),
        responseContext: { statusCode: 404 },
        responsePayload: { errorMessage: 'Function not found: f' },
      },
    ])
  })

  it('without any, has its events discarded, with a line in the log', async () => {
    const h = await createHarness()
    h.settings.set('f', { exists: false })
    h.answers.set('f', [missing])
    const requestId = await h.accept()
    await h.settle()
    expect(h.queue.pending(accountId)).toBe(0)
    expect(h.logs).toMatchObject([{ requestId, msg: expect.stringMatching(/discarded/) }])
  })
})

describe('a function as destination', () => {
  it('is invoked with the record, one hop further', async () => {
    const h = await createHarness()
    h.settings.set('f', { onSuccess: `${functionArn('g')}:live` })
    await h.accept('f', { hops: 3 })
    await h.settle()
    const [, call] = h.calls
    expect(call).toMatchObject({ functionName: 'g', qualifier: 'live', hops: 4, clientContext: undefined })
    expect(JSON.parse(Buffer.from(call?.payload ?? []).toString())).toMatchObject({
      requestContext: { condition: 'Success' },
    })
    expect(call?.requestId).not.toBe(h.calls[0]?.requestId)
    expect(h.queue.pending(accountId)).toBe(0)
  })

  it('is told without the response where that would be too large for an event', async () => {
    const h = await createHarness({ limits: { asyncPayloadBytes: 1_000 } })
    h.settings.set('f', { onSuccess: functionArn('g') })
    h.answers.set('f', [success(JSON.stringify('x'.repeat(1_000)))])
    await h.accept()
    await h.settle()
    expect(JSON.parse(Buffer.from(h.calls[1]?.payload ?? []).toString())).not.toHaveProperty('responsePayload')
  })

  it('without a qualifier is its $LATEST', async () => {
    const h = await createHarness()
    h.settings.set('f', { onSuccess: functionArn('g') })
    await h.accept()
    await h.settle()
    expect(h.calls[1]).toMatchObject({ functionName: 'g', qualifier: '$LATEST' })
  })

  it('of another account is never reached', async () => {
    const h = await createHarness()
    h.settings.set('f', { onSuccess: functionArn('g').replace(accountId, '222222222222'), deadLetterTarget: undefined })
    h.settings.set('q', { onSuccess: queueArn('good').replace(accountId, '222222222222') })
    await h.accept()
    await h.accept('q')
    await h.pass(7 * hour)
    expect(h.calls.map(({ functionName }) => functionName).toSorted()).toEqual(['f', 'q'])
    expect(h.sent).toEqual([])
  })
})

describe('a destination that cannot take it', () => {
  it('is tried again with a back-off, without invoking the function again', async () => {
    const h = await createHarness()
    h.settings.set('f', { ...both, maximumRetryAttempts: 0 })
    h.answers.set('f', [failure('kept')])
    h.failing.add(queueArn('bad'))
    const start = h.timers.now()
    await h.accept()
    await h.pass(10_000)
    expect(h.sent).toEqual([])
    h.failing.clear()
    await h.pass(5_000)
    // 1 + 2 + 4 + 8 s.
    expect(h.timers.now() - start).toBe(15_000)
    expect(h.calls).toHaveLength(1)
    expect(h.bodies('bad')).toMatchObject([
      {
        timestamp: new Date(start).toISOString(),
        requestContext: context('RetriesExhausted', 1),
        responsePayload: { errorMessage: 'kept' },
      },
    ])
  })

  it('does not keep the other from being told, nor has it told twice', async () => {
    const h = await createHarness()
    h.settings.set('f', { ...both, deadLetterTarget: queueArn('dlq'), maximumRetryAttempts: 0 })
    h.answers.set('f', [failure()])
    h.failing.add(queueArn('bad'))
    await h.accept()
    await h.settle()
    expect(h.sent.map(({ arn }) => arn)).toEqual([queueArn('dlq')])
    h.failing.clear()
    await h.pass(minute)
    expect(h.sent.map(({ arn }) => arn)).toEqual([queueArn('dlq'), queueArn('bad')])
  })

  it('is waited for past every age, as long as it is there', async () => {
    const h = await createHarness()
    h.settings.set('f', both)
    h.failing.add(queueArn('good'))
    await h.accept()
    await h.pass(30 * hour)
    expect(h.queue.pending(accountId)).toBe(1)
    h.failing.clear()
    await h.pass(5 * minute)
    expect(h.bodies('good')).toHaveLength(1)
    expect(h.queue.pending(accountId)).toBe(0)
  })

  it('is given up once it is gone and the event too old, with an error in the log', async () => {
    const h = await createHarness()
    h.settings.set('f', both)
    h.gone.add(queueArn('good'))
    await h.accept()
    await h.pass(5 * hour)
    expect(h.queue.pending(accountId)).toBe(1)
    await h.pass(2 * hour)
    expect(h.queue.pending(accountId)).toBe(0)
    expect(h.logs.at(-1)).toMatchObject({ level: 50, target: queueArn('good') })
  })

  it('takes it when it is made again in time', async () => {
    const h = await createHarness()
    h.settings.set('f', both)
    h.gone.add(queueArn('good'))
    await h.accept()
    await h.pass(hour)
    h.gone.clear()
    await h.pass(hour)
    expect(h.bodies('good')).toHaveLength(1)
  })
})

describe('the recursion guard', () => {
  const loop = { onFailure: queueArn('bad'), deadLetterTarget: queueArn('dlq') }

  it('ends a chain after 16 hops, without invoking', async () => {
    const h = await createHarness()
    h.settings.set('f', loop)
    await h.accept('f', { hops: 15 })
    await h.settle()
    expect(h.calls).toHaveLength(1)
    await h.accept('f', { hops: 16 })
    await h.settle()
    expect(h.calls).toHaveLength(1)
    expect(h.bodies('bad')).toMatchObject([
      {
        requestContext: context('RetriesExhausted', 0),
        responsePayload: {
          errorType: 'RecursiveInvocationException',
          errorMessage: expect.stringMatching(/recursive loop/),
        },
      },
    ])
    expect(deadLettersOf(h)).toMatchObject([{ attributes: { ErrorCode: { stringValue: '400' } } }])
  })

  it('lets functions that allow recursion go on', async () => {
    const h = await createHarness()
    h.settings.set('f', { allowsRecursion: true })
    await h.accept('f', { hops: 40 })
    await h.settle()
    expect(h.calls).toHaveLength(1)
  })

  it('ends a function that is its own destination, whichever', async () => {
    const h = await createHarness()
    const own = functionArn('f')
    h.settings.set('f', { onSuccess: own, onFailure: own, maximumRetryAttempts: 0 })
    await h.accept()
    await h.pass(7 * hour)
    expect(h.calls.map(({ hops }) => hops)).toEqual(Array.from({ length: 16 }, (_, index) => index))
    expect(h.queue.pending(accountId)).toBe(0)
  })
})
