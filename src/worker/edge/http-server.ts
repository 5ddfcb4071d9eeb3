/** An HTTP/1.1 server at the edge of a worker: what it hands on is one request, whose end and whose host are beyond doubt. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Limits } from '../../config.ts'
import type { Connections } from './connections.ts'
import { answerFault } from './fault.ts'
import { createHeadRules, type HeadLimits } from './head-rules.ts'
import { parserFault, type ClientError } from './parser-faults.ts'
import type { SlowClients } from './slow-clients.ts'

export type EdgeLimits = HeadLimits &
  Pick<Limits, 'headerSectionBytes' | 'headersMs' | 'keepAliveMs' | 'connections' | 'connectionRequests'>

export interface EdgeServerOptions {
  limits: EdgeLimits
  /** For processes of this server, which keep their connections, as many as they need, for as long as they like. */
  isPrivate: boolean
  /** Whether a request comes from a proxy that is believed. */
  isProxied(incoming: IncomingMessage): boolean
  connections: Connections
  slowClients: SlowClients
  onRequest(incoming: IncomingMessage, outgoing: ServerResponse): void
}

/** Ours: by so much a request may have grown on its way through another process of this server. */
const internalHeaderBytes = 1_024
const internalFields = 8

const allowed = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'

export function createEdgeServer(options: EdgeServerOptions): Server {
  const { limits, isPrivate, isProxied, connections, slowClients, onRequest } = options
  const headerFields = limits.headerFields + (isPrivate ? internalFields : 0)
  const rules = createHeadRules({ ...limits, headerFields }, isProxied)

  /** @returns whether the request is to be answered */
  const admit = (incoming: IncomingMessage, outgoing: ServerResponse<IncomingMessage>): boolean => {
    if (!connections.begin(outgoing)) return false
    // RFC 9112, section 6.1: no chunks for who has not said HTTP/1.1, whatever else he says.
    if (incoming.httpVersionMinor === 0) outgoing.useChunkedEncodingByDefault = false
    // Node's parser leaves out what comes behind a request to switch protocols, though that is not done: the next would
    // begin anywhere.
    if (incoming.headers.upgrade !== undefined) outgoing.shouldKeepAlive = false
    const fault = rules(incoming)
    if (fault !== undefined) {
      answerFault(outgoing, fault)
      return false
    }
    if (incoming.url !== '*') return true
    outgoing.writeHead(204, { allow: allowed }).end()
    return false
  }

  const server = createServer(
    {
      maxHeaderSize: limits.headerSectionBytes + (isPrivate ? internalHeaderBytes : 0),
      headersTimeout: limits.headersMs,
      connectionsCheckingInterval: Math.max(1, Math.min(1_000, Math.ceil(limits.headersMs / 4))),
      // A body may take long, as long as it moves: slow-clients.ts.
      requestTimeout: 0,
      // Closed from here, an idle connection of another process could cross with a request.
      keepAliveTimeout: isPrivate ? 0 : limits.keepAliveMs,
      requireHostHeader: false,
      insecureHTTPParser: false,
    },
    (incoming, outgoing) => {
      if (admit(incoming, outgoing)) onRequest(incoming, outgoing)
    },
  )
  // The rules count them; by default Node would leave some out.
  server.maxHeadersCount = 0
  if (!isPrivate) server.maxConnections = limits.connections

  server.on('connection', (socket) => connections.open(socket, isPrivate ? Infinity : limits.connectionRequests))
  server.on('checkContinue', (incoming, outgoing) => {
    if (!admit(incoming, outgoing)) return
    if (incoming.headers.expect?.toLowerCase() !== '100-continue') return refuseExpectation(outgoing)
    // Not before somebody wants the body: a request that is refused by its head is refused without it.
    incoming.once('resume', () => {
      if (!outgoing.headersSent && !incoming.complete) outgoing.writeContinue()
    })
    onRequest(incoming, outgoing)
  })
  server.on('checkExpectation', (incoming, outgoing) => {
    if (admit(incoming, outgoing)) refuseExpectation(outgoing)
  })
  server.on('clientError', (error: ClientError, stream) => {
    const socket = stream as Socket
    // Who has sent nothing has asked nothing.
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && socket.bytesRead === 0) return void socket.destroy()
    connections.refuse(socket, parserFault(error, limits))
  })
  server.on('connect', ({ socket }) => {
    // Node has let go of the socket.
    socket.on('error', () => socket.destroy())
    connections.refuse(socket, { status: 501, message: 'The method CONNECT is not implemented.' })
  })
  server.on('timeout', (socket) => slowClients.onTimeout(socket, isPrivate))
  return server
}

function refuseExpectation(outgoing: ServerResponse): void {
  answerFault(outgoing, { status: 417, message: 'The only expectation that is met is 100-continue.' })
}
