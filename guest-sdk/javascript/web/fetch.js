/** fetch (Fetch Standard, 5.6), over thaw:function/outgoing-http: several may be under way, none of them waits in the engine. */
import outgoing from 'thaw:function/outgoing-http@0.1.0'
import { invocation } from '../invocation.js'
import { bytesNow } from './body.js'
import { defineGlobals } from './define.js'
import { Headers } from './headers.js'
import { Request } from './request.js'
import { receivedResponse } from './response.js'
import { ReadableStream } from './streams.js'
import { URL } from './url.js'

/** Fetch Standard, 4.4. */
const mostRedirects = 20
const redirects = new Set([301, 302, 303, 307, 308])
/** Headers that another origin is not to get. */
const own = ['authorization', 'cookie', 'proxy-authorization']
const pieceBytes = 65_536

/** Calls that somebody waits for, by the host's number. */
const waiting = new Map()

invocation.outgoing = {
  pending: () => waiting.size > 0,
  /** Continues those of which there is something new. True if there were any. */
  run() {
    let found = false
    for (const id of outgoing.ready()) {
      const wakes = waiting.get(id)
      waiting.delete(id)
      for (const wake of wakes ?? []) wake()
      found ||= wakes !== undefined
    }
    return found
  },
}

const changed = (id) =>
  new Promise((wake) => {
    const wakes = waiting.get(id)
    if (wakes === undefined) waiting.set(id, [wake])
    else wakes.push(wake)
    invocation.wake?.()
  })

/** As Node.js words it, with what it was in the message, too: logs seldom show a cause. */
function failed({ code, message }, cause = undefined) {
  const reason = new Error(message, { cause })
  reason.code = code
  return new TypeError(`fetch failed: ${message}`, { cause: reason })
}

export async function fetch(input, init = undefined) {
  const request = new Request(input, init)
  const { signal } = request
  signal.throwIfAborted()
  if (!invocation.live)
    throw failed({ code: 'HTTP-request-denied', message: 'there is no network while a function is built' })
  const bytes = bytesNow(request)
  let step = {
    url: new URL(request.url),
    method: request.method,
    headers: withDefaults(request.headers),
    bytes,
    stream: bytes === undefined ? request.body : undefined,
  }
  for (let count = 0; ; count++) {
    const call = new Call(step, signal)
    const head = await call.response()
    const location = redirects.has(head.status) ? head.headers.get('location') : null
    if (location === null || request.redirect === 'manual') return call.received(head, step, count > 0)
    call.end()
    if (request.redirect === 'error') throw failed({ code: 'redirect', message: `${step.url} answers with a redirect` })
    if (count === mostRedirects) throw failed({ code: 'redirect', message: `more than ${mostRedirects} redirects` })
    step = redirected(step, head.status, location)
  }
}

function withDefaults(given) {
  const headers = new Headers(given)
  if (!headers.has('accept')) headers.set('accept', '*/*')
  if (!headers.has('user-agent')) headers.set('user-agent', 'thaw')
  return headers
}

function redirected(step, status, location) {
  let url
  try {
    url = new URL(location, step.url)
  } catch (cause) {
    throw failed({ code: 'redirect', message: `${step.url} redirects to what is no URL` }, cause)
  }
  const headers = new Headers(step.headers)
  if (url.origin !== step.url.origin) for (const name of own) headers.delete(name)
  const becomesGet =
    ((status === 301 || status === 302) && step.method === 'POST') ||
    (status === 303 && step.method !== 'GET' && step.method !== 'HEAD')
  if (!becomesGet) {
    if (step.stream !== undefined && status !== 303)
      throw failed({ code: 'redirect', message: 'a body that is a stream cannot be sent again' })
    return { ...step, url, headers }
  }
  const names = [...headers.keys()]
  for (const name of names) if (name.startsWith('content-')) headers.delete(name)
  return { url, method: 'GET', headers, bytes: new Uint8Array(0), stream: undefined }
}

/** One request under way. */
class Call {
  #id
  #signal
  #closed = false
  #onAbort
  /** What the author's own stream failed with. */
  #broken

  constructor({ url, method, headers, bytes, stream }, signal) {
    this.#signal = signal
    const target = url.href.slice(0, url.href.length - url.hash.length)
    const hasBody = stream !== undefined || bytes.length > 0 || method === 'POST' || method === 'PUT'
    const fields = [...headers].filter(([name]) => name !== 'content-length')
    if (hasBody && stream === undefined) fields.push(['content-length', String(bytes.length)])
    try {
      this.#id = outgoing.send(method, target, fields, hasBody)
    } catch (thrown) {
      throw failed(thrown.payload ?? { code: 'internal-error', message: String(thrown) })
    }
    this.#onAbort = () => this.end()
    signal.addEventListener('abort', this.#onAbort)
    if (hasBody && stream === undefined) this.#send([bytes])
    else if (hasBody) this.#send(stream)
  }

  /** What goes wrong here, the response says, but for an error of the author's own stream. */
  async #send(pieces) {
    try {
      for await (const piece of pieces) {
        if (!(piece instanceof Uint8Array)) throw new TypeError('A body is made of chunks of type Uint8Array')
        for (let rest = piece; rest.length > 0 && !this.#closed;) {
          const taken = outgoing.write(this.#id, rest)
          rest = rest.subarray(taken)
          if (rest.length > 0) await changed(this.#id)
        }
      }
      if (!this.#closed) outgoing.finish(this.#id)
    } catch (thrown) {
      if (thrown?.payload !== undefined) return
      this.#broken = thrown
      this.end()
    }
  }

  #assertOpen() {
    this.#signal.throwIfAborted()
    if (this.#broken !== undefined) throw failed({ code: 'internal-error', message: 'the body failed' }, this.#broken)
  }

  async response() {
    for (;;) {
      this.#assertOpen()
      const answer = outgoing.response(this.#id)
      if (answer?.tag === 'err') {
        this.end()
        throw failed(answer.val)
      }
      if (answer !== null && answer !== undefined) {
        const { status, headers } = answer.val
        return { status, headers: new Headers(headers) }
      }
      await changed(this.#id)
    }
  }

  received({ status, headers }, { url, method }, isRedirected) {
    const hasBody = method !== 'HEAD' && status !== 204 && status !== 205 && status !== 304
    if (!hasBody) this.end()
    return receivedResponse(hasBody ? this.#stream() : undefined, {
      status,
      headers,
      url: url.href.slice(0, url.href.length - url.hash.length),
      redirected: isRedirected,
    })
  }

  #stream() {
    return new ReadableStream({
      type: 'bytes',
      pull: async (controller) => {
        for (;;) {
          this.#assertOpen()
          const read = outgoing.read(this.#id, pieceBytes)
          if (read?.tag === 'err') {
            this.end()
            throw failed(read.val)
          }
          if (read === null || read === undefined) {
            await changed(this.#id)
            continue
          }
          if (read.val.length > 0) return controller.enqueue(read.val)
          this.end()
          controller.close()
          return controller.byobRequest?.respond(0)
        }
      },
      cancel: () => this.end(),
    })
  }

  /** Of no use any more. Who waits for it looks again, and finds why. */
  end() {
    if (this.#closed) return
    this.#closed = true
    this.#signal.removeEventListener('abort', this.#onAbort)
    outgoing.close(this.#id)
    const wakes = waiting.get(this.#id)
    waiting.delete(this.#id)
    for (const wake of wakes ?? []) wake()
  }
}

defineGlobals({ fetch })
