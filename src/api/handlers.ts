/** One handler an operation: parse, act, present. An operation of the model without a handler is not implemented. */
import type { Context } from 'hono'
import { z } from 'zod'
import type { Config } from '../config.ts'
import { ThawError } from '../errors.ts'
import { totalCodeBytesLimit, type Functions } from '../functions/functions.ts'
import { parseFunctionRef, type FunctionRef } from '../functions/names.ts'
import { parseRequest } from './members.ts'
import { presentFunction, presentListed } from './present.ts'
import { createFunctionInput, updateCodeInput, updateConfigurationInput } from './requests.ts'
import { createFunctionSchema, listFunctionsSchema, updateCodeSchema, updateConfigurationSchema } from './schemas.ts'

export type Handler = (c: Context) => Promise<Response>

export interface HandlersOptions {
  functions: Functions
  config: Pick<Config, 'accountId' | 'region' | 'limits'>
}

/** Where `GetFunction` says a package can be had. */
export const codePath = '/_thaw/functions/:FunctionName/code'

export function createHandlers({ functions, config }: HandlersOptions): ReadonlyMap<string, Handler> {
  const { accountId, region, limits } = config
  const refOf = (c: Context): FunctionRef =>
    parseFunctionRef(c.req.param('FunctionName') ?? '', c.req.query('Qualifier'), { accountId, region })

  /** Every mutation answers for the function, not for the qualifier that the caller may have used. */
  const presentation = { region, qualifier: undefined }

  return new Map<string, Handler>([
    [
      'CreateFunction',
      async (c) => {
        const request = parseRequest(createFunctionSchema, await readJson(c))
        const record = await functions.create(accountId, request.FunctionName, createFunctionInput(request))
        return c.json(presentFunction(record, presentation), 201)
      },
    ],
    [
      'GetFunction',
      async (c) => {
        const ref = refOf(c)
        const record = await functions.get(ref)
        const location = new URL(codePath.replace(':FunctionName', ref.functionName), c.req.url)
        return c.json({
          Configuration: presentFunction(record, { region, qualifier: ref.explicitQualifier }),
          Code: { RepositoryType: 'S3', Location: location.href },
          ...(Object.keys(record.tags).length === 0 ? {} : { Tags: record.tags }),
        })
      },
    ],
    [
      'GetFunctionConfiguration',
      async (c) => {
        const ref = refOf(c)
        const record = await functions.get(ref)
        return c.json(presentFunction(record, { region, qualifier: ref.explicitQualifier }))
      },
    ],
    [
      'ListFunctions',
      async (c) => {
        const request = parseRequest(listFunctionsSchema, c.req.query())
        const all = request.FunctionVersion === 'ALL'
        const page = await functions.list(accountId, {
          marker: request.Marker,
          maxItems: request.MaxItems,
          versions: all ? 'all' : 'latest',
        })
        return c.json({
          Functions: page.functions.map((record) =>
            presentListed(record, { region, qualifier: all ? record.version : undefined }),
          ),
          ...(page.nextMarker === undefined ? {} : { NextMarker: page.nextMarker }),
        })
      },
    ],
    [
      'UpdateFunctionCode',
      async (c) => {
        const ref = refOf(c)
        const request = parseRequest(updateCodeSchema, await readJson(c))
        const record = await functions.updateCode(ref, updateCodeInput(request))
        return c.json(presentFunction(record, presentation))
      },
    ],
    [
      'UpdateFunctionConfiguration',
      async (c) => {
        const ref = refOf(c)
        const request = parseRequest(updateConfigurationSchema, await readJson(c))
        const record = await functions.updateConfiguration(ref, updateConfigurationInput(request))
        return c.json(presentFunction(record, presentation))
      },
    ],
    [
      'DeleteFunction',
      async (c) => {
        await functions.delete(refOf(c))
        return c.body(null, 204)
      },
    ],
    [
      'GetAccountSettings',
      async (c) => {
        const { functionCount, codeBytes } = await functions.usage(accountId)
        return c.json({
          AccountLimit: {
            TotalCodeSize: totalCodeBytesLimit,
            CodeSizeUnzipped: limits.unzippedBytes,
            CodeSizeZipped: limits.zipBytes,
            ConcurrentExecutions: limits.accountConcurrency,
            UnreservedConcurrentExecutions: limits.accountConcurrency,
          },
          AccountUsage: { TotalCodeSize: codeBytes, FunctionCount: functionCount },
        })
      },
    ],
    [
      // Workers serve Invoke and pass on what they do not know: here the caller learns why.
      'Invoke',
      async (c) => {
        throw await functions.whyNotInvokable(refOf(c))
      },
    ],
  ])
}

/** The package itself, for `Code.Location`. */
export function createCodeHandler({ functions, config }: HandlersOptions): Handler {
  return async (c) => {
    const ref = parseFunctionRef(c.req.param('FunctionName') ?? '', c.req.query('Qualifier'), config)
    const bytes = await functions.readCode(ref)
    return c.body(new Uint8Array(bytes), 200, { 'content-type': 'application/octet-stream' })
  }
}

const jsonObject = z.record(z.string(), z.unknown())

async function readJson(c: Context): Promise<Record<string, unknown>> {
  const text = await c.req.text()
  try {
    return jsonObject.parse(text === '' ? {} : JSON.parse(text))
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? cause.message : 'an object is expected'
    throw new ThawError('InvalidRequestContent', `Could not parse request body into json: ${reason}`, { cause })
  }
}
