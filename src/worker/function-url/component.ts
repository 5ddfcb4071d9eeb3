/** Requests for functions that are HTTP components: they get the request itself, and their answer leaves as it comes. */
import type { IncomingMessage } from 'node:http'
import type { HeaderList, HttpExchange, HttpRequest } from '../../http/message.ts'
import { internalPrefix } from '../internal-headers.ts'
import type { ClientView } from '../edge/client-address.ts'
import { clientRequestId } from '../edge/request-id.ts'
import type { BodySource } from '../../http/body.ts'

/** A request as a component sees it. `body`: of it, as it arrives or as it was proven. */
export function componentRequest(incoming: IncomingMessage, client: ClientView, body: BodySource): HttpRequest {
  const { method = 'GET', url = '/' } = incoming
  return {
    method,
    scheme: client.scheme,
    authority: client.host,
    pathWithQuery: pathOf(url),
    headers: headersOf(incoming, client),
    body,
  }
}

/** Of the absolute form only what comes after the authority. */
function pathOf(url: string): string {
  if (url.startsWith('/') || url === '*') return url
  const { pathname, search } = new URL(url)
  return pathname + search
}

/** As they came, but for what is the host's to say: through whom the request came, and Thaw's own. */
function headersOf({ rawHeaders, headers }: IncomingMessage, client: ClientView): HeaderList {
  const { isProxied, forwardedFor, port, scheme } = client
  const isDropped = (lower: string): boolean => {
    switch (lower) {
      case 'x-forwarded-for':
      case 'x-forwarded-port':
      case 'x-forwarded-proto':
        return true
      case 'x-forwarded-host':
        return !isProxied
      case 'forwarded':
        return !isProxied || headers['x-forwarded-for'] !== undefined
      case 'x-request-id':
        return clientRequestId(headers) === undefined
      default:
        return lower.startsWith(internalPrefix)
    }
  }
  const list: [string, string][] = []
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = [rawHeaders[at], rawHeaders[at + 1]]
    if (!isDropped(name.toLowerCase())) list.push([name, value])
  }
  list.push(['x-forwarded-for', forwardedFor.join(', ')], ['x-forwarded-port', port], ['x-forwarded-proto', scheme])
  return list
}

/** The exchange of one request. `failed` is the guest's to say once; what the client gets then, the caller decides. */
export function componentExchange(request: HttpRequest, responder: HttpExchange['responder']): HttpExchange {
  return { request, responder, failed: () => {} }
}
