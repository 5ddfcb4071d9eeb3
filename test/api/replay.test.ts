/**
 * Holds our answers to what AWS answered (recorded/*.json): status, error type, message, and the members of bodies with
 * their values, apart from ids, dates and digests. Requests are read from the recorded test's name; AWS ran Python where
 * we run JavaScript.
 */
import { expect, it } from 'vitest'
import { z } from 'zod'
import { zip } from '../functions/fakes.ts'
import { account, cases, recorded, recordedViolations, region, replaysAllOf, seen, seenViolations } from './recorded.ts'
import { startApi, type ApiServer } from './server.ts'

const F = '/2015-03-31/functions'

const creation = (FunctionName: string, overrides: Record<string, unknown> = {}) => ({
  FunctionName,
  Runtime: 'nodejs24.x',
  Role: `arn:aws:iam::${account}:role/r`,
  Handler: 'handler.handler',
  Code: { ZipFile: zip().toString('base64') },
  ...overrides,
})
const create = (api: ApiServer, name: string, overrides?: Record<string, unknown>) =>
  api.request('POST', F, creation(name, overrides))
const update = (api: ApiServer, name: string, body: Record<string, unknown>) =>
  api.request('PUT', `${F}/${name}/configuration`, body)
const updateCode = (api: ApiServer, name: string, content = 'two') =>
  api.request('PUT', `${F}/${name}/code`, { ZipFile: zip(content).toString('base64') })

const named = (name: string) => ({ '<function-name:1>': name, '<function-name:2>': `${name}2` })

it('test_function_lifecycle', async () => {
  const test = 'TestLambdaFunction::test_function_lifecycle'
  await using api = await startApi()
  const names = named('f')
  const settings = { MemorySize: 256, Timeout: 5, Environment: {} }
  expect(seen(await create(api, 'f', settings))).toEqual(recorded(test, 'create_response', names))
  await api.functions.idle()
  expect(seen(await api.request('GET', `${F}/f`))).toEqual(recorded(test, 'get_function_response', names))
  const change = {
    MemorySize: 512,
    Timeout: 10,
    Runtime: 'nodejs22.x',
    Description: 'Changed-Description',
    Environment: { Variables: { ENV_A: 'a' } },
  }
  expect(seen(await update(api, 'f', change))).toEqual(recorded(test, 'update_func_conf_response', names))
  await api.functions.idle()
  expect(seen(await api.request('GET', `${F}/f`))).toEqual(recorded(test, 'get_function_response_postupdate', names))
  expect(seen(await updateCode(api, 'f'))).toEqual(recorded(test, 'update_code_response', names))
  await api.functions.idle()
  expect(seen(await api.request('GET', `${F}/f`))).toEqual(
    recorded(test, 'get_function_response_postcodeupdate', names),
  )
  expect((await api.request('DELETE', `${F}/f`)).status).toBe(204)
  expect(seen(await api.request('DELETE', `${F}/f`))).toEqual(recorded(test, 'delete_postdelete', names))
})

it('test_redundant_updates', async () => {
  const test = 'TestLambdaFunction::test_redundant_updates'
  await using api = await startApi()
  const names = named('f')
  const first = { Environment: {}, Timeout: 30, Description: 'Initial description' }
  expect(seen(await create(api, 'f', first))).toEqual(recorded(test, 'create_response', names))
  await api.functions.idle()
  const change = { Description: '1st update description' }
  expect(seen(await update(api, 'f', change))).toEqual(recorded(test, 'first_update_result', names))
  await api.functions.idle()
  expect(seen(await api.request('GET', `${F}/f/configuration`))).toEqual(recorded(test, 'get_fn_config_result', names))
  expect(seen(await api.request('GET', `${F}/f`))).toEqual(recorded(test, 'get_fn_result', names))
  expect(seen(await update(api, 'f', change))).toEqual(recorded(test, 'redundant_update_result', names))
  await api.functions.idle()
  expect(seen(await api.request('GET', `${F}/f`))).toEqual(
    recorded(test, 'get_fn_result_after_redundant_update', names),
  )
})

it('test_lambda_code_location_zipfile', async () => {
  const test = 'TestLambdaFunction::test_lambda_code_location_zipfile'
  await using api = await startApi()
  const names = named('f')
  expect(seen(await create(api, 'f', { Handler: 'index.handler' }))).toEqual(
    recorded(test, 'create-response-zip-file', names),
  )
  await api.functions.idle()
  expect(seen(await api.request('GET', `${F}/f`))).toEqual(recorded(test, 'get-function-response', names))
  api.builder.gate.close()
  expect(seen(await updateCode(api, 'f'))).toEqual(recorded(test, 'update-function-response', names))
  expect(seen(await api.request('GET', `${F}/f`))).toEqual(recorded(test, 'get-function-response-updated', names))
})

it.each([
  ['code', {}, (api: ApiServer) => updateCode(api, 'f')],
  ['config', { Environment: {}, Timeout: 30 }, (api: ApiServer) => update(api, 'f', { Description: 'x' })],
])('test_lambda_concurrent_%s_updates', async (what, settings, change) => {
  const test = `TestLambdaFunction::test_lambda_concurrent_${what}_updates`
  await using api = await startApi()
  expect(seen(await create(api, 'f', settings))).toEqual(recorded(test, 'create-function-response', named('f')))
  await api.functions.idle()
  api.dataPlane.gate.close()
  expect((await change(api)).status).toBe(200)
  expect(seen(await change(api))).toEqual(recorded(test, 'update-during-in-progress-update-exc', named('f')))
  api.dataPlane.gate.open()
})

it('test_list_functions', async () => {
  const test = 'TestLambdaFunction::test_list_functions'
  await using api = await startApi()
  for (const name of ['f', 'f2']) await create(api, name, { Environment: {}, Timeout: 30 })
  const invalid = await api.request('GET', `${F}?FunctionVersion=invalid`)
  expect(seen(invalid)).toEqual(recorded(test, 'list_functions_invalid_functionversion'))
  expect(seen(await api.request('GET', F))).toEqual(recorded(test, 'list_default', named('f')))
})

it('test_snapstart_exceptions', async () => {
  const test = 'TestLambdaSnapStart::test_snapstart_exceptions'
  await using api = await startApi()
  const answer = await create(api, 'f', { SnapStart: { ApplyOn: 'invalidOption' } })
  expect(seen(answer)).toEqual(recorded(test, 'create_function_invalid_snapstart_apply'))
})

it('test_snapstart_update_function_configuration', async () => {
  const test = 'TestLambdaSnapStart::test_snapstart_update_function_configuration[python3.12]'
  await using api = await startApi()
  expect(seen(await create(api, 'f', { MemorySize: 1024, Timeout: 5 }))).toEqual(
    recorded(test, 'create_function_response', named('f')),
  )
  await api.functions.idle()
  const answer = await update(api, 'f', { SnapStart: { ApplyOn: 'PublishedVersions' } })
  expect(seen(answer)).toEqual(recorded(test, 'update_function_response', named('f')))
})

it('test_account_settings', async () => {
  await using api = await startApi()
  const { body } = await api.request('GET', '/2016-08-19/account-settings')
  const members = Object.entries(z.record(z.string(), z.record(z.string(), z.number())).parse(body))
  // The recording has the members' names for their values.
  const names = Object.fromEntries(members.map(([key, value]) => [key, Object.keys(value).toSorted()]))
  expect(names).toEqual(recorded('TestLambdaAccountSettings::test_account_settings', 'acc_settings_modded').body)
})

it('test_delete_on_nonexisting_version', async () => {
  const test = 'TestLambdaFunction::test_delete_on_nonexisting_version'
  await using api = await startApi()
  const names = { '<fn-name>': 'f' }
  expect(seen(await api.request('DELETE', `${F}/f`))).toEqual(
    recorded(test, 'delete_function_response_non_existent', names),
  )
  const qualified = await api.request('DELETE', `${F}/f?Qualifier=1233`)
  expect(seen(qualified)).toEqual(recorded(test, 'delete_function_response_non_existent_with_qualifier', names))
})

const operations = {
  get_function: (api: ApiServer, name: string, qualifier?: string) => call(api, 'GET', name, '', qualifier),
  get_function_configuration: (api: ApiServer, name: string, qualifier?: string) =>
    call(api, 'GET', name, '/configuration', qualifier),
  delete_function: (api: ApiServer, name: string, qualifier?: string) => call(api, 'DELETE', name, '', qualifier),
  invoke: (api: ApiServer, name: string, qualifier?: string) => call(api, 'POST', name, '/invocations', qualifier),
  create_function: (api: ApiServer, name: string, qualifier?: string) =>
    create(api, qualifier === undefined ? name : `${name}:${qualifier}`),
}

function call(api: ApiServer, method: string, name: string, rest: string, qualifier: string | undefined) {
  const query = qualifier === undefined ? '' : `?Qualifier=${encodeURIComponent(qualifier)}`
  return api.request(method, `${F}/${encodeURIComponent(name)}${rest}${query}`)
}

const reading = ['get_function', 'get_function_configuration', 'delete_function'] as const

it.each(reading)('test_ops_on_nonexisting_fn[%s]', async (operation) => {
  await using api = await startApi()
  const answer = await operations[operation](api, 'none')
  const names = { '<nonexisting-fn-name>': 'none' }
  expect(seen(answer)).toEqual(
    recorded(`TestLambdaFunction::test_ops_on_nonexisting_fn[${operation}]`, 'not_found_exception', names),
  )
})

it.each(['get_function', 'get_function_configuration'] as const)(
  'test_ops_on_nonexisting_version[%s]',
  async (operation) => {
    await using api = await startApi()
    await create(api, 'f')
    const test = `TestLambdaFunction::test_ops_on_nonexisting_version[${operation}]`
    expect(seen(await operations[operation](api, 'f', '1221'))).toEqual(
      recorded(test, 'version_not_found_exception', { '<fn-name>': 'f' }),
    )
  },
)

it.each(reading)('test_ops_with_arn_qualifier_mismatch[%s]', async (operation) => {
  await using api = await startApi()
  const test = `TestLambdaFunction::test_ops_with_arn_qualifier_mismatch[${operation}]`
  const arn = `arn:aws:lambda:${region}:${account}:function:some-function:$LATEST`
  expect(seen(await operations[operation](api, arn, '$LATEST'))).toEqual(recorded(test, 'match_exception'))
  expect(seen(await operations[operation](api, arn, '1'))).toEqual(recorded(test, 'not_match_exception'))
})

it('test_get_function_wrong_region[delete_function]', async () => {
  await using api = await startApi()
  const answer = await operations.delete_function(api, `arn:aws:lambda:eu-west-1:${account}:function:f`)
  const names = { '<wrong-region>': 'eu-west-1' }
  expect(seen(answer)).toEqual(
    recorded('TestLambdaFunction::test_get_function_wrong_region[delete_function]', 'wrong_region_exception', names),
  )
})

const deprecated = Object.keys(cases).filter((name) => name.startsWith('TestRuntimeValidation'))
it.each(deprecated)('%s', async (test) => {
  await using api = await startApi()
  const Runtime = /\[(.*)\]/.exec(test)?.[1]
  expect(seen(await create(api, 'f', { Runtime }))).toEqual(recorded(test, 'deprecation_error'))
})

/** Names and qualifiers by the recorded test's id. `create_function` gets both joined. */
const arnOf = (name: string, where = region) => `arn:aws:lambda:${where}:${account}:function:${name}`
const nameCases: Record<string, [name: string, qualifier?: string]> = {
  full_arn_and_qualifier_too_long_and_invalid_region: [
    arnOf(`my-function-${'a'.repeat(170)}`, 'invalid-region'),
    'a'.repeat(129),
  ],
  full_arn_with_multiple_qualifiers: [arnOf('my-function:1:2')],
  function_name_and_qualifier_too_long: ['my-function', 'a'.repeat(65)],
  function_name_is_single_invalid: ['*'],
  function_name_too_long: ['a'.repeat(65)],
  function_name_too_long_and_invalid_region: [arnOf(`my-function${'a'.repeat(170)}`, 'invalid-region')],
  incomplete_arn: [`arn:aws:lambda:${region}:${account}:function`],
  invalid_account_id_in_partial_arn: ['invalid-account:function:my-function'],
  invalid_characters_in_function_name: ['my-function!'],
  invalid_characters_in_qualifier: ['my-function', 'invalid!'],
  invalid_region_in_arn: [arnOf('my-function', 'invalid-region')],
  latest_version_with_additional_qualifier: [arnOf('my-function:$LATEST'), '1'],
  lowercase_latest_qualifier: [arnOf('my-function'), '$latest'],
  missing_account_id_in_arn: [`arn:aws:lambda:${region}::function:my-function`],
  missing_region_in_arn: [arnOf('my-function', '')],
  misspelled_latest_in_arn: [arnOf('my-function:$LATES')],
  non_lambda_arn: [`arn:aws:ec2:${region}:${account}:instance:i-1234567890abcdef0`],
  partial_arn_with_extra_qualifier: ['function:my-function:$LATEST:extra'],
  qualifier_too_long: ['my-function', 'a'.repeat(129)],
  qualifier_too_long0: ['my-function', 'a'.repeat(129)],
  qualifier_too_long1: ['my-function', 'a'.repeat(65)],
}

const nameTests = Object.keys(cases).filter((name) => name.includes('test_function_name_and_qualifier_validation'))
const operationSchema = z.enum(['get_function', 'delete_function', 'invoke', 'create_function'])

it.each(nameTests)('%s', async (test) => {
  const [, id = '', name] = /\[(.*)-(\w+)\]/.exec(test) ?? []
  const operation = operationSchema.parse(name)
  const [functionName, qualifier] = nameCases[id] ?? []
  if (functionName === undefined) throw new Error(`no request for ${test}`)
  await using api = await startApi()
  const answer = await operations[operation](api, functionName, qualifier)
  expect(seenViolations(answer)).toEqual(recordedViolations(test, `${operation}_exception`))
})

replaysAllOf('functions')
