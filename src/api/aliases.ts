/** The operations on aliases. */
import { z } from 'zod'
import type { Aliases } from '../functions/aliases.ts'
import { functionArn } from '../functions/names.ts'
import { constraints } from '../functions/violations.ts'
import type { Alias } from '../store/aliases.ts'
import type { Access, Handler, Handlers } from './context.ts'
import { optional, parseRequest, text } from './members.ts'
import { createRefOf, readJson } from './request-parts.ts'
import { pageSchema } from './schemas.ts'

export interface AliasHandlersOptions {
  aliases: Aliases
  access: Access
  region: string
}

const versionRule = { minLength: 1, maxLength: 1_024, pattern: '(\\$LATEST|[0-9]+)' }
const nameSchema = text({ minLength: 1, maxLength: 128, pattern: '(?!^[0-9]+$)([a-zA-Z0-9-_]+)' })

/** Texts: test_notfound_and_invalid_routingconfigs of LocalStack's recordings. Java shows a double with a point. */
const weights = z.record(z.string(), z.number()).superRefine((map, context) => {
  const shown = Object.entries(map).map(
    ([key, value]) => `${key}=${Number.isInteger(value) ? value.toFixed(1) : value}`,
  )
  const broken = (message: string) => context.addIssue({ code: 'custom', input: `{${shown.join(', ')}}`, message })
  const keyRules = [constraints.maxLength(1_024), constraints.minLength(1), constraints.pattern('[0-9]+')]
  if (!Object.keys(map).every((key) => /^[0-9]{1,1024}$/.test(key)))
    broken(`Map keys must satisfy constraint: [${[...keyRules, constraints.notNull].join(', ')}]`)
  const valueRules = [
    'Member must have value less than or equal to 1.0',
    'Member must have value greater than or equal to 0.0',
  ]
  if (!Object.values(map).every((value) => value >= 0 && value <= 1))
    broken(`Map value must satisfy constraint: [${[...valueRules, constraints.notNull].join(', ')}]`)
})
const members = {
  Description: optional(text({ maxLength: 256 })),
  RoutingConfig: optional(z.object({ AdditionalVersionWeights: optional(weights) })),
}
const createSchema = z.object({ ...members, Name: nameSchema, FunctionVersion: text(versionRule) })
const updateSchema = z.object({
  ...members,
  FunctionVersion: optional(text(versionRule)),
  RevisionId: optional(text()),
})
const listSchema = z.object({ ...pageSchema.shape, FunctionVersion: optional(text(versionRule)) })
const pathSchema = z.object({ Name: nameSchema })

export function createAliasHandlers({ aliases, access, region }: AliasHandlersOptions): Handlers {
  const refOf = createRefOf(access, region)
  const present = (accountId: string, functionName: string, alias: Alias) => {
    const { name, functionVersion, description, additional, revisionId } = alias
    return {
      AliasArn: functionArn({ accountId, region }, functionName, name),
      Name: name,
      FunctionVersion: functionVersion,
      Description: description,
      ...(additional === undefined
        ? {}
        : { RoutingConfig: { AdditionalVersionWeights: { [additional.version]: additional.weight } } }),
      RevisionId: revisionId,
    }
  }
  const nameOf = (raw: string | undefined) => parseRequest(pathSchema, { Name: raw ?? '' }).Name

  return new Map<string, Handler>([
    [
      'CreateAlias',
      async (c) => {
        const ref = await refOf(c, 'CreateAlias')
        const request = parseRequest(createSchema, await readJson(c))
        const alias = await aliases.create(ref, {
          name: request.Name,
          functionVersion: request.FunctionVersion,
          description: request.Description,
          weights: request.RoutingConfig?.AdditionalVersionWeights,
        })
        return c.json(present(ref.accountId, ref.functionName, alias), 201)
      },
    ],
    [
      'GetAlias',
      async (c) => {
        const ref = await refOf(c, 'GetAlias')
        const alias = await aliases.get(ref, nameOf(c.req.param('Name')))
        return c.json(present(ref.accountId, ref.functionName, alias))
      },
    ],
    [
      'UpdateAlias',
      async (c) => {
        const ref = await refOf(c, 'UpdateAlias')
        const name = nameOf(c.req.param('Name'))
        const { RoutingConfig: routing, ...request } = parseRequest(updateSchema, await readJson(c))
        const input = {
          name,
          functionVersion: request.FunctionVersion,
          description: request.Description,
          weights: routing === undefined ? undefined : (routing.AdditionalVersionWeights ?? {}),
        }
        const alias = await aliases.update(ref, input, request.RevisionId)
        return c.json(present(ref.accountId, ref.functionName, alias))
      },
    ],
    [
      'DeleteAlias',
      async (c) => {
        const ref = await refOf(c, 'DeleteAlias')
        await aliases.delete(ref, nameOf(c.req.param('Name')))
        return c.body(null, 204)
      },
    ],
    [
      'ListAliases',
      async (c) => {
        const ref = await refOf(c, 'ListAliases')
        const request = parseRequest(listSchema, c.req.query())
        const page = { marker: request.Marker, maxItems: request.MaxItems }
        const { items, nextMarker } = await aliases.list(ref, request.FunctionVersion, page)
        return c.json({
          Aliases: items.map((alias) => present(ref.accountId, ref.functionName, alias)),
          ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
        })
      },
    ],
  ])
}
