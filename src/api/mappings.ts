/** The operations on event source mappings: parse, act, present. */
import type { Config } from '../config.ts'
import { ThawError } from '../errors.ts'
import type { MappedFunction } from '../events/mappings/inputs.ts'
import type { Mappings, MappingView } from '../events/mappings/mappings.ts'
import { functionArn, parseFunctionRef } from '../functions/names.ts'
import { assertTags } from '../functions/settings/tags.ts'
import type { ApiContext, Handler, Handlers } from './context.ts'
import { createMappingSchema, listMappingsSchema, updateMappingSchema } from './mapping-schemas.ts'
import { createInput, updateInput } from './mapping-requests.ts'
import { parseRequest } from './members.ts'
import { presentMapping } from './present-mapping.ts'
import { readJson } from './request-parts.ts'

export interface MappingHandlersOptions {
  mappings: Mappings
  config: Pick<Config, 'region'>
}

/** AWS: ListEventSourceMappings returns at most 100 items, whatever MaxItems says. */
const pageSize = 100

export function createMappingHandlers({ mappings, config: { region } }: MappingHandlersOptions): Handlers {
  /** As the request names it: the mapping's ARN has a qualifier only if the name has one. */
  const named = (c: ApiContext, name: string): MappedFunction => {
    const scope = { accountId: c.get('caller').accountId, region }
    const { accountId, functionName, qualifier, explicitQualifier } = parseFunctionRef(name, undefined, scope)
    const arn = functionArn({ accountId, region }, functionName, explicitQualifier)
    return { accountId, functionName, qualifier, functionArn: arn }
  }
  const present = (view: MappingView) => presentMapping(view, region)
  const uuidOf = (c: ApiContext): string => c.req.param('UUID') ?? ''

  return new Map<string, Handler>([
    [
      'CreateEventSourceMapping',
      async (c) => {
        const request = parseRequest(createMappingSchema, await readJson(c))
        const { accountId } = c.get('caller')
        if (request.Tags !== undefined) assertTags(request.Tags)
        const view = await mappings.create(accountId, createInput(request, named(c, request.FunctionName)))
        return c.json(present(view), 202)
      },
    ],
    ['GetEventSourceMapping', async (c) => c.json(present(await mappings.get(c.get('caller').accountId, uuidOf(c))))],
    [
      'ListEventSourceMappings',
      async (c) => {
        const request = parseRequest(listMappingsSchema, c.req.query())
        const target = request.FunctionName === undefined ? undefined : named(c, request.FunctionName)
        const after = request.Marker === undefined ? '' : decodeMarker(request.Marker)
        const all = await mappings.list(c.get('caller').accountId)
        const found = all.filter(
          ({ accountId, mapping }) =>
            mapping.uuid > after &&
            (request.EventSourceArn === undefined || mapping.eventSourceArn === request.EventSourceArn) &&
            (target === undefined || isOf({ accountId, ...mapping }, target)),
        )
        const limit = Math.min(request.MaxItems ?? pageSize, pageSize)
        const page = found.slice(0, limit)
        const last = page.at(-1)
        const more = found.length > limit && last !== undefined
        return c.json({
          EventSourceMappings: page.map(present),
          ...(more ? { NextMarker: encodeMarker(last.mapping.uuid) } : {}),
        })
      },
    ],
    [
      'UpdateEventSourceMapping',
      async (c) => {
        const request = parseRequest(updateMappingSchema, await readJson(c))
        const target = request.FunctionName === undefined ? undefined : named(c, request.FunctionName)
        const view = await mappings.update(c.get('caller').accountId, uuidOf(c), updateInput(request, target))
        return c.json(present(view), 202)
      },
    ],
    [
      'DeleteEventSourceMapping',
      async (c) => c.json(present(await mappings.delete(c.get('caller').accountId, uuidOf(c))), 202),
    ],
  ])
}

/** A name without a qualifier stands for the function with any. */
function isOf(mapping: MappedFunction, target: MappedFunction): boolean {
  const { accountId, functionName } = target
  if (mapping.accountId !== accountId || mapping.functionName !== functionName) return false
  const isQualified = target.functionArn.endsWith(`:${functionName}:${target.qualifier}`)
  return !isQualified || mapping.functionArn === target.functionArn
}

const encodeMarker = (uuid: string): string => Buffer.from(uuid).toString('base64url')

function decodeMarker(marker: string): string {
  const uuid = Buffer.from(marker, 'base64url').toString()
  if (/^[0-9a-f-]{36}$/.test(uuid)) return uuid
  throw new ThawError('InvalidParameterValue', 'Invalid Marker: pass the NextMarker of the page before unchanged.')
}
