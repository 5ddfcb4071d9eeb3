/** The five operations on event invoke configs. */
import { z } from 'zod'
import { functionArn } from '../../functions/names.ts'
import type { EventInvokeConfigs, EventInvokeInput } from '../../functions/settings/event-invoke-configs.ts'
import type { EventInvokeConfig } from '../../store/event-invoke-configs.ts'
import type { ApiContext, Handler, Handlers } from '../context.ts'
import { integer, optional, parseRequest, text } from '../members.ts'
import { readJson, type RefOf } from '../request-parts.ts'
import { nextMarker, readPage } from './members.ts'

/** Text of aws-recorded.json, put_destination_invalid_arn_pattern. */
const destinationPattern =
  '$|kafka://([^.]([a-zA-Z0-9\\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1})?:(\\d{12})?:(.*)'

/** An empty text is none. */
const destination = optional(
  z.object({ Destination: optional(text({ maxLength: 350, pattern: destinationPattern })) }),
).transform((value) => value?.Destination || undefined)

const schema = z.object({
  MaximumRetryAttempts: optional(integer(0, 2)),
  MaximumEventAgeInSeconds: optional(integer(60, 21_600)),
  DestinationConfig: optional(z.object({ OnSuccess: destination, OnFailure: destination })),
})

export function createEventInvokeConfigHandlers(configs: EventInvokeConfigs, refOf: RefOf, region: string): Handlers {
  const presentOf = (
    key: { accountId: string; functionName: string; qualifier: string },
    config: EventInvokeConfig,
  ) => {
    const { accountId, functionName, qualifier } = key
    const destinationOf = (arn: string | undefined) => (arn === undefined ? {} : { Destination: arn })
    return {
      LastModified: config.lastModified / 1_000,
      FunctionArn: functionArn({ accountId, region }, functionName, qualifier),
      MaximumRetryAttempts: config.maximumRetryAttempts,
      MaximumEventAgeInSeconds: config.maximumEventAgeInSeconds,
      DestinationConfig: {
        OnSuccess: destinationOf(config.onSuccess),
        OnFailure: destinationOf(config.onFailure),
      },
    }
  }

  return new Map<string, Handler>([
    [
      'PutFunctionEventInvokeConfig',
      async (c) => {
        const ref = await refOf(c, 'PutFunctionEventInvokeConfig')
        return c.json(presentOf(ref, await configs.put(ref, await readInput(c))))
      },
    ],
    [
      'UpdateFunctionEventInvokeConfig',
      async (c) => {
        const ref = await refOf(c, 'UpdateFunctionEventInvokeConfig')
        return c.json(presentOf(ref, await configs.update(ref, await readInput(c))))
      },
    ],
    [
      'GetFunctionEventInvokeConfig',
      async (c) => {
        const ref = await refOf(c, 'GetFunctionEventInvokeConfig')
        return c.json(presentOf(ref, await configs.get(ref)))
      },
    ],
    [
      'DeleteFunctionEventInvokeConfig',
      async (c) => {
        await configs.delete(await refOf(c, 'DeleteFunctionEventInvokeConfig'))
        return c.body(null, 204)
      },
    ],
    [
      'ListFunctionEventInvokeConfigs',
      async (c) => {
        const ref = await refOf(c, 'ListFunctionEventInvokeConfigs')
        const page = await configs.list(ref, readPage(c))
        return c.json({
          FunctionEventInvokeConfigs: page.items.map(({ key, value }) => presentOf({ ...ref, qualifier: key }, value)),
          ...nextMarker(page.nextMarker),
        })
      },
    ],
  ])
}

async function readInput(c: ApiContext): Promise<EventInvokeInput> {
  const { DestinationConfig: config, ...request } = parseRequest(schema, await readJson(c))
  return {
    maximumRetryAttempts: request.MaximumRetryAttempts,
    maximumEventAgeInSeconds: request.MaximumEventAgeInSeconds,
    destinations: config && { onSuccess: config.OnSuccess, onFailure: config.OnFailure },
  }
}
