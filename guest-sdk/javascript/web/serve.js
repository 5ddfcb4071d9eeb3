/** `export default { fetch(request, env, ctx) }` as a handler of wasi:http: bodies flow both ways as they come. */
import types from 'wasi:http/types@0.3.0'
import { runtimeError } from '../failure.js'
import { end, fail, over, start, watchTurn, whenQuiet } from '../http-loop.js'
import { invocation, nativeThen } from '../invocation.js'
import { process } from '../process.js'
import { bytesNow } from './body.js'
import { IncomingBody } from './incoming-body.js'
import { incoming, Request } from './request.js'
import { Response } from './response.js'

const { Fields } = types

/** The connection's own, which the host refuses (src/wasi/http/field-map.ts): elsewhere it drops them. */
const ofConnection = new Set([
  'connection',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
])

/** Up to here the host finds out the length by itself, as such a body is there before its head has left. */
const unsaidBytes = 8_192

let app

/** What init has loaded. */
export function serve(module, _moduleName, exportName) {
  // A handler by its name goes first. The second default: CommonJS that was made of an ES module.
  const named = [module, module.default].map((value) => memberOf(value, exportName))
  const found = [module.default, module.default?.default].find((object) => typeof object?.fetch === 'function')
  if (found === undefined || named.some((value) => value !== undefined))
    throw runtimeError('Thaw.NoFetch', 'the default export is no object with a function fetch')
  app = found
}

function memberOf(object, path) {
  for (const name of path.split('.')) object = object?.[name]
  return object
}

/** Of the invocation under way: the method, how to answer, and what was given to `waitUntil`. */
let method
let respond
let answered = false
const pending = []

/** @param {object} received a request of wasi:http @returns a promise of the response; one that failed never comes */
export function handle(received) {
  start()
  const { promise, resolve } = Promise.withResolvers()
  respond = resolve
  const { hooks, rejections } = invocation
  const restored = hooks?.afterRestore()
  if (restored === undefined) call(received)
  else nativeThen.call(restored, () => call(received), fail)
  if (!answered) watchTurn()
  return rejections === undefined ? promise : rejections.exempt(promise)
}

const context = {
  waitUntil(promise) {
    const given = Promise.resolve(promise)
    pending.push(given)
    // It is asked for from now on: what comes of it, the end of the invocation says.
    asked(
      given,
      () => {},
      () => {},
    )
  },
  passThroughOnException: () => undefined,
  props: {},
}

function call(received) {
  try {
    const result = app.fetch(requestOf(received), process.env, context)
    if (typeof result?.then === 'function') asked(result, answer, fail)
    else answer(result)
  } catch (thrown) {
    fail(thrown)
  }
}

function asked(promise, onFulfilled, onRejected) {
  const { rejections } = invocation
  if (rejections === undefined) promise.then(onFulfilled, onRejected)
  else rejections.ask(promise, onFulfilled, onRejected)
}

function requestOf(received) {
  const { tag, val } = received.getMethod()
  method = tag === 'other' ? val : tag.toUpperCase()
  const pairs = received.getHeaders().copyAll()
  const headers = pairs.map(([name, value]) => [name, String.fromCharCode.apply(null, value)])
  const authority = received.getAuthority() ?? 'localhost'
  headers.push(['host', authority])
  const valueOf = (wanted) => headers.find(([name]) => name.toLowerCase() === wanted)?.[1]
  const url = `${valueOf('x-forwarded-proto') ?? 'https'}://${authority}${received.getPathWithQuery() ?? '/'}`
  const bare = method === 'GET' || method === 'HEAD' || valueOf('content-length') === '0'
  return new Request(url, { method, headers, ...(bare ? {} : { [incoming]: new IncomingBody(received) }) })
}

function answer(response) {
  if (over()) return
  answered = true
  if (!(response instanceof Response)) return fail(new TypeError('The fetch handler did not return a Response'))
  whenQuiet(() => deliver(response).then(finish).catch(fail))
}

/** @param {Response} response Resolves when all of its body has been taken. */
async function deliver(response) {
  const { status } = response
  const bytes = bytesNow(response)
  if (bytes === undefined && (response.bodyUsed || response.body.locked))
    throw new TypeError('Response body object should not be disturbed or locked')
  const bodiless = method === 'HEAD' || status === 204 || status === 205 || status === 304
  const entries = []
  for (const [name, value] of response.headers) {
    if (ofConnection.has(name) || (name === 'content-length' && bytes?.length > 0)) continue
    entries.push([name, latin1(value)])
  }
  if (bytes !== undefined && bytes.length > 0 && (method === 'HEAD' || bytes.length > unsaidBytes))
    entries.push(['content-length', latin1(String(bytes.length))])
  const isEmpty = bodiless || bytes?.length === 0
  const stream = isEmpty ? undefined : wit.Stream(wit.Stream.U8)
  const trailers = wit.Future(wit.Future.RESULT_OPTION_OTHER_ERROR_CODE)
  const [made] = types.Response.new(Fields.fromList(entries), stream?.readable ?? null, trailers.readable)
  made.setStatusCode(status)
  respond(made)
  // The head goes first: what is written before would have to wait for it.
  await undefined
  await undefined
  if (isEmpty) {
    if (bytes === undefined) await response.body.cancel()
  } else {
    if (bytes === undefined) await pump(response.body, stream.writable)
    else await stream.writable.writeAll(bytes)
    stream.writable.drop()
  }
  await trailers.writable.write({ tag: 'ok', val: null })
}

/** From a stream of the function's to the host, as it takes it. */
async function pump(body, writable) {
  const reader = body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    if (!(value instanceof Uint8Array)) throw new TypeError('A body is made of chunks of type Uint8Array')
    if (value.length === 0) continue
    // Nobody is there to take it any more.
    if ((await writable.writeAll(value)) < value.length) return reader.cancel()
    watchTurn()
  }
}

async function finish() {
  // A promise may have been added by one that was waited for.
  for (let at = 0; at < pending.length; at++) await pending[at]
  whenQuiet(end)
}

function latin1(text) {
  const bytes = new Uint8Array(text.length)
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at)
  return bytes
}
