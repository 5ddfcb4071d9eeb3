/** Holds our answers on event invoke configs to what AWS answered. Requests are LocalStack's tests of these names. */
import { expect, it } from 'vitest'
import { z } from 'zod'
import { createActive, createAlias, publishVersion, startWithFunction } from './prepared.ts'
import { account, recorded, region, replaysAllOf, seen } from './recorded.ts'
import { startApi, type ApiServer } from './server.ts'

const arn = (name: string) => `arn:aws:lambda:${region}:${account}:function:${name}`
const path = (name: string, query = '') =>
  `/2019-09-25/functions/${encodeURIComponent(name)}/event-invoke-config${query}`
const qualified = (qualifier: string) => `?Qualifier=${encodeURIComponent(qualifier)}`

const put = (api: ApiServer, name: string, body: unknown, query = '') => api.request('PUT', path(name, query), body)
const update = (api: ApiServer, name: string, body: unknown) => api.request('POST', path(name), body)
const get = (api: ApiServer, name: string, query = '') => api.request('GET', path(name, query))
const remove = (api: ApiServer, name: string, query = '') => api.request('DELETE', path(name, query))
const list = (api: ApiServer, name: string, query = '') => api.request('GET', `${path(name)}/list${query}`)

const page = z.object({ FunctionEventInvokeConfigs: z.array(z.unknown()), NextMarker: z.string().optional() })

it('test_lambda_eventinvokeconfig_lifecycle', async () => {
  const test = 'TestLambdaEventInvokeConfig::test_lambda_eventinvokeconfig_lifecycle'
  await using api = await startWithFunction()
  const step = (name: string) => recorded(test, name, { '<function-name:1>': 'f' })
  expect(seen(await put(api, 'f', { MaximumRetryAttempts: 0 }))).toEqual(step('put_invokeconfig_retries_0'))
  expect(seen(await put(api, 'f', { MaximumEventAgeInSeconds: 60 }))).toEqual(step('put_invokeconfig_eventage_60'))
  expect(seen(await update(api, 'f', { MaximumEventAgeInSeconds: 60 }))).toEqual(
    step('update_invokeconfig_eventage_nochange'),
  )
  expect(seen(await update(api, 'f', { MaximumRetryAttempts: 1 }))).toEqual(step('update_invokeconfig_retries'))
  expect(seen(await get(api, 'f'))).toEqual(step('get_invokeconfig'))
  expect(seen(await get(api, 'f', qualified('$LATEST')))).toEqual(step('get_invokeconfig_latest'))
  expect(seen(await list(api, 'f'))).toEqual(step('list_single_invokeconfig'))
  expect(seen(await publishVersion(api, 'f'))).toEqual(step('publish_version_result'))
  expect(seen(await get(api, 'f', qualified('1')))).toEqual(step('get_invokeconfig_postpublish'))
  expect(seen(await put(api, 'f', { MaximumEventAgeInSeconds: 120 }, qualified('1')))).toEqual(
    step('put_published_invokeconfig'),
  )
  expect(seen(await get(api, 'f', qualified('1')))).toEqual(step('get_published_invokeconfig'))
  const both = page.parse((await list(api, 'f')).body)
  const first = page.parse((await list(api, 'f', '?MaxItems=1')).body)
  const rest = page.parse((await list(api, 'f', `?MaxItems=1&Marker=${first.NextMarker}`)).body)
  expect([...first.FunctionEventInvokeConfigs, ...rest.FunctionEventInvokeConfigs]).toEqual(
    both.FunctionEventInvokeConfigs,
  )
  expect(both.FunctionEventInvokeConfigs).toHaveLength(2)
  expect(rest.NextMarker).toBeUndefined()
  expect((await remove(api, 'f')).status).toBe(204)
  expect(seen(await list(api, 'f'))).toEqual(step('list_paging_nolimit_postdelete'))
})

it('test_lambda_eventinvokeconfig_exceptions', async () => {
  const test = 'TestLambdaEventInvokeConfig::test_lambda_eventinvokeconfig_exceptions'
  await using api = await startWithFunction()
  await createActive(api, 'f2')
  const step = (name: string) => recorded(test, name, { '<function-name:1>': 'f', '<resource:5>': 'f2' })
  const alias = 'eventinvokealias'
  const aliasArn = `${arn('f')}:${alias}`
  expect(seen(await publishVersion(api, 'f'))).toEqual(step('fn_version_result'))
  expect(seen(await createAlias(api, 'f', alias))).toEqual(step('fn_alias_result'))

  const one = { MaximumRetryAttempts: 1 }
  expect(seen(await put(api, 'doesnotexist', one))).toEqual(step('put_functionname_name_notfound'))
  expect(seen(await put(api, arn('doesnotexist'), one))).toEqual(step('put_functionname_arn_notfound'))
  expect(seen(await put(api, 'doesnotexist', {}))).toEqual(step('put_functionname_nootherargs'))

  const onSuccess = (Destination?: string) => ({ DestinationConfig: { OnSuccess: { Destination } } })
  const onFailure = (Destination?: string) => ({ DestinationConfig: { OnFailure: { Destination } } })
  expect(seen(await put(api, 'f', onSuccess(arn('doesnotexist'))))).toEqual(step('put_destination_lambda_doesntexist'))
  expect(seen(await put(api, 'f', onSuccess(arn('f'))))).toEqual(step('put_destination_recursive'))
  expect(seen(await put(api, 'f', onSuccess(arn('f2'))))).toEqual(step('put_destination_other_lambda'))
  expect(seen(await put(api, 'f', onSuccess(arn('f').replace(':lambda:', ':iam:'))))).toEqual(
    step('put_destination_invalid_service_arn'),
  )
  expect(seen(await put(api, 'f', onSuccess()))).toEqual(step('put_destination_success_no_destination_arn'))
  expect(seen(await put(api, 'f', onFailure()))).toEqual(step('put_destination_failure_no_destination_arn'))
  expect(seen(await put(api, 'f', onFailure(arn('f').replace(':lambda:', ':_-/!lambda:'))))).toEqual(
    step('put_destination_invalid_arn_pattern'),
  )

  const names: [step: string, name: string, qualifier: string | undefined][] = [
    ['put_destination_latest', 'f', undefined],
    ['put_destination_latest_explicit_qualifier', 'f', '$LATEST'],
    ['put_destination_version', 'f', '1'],
    ['put_alias_functionname_qualifier', 'f', alias],
    ['put_alias_doesnotexist', 'f', `${alias}doesnotexist`],
    ['put_alias_qualifiedarn', aliasArn, undefined],
    ['put_alias_qualifiedarn_qualifier', aliasArn, alias],
    ['put_alias_qualifiedarn_qualifierconflict', aliasArn, `${alias}doesnotexist`],
    ['put_alias_shorthand', `f:${alias}`, undefined],
    ['put_alias_shorthand_qualifier', `f:${alias}`, alias],
    ['put_alias_shorthand_qualifierconflict', `f:${alias}`, `${alias}doesnotexist`],
    ['put_version_shorthand', 'f:1', undefined],
    ['put_shorthand_qualifier_match', 'f:$LATEST', '$LATEST'],
    ['put_shorthand_qualifier_mismatch_1', 'f:1', '$LATEST'],
    ['put_shorthand_qualifier_mismatch_2', 'f:$LATEST', '1'],
    ['put_shorthand_qualifier_mismatch_3', 'f:1', alias],
  ]
  for (const [name, functionName, qualifier] of names) {
    const query = qualifier === undefined ? '' : qualified(qualifier)
    expect([name, seen(await put(api, functionName, one, query))]).toEqual([name, step(name)])
  }

  const most = { MaximumRetryAttempts: 2, MaximumEventAgeInSeconds: 21_600 }
  const two = { MaximumRetryAttempts: 2, MaximumEventAgeInSeconds: 60 }
  const none = { MaximumRetryAttempts: 0 }
  expect(seen(await put(api, 'f', most))).toEqual(step('put_maxevent_maxvalue_result'))
  expect(seen(await put(api, 'f', two))).toEqual(step('put_pre_overwrite'))
  expect(seen(await put(api, 'f', none))).toEqual(step('put_post_overwrite'))
  expect(seen(await put(api, 'f', none))).toEqual(step('second_overwrite_existing_response'))
  expect(seen(await get(api, 'f'))).toEqual(step('get_post_overwrite'))
  expect(seen(await put(api, 'f', two))).toEqual(step('pre_update_response'))
  expect(seen(await update(api, 'f', none))).toEqual(step('update_response'))
  expect(seen(await update(api, 'f', none))).toEqual(step('update_response_existing'))

  expect(seen(await list(api, 'f'))).toEqual(step('list_configs'))
  const paged = page.parse((await list(api, 'f', '?MaxItems=2')).body)
  expect(paged.FunctionEventInvokeConfigs).toHaveLength(2)
  const rest = page.parse((await list(api, 'f', `?Marker=${paged.NextMarker}`)).body)
  expect(rest.FunctionEventInvokeConfigs).toMatchObject([{ FunctionArn: aliasArn }])
  for (const qualifier of ['$LATEST', '1', alias])
    expect((await remove(api, 'f', qualified(qualifier))).status).toBe(204)
  expect(seen(await list(api, 'f'))).toEqual(step('list_configs_postdelete'))
  expect(seen(await remove(api, 'f'))).toEqual(step('delete_function_not_found'))
  expect(seen(await remove(api, 'doesnotexist'))).toEqual(step('delete_function_doesnotexist'))

  expect(seen(await list(api, 'doesnotexist'))).toEqual(step('list_function_doesnotexist'))
  expect(seen(await get(api, 'doesnotexist'))).toEqual(step('get_function_doesnotexist'))
  expect(seen(await get(api, 'f', qualified('doesnotexist')))).toEqual(step('get_qualifier_doesnotexist'))
  expect(seen(await update(api, 'doesnotexist', none))).toEqual(step('update_eventinvokeconfig_function_doesnotexist'))
  expect(seen(await get(api, aliasArn))).toEqual(step('get_eventinvokeconfig_doesnotexist'))
  expect(seen(await update(api, aliasArn, none))).toEqual(
    step('update_eventinvokeconfig_config_doesnotexist_with_qualifier'),
  )
  expect(seen(await update(api, arn('f'), none))).toEqual(
    step('update_eventinvokeconfig_config_doesnotexist_without_qualifier'),
  )
})

it('test_get_function_wrong_region[get_function_event_invoke_config]', async () => {
  const test = 'TestLambdaFunction::test_get_function_wrong_region[get_function_event_invoke_config]'
  await using api = await startWithFunction()
  const answer = await get(api, arn('f').replace(region, 'eu-central-1'))
  expect(seen(answer)).toEqual(recorded(test, 'wrong_region_exception', { '<wrong-region>': 'eu-central-1' }))
})

it('test_ops_on_nonexisting_fn[get_function_event_invoke_config]', async () => {
  const test = 'TestLambdaFunction::test_ops_on_nonexisting_fn[get_function_event_invoke_config]'
  await using api = await startApi()
  expect(seen(await get(api, 'f'))).toEqual(recorded(test, 'not_found_exception', { '<nonexisting-fn-name>': 'f' }))
})

replaysAllOf('event-invoke')
