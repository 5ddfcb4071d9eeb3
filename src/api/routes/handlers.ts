/** The five operations on routes: parse, act, present. */
import { z } from 'zod'
import type { RouteEntry } from '../../functions/routes/admission.ts'
import type { Routes } from '../../functions/routes/routes.ts'
import { functionArn, parseFunctionRef, type FunctionRef } from '../../functions/names.ts'
import { constraints } from '../../functions/violations.ts'
import { latest } from '../../store/records.ts'
import type { ApiContext, Handler, Handlers } from '../context.ts'
import { optional, parseRequest, text, word } from '../members.ts'
import { readJson } from '../request-parts.ts'
import { nextMarker, readPage } from '../settings/members.ts'

const methodNames = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

const methods = z.array(z.string()).superRefine((list, context) => {
  if (list.every((method) => methodNames.some((name) => name === method))) return
  const message = `Member must satisfy constraint: [${constraints.oneOf(methodNames)}]`
  context.addIssue({ code: 'custom', input: list, message })
})
const authType = word(['NONE', 'AWS_IAM'])
const invokeMode = word(['BUFFERED', 'RESPONSE_STREAM'])
const qualifier = { Qualifier: optional(text()) }

const createSchema = z.object({
  Host: text(),
  Path: optional(text()),
  Methods: optional(methods),
  FunctionName: text(),
  ...qualifier,
  AuthType: authType,
  InvokeMode: optional(invokeMode),
})
const updateSchema = z.object({
  Host: optional(text()),
  Path: optional(text()),
  Methods: optional(methods),
  FunctionName: optional(text()),
  ...qualifier,
  AuthType: optional(authType),
  InvokeMode: optional(invokeMode),
})
const listSchema = z.object({ FunctionName: optional(text()), ...qualifier })

export function createRouteHandlers(routes: Routes, region: string): Handlers {
  const accountOf = (c: ApiContext): string => c.get('caller').accountId
  const refOf = (c: ApiContext, name: string, parameter: string | undefined): FunctionRef =>
    parseFunctionRef(name, parameter, { accountId: accountOf(c), region })
  const idOf = (c: ApiContext): string => c.req.param('RouteId') ?? ''
  const present = (entry: RouteEntry) => presentRoute(entry, region)

  return new Map<string, Handler>([
    [
      'CreateRoute',
      async (c) => {
        const request = parseRequest(createSchema, await readJson(c))
        const entry = await routes.create(accountOf(c), refOf(c, request.FunctionName, request.Qualifier), {
          host: request.Host,
          path: request.Path ?? '/*',
          methods: request.Methods ?? [],
          authType: request.AuthType,
          invokeMode: request.InvokeMode ?? 'BUFFERED',
        })
        return c.json(present(entry), 201)
      },
    ],
    [
      'ListRoutes',
      async (c) => {
        const { FunctionName, Qualifier } = parseRequest(listSchema, c.req.query())
        const ref = FunctionName === undefined ? undefined : refOf(c, FunctionName, Qualifier)
        const page = await routes.list(accountOf(c), ref, readPage(c))
        return c.json({ Routes: page.items.map(present), ...nextMarker(page.nextMarker) })
      },
    ],
    ['GetRoute', async (c) => c.json(present(await routes.get(accountOf(c), idOf(c))))],
    [
      'UpdateRoute',
      async (c) => {
        const request = parseRequest(updateSchema, await readJson(c))
        const { FunctionName, Qualifier } = request
        const current = await routes.get(accountOf(c), idOf(c))
        // A qualifier alone is another one of the function that the route has.
        const name = FunctionName ?? (Qualifier === undefined ? undefined : current.scope)
        const entry = await routes.update(accountOf(c), idOf(c), {
          ref: name === undefined ? undefined : refOf(c, name, Qualifier),
          host: request.Host,
          path: request.Path,
          methods: request.Methods,
          authType: request.AuthType,
          invokeMode: request.InvokeMode,
        })
        return c.json(present(entry))
      },
    ],
    [
      'DeleteRoute',
      async (c) => {
        await routes.delete(accountOf(c), idOf(c))
        return c.body(null, 204)
      },
    ],
  ])
}

function presentRoute({ accountId, scope, key, value }: RouteEntry, region: string) {
  const { host, path, methods, qualifier, authType, invokeMode } = value
  return {
    RouteId: key,
    Host: host,
    Path: path,
    Methods: methods,
    FunctionArn: functionArn({ accountId, region }, scope, qualifier === latest ? undefined : qualifier),
    AuthType: authType,
    InvokeMode: invokeMode,
    CreationTime: new Date(value.createdAt).toISOString(),
    LastModifiedTime: new Date(value.lastModified).toISOString(),
  }
}
