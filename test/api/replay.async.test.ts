/**
 * Asynchronous invocation as AWS answered it, and the records it put on queues. What the functions did is told to the
 * fake data plane: it is the records around their answers that are held to AWS's.
 */
import { expect, it } from 'vitest'
import { z } from 'zod'
import type { EventInvocation, EventResult } from '../../src/events/invoking.ts'
import { createActive, F } from './prepared.ts'
import { account, recorded, region, replaysAllOf, seen } from './recorded.ts'
import { startApi, type ApiServer } from './server.ts'

const queueArn = (name: string): string => `arn:aws:sqs:${region}:${account}:${name}`

async function invokeEvent(api: ApiServer, name: string, payload: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${api.url}${F}/${name}/invocations`, {
    method: 'POST',
    headers: { 'x-amz-invocation-type': 'Event', ...headers },
    body: JSON.stringify(payload),
  })
  const body = await response.text()
  const requestId = response.headers.get('x-amzn-requestid') ?? ''
  return { StatusCode: response.status, Payload: body, requestId }
}

/** boto3's answer to an asynchronous invocation. */
const invocation = (test: string, step: string): unknown => recorded(test, step).body
const shown = ({ StatusCode, Payload }: { StatusCode: number; Payload: string }) => ({ StatusCode, Payload })

const messagesSchema = z.object({
  Messages: z.array(z.object({ Body: z.unknown(), MessageAttributes: z.unknown() }).partial()),
})
/** Body and attributes of the message that was recorded. */
function recordedMessage(test: string, step: string, names: Record<string, string>) {
  const { body } = recorded(test, step, names)
  const many = messagesSchema.safeParse(body)
  return many.success ? many.data.Messages[0] : z.object({ Body: z.unknown() }).parse(body)
}

async function receive(api: ApiServer, name: string) {
  const request = { max: 1, visibilityTimeoutSeconds: undefined, waitMs: 10_000, signal: undefined }
  const [message] = await api.queues.receive(queueArn(name), request)
  if (message === undefined) throw new Error(`no message in ${name}`)
  await api.queues.delete(queueArn(name), [message.receiptHandle])
  const body: unknown = JSON.parse(message.body)
  return { body, attributes: message.attributes }
}

const result = (value: unknown): EventResult => ({
  kind: 'success',
  payload: Buffer.from(JSON.stringify(value)),
  executedVersion: '$LATEST',
})
/** What the recorded Python function answered when it raised. */
const raised = (errorMessage: string, { requestId }: EventInvocation): EventResult => ({
  kind: 'error',
  payload: Buffer.from(
    JSON.stringify({
      errorMessage,
      errorType: 'Exception',
      requestId,
      stackTrace: ['  File "/var/task/handler.py", line 7, in handler\n    raise Exception("intentional failure")\n'],
    }),
  ),
  executedVersion: '$LATEST',
})

async function start(
  invoke: (call: EventInvocation) => Promise<EventResult>,
  settings: Parameters<typeof startApi>[0] = {},
) {
  const calls: EventInvocation[] = []
  const api = await startApi({
    ...settings,
    invoke(call) {
      calls.push(call)
      return invoke(call)
    },
  })
  await api.start()
  return { ...api, calls }
}

const createQueue = (api: ApiServer, queueName: string) => api.queues.create({ accountId: account, queueName }, {}, {})
const putConfig = (api: ApiServer, name: string, config: Record<string, unknown>) =>
  api.request('PUT', `/2019-09-25/functions/${name}/event-invoke-config`, config)

it('test_dead_letter_queue', async () => {
  const test = 'TestLambdaDLQ::test_dead_letter_queue'
  await using api = await start(async (call) => raised('Test exception (this is intentional)', call), {
    limits: { asyncRetryMs: 1 },
  })
  await createQueue(api, 'dlq')
  const names = { '<function-name:1>': 'f', '<resource:1>': 'dlq', '<resource:2>': 'r' }
  const settings = { DeadLetterConfig: { TargetArn: queueArn('dlq') } }
  expect(seen(await createActive(api, 'f', settings))).toEqual(recorded(test, 'create_lambda_with_dlq', names))
  const { requestId } = await invokeEvent(api, 'f', { raise_error: 1 })
  const { body, attributes } = await receive(api, 'dlq')
  const attribute = (name: string) => ({
    DataType: attributes[name]?.dataType,
    StringValue: attributes[name]?.stringValue,
  })
  const MessageAttributes = Object.fromEntries(Object.keys(attributes).map((name) => [name, attribute(name)]))
  expect({ Body: body, MessageAttributes }).toEqual(
    recordedMessage(test, 'receive_result', { '<request-id:1>': requestId }),
  )
  const removed = await api.request('PUT', `${F}/f/configuration`, { DeadLetterConfig: {} })
  expect(seen(removed)).toEqual(recorded(test, 'delete_dlq', names))
})

it('test_assess_lambda_destination_invocation[payload0]', async () => {
  const test = 'TestLambdaDestinationSqs::test_assess_lambda_destination_invocation[payload0]'
  await using api = await start(async ({ requestId }) =>
    result({
      context: {
        aws_request_id: requestId,
        client_context: null,
        function_name: 'f',
        function_version: '$LATEST',
        invoked_function_arn: `arn:aws:lambda:${region}:${account}:function:f`,
        log_group_name: '/aws/lambda/f',
        log_stream_name: 'stream',
        memory_limit_in_mb: '128',
      },
      event: {},
    }),
  )
  await createQueue(api, 'out')
  await createActive(api, 'f')
  const names = { '<resource:1>': 'out', '<resource:2>': 'f' }
  const Destination = queueArn('out')
  const config = {
    MaximumRetryAttempts: 0,
    DestinationConfig: { OnSuccess: { Destination }, OnFailure: { Destination } },
  }
  const { status } = recorded(test, 'put_function_event_invoke_config', names)
  expect((await putConfig(api, 'f', config)).status).toBe(status)
  const { requestId } = await invokeEvent(api, 'f', {})
  const { body } = await receive(api, 'out')
  expect({ Body: body }).toEqual(recordedMessage(test, 'receive_message_result', { ...names, '<uuid:1>': requestId }))
})

it('test_maxeventage', async () => {
  const test = 'TestLambdaDestinationSqs::test_maxeventage'
  const clock = { aheadMs: 0 }
  await using api = await start(
    async (call) => {
      // The second attempt comes so late that there is no time for a third.
      if (calls(call) === 2) clock.aheadMs += 60_000
      return raised('intentional failure', call)
    },
    { now: () => new Date(Date.now() + clock.aheadMs), limits: { asyncRetryMs: 1 } },
  )
  const calls = ({ requestId }: EventInvocation) => api.calls.filter((call) => call.requestId === requestId).length
  await createQueue(api, 'out')
  await createActive(api, 'f')
  const config = { MaximumEventAgeInSeconds: 60, DestinationConfig: { OnFailure: { Destination: queueArn('out') } } }
  await putConfig(api, 'f', config)
  const expected = (step: string, requestId: string, id: string) =>
    recordedMessage(test, step, { '<resource:1>': 'f', [id]: requestId })

  const twice = await invokeEvent(api, 'f', { message: 'm' })
  expect({ Body: (await receive(api, 'out')).body }).toEqual(
    expected('single_retry_failure_message', twice.requestId, '<uuid:3>'),
  )
})

it('test_maxeventage: no time for a retry at all', async () => {
  const test = 'TestLambdaDestinationSqs::test_maxeventage'
  // As on AWS: the first retry would come after a minute, and a moment.
  await using api = await start(async (call) => raised('intentional failure', call))
  await createQueue(api, 'out')
  await createActive(api, 'f')
  const config = { MaximumEventAgeInSeconds: 60, DestinationConfig: { OnFailure: { Destination: queueArn('out') } } }
  await putConfig(api, 'f', config)
  const { requestId } = await invokeEvent(api, 'f', { message: 'm' })
  expect({ Body: (await receive(api, 'out')).body }).toEqual(
    recordedMessage(test, 'no_retry_failure_message', { '<resource:1>': 'f', '<uuid:1>': requestId }),
  )
})

it('test_retries', async () => {
  const test = 'TestLambdaDestinationSqs::test_retries'
  await using api = await start(async (call) => raised('intentional failure', call), { limits: { asyncRetryMs: 1 } })
  await createQueue(api, 'out')
  await createActive(api, 'f')
  await putConfig(api, 'f', {
    MaximumRetryAttempts: 2,
    DestinationConfig: { OnFailure: { Destination: queueArn('out') } },
  })
  const { requestId } = await invokeEvent(api, 'f', { message: 'm' })
  expect({ Body: (await receive(api, 'out')).body }).toEqual(
    recordedMessage(test, 'queue_destination_payload', { '<resource:1>': 'f', '<uuid:1>': requestId }),
  )
  expect(api.calls.map((call) => call.requestId)).toEqual([requestId, requestId, requestId])
})

it('test_reserved_concurrency', async () => {
  const test = 'TestLambdaConcurrency::test_reserved_concurrency'
  await using api = await start(async () => ({
    kind: 'throttled',
    reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
  }))
  await createQueue(api, 'out')
  await createActive(api, 'f')
  await putConfig(api, 'f', {
    MaximumRetryAttempts: 0,
    DestinationConfig: { OnFailure: { Destination: queueArn('out') } },
  })
  const reserved = await api.request('PUT', '/2017-10-31/functions/f/concurrency', { ReservedConcurrentExecutions: 0 })
  expect(seen(reserved)).toEqual(recorded(test, 'put_reserved'))
  const answer = await invokeEvent(api, 'f', {})
  expect(shown(answer)).toEqual(invocation(test, 'invoke_result'))
  expect({ Body: (await receive(api, 'out')).body }).toEqual(
    recordedMessage(test, 'msg', { '<function-name:1>': 'f', '<uuid:2>': answer.requestId }),
  )
})

it.each(['nodejs16.x', 'python3.10', 'python3.9'])('test_invocation_type_event[%s]', async (runtime) => {
  const test = `TestLambdaFeatures::test_invocation_type_event[${runtime}]`
  await using api = await start(async () => result(null))
  await createActive(api, 'f')
  expect(shown(await invokeEvent(api, 'f', {}))).toEqual(invocation(test, 'invoke-result'))
})

it('test_invocation_type_no_return_payload[python-Event]', async () => {
  const test = 'TestLambdaFeatures::test_invocation_type_no_return_payload[python-Event]'
  await using api = await start(async () => result(null))
  await createActive(api, 'f')
  expect(shown(await invokeEvent(api, 'f', {}))).toEqual(invocation(test, 'invoke-result'))
})

it('test_invocation_type_event_error', async () => {
  const test = 'TestLambdaFeatures::test_invocation_type_event_error'
  const { promise: twice, resolve } = Promise.withResolvers<void>()
  await using api = await start(
    async (call) => {
      if (api.calls.length === 2) resolve()
      return raised('some error occurred', call)
    },
    { limits: { asyncRetryMs: 1 } },
  )
  await createActive(api, 'f')
  const answer = await invokeEvent(api, 'f', { error: true })
  expect(shown(answer)).toEqual(invocation(test, 'invocation_response'))
  // Its log shows a second run under the same request id.
  await twice
  expect(api.calls.map(({ requestId }) => requestId).slice(0, 2)).toEqual([answer.requestId, answer.requestId])
})

replaysAllOf('async')
