/** Request (Fetch Standard, 5.4). There is no page: a URL must be absolute, and `mode` and its like only say what was asked for. */
import { AbortController, AbortSignal } from './abort.js'
import { Body, extract } from './body.js'
import { defineGlobals, webInterface } from './define.js'
import { Headers } from './headers.js'
import { URL } from './url.js'

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const normalized = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'])

/** A member of init, for a body that comes from the host (body.js). */
export const incoming = Symbol('incoming')

/** Members that are kept as they come: their default and what they may be. */
const enumerations = {
  cache: ['default', 'no-store', 'reload', 'no-cache', 'force-cache', 'only-if-cached'],
  credentials: ['same-origin', 'omit', 'include'],
  mode: ['cors', 'no-cors', 'same-origin', 'navigate'],
  redirect: ['follow', 'error', 'manual'],
  referrerPolicy: [
    '',
    'no-referrer',
    'no-referrer-when-downgrade',
    'same-origin',
    'origin',
    'strict-origin',
    'origin-when-cross-origin',
    'strict-origin-when-cross-origin',
    'unsafe-url',
  ],
}

export class Request extends Body {
  #url
  #method
  #headers
  #signal
  #options = {}

  constructor(input, init = undefined) {
    if (arguments.length === 0) throw new TypeError('Request: 1 argument required, but only 0 present')
    const from = input instanceof Request ? input : undefined
    const given = init ?? {}
    if (typeof given !== 'object') throw new TypeError('Request: the second argument must be an object')
    const url = from?.url ?? parsed(input)
    const method = given.method === undefined ? (from?.method ?? 'GET') : methodOf(given.method)
    const headers = new Headers(given.headers ?? from?.headers)
    const hasBody = given.body !== undefined && given.body !== null
    if ((hasBody || (given.body === undefined && from?.body)) && (method === 'GET' || method === 'HEAD')) {
      throw new TypeError('Request with GET/HEAD method cannot have body')
    }
    let body
    if (given[incoming] !== undefined) body = { source: given[incoming] }
    else if (hasBody) {
      body = extract(given.body)
      if (body.stream !== undefined && given.duplex !== 'half') {
        throw new TypeError('RequestInit: the duplex option is required when sending a body that is a stream')
      }
      if (body.type !== null && !headers.has('content-type')) headers.set('content-type', body.type)
    } else if (given.body === undefined) body = from?._take()
    super(body)
    this.#url = url
    this.#method = method
    this.#headers = headers
    this.#signal = signalOf(given.signal === undefined ? from?.signal : given.signal)
    for (const [name, values] of Object.entries(enumerations)) {
      const value = given[name] === undefined ? (from?.[name] ?? values[0]) : String(given[name])
      if (!values.includes(value)) throw new TypeError(`Request: "${value}" is not a valid ${name}`)
      this.#options[name] = value
    }
    if (given.mode === 'navigate') throw new TypeError('Request: the mode cannot be "navigate"')
    if (this.#options.cache === 'only-if-cached' && this.#options.mode !== 'same-origin') {
      throw new TypeError('Request: "only-if-cached" needs the mode "same-origin"')
    }
    if (given.window !== undefined && given.window !== null) throw new TypeError('Request: window can only be null')
    this.#options.integrity = String(given.integrity ?? from?.integrity ?? '')
    this.#options.keepalive = Boolean(given.keepalive ?? from?.keepalive)
    this.#options.referrer = String(given.referrer ?? from?.referrer ?? 'about:client')
  }
  get method() {
    return this.#method
  }
  get url() {
    return this.#url
  }
  get headers() {
    return this.#headers
  }
  get signal() {
    return this.#signal
  }
  get cache() {
    return this.#options.cache
  }
  get credentials() {
    return this.#options.credentials
  }
  get destination() {
    return ''
  }
  get duplex() {
    return 'half'
  }
  get integrity() {
    return this.#options.integrity
  }
  get keepalive() {
    return this.#options.keepalive
  }
  get mode() {
    return this.#options.mode
  }
  get redirect() {
    return this.#options.redirect
  }
  get referrer() {
    return this.#options.referrer
  }
  get referrerPolicy() {
    return this.#options.referrerPolicy
  }
  clone() {
    const body = this._tee()
    const { stream, bytes } = body ?? {}
    const copy = new Request(this.#url, {
      ...this.#options,
      method: this.#method,
      headers: this.#headers,
      signal: this.#signal,
      body: stream ?? bytes ?? null,
      duplex: 'half',
    })
    return copy
  }
}

function parsed(input) {
  let url
  try {
    url = new URL(String(input))
  } catch (cause) {
    throw new TypeError(`Failed to parse URL from ${String(input)}`, { cause })
  }
  if (url.username !== '' || url.password !== '') {
    throw new TypeError(`Request cannot be constructed from a URL that includes credentials: ${String(input)}`)
  }
  return url.href
}

function methodOf(value) {
  const method = String(value)
  const upper = method.toUpperCase()
  if (!token.test(method) || ['CONNECT', 'TRACE', 'TRACK'].includes(upper)) {
    throw new TypeError(`'${method}' is not a valid HTTP method.`)
  }
  return normalized.has(upper) ? upper : method
}

function signalOf(given) {
  if (given === undefined || given === null) return new AbortController().signal
  if (!(given instanceof AbortSignal)) throw new TypeError('Request: the signal must be an AbortSignal')
  return AbortSignal.any([given])
}

webInterface(Request, 'Request', [
  'method',
  'url',
  'headers',
  'destination',
  'referrer',
  'referrerPolicy',
  'mode',
  'credentials',
  'cache',
  'redirect',
  'integrity',
  'keepalive',
  'signal',
  'duplex',
  'clone',
])
defineGlobals({ Request })
