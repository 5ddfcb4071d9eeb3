/** Reserved and provisioned concurrency through the official client. */
import {
  DeleteFunctionCommand,
  DeleteFunctionConcurrencyCommand,
  DeleteProvisionedConcurrencyConfigCommand,
  GetAccountSettingsCommand,
  GetFunctionCommand,
  GetFunctionConcurrencyCommand,
  GetProvisionedConcurrencyConfigCommand,
  paginateListProvisionedConcurrencyConfigs,
  PutFunctionConcurrencyCommand,
  PutProvisionedConcurrencyConfigCommand,
} from '@aws-sdk/client-lambda'
import { expect, it } from 'vitest'
import { createActive, startWithAlias } from './prepared.ts'
import { account, region } from './recorded.ts'

const FunctionName = 'f'
const arn = `arn:aws:lambda:${region}:${account}:function:f`

it('reserved concurrency is taken from what is unreserved, and shown', async () => {
  await using api = await startWithAlias()
  await createActive(api, 'g')
  const unreserved = async () =>
    (await api.client.send(new GetAccountSettingsCommand({}))).AccountLimit?.UnreservedConcurrentExecutions
  const put = (name: string, ReservedConcurrentExecutions: number) =>
    api.client.send(new PutFunctionConcurrencyCommand({ FunctionName: name, ReservedConcurrentExecutions }))
  expect(await put('f', 600)).toMatchObject({ ReservedConcurrentExecutions: 600 })
  expect(await unreserved()).toBe(400)
  await expect(put('g', 301)).rejects.toMatchObject({
    name: 'InvalidParameterValueException',
    message:
      "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].",
  })
  await put('g', 300)
  // What a function has already is not in the way of its next reservation.
  await put('f', 590)
  await put('f', 0)
  expect(await unreserved()).toBe(700)
  expect((await api.client.send(new GetFunctionCommand({ FunctionName }))).Concurrency).toEqual({
    ReservedConcurrentExecutions: 0,
  })
  expect(await api.client.send(new GetFunctionConcurrencyCommand({ FunctionName }))).toMatchObject({
    ReservedConcurrentExecutions: 0,
  })
  await expect(put('f', -1)).rejects.toMatchObject({
    name: 'ValidationException',
    message:
      "1 validation error detected: Value '-1' at 'reservedConcurrentExecutions' failed to satisfy constraint: Member must have value greater than or equal to 0",
  })
  await api.client.send(new DeleteFunctionConcurrencyCommand({ FunctionName }))
  await api.client.send(new DeleteFunctionConcurrencyCommand({ FunctionName }))
  expect((await api.client.send(new GetFunctionCommand({ FunctionName }))).Concurrency).toBeUndefined()
  await api.client.send(new DeleteFunctionCommand({ FunctionName: 'g' }))
  expect(await unreserved()).toBe(1_000)
  await expect(api.client.send(new GetFunctionConcurrencyCommand({ FunctionName: 'g' }))).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
  })
})

it('provisioned concurrency: put answers IN_PROGRESS, READY follows; list and delete', async () => {
  await using api = await startWithAlias()
  const Qualifier = 'live'
  const put = await api.client.send(
    new PutProvisionedConcurrencyConfigCommand({ FunctionName, Qualifier, ProvisionedConcurrentExecutions: 7 }),
  )
  expect(put).toMatchObject({ Status: 'IN_PROGRESS', RequestedProvisionedConcurrentExecutions: 7 })
  expect(put.LastModified).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000$/)
  await api.settings.provisionedConcurrency.idle()
  expect(await api.client.send(new GetProvisionedConcurrencyConfigCommand({ FunctionName, Qualifier }))).toMatchObject({
    Status: 'READY',
    RequestedProvisionedConcurrentExecutions: 7,
    AllocatedProvisionedConcurrentExecutions: 7,
    AvailableProvisionedConcurrentExecutions: 7,
  })
  const limit = (await api.client.send(new GetAccountSettingsCommand({}))).AccountLimit
  expect(limit?.UnreservedConcurrentExecutions).toBe(993)
  const pages = []
  for await (const page of paginateListProvisionedConcurrencyConfigs({ client: api.client }, { FunctionName }))
    pages.push(page.ProvisionedConcurrencyConfigs)
  expect(pages).toMatchObject([[{ FunctionArn: `${arn}:live`, Status: 'READY' }]])
  await api.client.send(new DeleteProvisionedConcurrencyConfigCommand({ FunctionName, Qualifier }))
  await expect(
    api.client.send(new GetProvisionedConcurrencyConfigCommand({ FunctionName, Qualifier })),
  ).rejects.toMatchObject({
    name: 'ProvisionedConcurrencyConfigNotFoundException',
    message: 'No Provisioned Concurrency Config found for this function',
  })
})

it('provisioned concurrency stays within the reservation', async () => {
  await using api = await startWithAlias()
  const reserve = (ReservedConcurrentExecutions: number) =>
    api.client.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions }))
  const provision = (ProvisionedConcurrentExecutions: number) =>
    api.client.send(
      new PutProvisionedConcurrencyConfigCommand({ FunctionName, Qualifier: '1', ProvisionedConcurrentExecutions }),
    )
  await reserve(2)
  await provision(1)
  await provision(2)
  await expect(provision(3)).rejects.toMatchObject({
    name: 'InvalidParameterValueException',
    message:
      'Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function',
  })
  await expect(reserve(1)).rejects.toMatchObject({
    name: 'InvalidParameterValueException',
    message: " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned concurrency [2].",
  })
  const { AccountLimit } = await api.client.send(new GetAccountSettingsCommand({}))
  expect(AccountLimit?.UnreservedConcurrentExecutions).toBe(998)
})
