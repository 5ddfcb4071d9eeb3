/** A request handed on, unread, to another process of this server over its Unix socket. */
import { Agent, request, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { pipeline } from 'node:stream'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { ThawError, toWireError } from '../errors.ts'

/** RFC 9110, section 7.6.1: these are about one connection. `expect` was answered by this process. */
const hopByHop = new Set([
  'connection',
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

export interface Forwarder extends Disposable {
  /** Resolves when the answer is through, or the caller gone. Answers 503 if the other process cannot. */
  forward(incoming: IncomingMessage, outgoing: ServerResponse, socketPath: string): Promise<Response>
}

export function createForwarder(): Forwarder {
  const agent = new Agent({ keepAlive: true })
  return {
    forward: (incoming, outgoing, socketPath) =>
      new Promise((resolve) => {
        const done = (): void => resolve(RESPONSE_ALREADY_SENT)
        const upstream = request({
          agent,
          socketPath,
          method: incoming.method,
          path: incoming.url,
          headers: { ...endToEnd(incoming.headers), ...framing(incoming.headers) },
        })
        upstream.on('error', (error) => {
          unavailable(outgoing, error)
          done()
        })
        upstream.on('response', (response) => {
          outgoing.writeHead(response.statusCode ?? 502, endToEnd(response.headers))
          // Destroys both ends when either fails: a cut-off answer must not look like a whole one.
          pipeline(response, outgoing, done)
        })
        // A caller who left, whether while sending or while waiting, is waited for by nobody.
        outgoing.once('close', () => {
          if (!outgoing.writableFinished) upstream.destroy()
          done()
        })
        incoming.on('error', () => upstream.destroy())
        // Not `pipeline`: the other process may answer before it has read all, and then that answer counts.
        incoming.pipe(upstream)
      }),
    [Symbol.dispose]: () => agent.destroy(),
  }
}

function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const named = headers.connection?.toLowerCase().split(/\s*,\s*/) ?? []
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.has(name) && !named.includes(name)))
}

/** Node frames the body of a DELETE or GET only if told: unframed, it would be read as the next request. */
function framing(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return headers['transfer-encoding'] === undefined ? {} : { 'transfer-encoding': 'chunked' }
}

function unavailable(outgoing: ServerResponse, cause: Error): void {
  if (outgoing.headersSent) return void outgoing.destroy(cause)
  const error = new ThawError('Unavailable', 'The process that answers this request is being replaced: try again.')
  const wire = toWireError(error)
  outgoing.writeHead(wire.status, { 'content-type': 'application/json', 'x-amzn-errortype': wire.type })
  outgoing.end(JSON.stringify(wire.body))
}
