/** Requests to function URLs: which they are, and who may. */
import type { Config } from '../../config.ts'
import type { SpecTable } from '../spec-table.ts'
import {
  createHttpFunctionHandler,
  mayInvoke,
  type Admit,
  type HttpFunctionHandler,
  type HttpFunctionOptions,
} from './answer.ts'
import { corsHeaders, isPreflight } from './cors.ts'
import type { UrlResponse } from './response.ts'

const idLength = 32

/** Whether a request is to a function URL, by its Host: `<32 letters and digits>.lambda-url.<anything>`, or as configured. */
export function createUrlHostTest({ functionUrlBase }: Pick<Config, 'functionUrlBase'>): (host?: string) => boolean {
  const label = '.lambda-url.'
  if (functionUrlBase === undefined) return (host) => host?.startsWith(label, idLength) === true
  const own = functionUrlBase.includes('://') ? new URL(functionUrlBase).hostname : functionUrlBase
  return (host) => host !== undefined && (host.startsWith(label, idLength) || host.startsWith(`.${own}`, idLength))
}

export const createFunctionUrlHandler = (options: HttpFunctionOptions): HttpFunctionHandler =>
  createHttpFunctionHandler(options, createAdmit(options))

interface AdmitOptions extends Pick<HttpFunctionOptions, 'access' | 'config'> {
  table: Pick<SpecTable, 'url'>
}

function createAdmit({ table, access, config }: AdmitOptions): Admit {
  return (incoming) => {
    const { host = '' } = incoming.headers
    const url = table.url(host.slice(0, idLength))
    if (url === undefined) return refusal({ Message: null })
    const cors = url.cors && corsHeaders(url.cors, incoming)
    if (cors !== undefined && isPreflight(incoming)) return { status: 200, headers: cors, body: Buffer.alloc(0) }
    const signer = url.authType === 'NONE' ? undefined : access.signerOf(incoming)
    if (!(url.authType === 'NONE' ? url.isPublic : mayInvoke(signer, url, config.region))) return refusal(forbidden)
    const { accountId, functionName, qualifier, urlId } = url
    return {
      accountId,
      functionName,
      qualifier,
      signer,
      origin: {
        apiId: urlId,
        domainName: host,
        domainPrefix: urlId,
        routeKey: '$default',
        pathParameters: undefined,
      },
      cors,
      invokeMode: url.invokeMode,
    }
  }
}

/** AWS's words, and where it says more. */
const forbidden = {
  Message:
    'Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html',
}

function refusal(message: { Message: string | null }): UrlResponse {
  return {
    status: 403,
    headers: ['content-type', 'application/json', 'x-amzn-errortype', 'AccessDeniedException'],
    body: Buffer.from(JSON.stringify(message)),
  }
}
