/** Requests to the hosts of routes: which function they are for, and who may. Refusals are worded as API Gateway's. */
import type { HttpRoute } from '../../functions/collaborators.ts'
import {
  createHttpFunctionHandler,
  mayInvoke,
  type Admit,
  type HttpFunctionHandler,
  type HttpFunctionOptions,
} from '../function-url/answer.ts'
import type { UrlResponse } from '../function-url/response.ts'
import type { SpecTable } from '../spec-table.ts'

export const createRouteHandler = (options: HttpFunctionOptions): HttpFunctionHandler =>
  createHttpFunctionHandler(options, createAdmit(options))

interface AdmitOptions extends Pick<HttpFunctionOptions, 'access' | 'config'> {
  table: Pick<SpecTable, 'routes'>
}

function createAdmit({ table, access, config }: AdmitOptions): Admit {
  return (incoming) => {
    const { method = 'GET', url = '/', headers } = incoming
    const [path = '/'] = url.split('?', 1)
    const found = table.routes.find(headers.host ?? '', method, path)
    // Also for a method that no route there takes, as API Gateway answers.
    if (found === undefined) return refusal(404, 'Not Found')
    const { route, host, pathParameters } = found
    const isOpen = route.authType === 'NONE'
    const signer = isOpen ? undefined : access.signerOf(incoming)
    if (!isOpen && !mayInvoke(signer, route, config.region)) return refusal(403, 'Forbidden')
    const { accountId, functionName, qualifier, routeId } = route
    const isDefault = isDefaultRoute(route)
    return {
      accountId,
      functionName,
      qualifier,
      signer,
      origin: {
        apiId: routeId,
        domainName: host,
        domainPrefix: host.slice(0, host.indexOf('.')),
        routeKey: isDefault ? '$default' : `${route.methods.length === 0 ? 'ANY' : method} ${route.path}`,
        pathParameters: isDefault ? undefined : pathParameters,
      },
      cors: undefined,
      invokeMode: route.invokeMode,
    }
  }
}

/** One for all that is asked of a host, which API Gateway calls so. */
const isDefaultRoute = ({ path, methods }: HttpRoute): boolean => path === '/*' && methods.length === 0

function refusal(status: number, message: string): UrlResponse {
  return { status, headers: ['content-type', 'application/json'], body: Buffer.from(JSON.stringify({ message })) }
}
