/** Reserved and provisioned concurrency. */
import { z } from 'zod'
import { functionArn } from '../../functions/names.ts'
import type {
  ProvisionedConcurrencySettings,
  ProvisionedState,
} from '../../functions/settings/provisioned-concurrency.ts'
import type { ReservedConcurrencySettings } from '../../functions/settings/reserved-concurrency.ts'
import { constraints } from '../../functions/violations.ts'
import type { ApiContext, Handler, Handlers } from '../context.ts'
import { parseRequest, text } from '../members.ts'
import { readJson, type RefOf } from '../request-parts.ts'
import { nextMarker, readPage } from './members.ts'

const atLeast = (min: number) => z.int().min(min, constraints.min(min))
const reservedSchema = z.object({ ReservedConcurrentExecutions: atLeast(0) })
const provisionedSchema = z.object({ ProvisionedConcurrentExecutions: atLeast(1) })
const qualifiedSchema = z.object({ Qualifier: text() })

export interface ConcurrencyHandlersOptions {
  reserved: ReservedConcurrencySettings
  provisioned: ProvisionedConcurrencySettings
  refOf: RefOf
  region: string
}

export function createConcurrencyHandlers(options: ConcurrencyHandlersOptions): Handlers {
  const { reserved, provisioned, refOf, region } = options

  /** AWS asks for the qualifier beside the name, or in it. */
  const qualifiedRefOf = async (c: ApiContext, action: string) => {
    const ref = await refOf(c, action)
    if (ref.explicitQualifier === undefined) parseRequest(qualifiedSchema, c.req.query())
    return ref
  }

  return new Map<string, Handler>([
    [
      'PutFunctionConcurrency',
      async (c) => {
        const ref = await refOf(c, 'PutFunctionConcurrency')
        const { ReservedConcurrentExecutions } = parseRequest(reservedSchema, await readJson(c))
        await reserved.put(ref, ReservedConcurrentExecutions)
        return c.json({ ReservedConcurrentExecutions })
      },
    ],
    [
      'GetFunctionConcurrency',
      async (c) => {
        const concurrency = await reserved.get(await refOf(c, 'GetFunctionConcurrency'))
        return c.json({ ReservedConcurrentExecutions: concurrency })
      },
    ],
    [
      'DeleteFunctionConcurrency',
      async (c) => {
        await reserved.delete(await refOf(c, 'DeleteFunctionConcurrency'))
        return c.body(null, 204)
      },
    ],
    [
      'PutProvisionedConcurrencyConfig',
      async (c) => {
        const ref = await qualifiedRefOf(c, 'PutProvisionedConcurrencyConfig')
        const request = parseRequest(provisionedSchema, await readJson(c))
        return c.json(present(await provisioned.put(ref, request.ProvisionedConcurrentExecutions)), 202)
      },
    ],
    [
      'GetProvisionedConcurrencyConfig',
      async (c) => c.json(present(await provisioned.get(await qualifiedRefOf(c, 'GetProvisionedConcurrencyConfig')))),
    ],
    [
      'DeleteProvisionedConcurrencyConfig',
      async (c) => {
        await provisioned.delete(await qualifiedRefOf(c, 'DeleteProvisionedConcurrencyConfig'))
        return c.body(null, 204)
      },
    ],
    [
      'ListProvisionedConcurrencyConfigs',
      async (c) => {
        const ref = await refOf(c, 'ListProvisionedConcurrencyConfigs')
        const { accountId, functionName } = ref
        const page = await provisioned.list(ref, readPage(c))
        return c.json({
          ProvisionedConcurrencyConfigs: page.items.map((state) => ({
            FunctionArn: functionArn({ accountId, region }, functionName, state.qualifier),
            ...present(state),
          })),
          ...nextMarker(page.nextMarker),
        })
      },
    ],
  ])
}

function present({ requested, allocated, available, status, lastModified }: ProvisionedState) {
  return {
    RequestedProvisionedConcurrentExecutions: requested,
    AvailableProvisionedConcurrentExecutions: available,
    AllocatedProvisionedConcurrentExecutions: allocated,
    Status: status.name,
    StatusReason: status.name === 'FAILED' ? status.reason : undefined,
    // `2024-01-31T12:00:00+0000`
    LastModified: new Date(lastModified).toISOString().replace(/\.\d{3}Z$/, '+0000'),
  }
}
