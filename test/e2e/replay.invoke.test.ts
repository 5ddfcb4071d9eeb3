/** Holds invocations of a whole server to what AWS answered. Requests are LocalStack's tests of these names. */
import { UpdateFunctionCodeCommand } from '@aws-sdk/client-lambda'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { recorded, recordedValue, replaysAllOf } from '../api/recorded.ts'
import { eventually } from '../controller/support/server.ts'
import { createScripted, invokeOf, jsonOf, requestOf, seenInvoke, startRecorded } from './recorded-invoke.ts'
import { zipOf, type TestServer } from './server.ts'

let server: TestServer
let invoke: ReturnType<typeof invokeOf>
beforeAll(async () => {
  server = await startRecorded()
  invoke = invokeOf(server)
  await createScripted(server, 'f', { Timeout: 30, Environment: { Variables: { Hello: 'World' } } })
})
afterAll(() => server[Symbol.asyncDispose]())

it.each([
  ['TestLambdaFeatures::test_basic_invoke', 'lambda_invoke_result'],
  ['TestLambdaFeatures::test_invocation_type_request_response[nodejs16.x]', 'invoke-result'],
  ['TestLambdaFeatures::test_invocation_type_request_response[python3.10]', 'invoke-result'],
  ['TestLambdaFeatures::test_invocation_type_request_response[python3.9]', 'invoke-result'],
])('%s', async (test, step) => {
  expect(seenInvoke(await invoke({}))).toEqual(recorded(test, step))
})

it.each(['nodejs16.x', 'python3.9'])('test_invocation_type_dry_run[%s]', async (runtime) => {
  const test = `TestLambdaFeatures::test_invocation_type_dry_run[${runtime}]`
  const answer = await invoke({}, { 'x-amz-invocation-type': 'DryRun' })
  expect(seenInvoke(answer)).toEqual(recorded(test, 'invoke-result'))
})

it('test_invocation_type_no_return_payload[nodejs-RequestResponse]', async () => {
  const test = 'TestLambdaFeatures::test_invocation_type_no_return_payload[nodejs-RequestResponse]'
  expect(seenInvoke(await invoke({ nothing: true }))).toEqual(recorded(test, 'invoke-result'))
})

it('test_lambda_environment', async () => {
  const test = 'TestLambdaFeatures::test_lambda_environment'
  expect(seenInvoke(await invoke({ environment: 'Hello' }))).toEqual(recorded(test, 'invocation-result'))
})

it('test_lambda_invoke_no_timeout', async () => {
  const test = 'TestLambdaBehavior::test_lambda_invoke_no_timeout'
  await createScripted(server, 'slow', { Timeout: 2 })
  expect(seenInvoke(await invoke({ sleepMs: 1_000, nothing: true }, {}, 'slow'))).toEqual(
    recorded(test, 'invoke-result'),
  )
})

it('test_lambda_handler_error', async () => {
  const test = 'TestLambdaErrors::test_lambda_handler_error'
  const { body, ...rest } = recorded(test, 'invocation_error')
  const seen = seenInvoke(await invoke({ throw: 'Handler fails' }))
  // Python names its exceptions, and shows them, in its own way: the message is what there is in both.
  const { errorMessage } = jsonOf(jsonOf(body).Payload)
  const Payload = { errorMessage, errorType: 'Error', trace: expect.any(Array) }
  expect(seen).toEqual({ ...rest, body: { ...jsonOf(body), Payload } })
})

it.each(['test_lambda_handler_exit', 'test_lambda_runtime_exit'])('%s', async (test) => {
  const seen = seenInvoke(await invoke({ exit: 0 }))
  expect(seen).toEqual(recorded(`TestLambdaErrors::${test}`, 'invocation_error'))
  expect(JSON.stringify(seen)).toMatch(/RequestId: [0-9a-f-]{36} Error: Runtime exited without providing a reason/)
})

it('test_lambda_large_response', async () => {
  const test = 'TestLambdaBaseFeatures::test_lambda_large_response'
  // Recorded without an answer: that it comes is all.
  recordedValue(test, '')
  const { status, body } = await invoke({ bytes: 6_291_456 - 100 })
  expect([status, body.length]).toEqual([200, 6_291_456 - 98])
})

it('test_lambda_too_large_response', async () => {
  const test = 'TestLambdaBaseFeatures::test_lambda_too_large_response'
  for (const step of ['invoke_result', 'invoke_result_2'])
    expect(seenInvoke(await invoke({ bytes: 6_291_556 }))).toEqual(recorded(test, step))
})

it('test_request_id_format', async () => {
  recordedValue('TestRequestIdHandling::test_request_id_format', '')
  const { headers } = await requestOf(server)('GET', '/2015-03-31/functions/f')
  expect(headers['x-amzn-requestid']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})

it('test_request_id_invoke', async () => {
  const test = 'TestRequestIdHandling::test_request_id_invoke'
  const answer = await invoke({ requestId: true, log: 'RequestId log message' }, { 'x-amz-log-type': 'Tail' })
  const requestId = String(answer.headers['x-amzn-requestid'])
  expect(seenInvoke(answer)).toEqual(recorded(test, 'invoke_result', { '<request-id>': requestId }))
  const log = Buffer.from(String(answer.headers['x-amz-log-result']), 'base64').toString()
  const [start, said, end, report] = log.split('\n')
  expect([start, end]).toEqual([`START RequestId: ${requestId} Version: $LATEST`, `END RequestId: ${requestId}`])
  // Python puts the level first, Node.js after the request id.
  expect(said).toMatch(new RegExp(`^\\S+Z\t${requestId}\tINFO\tRequestId log message$`))
  expect(report).toMatch(
    new RegExp(
      `^REPORT RequestId: ${requestId}\tDuration: [\\d.]+ ms\tBilled Duration: \\d+ ms\tMemory Size: 128 MB\tMax Memory Used: \\d+ MB`,
    ),
  )
})

it('test_function_update_during_invoke', async () => {
  const test = 'TestLambdaVersions::test_function_update_during_invoke'
  const source = (variant: string) => `
    export const handler = async (event, context) => {
      await new Promise((resolve) => setTimeout(resolve, event.sleepMs ?? 0))
      return { function_version: context.functionVersion, request_id: context.awsRequestId, function_variant: '${variant}', request_prefix: event.prefix }
    }`
  await createScripted(server, 'updated', { Timeout: 20 }, source('variant-1'))
  // Built once, so that the update takes less than the first invocation, however slow the machine.
  const ZipFile = await zipOf({ 'index.mjs': source('variant-2') })
  await server.create('twin', { Code: { ZipFile } })
  const open = invoke({ sleepMs: 8_000, prefix: '1-sleep' }, {}, 'updated')
  let isOpen = true
  void open.then(() => (isOpen = false))
  await server.client.send(new UpdateFunctionCodeCommand({ FunctionName: 'updated', ZipFile }))
  await eventually(async () => (await invoke({}, {}, 'updated')).body.includes('variant-2'))
  // The update was in force while the first one still ran.
  expect(isOpen).toBe(true)
  expect(seenInvoke(await open)).toEqual(recorded(test, 'invoke_response_before'))
  await server.updated('updated')
}, 60_000)

it('test_reserved_provisioned_overlap', async () => {
  const test = 'TestLambdaConcurrency::test_reserved_provisioned_overlap'
  const request = requestOf(server)
  await createScripted(server, 'overlap')
  for (const version of ['1', '2']) {
    const ZipFile = await zipOf({ 'index.mjs': `export const handler = () => '${version}'` })
    await server.client.send(new UpdateFunctionCodeCommand({ FunctionName: 'overlap', ZipFile }))
    await server.updated('overlap')
    await request('POST', '/2015-03-31/functions/overlap/versions', {})
    await eventually(async () => (await invoke({}, {}, `overlap:${version}`)).status === 200)
  }
  const provisioned = (qualifier: string) =>
    `/2019-09-30/functions/overlap/provisioned-concurrency?Qualifier=${qualifier}`
  const provision = async (qualifier: string, ProvisionedConcurrentExecutions: number) =>
    seenInvoke(await request('PUT', provisioned(qualifier), { ProvisionedConcurrentExecutions }))
  const reserve = (ReservedConcurrentExecutions: number) =>
    request('PUT', '/2017-10-31/functions/overlap/concurrency', { ReservedConcurrentExecutions })
  const seenJson = (answer: Awaited<ReturnType<typeof request>>) => {
    const { status, errorType } = seenInvoke(answer)
    return { status, errorType, body: JSON.parse(answer.body) }
  }

  expect((await provision('1', 2)).status).toBe(202)
  await eventually(async () => (await request('GET', provisioned('1'))).body.includes('READY'))
  expect(seenJson(await request('GET', provisioned('1')))).toEqual(recorded(test, 'get_provisioned_postwait'))
  expect(seenJson(await reserve(1))).toEqual(recorded(test, 'reserved_lower_than_provisioned_exc'))
  expect((await reserve(2)).status).toBe(200)
  const reserved = await request('GET', '/2019-09-30/functions/overlap/concurrency')
  expect(seenJson(reserved)).toEqual(recorded(test, 'get_concurrency'))
  expect(await provision('2', 1)).toEqual(recorded(test, 'reserved_equals_provisioned_another_provisioned_exc'))
  expect(await provision('1', 3)).toEqual(recorded(test, 'reserved_equals_provisioned_increase_provisioned_exc'))
  // All that is reserved is provisioned: what is not by that version finds nothing.
  const throttled = await invoke({}, {}, 'overlap')
  expect(seenInvoke(throttled)).toEqual(recorded(test, 'reserved_equals_provisioned_latest_invoke_exc'))
  const first = await invoke({}, {}, 'overlap:1')
  expect(first).toMatchObject({ status: 200, body: '"1"' })
  expect(first.headers['server-timing']).toMatch(/^start;desc=warm/)
}, 60_000)

replaysAllOf('invoke')
