/** Holds our answers on function URLs to what AWS answered. Requests are LocalStack's tests of these names. */
import { expect, it } from 'vitest'
import { z } from 'zod'
import { createActive, createAlias, publishVersion, startWithFunction } from './prepared.ts'
import { account, recorded, region, replaysAllOf, seen } from './recorded.ts'
import { startApi, type ApiServer } from './server.ts'

const arn = (name: string) => `arn:aws:lambda:${region}:${account}:function:${name}`
const path = (name: string, qualifier: string | undefined) =>
  `/2021-10-31/functions/${encodeURIComponent(name)}/url${
    qualifier === undefined ? '' : `?Qualifier=${encodeURIComponent(qualifier)}`
  }`

const create = (api: ApiServer, name: string, qualifier?: string, body: unknown = { AuthType: 'NONE' }) =>
  api.request('POST', path(name, qualifier), body)
const get = (api: ApiServer, name: string, qualifier?: string) => api.request('GET', path(name, qualifier))
const remove = (api: ApiServer, name: string, qualifier?: string) => api.request('DELETE', path(name, qualifier))
const update = (api: ApiServer, name: string, qualifier?: string, body: unknown = { AuthType: 'AWS_IAM' }) =>
  api.request('PUT', path(name, qualifier), body)
const list = (api: ApiServer, name: string, query = '') =>
  api.request('GET', `/2021-10-31/functions/${name}/urls${query}`)

const page = z.object({ FunctionUrlConfigs: z.array(z.unknown()), NextMarker: z.string().optional() })

it('test_url_config_exceptions', async () => {
  const test = 'TestLambdaUrl::test_url_config_exceptions'
  await using api = await startApi()
  await createActive(api, 'f', { Handler: 'lambda_handler.handler' })
  const step = (name: string) => recorded(test, name, { '<function-name:1>': 'f' })
  expect(seen(await publishVersion(api, 'f'))).toEqual(step('fn_version_result'))
  expect(seen(await createAlias(api, 'f', 'urlalias'))).toEqual(step('create_alias_result'))

  const targets: [step: string, name: string, qualifier?: string][] = [
    ['name_doesnotexist', 'doesnotexist'],
    ['arn_doesnotexist', arn('doesnotexist')],
    ['name_doesnotexist_qualifier', 'doesnotexist', '1'],
    ['qualifier_version', 'f', '1'],
    ['qualifier_version_doesnotexist', 'f', '2'],
    ['qualifier_alias_doesnotexist', 'f', 'v1'],
    ['qualifier_alias_doesnotmatch_arn', 'f:urlalias-doesnotmatch', 'urlalias'],
    ['qualifier_latest', 'f', '$LATEST'],
  ]
  const missing: [step: string, name: string, qualifier?: string] = ['config_doesnotexist', 'f']
  const operations = [
    ['create_function_url_config', create, targets],
    ['get_function_url_config', get, [...targets, missing]],
    ['delete_function_url_config', remove, [...targets, missing]],
    ['update_function_url_config', update, [...targets, missing]],
  ] as const
  for (const [operation, send, cases] of operations)
    for (const [name, functionName, qualifier] of cases) {
      // AWS's own answer is a failure of its service.
      if (operation === 'delete_function_url_config' && name === 'qualifier_alias_doesnotmatch_arn') continue
      const answer = await send(api, functionName, qualifier)
      const recordedStep = `${operation}_${name}`
      expect([recordedStep, seen(answer)]).toEqual([recordedStep, step(recordedStep)])
    }
})

it('test_url_config_list_paging', async () => {
  const test = 'TestLambdaUrl::test_url_config_list_paging'
  await using api = await startApi()
  await createActive(api, 'f', { Handler: 'lambda_handler.handler' })
  const step = (name: string) => recorded(test, name, { '<function-name:1>': 'f' })
  expect(seen(await publishVersion(api, 'f'))).toEqual(step('fn_version_result'))
  expect(seen(await createAlias(api, 'f', 'urlalias'))).toEqual(step('create_alias_result'))
  expect(seen(await list(api, 'doesnotexist'))).toEqual(step('list_function_notfound'))
  expect(seen(await list(api, 'f'))).toEqual(step('list_all_empty'))
  expect(seen(await create(api, 'f'))).toEqual(step('url_config_fn'))
  expect(seen(await create(api, 'f:urlalias', 'urlalias'))).toEqual(step('url_config_alias'))
  const all = await list(api, 'f')
  expect(seen(all)).toEqual(step('list_all'))
  const [first, second] = page.parse(all.body).FunctionUrlConfigs
  const one = page.parse((await list(api, 'f', '?MaxItems=1')).body)
  expect(one.FunctionUrlConfigs).toEqual([first])
  expect(page.parse((await list(api, 'f', '?MaxItems=2')).body)).toEqual({ FunctionUrlConfigs: [first, second] })
  const rest = page.parse((await list(api, 'f', `?MaxItems=1&Marker=${one.NextMarker}`)).body)
  expect(rest).toEqual({ FunctionUrlConfigs: [second] })
})

it('test_url_config_lifecycle', async () => {
  const test = 'TestLambdaUrl::test_url_config_lifecycle'
  await using api = await startWithFunction()
  const step = (name: string) => recorded(test, name, { '<resource:1>': 'f' })
  expect(seen(await create(api, 'f'))).toEqual(step('url_creation'))
  expect(seen(await create(api, 'f'))).toEqual(step('failed_duplication'))
  expect(seen(await get(api, 'f'))).toEqual(step('get_url_config'))
  expect(seen(await update(api, 'f'))).toEqual(step('updated_url_config'))
  expect((await remove(api, 'f')).status).toBe(204)
  expect(seen(await get(api, 'f'))).toEqual(step('failed_getter'))
})

it('test_url_config_deletion_without_qualifier', async () => {
  const test = 'TestLambdaUrl::test_url_config_deletion_without_qualifier'
  await using api = await startWithFunction()
  const step = (name: string) => recorded(test, name, { '<resource:1>': 'f' })
  await publishVersion(api, 'f')
  await createAlias(api, 'f', 'test-alias')
  expect(seen(await create(api, 'f'))).toEqual(step('url_creation'))
  expect(seen(await create(api, 'f', 'test-alias'))).toEqual(step('url_with_alias_creation'))
  expect(seen(await get(api, 'f'))).toEqual(step('get_url_config'))
  expect(seen(await get(api, 'f', 'test-alias'))).toEqual(step('get_url_config_with_alias'))
  expect((await remove(api, 'f')).status).toBe(204)
  expect(seen(await get(api, 'f'))).toEqual(step('get_url_config_after_deletion'))
  expect(seen(await get(api, 'f', 'test-alias'))).toEqual(step('get_url_config_with_alias_after_deletion'))
})

it('test_lambda_update_function_url_config', async () => {
  const test = 'TestLambdaURL::test_lambda_update_function_url_config'
  await using api = await startWithFunction()
  const step = (name: string) => recorded(test, name, { '<resource:1>': 'f' })
  expect(seen(await create(api, 'f', undefined, { AuthType: 'NONE', InvokeMode: 'BUFFERED' }))).toEqual(
    step('create_lambda_url_config'),
  )
  expect(seen(await get(api, 'f'))).toEqual(step('get_url_config'))
  expect(seen(await update(api, 'f', undefined, { InvokeMode: 'RESPONSE_STREAM' }))).toEqual(
    step('modify_lambda_url_config'),
  )
  expect(seen(await get(api, 'f'))).toEqual(step('get_url_config_2'))
  expect(seen(await update(api, 'f', undefined, {}))).toEqual(step('modify_lambda_url_config_none'))
  expect(seen(await get(api, 'f'))).toEqual(step('get_url_config_3'))
})

it('test_get_function_wrong_region[get_function_url_config]', async () => {
  const test = 'TestLambdaFunction::test_get_function_wrong_region[get_function_url_config]'
  await using api = await startWithFunction()
  const answer = await get(api, arn('f').replace(region, 'eu-central-1'))
  expect(seen(answer)).toEqual(recorded(test, 'wrong_region_exception', { '<wrong-region>': 'eu-central-1' }))
})

replaysAllOf('function-urls')
