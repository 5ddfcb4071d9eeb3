/**
 * `export default { fetch(request, env, ctx) }` behind a Lambda handler: events of API Gateway's payload format 2.0, which
 * function URLs and HTTP APIs send, become a Request; the Response becomes the answer of that format.
 */
import { decodeUtf8, encodeUtf8 } from '../bytes.js'
import { process } from '../process.js'
import { bytesNow } from './body.js'
import { Headers } from './headers.js'
import { Request } from './request.js'
import { Response } from './response.js'

/** Types whose bytes are text, and go as they are. */
const textual =
  /^(?:text\/|application\/(?:[^;]*\+)?(?:json|xml|javascript|graphql|yaml)\b|application\/x-www-form-urlencoded\b|image\/svg\+xml\b)/i

/** @param {{ fetch: Function }} app @returns a Lambda handler */
export const fetchHandler = (app) => async (event) => {
  const request = requestOf(event)
  const pending = []
  const context = {
    waitUntil: (promise) => void pending.push(promise),
    passThroughOnException: () => undefined,
    props: {},
  }
  const response = await app.fetch(request, process.env, context)
  if (!(response instanceof Response)) throw new TypeError('The fetch handler did not return a Response')
  const answer = await answerOf(response)
  // A promise may have been added by one that was waited for.
  for (let at = 0; at < pending.length; at++) await pending[at]
  return answer
}

function requestOf(event) {
  const http = event?.requestContext?.http
  if (event?.version !== '2.0' || typeof http?.method !== 'string') {
    throw new TypeError('This function has a fetch handler: its events are HTTP requests of payload format 2.0')
  }
  const headers = new Headers()
  for (const [name, value] of Object.entries(event.headers ?? {})) headers.append(name, value)
  if (event.cookies?.length > 0) headers.set('cookie', event.cookies.join('; '))
  const host = headers.get('host') ?? event.requestContext.domainName ?? 'localhost'
  const query = event.rawQueryString ? `?${event.rawQueryString}` : ''
  const url = `${headers.get('x-forwarded-proto') ?? 'https'}://${host}${event.rawPath ?? '/'}${query}`
  const bare = http.method === 'GET' || http.method === 'HEAD'
  const body = bare || event.body === undefined || event.body === null ? null : bodyOf(event)
  return new Request(url, { method: http.method, headers, body })
}

const bodyOf = ({ body, isBase64Encoded }) => (isBase64Encoded ? Uint8Array.fromBase64(body) : encodeUtf8(body))

/** @param {Response} response */
async function answerOf(response) {
  const bytes = bytesNow(response) ?? (await response.bytes())
  const headers = {}
  for (const [name, value] of response.headers) if (name !== 'set-cookie') headers[name] = value
  const cookies = response.headers.getSetCookie()
  const text = textOf(bytes, response.headers)
  return {
    statusCode: response.status,
    headers,
    ...(cookies.length > 0 ? { cookies } : {}),
    body: text ?? bytes.toBase64(),
    isBase64Encoded: text === undefined,
  }
}

/** Undefined for what a string cannot carry without a change. */
function textOf(bytes, headers) {
  if (bytes.length === 0) return ''
  const encoding = headers.get('content-encoding') ?? 'identity'
  if (encoding !== 'identity' || !textual.test(headers.get('content-type') ?? '')) return undefined
  try {
    return decodeUtf8(bytes, true)
  } catch {
    return undefined
  }
}
