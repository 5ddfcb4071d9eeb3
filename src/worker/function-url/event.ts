/** A request to a function URL or a route as the function sees it: payload format 2.0. */
import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import type { ClientView } from '../edge/client-address.ts'
import { clientRequestId } from '../edge/request-id.ts'
import { internalPrefix } from '../internal-headers.ts'

export interface UrlRequest {
  incoming: IncomingMessage
  body: Buffer
  requestId: string
  receivedAt: Date
  /** Who signed it; undefined where nobody has to. */
  signer: UrlSigner | undefined
  client: ClientView
}

export interface UrlSigner {
  accountId: string
  /** Undefined in dev mode, where any key will do. */
  accessKeyId: string | undefined
}

/** How the request came to the function. */
export interface EventOrigin {
  /** The id of the function URL or of the route. */
  apiId: string
  domainName: string
  domainPrefix: string
  /** `GET /users/*`; `$default` for all that comes to a URL, or to a host. */
  routeKey: string
  /** What the wildcards of the route's path stand for. */
  pathParameters: Readonly<Record<string, string>> | undefined
}

/** UTF-8 JSON text. */
export function httpEvent(origin: EventOrigin, request: UrlRequest): Buffer {
  const { incoming, body, requestId, receivedAt, signer, client } = request
  const [rawPath = '/', rawQueryString = ''] = splitOnce(incoming.url ?? '/', '?')
  const { cookie } = incoming.headers
  const { apiId, domainName, domainPrefix, routeKey, pathParameters } = origin
  const isText = isTextual(incoming.headers['content-type'], body)
  const parameters = queryParameters(rawQueryString)
  const event = {
    version: '2.0',
    routeKey,
    rawPath,
    rawQueryString,
    ...(cookie !== undefined && { cookies: cookie.split(/;\s*/) }),
    headers: eventHeaders(incoming, client),
    ...(parameters !== undefined && { queryStringParameters: parameters }),
    requestContext: {
      accountId: signer?.accountId ?? 'anonymous',
      apiId,
      ...(signer !== undefined && { authorizer: { iam: iamContext(signer) } }),
      domainName,
      domainPrefix,
      http: {
        method: incoming.method ?? 'GET',
        path: rawPath,
        protocol: `HTTP/${incoming.httpVersion}`,
        sourceIp: client.clientAddress,
        userAgent: incoming.headers['user-agent'] ?? '',
      },
      requestId,
      routeKey,
      stage: '$default',
      time: requestTime(receivedAt),
      timeEpoch: receivedAt.getTime(),
    },
    ...(pathParameters !== undefined && { pathParameters }),
    ...(body.length > 0 && { body: body.toString(isText ? 'utf8' : 'base64') }),
    isBase64Encoded: body.length > 0 && !isText,
  }
  return Buffer.from(JSON.stringify(event))
}

/**
 * Names in lower case, repeated headers joined by commas. As AWS, it says through whom the request came. What only a
 * trusted proxy may say of that is left out if another said it, as functions will believe it.
 */
function eventHeaders({ headers }: IncomingMessage, client: ClientView): Record<string, string> {
  const { isProxied, forwardedFor, port, scheme } = client
  const all: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(internalPrefix)) continue
    all[name] = Array.isArray(value) ? value.join(',') : value
  }
  if (!isProxied) delete all['x-forwarded-host']
  if (!isProxied || all['x-forwarded-for'] !== undefined) delete all.forwarded
  if (clientRequestId(headers) === undefined) delete all['x-request-id']
  return {
    ...all,
    'x-forwarded-for': forwardedFor.join(', '),
    'x-forwarded-port': port,
    'x-forwarded-proto': scheme,
  }
}

/** Percent-decoded; values of one name joined by commas. Undefined without a query. */
function queryParameters(rawQueryString: string): Record<string, string> | undefined {
  if (rawQueryString === '') return undefined
  const values = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(rawQueryString)) {
    const before = values.get(name)
    values.set(name, before === undefined ? value : `${before},${value}`)
  }
  return Object.fromEntries(values)
}

/** AWS hands on as text what says that it is, and anything else in base64, forms included. */
function isTextual(contentType: string | undefined, body: Buffer): boolean {
  if (!isUtf8(body)) return false
  return contentType === undefined || /^\s*(text\/|application\/([^;]*[+])?(json|xml|javascript)\b)/i.test(contentType)
}

/** An account's keys are its own, so whoever signs is the account. */
function iamContext({ accountId, accessKeyId }: UrlSigner): Record<string, string | null> {
  return {
    accessKey: accessKeyId ?? null,
    accountId,
    callerId: accountId,
    cognitoIdentity: null,
    principalOrgId: null,
    userArn: `arn:aws:iam::${accountId}:root`,
    userId: accountId,
  }
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `12/Mar/2026:19:03:58 +0000` */
function requestTime(date: Date): string {
  const iso = date.toISOString()
  return `${iso.slice(8, 10)}/${months[date.getUTCMonth()]}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}
