/** The five operations on function URLs. */
import { z } from 'zod'
import { functionArn, type FunctionRef } from '../../functions/names.ts'
import type { FunctionUrls } from '../../functions/settings/function-urls.ts'
import { latest } from '../../store/records.ts'
import type { FunctionUrl } from '../../store/function-urls.ts'
import type { Handler, Handlers } from '../context.ts'
import { integer, optional, parseRequest, word } from '../members.ts'
import { readJson, type RefOf } from '../request-parts.ts'
import { nextMarker, readPage, texts } from './members.ts'

const headers = optional(texts({ max: 100, item: { minLength: 0, maxLength: 1_024 } }))

const cors = z
  .object({
    AllowCredentials: optional(z.boolean()),
    AllowHeaders: headers,
    AllowMethods: optional(texts({ max: 6, item: { minLength: 0, maxLength: 6 } })),
    AllowOrigins: optional(texts({ max: 100, item: { minLength: 1, maxLength: 253 } })),
    ExposeHeaders: headers,
    MaxAge: optional(integer(0, 86_400)),
  })
  .transform((request) => ({
    allowCredentials: request.AllowCredentials,
    allowHeaders: request.AllowHeaders,
    allowMethods: request.AllowMethods,
    allowOrigins: request.AllowOrigins,
    exposeHeaders: request.ExposeHeaders,
    maxAgeSeconds: request.MaxAge,
  }))

const authType = word(['NONE', 'AWS_IAM'])
const members = { Cors: optional(cors), InvokeMode: optional(word(['BUFFERED', 'RESPONSE_STREAM'])) }
const createSchema = z.object({ AuthType: authType, ...members })
const updateSchema = z.object({ AuthType: optional(authType), ...members })

export interface FunctionUrlHandlersOptions {
  urls: FunctionUrls
  refOf: RefOf
  region: string
  urlAddress(urlId: string): string
}

export function createFunctionUrlHandlers({ urls, refOf, region, urlAddress }: FunctionUrlHandlersOptions): Handlers {
  const presentOf = (
    { accountId, functionName, qualifier }: Omit<FunctionRef, 'explicitQualifier'>,
    url: FunctionUrl,
  ) => ({
    FunctionUrl: urlAddress(url.urlId),
    FunctionArn: functionArn({ accountId, region }, functionName, qualifier === latest ? undefined : qualifier),
    AuthType: url.authType,
    Cors: url.cors && presentCors(url.cors),
    CreationTime: new Date(url.createdAt).toISOString(),
    InvokeMode: url.invokeMode,
  })
  const withTime = (url: FunctionUrl) => ({ LastModifiedTime: new Date(url.lastModified).toISOString() })
  /** Only what reads shows the mode that nobody has asked for. */
  const readOf = (ref: Omit<FunctionRef, 'explicitQualifier'>, url: FunctionUrl) => ({
    ...presentOf(ref, url),
    ...withTime(url),
    InvokeMode: url.invokeMode ?? 'BUFFERED',
  })

  return new Map<string, Handler>([
    [
      'CreateFunctionUrlConfig',
      async (c) => {
        const ref = await refOf(c, 'CreateFunctionUrlConfig')
        const request = parseRequest(createSchema, await readJson(c))
        const input = { authType: request.AuthType, invokeMode: request.InvokeMode, cors: request.Cors }
        return c.json(presentOf(ref, await urls.create(ref, input)), 201)
      },
    ],
    [
      'GetFunctionUrlConfig',
      async (c) => {
        const ref = await refOf(c, 'GetFunctionUrlConfig')
        return c.json(readOf(ref, await urls.get(ref)))
      },
    ],
    [
      'UpdateFunctionUrlConfig',
      async (c) => {
        const ref = await refOf(c, 'UpdateFunctionUrlConfig')
        const request = parseRequest(updateSchema, await readJson(c))
        const url = await urls.update(ref, {
          ...(request.AuthType && { authType: request.AuthType }),
          invokeMode: request.InvokeMode,
          cors: request.Cors,
        })
        return c.json({ ...presentOf(ref, url), ...withTime(url) })
      },
    ],
    [
      'DeleteFunctionUrlConfig',
      async (c) => {
        await urls.delete(await refOf(c, 'DeleteFunctionUrlConfig'))
        return c.body(null, 204)
      },
    ],
    [
      'ListFunctionUrlConfigs',
      async (c) => {
        const ref = await refOf(c, 'ListFunctionUrlConfigs')
        const page = await urls.list(ref, readPage(c))
        return c.json({
          FunctionUrlConfigs: page.items.map(({ key, value }) => readOf({ ...ref, qualifier: key }, value)),
          ...nextMarker(page.nextMarker),
        })
      },
    ],
  ])
}

function presentCors(value: NonNullable<FunctionUrl['cors']>) {
  return {
    AllowCredentials: value.allowCredentials,
    AllowHeaders: value.allowHeaders,
    AllowMethods: value.allowMethods,
    AllowOrigins: value.allowOrigins,
    ExposeHeaders: value.exposeHeaders,
    MaxAge: value.maxAgeSeconds,
  }
}
