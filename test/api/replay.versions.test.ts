/** Holds our answers on published versions to what AWS answered. Requests are LocalStack's tests of these names. */
import { expect, it } from 'vitest'
import { z } from 'zod'
import { zip } from '../functions/fakes.ts'
import { F } from './prepared.ts'
import { account, cases, recorded, recordedValue, region, replaysAllOf, seen } from './recorded.ts'
import { startApi, type ApiServer, type WireAnswer } from './server.ts'

const names = { '<function-name:1>': 'f' }

const create = (api: ApiServer, overrides: Record<string, unknown> = {}) =>
  api.request('POST', F, {
    FunctionName: 'f',
    Runtime: 'nodejs24.x',
    Role: `arn:aws:iam::${account}:role/r`,
    Handler: 'index.handler',
    Code: { ZipFile: zip().toString('base64') },
    ...overrides,
  })
const get = (api: ApiServer, qualifier?: string) =>
  api.request('GET', `${F}/f${qualifier === undefined ? '' : `?Qualifier=${encodeURIComponent(qualifier)}`}`)
const publish = (api: ApiServer, body: Record<string, unknown> = {}) => api.request('POST', `${F}/f/versions`, body)
const list = (api: ApiServer) => api.request('GET', `${F}/f/versions`)
const describe = async (api: ApiServer, Description: string) => {
  const answer = await api.request('PUT', `${F}/f/configuration`, { Description })
  await api.functions.idle()
  return answer
}
const updateCode = (api: ApiServer, content: string, more: Record<string, unknown> = {}) =>
  api.request('PUT', `${F}/f/code`, { ZipFile: zip(content).toString('base64'), ...more })

const configurationSchema = z.object({ RevisionId: z.string(), CodeSha256: z.string() })
const configurationOf = ({ body }: WireAnswer) =>
  z.object({ Configuration: configurationSchema }).parse(body).Configuration

it('test_publish_version_on_create', async () => {
  const test = 'TestLambdaVersions::test_publish_version_on_create'
  await using api = await startApi()
  expect(seen(await create(api, { Publish: true }))).toEqual(recorded(test, 'create_response', names))
  await api.functions.idle()
  expect(seen(await get(api))).toEqual(recorded(test, 'get_function_result', names))
  expect(seen(await get(api, '1'))).toEqual(recorded(test, 'get_function_version_result', names))
  expect(seen(await get(api, '$LATEST'))).toEqual(recorded(test, 'get_function_latest_result', names))
  const versions = await list(api)
  expect(seen(versions)).toEqual(recorded(test, 'list_versions_result', names))
  expect(seen(await publish(api))).toEqual(recorded(test, 'repeated_publish_response', names))
  const after = await list(api)
  expect(seen(after)).toEqual(recorded(test, 'list_versions_result_after_publish', names))
  expect(after.body).toEqual(versions.body)
})

it('test_version_lifecycle', async () => {
  const test = 'TestLambdaVersions::test_version_lifecycle'
  await using api = await startApi()
  expect(seen(await create(api, { Description: 'No version :(' }))).toEqual(recorded(test, 'create_response', names))
  await api.functions.idle()
  expect(seen(await get(api))).toEqual(recorded(test, 'get_function_result', names))
  expect(seen(await list(api))).toEqual(recorded(test, 'list_versions_result', names))
  expect(seen(await describe(api, 'First version :)'))).toEqual(recorded(test, 'first_update_response', names))
  expect(seen(await get(api))).toEqual(recorded(test, 'first_update_get_function', names))
  const first = await publish(api, { Description: 'First version description :)' })
  expect(seen(first)).toEqual(recorded(test, 'first_publish_response', names))
  expect(seen(await get(api, '1'))).toEqual(recorded(test, 'first_publish_get_function', names))
  const configuration = await api.request('GET', `${F}/f/configuration?Qualifier=1`)
  expect(seen(configuration)).toEqual(recorded(test, 'first_publish_get_function_config', names))
  expect(seen(await describe(api, 'Second version :))'))).toEqual(recorded(test, 'second_update_response', names))
  expect(seen(await get(api, '1'))).toEqual(recorded(test, 'first_publish_get_function_after_update', names))
  expect(seen(await publish(api))).toEqual(recorded(test, 'second_publish_response', names))
  expect(seen(await publish(api))).toEqual(recorded(test, 'third_publish_response', names))
  expect(seen(await list(api))).toEqual(recorded(test, 'list_versions_result_after_third_publish', names))
  expect((await api.request('DELETE', `${F}/f?Qualifier=1`)).status).toBe(204)
  expect(seen(await list(api))).toEqual(recorded(test, 'list_versions_result_after_deletion_of_first_version', names))
})

it('test_publish_with_update', async () => {
  const test = 'TestLambdaVersions::test_publish_with_update'
  await using api = await startApi()
  expect(seen(await create(api))).toEqual(recorded(test, 'create_response', names))
  await api.functions.idle()
  expect(seen(await get(api))).toEqual(recorded(test, 'get_function_result', names))
  api.builder.gate.close()
  const update = await updateCode(api, 'two', { Publish: true })
  expect(seen(update)).toEqual(recorded(test, 'update_function_code_result', names))
  expect(seen(await get(api, '1'))).toEqual(recorded(test, 'get_function_version_result', names))
  expect(seen(await get(api, '$LATEST'))).toEqual(recorded(test, 'get_function_latest_result', names))
})

it('test_publish_with_wrong_sha256', async () => {
  const test = 'TestLambdaVersions::test_publish_with_wrong_sha256'
  await using api = await startApi()
  expect(seen(await create(api))).toEqual(recorded(test, 'create_response', names))
  await api.functions.idle()
  const latest = await get(api)
  expect(seen(latest)).toEqual(recorded(test, 'get_fn_response', names))
  const { CodeSha256 } = configurationOf(latest)
  const wrong = await publish(api, { CodeSha256: 'somenonexistentsha256' })
  const known = { ...names, '<code-sha256:1>': CodeSha256 }
  expect(seen(wrong)).toEqual(recorded(test, 'publish_wrong_sha256_exc', known))
  expect(seen(await publish(api, { CodeSha256 }))).toEqual(recorded(test, 'publish_result', names))
})

const newerMembers = new Set(['LoggingConfig', 'RuntimeVersionConfig', 'SnapStart'])

/** Recorded before AWS had these members. */
function asOfThen({ status, headers, body }: WireAnswer) {
  const without = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value
    const kept = Object.entries(value).filter(([key]) => !newerMembers.has(key))
    return Object.fromEntries(kept.map(([key, member]) => [key, key === 'Configuration' ? without(member) : member]))
  }
  return seen({ status, headers, body: without(body) })
}

it('test_publish_with_wrong_revisionid', async () => {
  const test = 'TestLambdaVersions::test_publish_with_wrong_revisionid'
  await using api = await startApi()
  expect(asOfThen(await create(api))).toEqual(recorded(test, 'create_response', names))
  await api.functions.idle()
  const latest = await get(api)
  expect(asOfThen(latest)).toEqual(recorded(test, 'get_fn_response', names))
  const wrong = await publish(api, { RevisionId: crypto.randomUUID() })
  expect(seen(wrong)).toEqual(recorded(test, 'publish_wrong_revisionid_exc', names))
  const { RevisionId } = configurationOf(latest)
  expect(asOfThen(await publish(api, { RevisionId }))).toEqual(recorded(test, 'publish_result', names))
})

// What its invocations answered is compared in test/e2e/versions.test.ts: here nothing runs.
it('test_lambda_versions_with_code_changes', async () => {
  const test = 'TestLambdaVersions::test_lambda_versions_with_code_changes'
  await using api = await startApi()
  const creation = { Description: 'No version :(', Handler: 'handler.handler' }
  expect(seen(await create(api, creation))).toEqual(recorded(test, 'create_response', names))
  await api.functions.idle()
  const first = await publish(api, { Description: 'First version description :)' })
  expect(seen(first)).toEqual(recorded(test, 'first_publish_response', names))
  api.builder.gate.close()
  expect(seen(await updateCode(api, 'version2'))).toEqual(recorded(test, 'update_lambda_response', names))
  api.builder.gate.open()
  await api.functions.idle()
  const second = await publish(api, { Description: 'Second version description :)' })
  expect(seen(second)).toEqual(recorded(test, 'second_publish_response', names))
  const third = await updateCode(api, 'version3', { Publish: true })
  expect(seen(third)).toEqual(recorded(test, 'update_lambda_response_with_publish', names))
})

const recordedAs = (prefix: string) => Object.keys(cases).filter((test) => test.includes(`SnapStart::${prefix}`))
const settings = z.object({ Handler: z.string(), MemorySize: z.number(), Timeout: z.number() })
/** AWS ran other languages; nothing else of the answers depends on that. */
const settingsOf = (test: string) => settings.parse(cases[test]?.create_function_response)

it.each(recordedAs('test_snapstart_lifecycle'))('%s', async (test) => {
  await using api = await startApi()
  expect(seen(await create(api, settingsOf(test)))).toEqual(recorded(test, 'create_function_response', names))
  await api.functions.idle()
  expect(seen(await get(api))).toEqual(recorded(test, 'get_function_response_latest', names))
  await publish(api, { Description: 'version1' })
  expect(seen(await get(api, '1'))).toEqual(recorded(test, 'get_function_response_version_1', names))
})

it.each(recordedAs('test_snapstart_update_function_configuration'))('%s', async (test) => {
  await using api = await startApi()
  expect(seen(await create(api, settingsOf(test)))).toEqual(recorded(test, 'create_function_response', names))
  await api.functions.idle()
  const update = await api.request('PUT', `${F}/f/configuration`, { SnapStart: { ApplyOn: 'PublishedVersions' } })
  expect(seen(update)).toEqual(recorded(test, 'update_function_response', names))
})

it('test_ops_on_nonexisting_fn[get_function_code_signing_config]', async () => {
  const test = 'TestLambdaFunction::test_ops_on_nonexisting_fn[get_function_code_signing_config]'
  await using api = await startApi()
  const answer = await api.request('GET', '/2020-06-30/functions/none/code-signing-config')
  expect(seen(answer)).toEqual(recorded(test, 'not_found_exception', { '<nonexisting-fn-name>': 'none' }))
})

// These two were recorded without answers: the calls succeed, or fail with the error that the test names.
const arnOf = (where: string) => encodeURIComponent(`arn:aws:lambda:${where}:${account}:function:f`)

it('test_update_function_configuration_full_arn', async () => {
  expect(recordedValue('TestPartialARNMatching::test_update_function_configuration_full_arn', 'any')).toBeUndefined()
  await using api = await startApi()
  await create(api)
  for (const name of [arnOf(region), encodeURIComponent(`${account}:function:f`), encodeURIComponent('function:f')]) {
    await api.functions.idle()
    const { status, body } = await api.request('PUT', `${F}/${name}/configuration`, { Description: name })
    expect([status, body]).toMatchObject([200, { Description: name }])
  }
})

it('test_cross_region_arn_function_access', async () => {
  expect(recordedValue('TestPartialARNMatching::test_cross_region_arn_function_access', 'any')).toBeUndefined()
  await using api = await startApi()
  await create(api)
  expect(seen(await api.request('GET', `${F}/${arnOf('eu-central-1')}`))).toEqual({
    status: 404,
    errorType: 'ResourceNotFoundException',
    body: {
      Type: 'User',
      Message: `Functions from 'eu-central-1' are not reachable in this region ('${region}')`,
    },
  })
})

replaysAllOf('versions')
