/** Holds our answers on concurrency and account limits to what AWS answered. Requests are LocalStack's tests of these names. */
import { expect, it, vi } from 'vitest'
import { z } from 'zod'
import { zip } from '../functions/fakes.ts'
import { createActive, createAlias, F, publishVersion, startWithFunction } from './prepared.ts'
import { account, recorded, recordedValue, region, replaysAllOf, seen } from './recorded.ts'
import { startApi, type ApiServer } from './server.ts'

const arn = (name: string) => `arn:aws:lambda:${region}:${account}:function:${name}`
const encoded = encodeURIComponent

const put = (api: ApiServer, name: string, ReservedConcurrentExecutions: number) =>
  api.request('PUT', `/2017-10-31/functions/${encoded(name)}/concurrency`, { ReservedConcurrentExecutions })
const get = (api: ApiServer, name: string) => api.request('GET', `/2019-09-30/functions/${encoded(name)}/concurrency`)
const remove = (api: ApiServer, name: string) => api.request('DELETE', `/2017-10-31/functions/${name}/concurrency`)

const provisionedPath = (name: string, qualifier: string) =>
  `/2019-09-30/functions/${name}/provisioned-concurrency?Qualifier=${encoded(qualifier)}`
const provision = (api: ApiServer, name: string, qualifier: string, ProvisionedConcurrentExecutions: number) =>
  api.request('PUT', provisionedPath(name, qualifier), { ProvisionedConcurrentExecutions })
const getProvisioned = (api: ApiServer, name: string, qualifier: string) =>
  api.request('GET', provisionedPath(name, qualifier))
const removeProvisioned = (api: ApiServer, name: string, qualifier: string) =>
  api.request('DELETE', provisionedPath(name, qualifier))
const listProvisioned = (api: ApiServer, name: string) =>
  api.request('GET', `/2019-09-30/functions/${name}/provisioned-concurrency?List=ALL`)

/** What a recorded wait for READY ends with. */
const ready = async (api: ApiServer, name: string, qualifier: string) => {
  await api.settings.provisionedConcurrency.idle()
  return getProvisioned(api, name, qualifier)
}

it('test_function_concurrency', async () => {
  const test = 'TestLambdaReservedConcurrency::test_function_concurrency'
  await using api = await startWithFunction()
  expect(seen(await put(api, 'f', 0))).toEqual(recorded(test, 'put_function_concurrency_with_reserved_0'))
  expect(seen(await put(api, 'f', 1))).toEqual(recorded(test, 'put_function_concurrency_with_reserved_1'))
  expect(seen(await get(api, 'f'))).toEqual(recorded(test, 'get_function_concurrency'))
  expect((await remove(api, 'f')).status).toBe(recorded(test, 'delete_response').status)
  expect(seen(await get(api, 'f'))).toEqual(recorded(test, 'get_function_concurrency_after_delete'))
  expect((await put(api, 'f', 900)).body).toEqual({ ReservedConcurrentExecutions: 900 })
})

it('test_lambda_concurrency_crud', async () => {
  const test = 'TestLambdaConcurrency::test_lambda_concurrency_crud'
  await using api = await startWithFunction()
  expect(seen(await get(api, 'f'))).toEqual(recorded(test, 'get_function_concurrency_default'))
  expect(seen(await put(api, 'f', 0))).toEqual(recorded(test, 'put_function_concurrency'))
  expect(seen(await get(api, 'f'))).toEqual(recorded(test, 'get_function_concurrency_updated'))
  await remove(api, 'f')
  expect(seen(await get(api, 'f'))).toEqual(recorded(test, 'get_function_concurrency_deleted'))
})

it('test_function_concurrency_exceptions', async () => {
  const test = 'TestLambdaReservedConcurrency::test_function_concurrency_exceptions'
  await using api = await startWithFunction()
  const missing = 'put_function_concurrency_with_function_name_doesnotexist'
  expect(seen(await put(api, 'doesnotexist', 1))).toEqual(recorded(test, missing))
  expect(seen(await put(api, 'doesnotexist', 0))).toEqual(recorded(test, `${missing}_and_invalid_concurrency`))
  expect(seen(await put(api, `${arn('f')}:$LATEST`, 0))).toEqual(
    recorded(test, 'put_function_concurrency_with_qualified_arn'),
  )
})

it('test_function_concurrency_limits', async () => {
  const test = 'TestLambdaReservedConcurrency::test_function_concurrency_limits'
  await using api = await startWithFunction({ limits: { accountConcurrency: 5, unreservedConcurrencyFloor: 3 } })
  const names = { '<min_unreserved_concurrency>': '3' }
  expect(seen(await put(api, 'f', 6))).toEqual(recorded(test, 'put_function_concurrency_account_limit_exceeded', names))
  expect(seen(await put(api, 'f', 5))).toEqual(
    recorded(test, 'put_function_concurrency_below_unreserved_min_value', names),
  )
})

it('test_get_function_wrong_region[get_function_concurrency]', async () => {
  const test = 'TestLambdaFunction::test_get_function_wrong_region[get_function_concurrency]'
  await using api = await startWithFunction()
  const answer = await get(api, arn('f').replace(region, 'eu-central-1'))
  expect(seen(answer)).toEqual(recorded(test, 'wrong_region_exception', { '<wrong-region>': 'eu-central-1' }))
})

it('test_provisioned_concurrency_exceptions', async () => {
  const test = 'TestLambdaProvisionedConcurrency::test_provisioned_concurrency_exceptions'
  await using api = await startWithFunction()
  const step = (name: string) => recorded(test, name, { '<function-name:1>': 'f' })
  expect(seen(await publishVersion(api, 'f'))).toEqual(step('publish_version_result'))

  expect(seen(await getProvisioned(api, 'f', '1'))).toEqual(step('get_provisioned_config_doesnotexist'))
  expect(seen(await getProvisioned(api, 'doesnotexist', 'noalias'))).toEqual(
    step('get_provisioned_functionname_doesnotexist'),
  )
  expect(seen(await getProvisioned(api, 'f', 'noalias'))).toEqual(step('get_provisioned_qualifier_doesnotexist'))
  expect(seen(await getProvisioned(api, 'f', '10'))).toEqual(step('get_provisioned_version_doesnotexist'))
  expect(seen(await getProvisioned(api, 'f', '$LATEST'))).toEqual(step('get_provisioned_latest'))

  expect(seen(await listProvisioned(api, 'f'))).toEqual(step('list_provisioned_noconfigs'))
  expect(seen(await listProvisioned(api, 'doesnotexist'))).toEqual(step('list_provisioned_functionname_doesnotexist'))

  expect(seen(await removeProvisioned(api, 'doesnotexist', '1'))).toEqual(
    step('delete_provisioned_functionname_doesnotexist'),
  )
  expect(seen(await removeProvisioned(api, 'f', 'noalias'))).toEqual(step('delete_provisioned_qualifier_doesnotexist'))
  expect(seen(await removeProvisioned(api, 'f', '10'))).toEqual(step('delete_provisioned_version_doesnotexist'))
  expect(seen(await removeProvisioned(api, 'f', '$LATEST'))).toEqual(step('delete_provisioned_latest'))
  expect((await removeProvisioned(api, 'f', '1')).status).toBe(step('delete_provisioned_config_doesnotexist').status)

  expect(seen(await provision(api, 'f', '1', 0))).toEqual(step('put_provisioned_invalid_param_0'))
  expect(seen(await provision(api, 'doesnotexist', 'noalias', 1))).toEqual(
    step('put_provisioned_functionname_doesnotexist_alias'),
  )
  expect(seen(await provision(api, 'doesnotexist', '1', 1))).toEqual(
    step('put_provisioned_functionname_doesnotexist_version'),
  )
  expect(seen(await provision(api, 'f', 'doesnotexist', 1))).toEqual(step('put_provisioned_qualifier_doesnotexist'))
  expect(seen(await provision(api, 'f', '10', 1))).toEqual(step('put_provisioned_version_doesnotexist'))
  expect(seen(await provision(api, 'f', '$LATEST', 1))).toEqual(step('put_provisioned_latest'))
})

it('test_provisioned_concurrency_limits', async () => {
  const test = 'TestLambdaProvisionedConcurrency::test_provisioned_concurrency_limits'
  await using api = await startWithFunction({ limits: { accountConcurrency: 5, unreservedConcurrencyFloor: 3 } })
  await publishVersion(api, 'f')
  const names = { '<unreserved_concurrency>': '5', '<min_unreserved_concurrency>': '3' }
  expect(seen(await provision(api, 'f', '1', 6))).toEqual(
    recorded(test, 'put_provisioned_concurrency_account_limit_exceeded', names),
  )
  expect(seen(await provision(api, 'f', '1', 5))).toEqual(
    recorded(test, 'put_provisioned_concurrency_below_unreserved_min_value', names),
  )
})

it('test_lambda_provisioned_lifecycle', async () => {
  const test = 'TestLambdaProvisionedConcurrency::test_lambda_provisioned_lifecycle'
  await using api = await startWithFunction()
  const step = (name: string) => recorded(test, name, { '<function-name:1>': 'f', '<alias-name>': 'a' })
  expect(seen(await publishVersion(api, 'f'))).toEqual(step('publish_version_result'))
  expect(seen(await createAlias(api, 'f', 'a'))).toEqual(step('create_alias_result'))
  expect(seen(await provision(api, 'f', '1', 1))).toEqual(step('put_provisioned_on_version'))
  expect(seen(await provision(api, 'f', 'a', 1))).toEqual(step('put_provisioned_on_alias_versionconflict'))
  expect((await ready(api, 'f', '1')).body).toMatchObject({ Status: 'READY' })
  expect((await removeProvisioned(api, 'f', '1')).status).toBe(step('delete_provisioned_version').status)
  expect(seen(await getProvisioned(api, 'f', '1'))).toEqual(step('get_provisioned_version_postdelete'))
  expect(seen(await provision(api, 'f', 'a', 1))).toEqual(step('put_provisioned_on_alias'))
  expect(seen(await provision(api, 'f', '1', 1))).toEqual(step('put_provisioned_on_version_conflict'))
  expect((await api.request('DELETE', `${F}/f/aliases/a`)).status).toBe(step('delete_alias_result').status)
  expect(seen(await getProvisioned(api, 'f', 'a'))).toEqual(step('get_provisioned_alias_postaliasdelete'))
  expect(seen(await listProvisioned(api, 'f'))).toEqual(step('list_response_postdeletes'))
})

it('test_provisioned_concurrency_on_alias', async () => {
  const test = 'TestLambdaConcurrency::test_provisioned_concurrency_on_alias'
  await using api = await startWithFunction()
  await publishVersion(api, 'f')
  await createAlias(api, 'f', 'a')
  api.dataPlane.gate.close()
  expect(seen(await provision(api, 'f', 'a', 5))).toEqual(recorded(test, 'put_provisioned_5'))
  expect(seen(await getProvisioned(api, 'f', 'a'))).toEqual(recorded(test, 'get_provisioned_prewait'))
  api.dataPlane.gate.open()
  expect(seen(await ready(api, 'f', 'a'))).toEqual(recorded(test, 'get_provisioned_postwait'))
})

it('test_lambda_provisioned_concurrency_scheduling', async () => {
  const test = 'TestLambdaConcurrency::test_lambda_provisioned_concurrency_scheduling'
  await using api = await startWithFunction()
  await publishVersion(api, 'f')
  await provision(api, 'f', '1', 1)
  expect(seen(await ready(api, 'f', '1'))).toEqual(recorded(test, 'get_provisioned_postwait'))
})

it('test_lambda_provisioned_concurrency_moves_with_alias', async () => {
  // The functions' answers in this recording are older than LoggingConfig: what is held here is the concurrency.
  const test = 'TestLambdaConcurrency::test_lambda_provisioned_concurrency_moves_with_alias'
  await using api = await startWithFunction()
  const step = (name: string) => recorded(test, name, { '<function-name:1>': 'f', '<alias-name>': 'a' })
  await publishVersion(api, 'f')
  expect(seen(await createAlias(api, 'f', 'a'))).toEqual(step('create_alias'))
  expect(seen(await getProvisioned(api, 'f', 'a'))).toEqual(step('provisioned_concurrency_notfound'))
  await provision(api, 'f', 'a', 1)
  await ready(api, 'f', 'a')
  await api.request('PUT', `${F}/f/code`, { ZipFile: zip('two').toString('base64') })
  await api.functions.idle()
  await publishVersion(api, 'f')
  // The new version's instances are not there yet when AWS is asked.
  const held = vi.spyOn(api.dataPlane, 'provisioned').mockResolvedValue(0)
  expect(seen(await api.request('PUT', `${F}/f/aliases/a`, { FunctionVersion: '2' }))).toEqual(step('update_alias'))
  expect((await getProvisioned(api, 'f', 'a')).body).toMatchObject({ Status: 'IN_PROGRESS' })
  held.mockResolvedValue(1)
  const moved = step('get_provisioned_config_after_alias_move')
  expect(seen(await ready(api, 'f', 'a'))).toEqual({
    ...moved,
    body: { ...z.object({}).loose().parse(moved.body), Status: 'READY' },
  })
})

/** How much the account's packages grow by something. */
const growth = async (api: ApiServer, change: () => Promise<unknown>): Promise<number> => {
  const settings = z.object({ AccountUsage: z.object({ TotalCodeSize: z.number() }) })
  const size = async () =>
    settings.parse((await api.request('GET', '/2016-08-19/account-settings')).body).AccountUsage.TotalCodeSize
  const before = await size()
  await change()
  await api.functions.idle()
  return (await size()) - before
}
/** A package of so many bytes. */
const sized = (bytes: number, fill = 'x') => ({ ZipFile: Buffer.from('PK'.padEnd(bytes, fill)).toString('base64') })

it('test_account_settings_total_code_size', async () => {
  const test = 'TestLambdaAccountSettings::test_account_settings_total_code_size'
  await using api = await startApi()
  const step = (name: string) => recordedValue(test, `total_code_size_diff_${name}`)
  expect(await growth(api, () => createActive(api, 'f', { Code: sized(276) }))).toBe(step('create_function'))
  const update = { ...sized(276, 'y'), Publish: true }
  expect(await growth(api, () => api.request('PUT', `${F}/f/code`, update))).toBe(step('update_function'))
  const publishLayer = () => api.request('POST', '/2018-10-31/layers/l/versions', { Content: sized(169) })
  expect(await growth(api, publishLayer)).toBe(step('publish_layer'))
  expect(await growth(api, publishLayer)).toBe(step('publish_layer_version'))
})

it('test_account_settings_total_code_size_config_update', async () => {
  const test = 'TestLambdaAccountSettings::test_account_settings_total_code_size_config_update'
  await using api = await startApi()
  const created = await growth(api, () => createActive(api, 'f', { Code: sized(276) }))
  expect(created > 200).toBe(recordedValue(test, 'is_total_code_size_diff_create_function_more_than_200'))
  const update = () => api.request('PUT', `${F}/f/configuration`, { Timeout: 5 })
  expect(await growth(api, update)).toBe(recordedValue(test, 'total_code_size_diff_update_function_configuration'))
  const published = await growth(api, () => publishVersion(api, 'f'))
  const step = 'is_total_code_size_diff_publish_version_after_config_update_more_than_200'
  expect(published > 200).toBe(recordedValue(test, step))
})

replaysAllOf('concurrency')
