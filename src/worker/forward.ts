/** A request handed on, unread, to another process of this server over its Unix socket. */
import { Agent, request, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { pipeline } from 'node:stream'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { ThawError, toWireError } from '../errors.ts'
import { internalHeaders, internalPrefix } from './internal-headers.ts'

/**
 * Handed on even if `Connection` names them, which by RFC 9110, section 7.6.1 it must not: without its length a body
 * would be read as the next request.
 */
const endToEndAlways = new Set(['content-length', 'host'])

/** RFC 9110, section 7.6.1: these are about one connection. `expect` was answered by this process. */
const hopByHop = new Set([
  'connection',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

export interface RequestSource {
  /** The controller sent it: its internal headers are handed on. Anybody else's are not. */
  trusted: boolean
}

export interface Forwarder extends Disposable {
  /**
   * Resolves when the answer is through, or the caller gone. Answers 503 if the other process cannot. Method, path and
   * headers stay as they were signed.
   */
  forward(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    socketPath: string,
    from: RequestSource,
  ): Promise<Response>
}

export function createForwarder(): Forwarder {
  const agent = new Agent({ keepAlive: true })
  return {
    forward: (incoming, outgoing, socketPath, { trusted }) =>
      new Promise((resolve) => {
        const done = (): void => resolve(RESPONSE_ALREADY_SENT)
        const upstream = request({
          agent,
          socketPath,
          method: incoming.method,
          path: incoming.url,
          headers: [
            ...requestHeaders(incoming.rawHeaders, trusted),
            ...framing(incoming.headers),
            ...peer(incoming, trusted),
          ],
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

/** Names and values in turn, as they came: a signature covers repeated headers too, which Node would merge or drop. */
function requestHeaders(rawHeaders: readonly string[], trusted: boolean): string[] {
  const kept: string[] = []
  const named = new Set<string>()
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() !== 'connection') continue
    for (const name of rawHeaders[at + 1]?.toLowerCase().split(/\s*,\s*/) ?? []) named.add(name)
  }
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    const lower = name.toLowerCase()
    if (
      hopByHop.has(lower) ||
      (named.has(lower) && !endToEndAlways.has(lower)) ||
      (!trusted && lower.startsWith(internalPrefix))
    )
      continue
    kept.push(name, rawHeaders[at + 1] ?? '')
  }
  return kept
}

/** Node frames the body of a DELETE or GET only if told: unframed, it would be read as the next request. */
function framing(headers: IncomingHttpHeaders): string[] {
  return headers['transfer-encoding'] === undefined ? [] : ['transfer-encoding', 'chunked']
}

function peer({ socket }: IncomingMessage, trusted: boolean): string[] {
  return trusted || socket.remoteAddress === undefined ? [] : [internalHeaders.peer, socket.remoteAddress]
}

function unavailable(outgoing: ServerResponse, cause: Error): void {
  if (outgoing.writableEnded) return
  if (outgoing.headersSent) return void outgoing.destroy(cause)
  const error = new ThawError('Unavailable', 'The process that answers this request is being replaced: try again.')
  const wire = toWireError(error)
  outgoing.writeHead(wire.status, { 'content-type': 'application/json', 'x-amzn-errortype': wire.type })
  outgoing.end(JSON.stringify(wire.body))
}
