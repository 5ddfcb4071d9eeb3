/** The operations on functions: parse, act, present. */
import type { Config } from '../config.ts'
import type { Functions } from '../functions/functions.ts'
import type { AccountConcurrency } from '../functions/settings/account-concurrency.ts'
import type { CodeUrls } from '../identity/code-url.ts'
import { latest, type FunctionRecord } from '../store/records.ts'
import type { Access, Handler, Handlers } from './context.ts'
import { parseRequest } from './members.ts'
import { createRefOf, readJson } from './request-parts.ts'
import { presentFunction, presentListed } from './present.ts'
import { createFunctionInput, updateCodeInput, updateConfigurationInput } from './requests.ts'
import { createFunctionSchema, listFunctionsSchema, updateCodeSchema, updateConfigurationSchema } from './schemas.ts'

export interface FunctionHandlersOptions {
  functions: Functions
  concurrency: Pick<AccountConcurrency, 'reserved' | 'unreserved'>
  access: Access
  codeUrls: Pick<CodeUrls, 'sign'>
  config: Pick<Config, 'region' | 'limits'>
}

/** Where `GetFunction` says a package can be had. */
export const codePath = '/_thaw/functions/:FunctionName/code'

export function createFunctionHandlers(options: FunctionHandlersOptions): Handlers {
  const { functions, concurrency, access, codeUrls, config } = options
  const { region, limits } = config
  const refOf = createRefOf(access, region)

  /** Every mutation answers for the function, not for the qualifier that the caller may have used. */
  const presentation = { region, qualifier: undefined }

  return new Map<string, Handler>([
    [
      'CreateFunction',
      async (c) => {
        const request = parseRequest(createFunctionSchema, await readJson(c))
        const record = await functions.create(
          c.get('caller').accountId,
          request.FunctionName,
          createFunctionInput(request),
        )
        return c.json(presentFunction(record, presentation), 201)
      },
    ],
    [
      'GetFunction',
      async (c) => {
        const ref = await refOf(c, 'GetFunction')
        const record = await functions.get(ref)
        const path = codePath.replace(':FunctionName', ref.functionName)
        const reserved = await concurrency.reserved(ref.accountId, ref.functionName)
        const location = new URL(codeUrls.sign(path, ref.accountId, ref.explicitQualifier), c.req.url)
        return c.json({
          Configuration: presentFunction(record, { region, qualifier: ref.explicitQualifier }),
          Code: { RepositoryType: 'S3', Location: location.href },
          ...(Object.keys(record.tags).length === 0 ? {} : { Tags: record.tags }),
          ...(reserved === undefined ? {} : { Concurrency: { ReservedConcurrentExecutions: reserved } }),
        })
      },
    ],
    [
      'GetFunctionConfiguration',
      async (c) => {
        const ref = await refOf(c, 'GetFunctionConfiguration')
        const record = await functions.get(ref)
        return c.json(presentFunction(record, { region, qualifier: ref.explicitQualifier }))
      },
    ],
    [
      'ListFunctions',
      async (c) => {
        const request = parseRequest(listFunctionsSchema, c.req.query())
        const all = request.FunctionVersion === 'ALL'
        const page = await functions.list(c.get('caller').accountId, {
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
        const ref = await refOf(c, 'UpdateFunctionCode')
        const request = parseRequest(updateCodeSchema, await readJson(c))
        const record = await functions.updateCode(ref, updateCodeInput(request))
        // Of a version that it published, AWS shows the version's ARN; CreateFunction shows the function's.
        return c.json(presentFunction(record, { region, qualifier: numberOf(record) }))
      },
    ],
    [
      'UpdateFunctionConfiguration',
      async (c) => {
        const ref = await refOf(c, 'UpdateFunctionConfiguration')
        const request = parseRequest(updateConfigurationSchema, await readJson(c))
        const record = await functions.updateConfiguration(ref, updateConfigurationInput(request))
        return c.json(presentFunction(record, presentation))
      },
    ],
    [
      'DeleteFunction',
      async (c) => {
        await functions.delete(await refOf(c, 'DeleteFunction'))
        return c.body(null, 204)
      },
    ],
    [
      'GetAccountSettings',
      async (c) => {
        const { functionCount, codeBytes } = await functions.usage(c.get('caller').accountId)
        return c.json({
          AccountLimit: {
            TotalCodeSize: limits.codeStorageBytes,
            CodeSizeUnzipped: limits.unzippedBytes,
            CodeSizeZipped: limits.zipBytes,
            ConcurrentExecutions: limits.accountConcurrency,
            UnreservedConcurrentExecutions: await concurrency.unreserved(c.get('caller').accountId),
          },
          AccountUsage: { TotalCodeSize: codeBytes, FunctionCount: functionCount },
        })
      },
    ],
  ])
}

const numberOf = ({ version }: FunctionRecord): string | undefined => (version === latest ? undefined : version)

/** The package itself, for `Code.Location`. */
export function createCodeHandler({
  functions,
  access,
  config,
}: Omit<FunctionHandlersOptions, 'codeUrls' | 'concurrency'>): Handler {
  const refOf = createRefOf(access, config.region)
  return async (c) => {
    const bytes = await functions.readCode(await refOf(c, 'GetFunction'))
    return c.body(new Uint8Array(bytes), 200, { 'content-type': 'application/octet-stream' })
  }
}
