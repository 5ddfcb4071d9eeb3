/** Response (Fetch Standard, 5.5). */
import { encodeUtf8 } from '../bytes.js'
import { Body, extract } from './body.js'
import { defineGlobals, webInterface } from './define.js'
import { Headers, immutable } from './headers.js'
import { URL } from './url.js'

const withoutBody = new Set([101, 103, 204, 205, 304])
const redirects = new Set([301, 302, 303, 307, 308])
// oxlint-disable-next-line no-control-regex
const reasonPhrase = /^[\t\x20-\x7e\x80-\xff]*$/

/** Goes before `extract` where the body is one already, and may have a status that init may not. */
const made = Symbol('Response')

export class Response extends Body {
  #status
  #statusText
  #headers
  #type
  #url = ''
  #redirected = false

  constructor(body = null, init = undefined) {
    const given = init ?? {}
    if (typeof given !== 'object') throw new TypeError('Response: the second argument must be an object')
    const own = given[made]
    const status = own?.status ?? statusOf(given.status)
    const statusText = String(given.statusText ?? '')
    if (!reasonPhrase.test(statusText)) throw new TypeError('Invalid statusText')
    const headers = new Headers(given.headers ?? undefined)
    const extracted = own === undefined ? (body === null || body === undefined ? undefined : extract(body)) : own.body
    if (extracted !== undefined && withoutBody.has(status)) {
      throw new TypeError(`Response constructor: Invalid response status code ${status} for a body`)
    }
    super(extracted)
    if (extracted?.type && !headers.has('content-type')) headers.set('content-type', extracted.type)
    this.#status = status
    this.#statusText = statusText
    this.#headers = headers
    this.#type = own?.type ?? 'default'
    this.#url = own?.url ?? ''
    this.#redirected = own?.redirected ?? false
  }
  get type() {
    return this.#type
  }
  get url() {
    return this.#url
  }
  get redirected() {
    return this.#redirected
  }
  get status() {
    return this.#status
  }
  get ok() {
    return this.#status >= 200 && this.#status <= 299
  }
  get statusText() {
    return this.#statusText
  }
  get headers() {
    return this.#headers
  }
  clone() {
    const { statusText, headers } = this
    const body = this._tee()
    const { url, redirected } = this
    return new Response(null, {
      statusText,
      headers,
      [made]: { status: this.#status, type: this.#type, url, redirected, body },
    })
  }

  static error() {
    const response = new Response(null, { [made]: { status: 0, type: 'error' } })
    immutable(response.headers)
    return response
  }
  static redirect(url, status = 302) {
    let parsed
    try {
      parsed = new URL(String(url))
    } catch (cause) {
      throw new TypeError(`Failed to parse URL from ${String(url)}`, { cause })
    }
    if (!redirects.has(Number(status))) throw new RangeError(`Invalid status code ${status}`)
    const response = new Response(null, { status, headers: { location: parsed.href } })
    immutable(response.headers)
    return response
  }
  static json(data, init = undefined) {
    const text = JSON.stringify(data)
    if (text === undefined) throw new TypeError('The data is not JSON serializable')
    const headers = new Headers(init?.headers)
    if (!headers.has('content-type')) headers.set('content-type', 'application/json')
    return new Response(encodeUtf8(text), { status: init?.status, statusText: init?.statusText, headers })
  }
}

/** What came from a server. @param {ReadableStream | undefined} stream */
export function receivedResponse(stream, { status, headers, url, redirected }) {
  const body = stream === undefined ? undefined : { stream, type: null }
  const response = new Response(null, { headers, [made]: { status, type: 'basic', url, redirected, body } })
  immutable(response.headers)
  return response
}

function statusOf(value) {
  const status = value === undefined ? 200 : Math.trunc(Number(value))
  if (!(status >= 200 && status <= 599)) {
    throw new RangeError('init["status"] must be in the range of 200 to 599, inclusive.')
  }
  return status
}

webInterface(Response, 'Response', ['type', 'url', 'redirected', 'status', 'ok', 'statusText', 'headers', 'clone'])
defineGlobals({ Response })
